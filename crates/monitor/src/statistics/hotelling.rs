//! How far the means of two samples of vectors are apart, held against how the vectors are scattered.
//! Method: the T² test of Hotelling, *Annals of Mathematical Statistics* 2 (1931); the distance without the
//! part that chance makes after Lachenbruch and Mickey, *Technometrics* 10 (1968).

use gristmill_core::sketch::VectorMoments;
use gristmill_core::{Error, Result};
use serde::Serialize;

use super::special::{f_beyond, normal_below};

/// Added to each variance, as a share of their mean: where neither sample varies at all, whatever differs is
/// far, and not infinitely far.
const RIDGE: f64 = 1e-6;

/// What [`hotelling`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hotelling {
    /// √(δᵀ S⁻¹ δ) without what chance makes of it, where δ is the difference of the means and S the common
    /// covariance: the distance in deviations.
    pub distance: f64,
    /// Φ(distance / √2): how well the linear classifier that is best for normal vectors would tell the two
    /// samples apart, as an area under the ROC curve. ½ where nothing tells them apart, 1 where everything does.
    pub auc: f64,
    /// T² as a value of the F distribution.
    pub statistic: f64,
    /// The chance of so large a statistic when both samples have the same mean.
    pub p_value: f64,
}

/// Compares the means of two samples; nothing when there are not two more vectors than numbers in each.
///
/// # Errors
/// [`Error::Bug`] when the vectors have different widths.
pub fn hotelling(reference: &VectorMoments, current: &VectorMoments) -> Result<Option<Hotelling>> {
    let width = reference.width();
    if width != current.width() {
        return Err(Error::Bug("vectors of different widths were compared".into()));
    }
    let (n, m) = (reference.count() as f64, current.count() as f64);
    let (p, freedom) = (width as f64, n + m - 2.0);
    if width == 0 || reference.count() == 0 || current.count() == 0 || freedom - p < 2.0 {
        return Ok(None);
    }
    let apart: Vec<f64> = reference.mean().iter().zip(current.mean()).map(|(a, b)| b - a).collect();
    let common = |i, j| (reference.scatter(i, j) + current.scatter(i, j)) / freedom;
    let Some(squared) = squared_distance(&apart, common) else { return Ok(None) };
    let t_squared = squared * n * m / (n + m);
    let statistic = t_squared * (freedom - p + 1.0) / (freedom * p);
    let by_chance = p * (n + m) / (n * m);
    let distance = (squared * (freedom - p - 1.0) / freedom - by_chance).max(0.0).sqrt();
    Ok(Some(Hotelling {
        distance,
        auc: normal_below(distance / std::f64::consts::SQRT_2),
        statistic,
        p_value: f_beyond(statistic, p, freedom - p + 1.0),
    }))
}

/// δᵀ S⁻¹ δ by the factor of Cholesky; nothing where numbers are too large to compute on.
fn squared_distance(apart: &[f64], common: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let width = apart.len();
    let trace: f64 = (0..width).map(|i| common(i, i)).sum();
    let square: f64 = apart.iter().map(|v| v * v).sum();
    if square == 0.0 {
        return Some(0.0);
    }
    // Where nothing varies, what differs sets the scale.
    let ridge = RIDGE * if trace > 0.0 { trace } else { square } / width as f64;
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(width);
    let mut solved: Vec<f64> = Vec::with_capacity(width);
    for (i, apart) in apart.iter().enumerate() {
        let mut row: Vec<f64> = Vec::with_capacity(i + 1);
        for (j, before) in rows.iter().enumerate() {
            let diagonal = before.last()?;
            row.push((common(i, j) - dot(&row, before)) / diagonal);
        }
        let left = common(i, i) + ridge - dot(&row, &row);
        let diagonal = left.max(ridge * f64::EPSILON).sqrt();
        solved.push((apart - dot(&row, &solved)) / diagonal);
        row.push(diagonal);
        rows.push(row);
    }
    let found = dot(&solved, &solved);
    found.is_finite().then_some(found)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of three numbers that go together somehow, moved by `shift`.
    fn moments(rows: u32, step: u32, shift: f64) -> VectorMoments {
        let vectors: Vec<f64> = (0..rows)
            .flat_map(|i| {
                let (a, b, c) = (i * step % 11, i * i % 13, i * 5 % 7);
                let (a, b, c) = (f64::from(a), f64::from(b), f64::from(c));
                [a + shift, b - 0.5 * a, c + 0.25 * b]
            })
            .collect();
        let mut moments = VectorMoments::new(3);
        moments.add(&vectors, &vec![1; rows as usize]).unwrap();
        moments
    }

    #[track_caller]
    fn check(found: &VectorMoments, [statistic, p_value, distance, auc]: [f64; 4]) {
        let found = hotelling(&moments(200, 7, 0.0), found).unwrap().unwrap();
        let pairs = [
            (found.statistic, statistic),
            (found.p_value, p_value),
            (found.distance, distance),
            (found.auc, auc),
        ];
        for (found, expected) in pairs {
            // The ridge takes a millionth of the distance, and more of a small chance.
            assert!((found - expected).abs() <= 1e-4 * expected.abs(), "{found} is not {expected}");
        }
    }

    #[test] // numpy 2.4.6 and scipy 1.17.1: linalg.solve of the pooled cov, stats.f.sf, stats.norm.cdf
    fn statistic_and_chance_are_those_of_numpy_and_scipy() {
        check(
            &moments(60, 3, 2.0),
            [
                6.698_195_852_655_645,
                0.000_227_873_738_068_765_63,
                0.605_789_817_379_914_8,
                0.665_804_783_028_083_4,
            ],
        );
        check(&moments(150, 5, 0.3), [0.393_650_776_538_694, 0.757_650_647_463_916_5, 0.0, 0.5]);
    }

    #[test]
    fn what_never_varied_and_differs_is_far() {
        let constant = |value: f64| {
            let mut moments = VectorMoments::new(2);
            moments.add(&[1.0, value].repeat(50), &[1; 50]).unwrap();
            moments
        };
        let same = hotelling(&constant(2.0), &constant(2.0)).unwrap().unwrap();
        assert_eq!((same.distance, same.auc, same.p_value), (0.0, 0.5, 1.0));
        let other = hotelling(&constant(2.0), &constant(3.0)).unwrap().unwrap();
        assert!(other.auc > 0.999 && other.p_value < 1e-9, "{other:?}");
    }

    #[test]
    fn too_few_vectors_say_nothing() {
        let few = |rows| hotelling(&moments(2, 7, 0.0), &moments(rows, 7, 9.0)).unwrap();
        assert!(few(0).is_none() && few(4).is_none() && few(5).is_some());
        assert!(hotelling(&moments(9, 7, 0.0), &VectorMoments::new(2)).is_err());
    }
}
