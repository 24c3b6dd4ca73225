//! Residuals: what answers in numbers leave unexplained, and where.

use gristmill_core::{Error, Result, Seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Bins;
use crate::compare::quantile;

/// Truth less answer, over all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Residuals {
    /// The mean residual: above 0 when answers are too small.
    pub mean: f64,
    /// Their standard deviation, √(Σ (rᵢ − mean)² / n).
    pub deviation: f64,
    /// Their quantiles at 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
    /// How they are spread.
    pub histogram: Bins,
    /// Some rows, drawn by the seed and ordered by their answer.
    pub points: Vec<ResidualPoint>,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidualPoint {
    /// The answer.
    pub predicted: f64,
    /// The truth less the answer.
    pub residual: f64,
}

impl Residuals {
    /// The residuals of these answers: a histogram of `bins` bins and at most `most` rows.
    ///
    /// # Errors
    /// [`Error::Data`] without rows or when a number is not finite; [`Error::Setting`] without bins;
    /// [`Error::Bug`] when the lengths differ.
    ///
    /// ```
    /// # use gristmill_core::Seed;
    /// # use gristmill_evaluate::curves::Residuals;
    /// let residuals = Residuals::new(&[1.0, 4.0], &[2.0, 2.0], 2, 100, Seed(0))?;
    /// assert_eq!((residuals.mean, residuals.deviation), (0.5, 1.5));
    /// assert_eq!(residuals.histogram.counts, [1, 1]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(
        truth: &[f64],
        predicted: &[f64],
        bins: usize,
        most: usize,
        seed: Seed,
    ) -> Result<Self> {
        if truth.len() != predicted.len() {
            let (found, rows) = (predicted.len(), truth.len());
            return Err(Error::Bug(format!("{found} answers for {rows} rows")));
        }
        let residuals: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| t - p).collect();
        let histogram = Bins::new(&residuals, bins)?;
        let n = residuals.len() as f64;
        let mean = residuals.iter().sum::<f64>() / n;
        let variance = residuals.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n;
        let mut sorted = residuals.clone();
        sorted.sort_by(f64::total_cmp);
        let quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(&sorted, share));
        let mut rows: Vec<usize> = (0..residuals.len()).collect();
        if rows.len() > most {
            seed.named("residuals").random().shuffle(&mut rows);
            rows.truncate(most);
        }
        rows.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]).then(a.cmp(&b)));
        let point =
            |row: usize| ResidualPoint { predicted: predicted[row], residual: residuals[row] };
        let points = rows.into_iter().map(point).collect();
        Ok(Self { mean, deviation: variance.sqrt(), quantiles, histogram, points })
    }
}
