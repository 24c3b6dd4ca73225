//! The usual lines: a classifier's curves and figures over time.

use serde::{Deserialize, Serialize};

use super::lines::{Guide, Lines, Series, Shape};
use crate::axis::Axis;
use crate::points::Point;
use crate::{number, percent};

/// A curve of a classifier, with the area under it where that means something.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Curve {
    /// Whose curve it is: `test`, or a class.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
    /// The area under it.
    pub area: Option<f64>,
}

impl Curve {
    fn series(self, area: &str) -> Series {
        let name = match self.area {
            Some(value) => format!("{} · {area} {}", self.name, number(value)),
            None => self.name,
        };
        Series { name, points: self.points, ..Series::default() }
    }
}

impl Lines {
    /// The receiver operating characteristic: true over false positives, with the diagonal of
    /// chance.
    pub fn roc(curves: Vec<Curve>) -> Self {
        Self {
            x: Axis::share("False positive rate"),
            y: Axis::share("True positive rate"),
            series: curves.into_iter().map(|c| c.series("AUC")).collect(),
            guides: vec![Guide::Diagonal { label: "chance".to_string() }],
            shape: Shape::Square,
        }
    }

    /// Precision over recall, with the share of positives that a guess would reach.
    pub fn precision_recall(curves: Vec<Curve>, base_rate: f64) -> Self {
        let label = format!("base rate {}", percent(base_rate));
        Self {
            x: Axis::share("Recall"),
            y: Axis::share("Precision"),
            series: curves.into_iter().map(|c| c.series("AP")).collect(),
            guides: vec![Guide::Level { at: base_rate, label }],
            shape: Shape::Square,
        }
    }

    /// Cumulated gains: which share of the positives is found in the best-scored share of all.
    pub fn gains(curves: Vec<Curve>) -> Self {
        Self {
            x: Axis::share("Share of all, best scores first"),
            y: Axis::share("Share of positives found"),
            series: curves.into_iter().map(|c| c.series("area")).collect(),
            guides: vec![Guide::Diagonal { label: "in random order".to_string() }],
            shape: Shape::Square,
        }
    }

    /// Lift: how many times more positives than at random lie in the best-scored share of all.
    pub fn lift(curves: Vec<Curve>) -> Self {
        Self {
            x: Axis::share("Share of all, best scores first"),
            y: Axis { from: Some(0.0), ..Axis::number("Lift") },
            series: curves.into_iter().map(|c| c.series("area")).collect(),
            guides: vec![Guide::Level { at: 1.0, label: "random order".to_string() }],
            shape: Shape::Normal,
        }
    }

    /// Lines over time: backtests, drift. Moments are microseconds since 1970-01-01.
    pub fn over_time(label: impl Into<String>, series: Vec<Series>) -> Self {
        let (x, y) = (Axis::time(""), Axis::number(label));
        Self { x, y, series, guides: Vec::new(), shape: Shape::Wide }
    }
}
