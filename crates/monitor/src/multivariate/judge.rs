//! Whether all columns together have moved.

use gristmill_core::{DenseMatrix, Error, Result, Seed};
use serde::Serialize;

use super::{Reconstruction, domain_auc};
use crate::drift::{Means, MultivariateMethod, MultivariateSettings};

/// How many standard errors a difference must have, so that it is not chance.
const SURELY: f64 = 3.0;
/// How many parts of the rows a classifier answers in turn.
const FOLDS: usize = 3;

/// How all columns stand together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MultivariateDrift {
    /// How they were compared.
    pub method: MultivariateMethod,
    /// How far they have moved: for `reconstruction` by how many deviations rows lose more or less than rows of
    /// the reference, for `domain` the area under the ROC curve. Nothing where that is infinitely far.
    pub value: Option<f64>,
    /// What the value is held against.
    pub threshold: f64,
    /// The standard error of the value.
    pub standard_error: f64,
    /// Whether they have moved: the value is at the threshold or above, and not by chance (three standard errors).
    pub drifted: bool,
    /// Whether that counts for whether the rows have drifted.
    pub counts: bool,
    /// How many columns were looked at.
    pub columns: usize,
    /// How many rows were.
    pub rows: usize,
    /// How many rows of the reference were.
    pub reference_rows: usize,
    /// What rows lose on the way through the components, for `reconstruction`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Means>,
    /// How many components there are, for `reconstruction`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
}

impl MultivariateSettings {
    /// Holds rows against a reference by what they lose on the way through its principal components, which one
    /// half of its rows give; the other half says what is usual. What is missing counts as the mean.
    ///
    /// # Errors
    /// As [`Reconstruction::learn`], and when there are fewer than four rows of the reference.
    pub fn reconstruct(
        &self,
        reference: &DenseMatrix,
        current: &DenseMatrix,
    ) -> Result<MultivariateDrift> {
        let (mut reference, mut current) = (reference.clone(), current.clone());
        fill(&mut reference, &mut current);
        let half = |odd: usize| {
            let at: Vec<usize> = (0..reference.rows()).filter(|row| row % 2 == odd).collect();
            let columns = 0..reference.columns();
            let values = columns.flat_map(|c| at.iter().map(move |&r| (r, c)));
            let values = values.map(|(r, c)| reference.get(r, c)).collect();
            DenseMatrix::from_columns(at.len(), reference.columns(), values)
        };
        if reference.rows() < 4 {
            let found = format!("{} rows of a reference are too few", reference.rows());
            return Err(Error::data_hint(found, "give a reference of more rows"));
        }
        let learned = Reconstruction::learn(&half(0)?)?;
        let (before, now) = (learned.error(&half(1)?)?, learned.error(&current)?);
        let deviation = before.standard_error * (before.rows as f64).sqrt();
        let apart = (now.mean - before.mean).abs();
        let error = before.standard_error.hypot(now.standard_error);
        let (value, standard_error) = match (deviation > 0.0, apart > 0.0) {
            (true, _) => (Some(apart / deviation), error / deviation),
            (false, true) => (None, 0.0),
            (false, false) => (Some(0.0), 0.0),
        };
        let far = value.is_none_or(|value| value >= self.limit());
        Ok(MultivariateDrift {
            value,
            standard_error,
            drifted: far && apart >= SURELY * error,
            lost: Some(Means { reference: before.mean, current: now.mean }),
            components: Some(learned.components()),
            ..self.found(&reference, &current)
        })
    }

