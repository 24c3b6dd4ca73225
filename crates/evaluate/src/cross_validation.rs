//! Cross-validation: the whole pipeline refitted for each fold.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use gristmill_core::{
    Error, FittedPipeline, Notes, Pipeline, Prediction, Result, Table, TargetSpec, Task,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fold, Metric, score, score_fitted};

/// The scores of a pipeline on rows that it did not learn from, by metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CrossValidation {
    /// By the name of the metric.
    pub scores: BTreeMap<String, FoldScores>,
    /// What a person should know of what the folds learned, once each.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl CrossValidation {
    /// The scores of single folds together, in the order of the folds.
    ///
    /// ```
    /// # use gristmill_evaluate::CrossValidation;
    /// let folds = [[("mae".into(), 1.0)].into(), [("mae".into(), 3.0)].into()];
    /// assert_eq!(CrossValidation::of(&folds).scores["mae"].mean, 2.0);
    /// ```
    pub fn of(folds: &[BTreeMap<String, f64>]) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (name, value) in folds.iter().flatten() {
            values.entry(name.clone()).or_default().push(*value);
        }
        let scores = values.into_iter().map(|(name, values)| (name, FoldScores::new(values)));
        Self { scores: scores.collect(), notes: Vec::new() }
    }
}

/// One metric over all folds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoldScores {
    /// The mean over the folds.
    pub mean: f64,
    /// The standard deviation over the folds, √(Σ (xᵢ − mean)² / folds).
    pub std: f64,
    /// The value of each fold, in order.
    pub folds: Vec<f64>,
}

impl FoldScores {
    /// Mean and deviation of these values.
    ///
    /// ```
    /// # use gristmill_evaluate::FoldScores;
    /// let scores = FoldScores::new(vec![1.0, 3.0]);
    /// assert_eq!((scores.mean, scores.std), (2.0, 1.0));
    /// ```
    pub fn new(folds: Vec<f64>) -> Self {
        let n = folds.len().max(1) as f64;
        let mean = folds.iter().sum::<f64>() / n;
        let variance = folds.iter().map(|f| (f - mean) * (f - mean)).sum::<f64>() / n;
        Self { mean, std: variance.sqrt(), folds }
    }
}

/// Fits every step of `pipeline` to the training rows of each fold and scores the answers for its
/// test rows. `target` is known from all rows, so that all folds have the same classes.
///
/// Folds run side by side; the numbers do not depend on how many threads there are. `on_fold` hears
/// how many folds are done each time that one is.
///
/// # Errors
/// The error of the first fold that fails, by its number, as [`Pipeline::fit`] and
/// [`Metric::compute`]; [`Error::Data`] without folds.
pub fn cross_validate(
    pipeline: &Pipeline,
    table: &Table,
    target: &TargetSpec,
    folds: &[Fold],
    metrics: &[Metric],
    on_fold: &(dyn Fn(usize) + Sync),
) -> Result<CrossValidation> {
    if folds.is_empty() {
        return Err(Error::data("cross-validation needs at least one fold"));
    }
    metrics.iter().try_for_each(|m| m.check(target.task()))?;
    let notes = Notes::default();
    let done = AtomicUsize::new(0);
    let by_fold = folds
        .par_iter()
        .enumerate()
        .map(|(at, fold)| {
            let scores = score_fold(pipeline, table, target, fold, metrics, &notes);
            on_fold(done.fetch_add(1, Ordering::Relaxed) + 1);
            scores.map_err(|e| Error::Fold {
                fold: at + 1,
                folds: folds.len(),
                source: Box::new(e),
            })
        })
        .collect::<Vec<Result<_>>>()
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut notes = notes.all();
    // Folds end in any order, and equal runs say equal things.
    notes.sort_unstable();
    Ok(CrossValidation { notes, ..CrossValidation::of(&by_fold) })
}

fn score_fold(
    pipeline: &Pipeline,
    table: &Table,
    target: &TargetSpec,
    fold: &Fold,
    metrics: &[Metric],
    notes: &Notes,
) -> Result<BTreeMap<String, f64>> {
    let fitted = fold.fit(pipeline, table, target, notes)?;
    if target.task() == Task::Unsupervised {
        return score_fitted(metrics, &fitted, &table.take(&fold.test)?);
    }
    fold.score(metrics, table, target, &fold.answers(&fitted, table)?)
}

impl Fold {
    /// `pipeline` fitted to the rows of `table` that train. `target` is known from all rows, so
    /// that all folds have the same classes.
    ///
    /// # Errors
    /// As [`Pipeline::fit`].
    pub fn fit(
        &self,
        pipeline: &Pipeline,
        table: &Table,
        target: &TargetSpec,
        notes: &Notes,
    ) -> Result<FittedPipeline> {
        pipeline.fit_target(&table.take(&self.train)?, target.clone(), notes)
    }

    /// What `fitted` answers for the rows of `table` that test.
    ///
    /// # Errors
    /// As [`FittedPipeline::predict`].
    pub fn answers(&self, fitted: &FittedPipeline, table: &Table) -> Result<Prediction> {
        fitted.predict_rows(table, &self.test)
    }

    /// The values of `metrics` for answers to the rows that test, by name.
    ///
    /// # Errors
    /// As [`Metric::compute`] and [`TargetSpec::apply`].
    pub fn score(
        &self,
        metrics: &[Metric],
        table: &Table,
        target: &TargetSpec,
        answers: &Prediction,
    ) -> Result<BTreeMap<String, f64>> {
        score(metrics, target, &target.apply(&table.take(&self.test)?)?, answers)
    }
}
