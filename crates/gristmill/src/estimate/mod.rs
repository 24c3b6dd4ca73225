//! How well a version probably answers rows whose truth nobody knows yet.
//!
//! A run keeps some of its test rows ([`HeldOut`]). They teach an [`Estimator`]: what the probabilities of a
//! classifier stand for, or how wrong a regression is for which rows. Of later rows it keeps a few numbers each
//! ([`Estimator::lines`]), and turns those of a window into the metric.

mod classes;
mod estimable;
mod held_out;
mod kept;
mod losses;
mod of_file;

use gristmill_core::{Frame, Prediction, Schema};
use gristmill_monitor::estimate::Estimate;
use serde::Serialize;

pub(crate) use self::estimable::{Estimable, NAMES};
pub(crate) use self::held_out::{HeldOut, NAME, draw, of_run};
pub(crate) use self::kept::Kept;
pub(crate) use self::of_file::Estimators;

use self::classes::ClassEstimator;
use self::losses::LossEstimator;
use crate::{Error, Result};

/// On fewer rows that were held out nothing can be learned of how good answers are.
const FEWEST: usize = 100;

/// Estimates one metric of a version.
#[derive(Debug)]
pub(crate) enum Estimator {
    /// Of classes, out of their probabilities.
    Classes(ClassEstimator),
    /// Of numbers, out of a model of their errors.
    Losses(LossEstimator),
}

/// How a metric is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Confidence-based performance estimation.
    Cbpe,
    /// Direct loss estimation.
    Dle,
}

impl Estimator {
    /// Learns from rows that a version, which takes the columns of `input`, did not learn from.
    ///
    /// # Errors
    /// When there are too few of them, or the metric is none of what the version answers.
    pub fn learn(held_out: &HeldOut, metric: Estimable, input: &Schema) -> Result<Self> {
        let rows = held_out.rows();
        if rows < FEWEST {
            return Err(Error::input(format!(
                "{rows} rows were held out, and {FEWEST} are needed to learn from how good answers are"
            ))
            .with_hint("let `data.split` hold out more, or take `estimate` out of `performance`"));
        }
        match (metric, held_out) {
            (Estimable::Classes(metric), HeldOut::Classes { truth, probabilities, positive }) => {
                let found = ClassEstimator::learn(metric, truth, probabilities, *positive)?;
                Ok(Self::Classes(found))
            }
            (Estimable::Loss(loss), HeldOut::Numbers { truth, answers, columns }) => {
                Ok(Self::Losses(LossEstimator::learn(loss, truth, answers, columns, input)?))
            }
            (metric, _) => {
                let found = format!("the model gives other answers than `{}` is of", metric.name());
                Err(Error::input(found).with_hint("name another metric in `performance`"))
            }
        }
    }

    /// How it estimates.
    pub fn method(&self) -> Method {
        match self {
            Self::Classes(_) => Method::Cbpe,
            Self::Losses(_) => Method::Dle,
        }
    }

    /// What is kept of each row: so many numbers a row, one row after the other.
    ///
    /// # Errors
    /// When the rows or the answers are not those of the version.
    pub fn lines(&self, rows: &Frame, answers: &Prediction) -> Result<Lines> {
        match self {
            Self::Classes(estimator) => estimator.lines(answers),
            Self::Losses(estimator) => estimator.lines(rows, answers),
        }
    }

    /// What the metric of the rows probably is, of which these lines were kept.
    ///
    /// # Errors
    /// When it has no value for them.
    pub fn estimate(&self, lines: &Lines) -> Result<Estimate> {
        match self {
            Self::Classes(estimator) => estimator.estimate(lines),
            Self::Losses(estimator) => estimator.estimate(lines),
        }
    }
}

/// What was kept of rows: so many numbers of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lines {
    pub width: usize,
    pub numbers: Vec<f64>,
}

impl Lines {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.numbers.len().checked_div(self.width).unwrap_or(0)
    }

    /// Those of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.numbers[row * self.width..(row + 1) * self.width]
    }
}

#[cfg(test)]
mod tests;
