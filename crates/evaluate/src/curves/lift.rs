//! Gains and lift: how many rows of a class are found by going through the best-scored rows first.
//! Source: Ling and Li, *KDD* 1998.

use gristmill_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::thin::thin;
use crate::metrics::ranks::Ranks;

/// Cumulative gains and lift by the share of rows that are gone through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiftCurve {
    /// The share of rows of the class: a perfect curve of gains is complete there.
    pub base_rate: f64,
    /// By rising share of rows, from the first score on.
    pub points: Vec<LiftPoint>,
}

/// The rows whose score is at least a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiftPoint {
    /// The share of all rows that they are.
    pub rows: f64,
    /// The share of the rows of the class that are among them.
    pub gain: f64,
    /// How much more often they are of the class than rows at large: gain / rows.
    pub lift: f64,
}

impl LiftCurve {
    /// The curve of rows that are of a class or not, of at most `most` points.
    ///
    /// # Errors
    /// As [`crate::metrics::roc_auc`].
    ///
    /// ```
    /// # use gristmill_evaluate::curves::LiftCurve;
    /// let curve = LiftCurve::new(&[true, false, false, false], &[0.9, 0.6, 0.4, 0.1], 100)?;
    /// assert_eq!((curve.points[0].gain, curve.points[0].lift), (1.0, 4.0));
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(truth: &[bool], scores: &[f64], most: usize) -> Result<Self> {
        let ranks = Ranks::new("lift_curve", truth, scores)?;
        let (all, rows) = (ranks.of_class() as f64, truth.len() as f64);
        let point = |of_class: u64, others: u64| {
            let (share, gain) = ((of_class + others) as f64 / rows, of_class as f64 / all);
            LiftPoint { rows: share, gain, lift: gain / share }
        };
        let points = ranks.thresholds().map(|t| point(t.of_class, t.others)).collect();
        Ok(Self { base_rate: all / rows, points: thin(points, most, |p| (p.rows, p.gain)) })
    }
}
