//! What each row weighs, and the targets that trees grow on.

use gristmill_core::{Error, FitContext, Frame, Result, Target, Task};

use super::boost::Known;
use super::criterion::{Classes, Impurity, Labelled, Measured, SquaredError};
use super::settings::Criterion;
use crate::ClassWeight;

/// The largest weight of a row, and the largest number to be predicted: beyond, squares and sums
/// of many of them would have no finite value.
const MAX_WEIGHT: f64 = 1e30;
const MAX_VALUE: f64 = 1e100;

/// What each row weighs.
pub(crate) struct Weights(Vec<f64>);

impl Weights {
    /// The weights of the context times those of the classes.
    pub(crate) fn new(
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
        class_weight: ClassWeight,
    ) -> Result<Self> {
        if train.rows() != target.len() || context.weights.is_some_and(|w| w.len() != train.rows())
        {
            return Err(Error::Bug("rows, answers and weights differ in number".into()));
        }
        if u32::try_from(train.rows()).is_err() {
            return Err(Error::data_hint(
                format!("there are {} rows; trees take {}", train.rows(), u32::MAX),
                "train on a sample of them",
            ));
        }
        let mut weights = context.weights.map_or_else(|| vec![1.0; train.rows()], <[f64]>::to_vec);
        if let Some(row) = weights.iter().position(|w| !(0.0..=MAX_WEIGHT).contains(w)) {
            return Err(Error::data(format!(
                "the weight of row {} is {}, expected 0 to {MAX_WEIGHT:e}",
                row + 1,
                weights[row]
            )));
        }
        if let (Target::Classes { codes, labels }, ClassWeight::Balanced) = (target, class_weight) {
            let factors = balanced(codes, labels.len());
            weights.iter_mut().zip(codes).for_each(|(w, &class)| *w *= factors[class as usize]);
        }
        let weights = Self(weights);
        if weights.rows().is_empty() {
            return Err(Error::data("there is no row to learn from, or none that weighs anything"));
        }
        Ok(weights)
    }

    /// The rows that weigh something.
    pub(crate) fn rows(&self) -> Vec<u32> {
        (0u32..).zip(&self.0).filter(|(_, w)| **w as f32 > 0.0).map(|(row, _)| row).collect()
    }

    /// Answers and weights of these rows for boosting, the weights scaled to the mean 1.
    pub(super) fn known(&self, target: &Target, rows: &[u32]) -> Result<Known> {
        let weights: Vec<f64> = rows.iter().map(|&row| self.0[row as usize]).collect();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let weights = weights.into_iter().map(|weight| weight / mean).collect();
        let target = match target {
            Target::Classes { codes, .. } => {
                rows.iter().map(|&row| f64::from(codes[row as usize])).collect()
            }
            Target::Numbers(values) => {
                check_numbers(values)?;
                rows.iter().map(|&row| values[row as usize]).collect()
            }
            Target::Absent(_) => return Err(Task::no_target("gradient_boosting")),
        };
        Ok(Known { target, weights })
    }

    pub(super) fn classes(
        &self,
        codes: &[u32],
        classes: usize,
        criterion: Option<Criterion>,
    ) -> Classes {
        let rows = codes
            .iter()
            .zip(&self.0)
            .map(|(&class, &weight)| Labelled { class, weight: weight as f32 })
            .collect();
        let impurity = match criterion {
            Some(Criterion::Entropy) => Impurity::Entropy,
            _ => Impurity::Gini,
        };
        Classes { rows, classes, impurity }
    }

    pub(super) fn numbers(&self, values: &[f64]) -> Result<SquaredError> {
        check_numbers(values)?;
        let sum: f64 = values.iter().zip(&self.0).map(|(v, w)| v * w).sum();
        let centre = sum / self.0.iter().sum::<f64>();
        let rows = values
            .iter()
            .zip(&self.0)
            .map(|(&value, &weight)| Measured { value, weight })
            .collect();
        Ok(SquaredError { rows, centre })
    }
}

fn check_numbers(values: &[f64]) -> Result<()> {
    if let Some(row) = values.iter().position(|v| !(-MAX_VALUE..=MAX_VALUE).contains(v)) {
        return Err(Error::data_hint(
            format!(
                "the target is {:e} in row {}, expected at most {MAX_VALUE:e}",
                values[row],
                row + 1
            ),
            "leave such rows out with `sql`, or scale the target",
        ));
    }
    Ok(())
}

/// What the rows of each class weigh so that all classes that occur weigh the same.
fn balanced(codes: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    codes.iter().for_each(|&class| counts[class as usize] += 1);
    let present = counts.iter().filter(|c| **c > 0).count();
    counts.iter().map(|&c| codes.len() as f64 / (present * c.max(1)) as f64).collect()
}
