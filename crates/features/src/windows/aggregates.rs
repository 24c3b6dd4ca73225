//! Figures over windows of consecutive places, each from the values of its window alone.
//!
//! A window of w places is put together from blocks of 2ᵏ places, counted from its end, where each
//! block is made of two of half its length. So every figure has the same bits whatever stood before
//! its window, unlike sums that are carried on from row to row, and costs log w steps.

use std::ops::Range;

/// Something that windows of values add up to.
pub(crate) trait Aggregate: Copy {
    /// Of no values.
    const EMPTY: Self;

    /// Of the values of both, `self`'s coming first.
    fn merged(self, later: Self) -> Self;
}

/// What the values of each window add up to.
pub(crate) fn fold_windows<A: Aggregate>(values: Vec<A>, windows: &[Range<u32>]) -> Vec<A> {
    let mut blocks = values;
    let mut folded = vec![A::EMPTY; windows.len()];
    let mut ends: Vec<u32> = windows.iter().map(|window| window.end).collect();
    let longest = windows.iter().map(|window| window.len()).max().unwrap_or(0);
    let mut size = 1usize;
    while size <= longest {
        for ((window, end), folded) in windows.iter().zip(&mut ends).zip(&mut folded) {
            if window.len() & size != 0 {
                *folded = blocks[*end as usize - 1].merged(*folded);
                *end -= size as u32;
            }
        }
        for at in (size..blocks.len()).rev() {
            blocks[at] = blocks[at - size].merged(blocks[at]);
        }
        size *= 2;
    }
    folded
}

/// Number, sum and spread of the values that are not missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stats {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Stats {
    /// Of one value; of none when it is missing.
    pub(crate) fn of(value: f64) -> Self {
        if value.is_nan() { Self::EMPTY } else { Self { count: 1.0, sum: value, squares: 0.0 } }
    }

    pub(crate) fn mean(self) -> f64 {
        self.sum / self.count
    }

    /// √(Σ (x − mean)² / (n − 1)); missing for fewer than two values.
    pub(crate) fn deviation(self) -> f64 {
        if self.count < 2.0 { f64::NAN } else { (self.squares / (self.count - 1.0)).sqrt() }
    }
}

impl Aggregate for Stats {
    const EMPTY: Self = Self { count: 0.0, sum: 0.0, squares: 0.0 };

    /// Chan, Golub and LeVeque, *Updating Formulae and a Pairwise Algorithm*, 1979.
    fn merged(self, later: Self) -> Self {
        if self.count == 0.0 || later.count == 0.0 {
            return if self.count == 0.0 { later } else { self };
        }
        let count = self.count + later.count;
        let delta = later.mean() - self.mean();
        Self {
            count,
            sum: self.sum + later.sum,
            squares: self.squares
                + later.squares
                + delta * delta * self.count * later.count / count,
        }
    }
}

/// The smallest and the largest value; NaN of none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extremes {
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Extremes {
    /// Of one value, which may be missing.
    pub(crate) fn of(value: f64) -> Self {
        Self { min: value, max: value }
    }
}

impl Aggregate for Extremes {
    const EMPTY: Self = Self { min: f64::NAN, max: f64::NAN };

    /// `f64::min` and `f64::max` leave out what is missing.
    fn merged(self, later: Self) -> Self {
        Self { min: self.min.min(later.min), max: self.max.max(later.max) }
    }
}

/// The line through points (x, y) by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    count: f64,
    x: f64,
    y: f64,
    /// Σ (x − mean)², and Σ (x − mean)(y − mean).
    xx: f64,
    xy: f64,
}

impl Line {
    /// Through one point; through none when `y` is missing.
    pub(crate) fn of(x: f64, y: f64) -> Self {
        if y.is_nan() { Self::EMPTY } else { Self { count: 1.0, x, y, xx: 0.0, xy: 0.0 } }
    }

    /// How much y rises for each x; missing when all x are equal.
    pub(crate) fn slope(self) -> f64 {
        if self.xx > 0.0 { self.xy / self.xx } else { f64::NAN }
    }
}

impl Aggregate for Line {
    const EMPTY: Self = Self { count: 0.0, x: 0.0, y: 0.0, xx: 0.0, xy: 0.0 };

    fn merged(self, later: Self) -> Self {
        if self.count == 0.0 || later.count == 0.0 {
            return if self.count == 0.0 { later } else { self };
        }
        let count = self.count + later.count;
        let (dx, dy) = (later.x - self.x, later.y - self.y);
        let (share, both) = (later.count / count, self.count * later.count / count);
        Self {
            count,
            x: self.x + dx * share,
            y: self.y + dy * share,
            xx: self.xx + later.xx + dx * dx * both,
            xy: self.xy + later.xy + dx * dy * both,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Windows whose ends and lengths follow from `lengths`.
    fn windows(lengths: &[u32]) -> Vec<Range<u32>> {
        lengths.iter().zip(1u32..).map(|(&length, end)| end - length.min(end)..end).collect()
    }

    #[test]
    fn empty_windows_have_no_figures() {
        let folded = fold_windows(vec![Stats::of(1.0); 3], &[0..0, 2..2, 3..3]);
        assert!(folded.iter().all(|s| s.count == 0.0 && s.mean().is_nan()));
        assert!(fold_windows::<Stats>(Vec::new(), &[]).is_empty());
    }

    #[test]
    fn equal_points_have_no_slope() {
        let points = vec![Line::of(2.0, 1.0), Line::of(2.0, 5.0)];
        assert!(fold_windows(points, &windows(&[1, 2])).iter().all(|line| line.slope().is_nan()));
    }

    proptest! {
        #[test]
        fn every_window_has_the_figures_of_its_values(
            rows in prop::collection::vec((-1e3..1e3f64, 0u32..40), 1..200)
        ) {
            let (values, lengths): (Vec<f64>, Vec<u32>) = rows.into_iter().unzip();
            let windows = windows(&lengths);
            let stats = fold_windows(values.iter().map(|&v| Stats::of(v)).collect(), &windows);
            let ends = fold_windows(values.iter().map(|&v| Extremes::of(v)).collect(), &windows);
            for (window, (stats, ends)) in windows.iter().zip(stats.iter().zip(&ends)) {
                let own = &values[window.start as usize..window.end as usize];
                let mean = own.iter().sum::<f64>() / own.len() as f64;
                prop_assert_eq!(stats.count, own.len() as f64);
                if own.is_empty() {
                    continue;
                }
                prop_assert!((stats.mean() - mean).abs() < 1e-9);
                let squares: f64 = own.iter().map(|v| (v - mean).powi(2)).sum();
                prop_assert!((stats.squares - squares).abs() <= 1e-9 * squares.max(1.0));
                prop_assert_eq!(ends.min, own.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(ends.max, own.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
}
