//! The ROC curve: how many rows of a class are found at the price of how many false alarms.
//! Source: Fawcett, *Pattern Recognition Letters* 27 (2006).

use gristmill_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::thin::thin;
use crate::metrics::ranks::Ranks;
use crate::metrics::roc_auc;

/// The ROC curve of scores, from the highest threshold to the lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RocCurve {
    /// The area under the whole curve, whatever was thinned.
    pub area: f64,
    /// From (0, 0) to (1, 1).
    pub points: Vec<RocPoint>,
}

/// The rows whose score is at least a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RocPoint {
    /// The share of the other rows that are among them.
    pub false_positive_rate: f64,
    /// The share of the rows of the class that are among them.
    pub true_positive_rate: f64,
    /// The threshold; nothing at the first point, which no row reaches.
    pub threshold: Option<f64>,
}

impl RocCurve {
    /// The curve of rows that are of a class or not, of at most `most` points.
    ///
    /// # Errors
    /// As [`roc_auc`].
    ///
    /// ```
    /// # use gristmill_evaluate::curves::RocCurve;
    /// let curve = RocCurve::new(&[true, false, true, false], &[0.9, 0.6, 0.4, 0.1], 100)?;
    /// let rates = curve.points.iter().map(|p| (p.false_positive_rate, p.true_positive_rate));
    /// let rates: Vec<(f64, f64)> = rates.collect();
    /// assert_eq!(rates, [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(truth: &[bool], scores: &[f64], most: usize) -> Result<Self> {
        let ranks = Ranks::new("roc_curve", truth, scores)?;
        let (all, others) = (ranks.of_class() as f64, ranks.others() as f64);
        let start = RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: None };
        let reached = ranks.thresholds().map(|t| RocPoint {
            false_positive_rate: t.others as f64 / others,
            true_positive_rate: t.of_class as f64 / all,
            threshold: Some(t.score),
        });
        let points = without_middles(std::iter::once(start).chain(reached));
        let points = thin(points, most, |p| (p.false_positive_rate, p.true_positive_rate));
        Ok(Self { area: roc_auc(truth, scores)?, points })
    }
}

/// Leaves out points in the middle of a straight stretch along one axis: no one would miss them.
fn without_middles(points: impl Iterator<Item = RocPoint>) -> Vec<RocPoint> {
    let mut kept: Vec<RocPoint> = Vec::new();
    for point in points {
        if let [.., before, middle] = kept.as_slice() {
            let upright = before.false_positive_rate == middle.false_positive_rate
                && middle.false_positive_rate == point.false_positive_rate;
            let level = before.true_positive_rate == middle.true_positive_rate
                && middle.true_positive_rate == point.true_positive_rate;
            if upright || level {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}
