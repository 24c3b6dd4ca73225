//! Leaving out points of a curve that no one would see.

/// Keeps the first and the last point and, on the way between them, each point at which the path
/// has gone on by its length / (`most` − 1). Lengths are measured along both axes, so a staircase
/// keeps its corners in proportion; a point that is left out lies no farther from a kept one than
/// that step.
pub(super) fn thin<T>(points: Vec<T>, most: usize, place: impl Fn(&T) -> (f64, f64)) -> Vec<T> {
    let most = most.max(2);
    if points.len() <= most {
        return points;
    }
    let distance = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() + (a.1 - b.1).abs();
    let steps = points.windows(2).map(|pair| distance(place(&pair[0]), place(&pair[1])));
    let step = steps.sum::<f64>() / (most - 1) as f64;
    let last = points.len() - 1;
    let mut kept = Vec::with_capacity(most);
    let (mut gone, mut previous) = (0.0, place(&points[0]));
    for (at, point) in points.into_iter().enumerate() {
        let here = place(&point);
        gone += distance(previous, here);
        previous = here;
        // The last step is left for the last point.
        let due = at == 0 || (gone >= step * kept.len() as f64 && kept.len() + 1 < most);
        if due || at == last {
            kept.push(point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_curves_stay_as_they_are() {
        assert_eq!(thin(vec![1.0, 2.0], 2, |x| (*x, 0.0)), [1.0, 2.0]);
        assert!(thin(Vec::<f64>::new(), 5, |x| (*x, 0.0)).is_empty());
    }

    #[test]
    fn long_curves_keep_their_ends_and_their_shape() {
        let line: Vec<f64> = (0..=10_000).map(f64::from).collect();
        let kept = thin(line, 101, |x| (*x, 0.0));
        assert_eq!((kept.len(), kept[0], kept[100]), (101, 0.0, 10_000.0));
        assert!(kept.windows(2).all(|pair| (99.0..=101.0).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn a_jump_and_a_standstill_are_kept_within_the_number() {
        let points: Vec<(f64, f64)> =
            (0..1_000).map(|i| (if i < 500 { 0.0 } else { 1.0 }, 0.0)).collect();
        let kept = thin(points, 10, |p| *p);
        assert!(kept.len() <= 10 && kept.contains(&(0.0, 0.0)) && kept.contains(&(1.0, 0.0)));
    }
}
