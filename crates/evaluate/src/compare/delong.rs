//! DeLong's variance of areas under ROC curves, and the test of two of them on the same rows.
//! Sources: DeLong, DeLong and Clarke-Pearson, *Biometrics* 44 (1988), computed by ranks as in Sun
//! and Xu, *IEEE Signal Processing Letters* 21 (2014).

use gristmill_core::{Error, Result};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_confidence, same_rows};
use crate::distributions::{normal_beyond, normal_quantile};

/// An area under a ROC curve with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AreaInterval {
    /// The area.
    pub area: f64,
    /// Its standard error.
    pub deviation: f64,
    /// The lower bound, not below 0.
    pub low: f64,
    /// The upper bound, not above 1.
    pub high: f64,
}

/// The areas of two models on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AreaDifference {
    /// The first model's area.
    pub first: f64,
    /// The second model's area.
    pub second: f64,
    /// The standard error of their difference.
    pub deviation: f64,
    /// (first − second) / deviation; 0 when the models rank all rows alike.
    pub z: f64,
    /// The chance of so large a |z| when the areas are equal.
    pub p_value: f64,
}

/// The area under the ROC curve of `scores` with the bounds area ± z · deviation of this confidence.
///
/// # Errors
/// [`Error::Data`] when the lengths differ, a score is not a number, or there are fewer than 2 rows
/// of either class; [`Error::Setting`] for a confidence that is no share.
pub fn auc_interval(truth: &[bool], scores: &[f64], confidence: f64) -> Result<AreaInterval> {
    check_confidence(confidence)?;
    let placements = Placements::new(truth, scores)?;
    let area = placements.area();
    let deviation = covariance(&placements, &placements).sqrt();
    let reach = normal_quantile(0.5 + confidence / 2.0) * deviation;
    let (low, high) = ((area - reach).max(0.0), (area + reach).min(1.0));
    Ok(AreaInterval { area, deviation, low, high })
}

/// Whether two models rank rows of a class above the others equally well.
///
/// # Errors
/// As [`auc_interval`]; [`Error::Data`] when areas differ and the rows are too few for any spread.
///
/// ```
/// # use gristmill_evaluate::compare::delong;
/// let truth = [true, false, true, false, true];
/// let found = delong(&truth, &[0.9, 0.2, 0.6, 0.7, 0.8], &[0.9, 0.2, 0.6, 0.7, 0.8])?;
/// assert_eq!((found.z, found.p_value), (0.0, 1.0));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn delong(truth: &[bool], first: &[f64], second: &[f64]) -> Result<AreaDifference> {
    let (a, b) = (Placements::new(truth, first)?, Placements::new(truth, second)?);
    let variance = covariance(&a, &a) + covariance(&b, &b) - 2.0 * covariance(&a, &b);
    let deviation = variance.max(0.0).sqrt();
    let difference = a.area() - b.area();
    if deviation == 0.0 && difference != 0.0 {
        return Err(Error::data_hint(
            "the areas of the two models differ without any spread, so there is no test of them",
            "give more rows",
        ));
    }
    let z = if difference == 0.0 { 0.0 } else { difference / deviation };
    Ok(AreaDifference {
        first: a.area(),
        second: b.area(),
        deviation,
        z,
        p_value: normal_beyond(z),
    })
}

/// For each row of one side the share of the other side that it is in order with, ties counting
/// half; rows of a side keep their order.
struct Placements {
    of_class: Vec<f64>,
    others: Vec<f64>,
}

impl Placements {
    fn new(truth: &[bool], scores: &[f64]) -> Result<Self> {
        same_rows(truth.len(), scores.len())?;
        if scores.iter().any(|s| s.is_nan()) {
            return Err(Error::data("a score is not a number"));
        }
        let side = |wanted: bool| -> Vec<f64> {
            truth.iter().zip(scores).filter(|(t, _)| **t == wanted).map(|(_, s)| *s).collect()
        };
        let (own, other) = (side(true), side(false));
        if own.len() < 2 || other.len() < 2 {
            return Err(Error::data_hint(
                format!("{} rows of the class and {} others are too few", own.len(), other.len()),
                "give at least 2 of each",
            ));
        }
        let below = |rows: &[f64], of: &[f64]| -> Vec<f64> {
            let mut sorted = of.to_vec();
            sorted.par_sort_unstable_by(f64::total_cmp);
            let share = |score: &f64| {
                let less = sorted.partition_point(|s| s < score);
                let reached = sorted.partition_point(|s| s <= score);
                (less + reached) as f64 / (2 * sorted.len()) as f64
            };
            rows.par_iter().map(share).collect()
        };
        let of_class = below(&own, &other);
        let others = below(&other, &own).into_iter().map(|share| 1.0 - share).collect();
        Ok(Self { of_class, others })
    }

    fn area(&self) -> f64 {
        self.of_class.iter().sum::<f64>() / self.of_class.len() as f64
    }
}

fn covariance(a: &Placements, b: &Placements) -> f64 {
    let side = |a: &[f64], b: &[f64]| {
        let n = a.len() as f64;
        let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
        let products = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b));
        products.sum::<f64>() / (n - 1.0) / n
    };
    side(&a.of_class, &b.of_class) + side(&a.others, &b.others)
}