    /// Holds rows against a reference by how well `classify` tells them apart, as in [`domain_auc`].
    ///
    /// # Errors
    /// As [`domain_auc`].
    pub fn tell_apart(
        &self,
        (reference, current): (&DenseMatrix, &DenseMatrix),
        seed: Seed,
        classify: impl FnMut(&DenseMatrix, &[bool], &DenseMatrix) -> Result<Vec<f64>>,
    ) -> Result<MultivariateDrift> {
        let found = domain_auc(reference, current, FOLDS, seed, classify)?;
        let surely = found.auc - 0.5 >= SURELY * found.standard_error;
        Ok(MultivariateDrift {
            value: Some(found.auc),
            standard_error: found.standard_error,
            drifted: found.auc >= self.limit() && surely,
            ..self.found(reference, current)
        })
    }

    fn found(&self, reference: &DenseMatrix, current: &DenseMatrix) -> MultivariateDrift {
        MultivariateDrift {
            method: self.method,
            value: None,
            threshold: self.limit(),
            standard_error: 0.0,
            drifted: false,
            counts: self.counts,
            columns: reference.columns(),
            rows: current.rows(),
            reference_rows: reference.rows(),
            lost: None,
            components: None,
        }
    }
}

/// Puts the mean of the reference where a value is missing.
fn fill(reference: &mut DenseMatrix, current: &mut DenseMatrix) {
    for column in 0..reference.columns().min(current.columns()) {
        let known: Vec<f64> =
            reference.column(column).iter().copied().filter(|v| v.is_finite()).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        for matrix in [&mut *reference, &mut *current] {
            let missing = matrix.column_mut(column).iter_mut().filter(|v| !v.is_finite());
            missing.for_each(|value| *value = mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECONSTRUCTION: MultivariateMethod = MultivariateMethod::Reconstruction;

    /// Two columns, the second the first times `slope` and some noise.
    fn going_together(rows: usize, slope: f64, seed: u64) -> DenseMatrix {
        let mut random = Seed(seed).random();
        let first: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
        let second: Vec<f64> = first.iter().map(|v| v * slope + 0.3 * random.normal()).collect();
        DenseMatrix::from_columns(rows, 2, [first, second].concat()).unwrap()
    }

    #[track_caller]
    fn check(slope: f64, rows: usize, drifted: bool) -> MultivariateDrift {
        let settings = MultivariateSettings::from(RECONSTRUCTION);
        let reference = going_together(2_000, 1.0, 1);
        let found = settings.reconstruct(&reference, &going_together(rows, slope, 2)).unwrap();
        assert_eq!(found.drifted, drifted, "{found:?}");
        found
    }

    #[test]
    fn columns_that_no_longer_go_together_have_moved_though_each_is_as_before() {
        assert_eq!(check(-1.0, 500, true).components, Some(1));
        check(1.0, 500, false);
        check(1.0, 5, false);
    }

    #[test]
    fn a_value_that_is_missing_counts_as_the_mean() {
        let settings = MultivariateSettings::from(RECONSTRUCTION);
        let reference = going_together(400, 1.0, 1);
        let mut lacking = reference.clone();
        lacking.column_mut(1).iter_mut().step_by(50).for_each(|v| *v = f64::NAN);
        let found = settings.reconstruct(&lacking, &lacking).unwrap();
        assert_eq!((found.rows, found.reference_rows), (400, 400));
        assert!(settings.reconstruct(&going_together(3, 1.0, 1), &reference).is_err());
    }

    #[test]
    fn what_a_classifier_tells_apart_has_moved() {
        let settings = MultivariateSettings::from(MultivariateMethod::Domain);
        let first = |_: &DenseMatrix, _: &[bool], rows: &DenseMatrix| Ok(rows.column(0).to_vec());
        let rows = going_together(300, 1.0, 1);
        let mut moved = going_together(300, 1.0, 2);
        moved.column_mut(0).iter_mut().for_each(|v| *v += 1.5);
        let found = settings.tell_apart((&rows, &moved), Seed(1), first).unwrap();
        assert!(found.drifted && found.value.unwrap() > 0.8, "{found:?}");
        let same = settings.tell_apart((&rows, &going_together(300, 1.0, 3)), Seed(1), first);
        assert!(!same.unwrap().drifted);
    }
}
