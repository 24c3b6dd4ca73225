//! The calibration curve: how often what is promised happens.
//! Source: Niculescu-Mizil and Caruana, *ICML* 2005.

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compare::quantile;

/// Probabilities in bins, and how often they came true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationCurve {
    /// By rising probability; bins without rows are left out.
    pub bins: Vec<CalibrationBin>,
}

/// Rows of like probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationBin {
    /// How many rows there are.
    pub rows: u64,
    /// Their mean probability.
    pub predicted: f64,
    /// The share of them that are of the class.
    pub observed: f64,
}

/// Where bins of probabilities begin and end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationBins {
    /// All are equally wide.
    #[default]
    Uniform,
    /// All have about equally many rows.
    Quantile,
}

impl CalibrationCurve {
    /// The curve of rows that are of a class or not, in `bins` bins. A probability on a border
    /// belongs to the lower bin, as in scikit-learn.
    ///
    /// # Errors
    /// [`Error::Setting`] without bins; [`Error::Data`] without rows or for a probability that is not
    /// between 0 and 1; [`Error::Bug`] when the lengths differ.
    ///
    /// ```
    /// # use gristmill_evaluate::curves::{CalibrationBins, CalibrationCurve};
    /// let truth = [false, true, true, true];
    /// let probabilities = [0.1, 0.3, 0.7, 0.9];
    /// let curve = CalibrationCurve::new(&truth, &probabilities, 2, CalibrationBins::Uniform)?;
    /// let points: Vec<(f64, f64)> = curve.bins.iter().map(|b| (b.predicted, b.observed)).collect();
    /// assert_eq!(points, [(0.2, 0.5), (0.8, 1.0)]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(
        truth: &[bool],
        probabilities: &[f64],
        bins: usize,
        kind: CalibrationBins,
    ) -> Result<Self> {
        check(truth, probabilities, bins)?;
        let inner = borders(probabilities, bins, kind);
        let mut sums = vec![(0_u64, 0.0, 0_u64); bins];
        for (&of_class, &p) in truth.iter().zip(probabilities) {
            let sum = &mut sums[inner.partition_point(|border| *border < p)];
            *sum = (sum.0 + 1, sum.1 + p, sum.2 + u64::from(of_class));
        }
        let filled = sums.into_iter().filter(|sum| sum.0 > 0);
        let bins = filled.map(|(rows, predicted, of_class)| CalibrationBin {
            rows,
            predicted: predicted / rows as f64,
            observed: of_class as f64 / rows as f64,
        });
        Ok(Self { bins: bins.collect() })
    }
}

/// The borders between bins; repeated ones leave empty bins between them.
fn borders(probabilities: &[f64], bins: usize, kind: CalibrationBins) -> Vec<f64> {
    let shares = (1..bins).map(|at| at as f64 / bins as f64);
    match kind {
        CalibrationBins::Uniform => shares.collect(),
        CalibrationBins::Quantile => {
            let mut sorted = probabilities.to_vec();
            sorted.sort_by(f64::total_cmp);
            shares.map(|share| quantile(&sorted, share)).collect()
        }
    }
}

fn check(truth: &[bool], probabilities: &[f64], bins: usize) -> Result<()> {
    const MOST: usize = 10_000;
    if bins == 0 || bins > MOST {
        return Err(Error::setting("bins", bins, format!("between 1 and {MOST}, such as 10")));
    }
    if truth.len() != probabilities.len() {
        let (found, rows) = (probabilities.len(), truth.len());
        return Err(Error::Bug(format!("{found} probabilities for {rows} rows")));
    }
    if truth.is_empty() {
        return Err(Error::data("there are no rows to draw a calibration curve of"));
    }
    match probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        None => Ok(()),
        Some(p) => Err(Error::data(format!("{p} is no probability"))),
    }
}
