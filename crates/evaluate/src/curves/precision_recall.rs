//! The curve of precision over recall.
//! Source: Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, 8.4.

use gristmill_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::thin::thin;
use crate::metrics::average_precision;
use crate::metrics::ranks::Ranks;

/// Precision over recall, from the highest threshold to the lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrecisionRecallCurve {
    /// The average precision of the whole curve, whatever was thinned.
    pub average_precision: f64,
    /// The share of rows of the class: the precision of guessing.
    pub base_rate: f64,
    /// By rising recall.
    pub points: Vec<PrecisionRecallPoint>,
}

/// The rows whose score is at least a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrecisionRecallPoint {
    /// The share of the rows of the class that are among them.
    pub recall: f64,
    /// The share of them that are of the class.
    pub precision: f64,
    /// The threshold.
    pub threshold: f64,
}

impl PrecisionRecallCurve {
    /// The curve of rows that are of a class or not, of at most `most` points. It ends where all
    /// rows of the class are found; lower thresholds add nothing but false alarms.
    ///
    /// # Errors
    /// As [`average_precision`].
    ///
    /// ```
    /// # use gristmill_evaluate::curves::PrecisionRecallCurve;
    /// let truth = [true, false, true, false];
    /// let curve = PrecisionRecallCurve::new(&truth, &[0.9, 0.6, 0.4, 0.1], 100)?;
    /// let points: Vec<(f64, f64)> = curve.points.iter().map(|p| (p.recall, p.precision)).collect();
    /// assert_eq!(points, [(0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0)]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(truth: &[bool], scores: &[f64], most: usize) -> Result<Self> {
        let ranks = Ranks::new("precision_recall_curve", truth, scores)?;
        let all = ranks.of_class();
        let mut complete = false;
        let reached = ranks.thresholds().take_while(|t| {
            let before = complete;
            complete = t.of_class == all;
            !before
        });
        let points = reached.map(|t| PrecisionRecallPoint {
            recall: t.of_class as f64 / all as f64,
            precision: t.of_class as f64 / (t.of_class + t.others) as f64,
            threshold: t.score,
        });
        Ok(Self {
            average_precision: average_precision(truth, scores)?,
            base_rate: all as f64 / truth.len() as f64,
            points: thin(points.collect(), most, |p| (p.recall, p.precision)),
        })
    }
}
