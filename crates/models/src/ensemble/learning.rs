//! Fitting the models inside another one.

use gristmill_core::graph::{Answers, Value};
use gristmill_core::{
    DenseMatrix, Error, Estimator, FitContext, Frame, Model, Notes, Result, Schema, Scores, Seed,
    Target, Task,
};
use rayon::prelude::*;

use super::folds::Folds;

/// The rows to learn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learning<'a> {
    pub(super) rows: &'a Frame,
    pub(super) target: &'a Target,
    pub(super) context: &'a FitContext<'a>,
}

impl<'a> Learning<'a> {
    /// Rows with their answers and weights.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no row; [`Error::Bug`] when their numbers differ.
    pub(super) fn new(
        rows: &'a Frame,
        target: &'a Target,
        context: &'a FitContext<'a>,
    ) -> Result<Self> {
        let count = rows.rows();
        if target.len() != count || context.weights.is_some_and(|w| w.len() != count) {
            return Err(Error::Bug("rows, answers and weights differ in number".into()));
        }
        if count == 0 {
            return Err(Error::data("there is no row to learn from"));
        }
        Ok(Self { rows, target, context })
    }

    /// What the row at this position weighs.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.context.weights.map_or(1.0, |weights| weights[row])
    }

    /// A model of all rows.
    pub(super) fn fit(&self, estimator: &dyn Estimator, seed: Seed) -> Result<Box<dyn Model>> {
        let context = FitContext { seed, target: Some(self.target), ..*self.context };
        estimator
            .fit(self.rows, self.target, &context)
            .map_err(|error| error.in_step(estimator.kind()))
    }

    /// A model of the rows at `rows`, which may repeat; `columns` are the columns that it sees.
    pub(super) fn fit_some(
        &self,
        estimator: &dyn Estimator,
        rows: &[u32],
        columns: Option<&[usize]>,
        seed: Seed,
    ) -> Result<Box<dyn Model>> {
        let (frame, target) = (self.rows.take(rows), self.target.take(rows));
        let frame = columns.map_or_else(|| frame.clone(), |columns| frame.select(columns));
        let weights = self.context.weights;
        let weights: Option<Vec<f64>> =
            weights.map(|w| rows.iter().map(|&row| w[row as usize]).collect());
        let validation = self.context.validation.map(|held| match columns {
            Some(columns) => {
                gristmill_core::Validation { rows: held.rows.select(columns), ..held.clone() }
            }
            None => held.clone(),
        });
        // What is left to say is said when all rows are learned from.
        let notes = Notes::default();
        let context = FitContext::new(seed, &notes)
            .with_target(&target)
            .with_weights(weights.as_deref())
            .with_validation(validation.as_ref());
        estimator.fit(&frame, &target, &context).map_err(|error| error.in_step(estimator.kind()))
    }

    /// The answer for each row by a model that has not learned from it, `[rows, answers]`.
    pub(super) fn out_of_fold(
        &self,
        estimator: &dyn Estimator,
        folds: &Folds,
        seed: Seed,
    ) -> Result<DenseMatrix> {
        let parts: Vec<(Vec<u32>, DenseMatrix)> = (0..folds.count())
            .into_par_iter()
            .map(|fold| {
                let (train, test) = folds.parts(fold);
                let seed = seed.numbered(fold as u64);
                let model = self.fit_some(estimator, &train, None, seed)?;
                let answers = answers(model.predict(&self.rows.take(&test))?)?;
                Ok((test, answers))
            })
            .collect::<Result<_>>()?;
        let mut all = DenseMatrix::zeros(self.rows.rows(), width(self.target.task()));
        for (rows, answers) in parts {
            for column in 0..all.columns() {
                for (&row, &value) in rows.iter().zip(answers.column(column)) {
                    all.set(row as usize, column, value);
                }
            }
        }
        Ok(all)
    }
}

/// How many numbers an answer has.
pub(super) fn width(task: Task) -> usize {
    match task {
        Task::Classification { classes } => classes,
        Task::Regression | Task::Unsupervised => 1,
    }
}

/// Answers as columns.
pub(super) fn answers(scores: Scores) -> Result<DenseMatrix> {
    match scores {
        Scores::Probabilities(probabilities) => Ok(probabilities),
        Scores::Values(values) => DenseMatrix::from_columns(values.len(), 1, values),
    }
}

/// Columns as answers to this task.
pub(super) fn scores(answers: DenseMatrix, task: Task) -> Scores {
    match task {
        Task::Classification { .. } => Scores::Probabilities(answers),
        Task::Regression | Task::Unsupervised => Scores::Values(answers.values().to_vec()),
    }
}

/// As [`scores`], for answers in a graph.
pub(super) fn express_scores(answers: Value, task: Task) -> Answers {
    match task {
        Task::Classification { .. } => Answers::Probabilities(answers),
        Task::Regression | Task::Unsupervised => Answers::Values(answers),
    }
}

/// Refuses models that cannot learn such rows, and models that need no answers.
///
/// # Errors
/// The error of the first model that refuses, with its name.
pub(super) fn check_inner<'a>(
    kind: &str,
    estimators: impl IntoIterator<Item = &'a dyn Estimator>,
    input: &Schema,
    task: Task,
) -> Result<()> {
    if task == Task::Unsupervised {
        return Err(Task::no_target(kind));
    }
    estimators.into_iter().try_for_each(|estimator| {
        if estimator.unsupervised() {
            return Err(Error::data_hint(
                format!(
                    "`{}` learns without known answers, and `{kind}` needs them",
                    estimator.kind()
                ),
                "put a model inside that predicts",
            ));
        }
        estimator.check(input, task).map_err(|error| error.in_step(estimator.kind()))
    })
}

/// Refuses a task that has no two classes.
///
/// # Errors
/// [`Error::Data`].
pub(super) fn require_classes(kind: &str, task: Task) -> Result<usize> {
    match task {
        Task::Classification { classes } => Ok(classes),
        Task::Unsupervised => Err(Task::no_target(kind)),
        Task::Regression => Err(Error::data_hint(
            format!("`{kind}` works on probabilities of classes, and the target is a number"),
            "leave it out, or type the target `categorical`",
        )),
    }
}

/// The largest share of rows that one of the models wants to be held out.
pub(super) fn validation_share<'a>(
    estimators: impl IntoIterator<Item = &'a dyn Estimator>,
) -> Option<f64> {
    estimators.into_iter().filter_map(Estimator::validation_share).max_by(f64::total_cmp)
}
