//! Count, mean and scatter of vectors.
//! Method: as [`super::Moments`], after Chan, Golub, LeVeque, *Updating Formulae and a Pairwise Algorithm for
//! Computing Sample Variances*, 1979, with products of pairs in place of squares.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How many vectors were seen, their mean, and how they are scattered around it.
///
/// Merging two halves gives mean = m₁ + δ·n₂/n and Σ(x−mean)(x−mean)ᵀ = S₁ + S₂ + δδᵀ·n₁·n₂/n, where
/// δ = m₂ − m₁. It takes 4·width² bytes, whatever the number of vectors.
///
/// ```
/// # use gristmill_core::sketch::VectorMoments;
/// let mut moments = VectorMoments::new(2);
/// moments.add(&[1.0, 2.0, 3.0, 6.0], &[1, 1])?;
/// assert_eq!((moments.count(), moments.mean()), (2, &[2.0, 4.0][..]));
/// assert_eq!((moments.scatter(0, 0), moments.scatter(0, 1), moments.scatter(1, 1)), (2.0, 4.0, 8.0));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorMoments {
    count: u64,
    mean: Vec<f64>,
    /// The lower triangle of Σ (x−mean)(x−mean)ᵀ, row by row.
    scatter: Vec<f64>,
}

impl VectorMoments {
    /// Of no vectors yet, which will have so many numbers each.
    pub fn new(width: usize) -> Self {
        Self { count: 0, mean: vec![0.0; width], scatter: vec![0.0; width * (width + 1) / 2] }
    }

    /// Adds vectors, one after another in `vectors`, each as often as its weight says.
    ///
    /// # Errors
    /// [`Error::Bug`] when they are of another width.
    pub fn add(&mut self, vectors: &[f64], weights: &[u64]) -> Result<()> {
        let width = self.width();
        if vectors.len() != width * weights.len() {
            let (found, rows) = (vectors.len(), weights.len());
            return Err(Error::Bug(format!("{found} numbers are no {rows} vectors of {width}")));
        }
        let mut more = Self::new(width);
        more.count = weights.iter().sum();
        if more.count == 0 {
            return Ok(());
        }
        let rows = || vectors.chunks_exact(width.max(1)).zip(weights);
        for (vector, weight) in rows() {
            let share = *weight as f64 / more.count as f64;
            more.mean.iter_mut().zip(vector).for_each(|(mean, value)| *mean += share * value);
        }
        let mut apart = vec![0.0; width];
        for (vector, weight) in rows() {
            let means = vector.iter().zip(&more.mean);
            apart.iter_mut().zip(means).for_each(|(apart, (v, mean))| *apart = v - mean);
            add_products(&mut more.scatter, &apart, *weight as f64);
        }
        self.merge(&more)
    }

    /// Adds what others have seen.
    ///
    /// # Errors
    /// [`Error::Bug`] when their vectors are of another width.
    pub fn merge(&mut self, later: &Self) -> Result<()> {
        if self.width() != later.width() {
            return Err(Error::Bug("vectors of different widths were merged".into()));
        }
        if self.count == 0 || later.count == 0 {
            if self.count == 0 {
                self.clone_from(later);
            }
            return Ok(());
        }
        let count = self.count.saturating_add(later.count);
        let share = later.count as f64 / count as f64;
        let apart: Vec<f64> = self.mean.iter().zip(&later.mean).map(|(a, b)| b - a).collect();
        self.mean.iter_mut().zip(&apart).for_each(|(mean, apart)| *mean += apart * share);
        self.scatter.iter_mut().zip(&later.scatter).for_each(|(mine, more)| *mine += more);
        add_products(&mut self.scatter, &apart, self.count as f64 * share);
        self.count = count;
        Ok(())
    }

    /// How many vectors were seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many numbers each has.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Their mean; zeros when there were none.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Σ (xᵢ−meanᵢ)(xⱼ−meanⱼ); 0 beyond the width.
    pub fn scatter(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.scatter.get(i * (i + 1) / 2 + j).copied().unwrap_or(0.0)
    }

    /// Whether its parts fit each other and hold numbers alone.
    pub(crate) fn is_sound(&self) -> bool {
        let numbers = self.mean.iter().chain(&self.scatter);
        self.scatter.len() == self.width() * (self.width() + 1) / 2
            && numbers.into_iter().all(|value| value.is_finite())
    }
}

/// Adds `weight` times the products of all pairs to the lower triangle.
fn add_products(triangle: &mut [f64], vector: &[f64], weight: f64) {
    let mut rest = triangle;
    for (i, value) in vector.iter().enumerate() {
        let Some((row, below)) = rest.split_at_mut_checked(i + 1) else { return };
        let factor = weight * value;
        row.iter_mut().zip(vector).for_each(|(sum, other)| *sum += factor * other);
        rest = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of three numbers that go together somehow.
    fn vectors(rows: std::ops::Range<u32>) -> Vec<f64> {
        rows.flat_map(|i| {
            let (a, b) = (f64::from(i * 7 % 11), f64::from(i * i % 13));
            [1e6 + a, b - 0.5 * a, f64::from(i)]
        })
        .collect()
    }

    fn of(rows: std::ops::Range<u32>) -> VectorMoments {
        let mut moments = VectorMoments::new(3);
        moments.add(&vectors(rows.clone()), &vec![1; rows.len()]).unwrap();
        moments
    }

    #[track_caller]
    fn same(found: &VectorMoments, expected: &VectorMoments) {
        assert_eq!(found.count, expected.count);
        let pairs = found.mean.iter().zip(&expected.mean);
        for (a, b) in pairs.chain(found.scatter.iter().zip(&expected.scatter)) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
        }
    }

    #[test] // numpy 2.4.6: mean(axis=0) and cov(ddof=0) * n of the same 40 vectors
    fn mean_and_scatter_are_those_of_numpy() {
        let found = of(0..40);
        let expected = [413.9, -225.65, 859.275, 86.0, -43.0, 5_330.0];
        for (found, expected) in found.mean.iter().zip([1_000_005.05, 3.325, 19.5]) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
        for (found, expected) in found.scatter.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} is not {expected}");
        }
        assert_eq!(found.scatter(0, 1), found.scatter(1, 0));
    }

    #[test]
    fn parts_make_the_whole() {
        let whole = of(0..40);
        let mut parts = of(0..1);
        parts.add(&vectors(1..17), &[1; 16]).unwrap();
        parts.merge(&of(17..40)).unwrap();
        parts.merge(&VectorMoments::new(3)).unwrap();
        same(&parts, &whole);
        let mut empty = VectorMoments::new(3);
        empty.merge(&whole).unwrap();
        assert_eq!(empty, whole);
    }

    #[test]
    fn a_weight_is_so_many_vectors() {
        let (mut weighted, mut repeated) = (VectorMoments::new(3), VectorMoments::new(3));
        weighted.add(&vectors(0..2), &[3, 1]).unwrap();
        let three = [vectors(0..1), vectors(0..1), vectors(0..2)].concat();
        repeated.add(&three, &[1; 4]).unwrap();
        same(&weighted, &repeated);
        weighted.add(&vectors(0..1), &[0]).unwrap();
        same(&weighted, &repeated);
    }

    #[test]
    fn vectors_of_another_width_are_refused() {
        let mut moments = of(0..2);
        assert!(moments.add(&[1.0], &[1]).is_err());
        assert!(moments.merge(&VectorMoments::new(2)).is_err());
        assert_eq!(moments, of(0..2));
    }
}
