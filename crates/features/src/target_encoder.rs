//! Categories as the mean of the target in their rows: the settings, and how training rows are
//! encoded without seeing their own answer.
//!
//! Method: Micci-Barreca, *A Preprocessing Scheme for High-Cardinality Categorical Attributes in
//! Classification and Prediction Problems*, SIGKDD Explorations 3(1), 2001.

use gristmill_core::{
    Column, Error, Field, FitContext, FittedTransform, Frame, Random, Result, Schema, Selector,
    Target, Transform,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::{Counts, Lookup};
use crate::columns;
pub use crate::target_encoding::FittedTargetEncoder;
use crate::target_encoding::{ColumnCategories, KIND};
use crate::target_means::{Answers, Cells, no_target};

pub(crate) const VERSION: u32 = 1;

/// Turns each category of a column into the mean of the target in its rows, drawn towards the mean
/// of all rows the fewer they are.
///
/// For category i with nᵢ rows, mean ȳᵢ and all rows' mean ȳ the encoding is λᵢ ȳᵢ + (1 − λᵢ) ȳ.
/// With a number m as `smoothing`, λᵢ = nᵢ / (nᵢ + m); with `auto`, the empirical Bayes estimate of
/// scikit-learn, λᵢ = nᵢ σ² / (nᵢ σ² + σᵢ²), where σ² is the variance of the target and σᵢ² that
/// within the category. Of two classes the target is 1 for the second in order and the column keeps
/// its name; of more, each class has a column `<column>_<class>` with 1 for that class; a numeric
/// target is taken as it is. Rows count by their weights.
///
/// **Training rows come out differently from later ones**: the rows are dealt into `folds`, each
/// class evenly, and each fold is encoded by what the other folds say, so that no row sees its own
/// answer (a single row has no others and sees it). Later rows are encoded by all training rows.
/// Missing is a category of its own; a category that training never saw has the mean of all rows.
///
/// # Errors
/// A column of text or moments; settings that make no sense; no rows; a target that is absent or
/// infinite; negative weights, or none above 0.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_core::{FitContext, Notes, Seed, Target, Transform};
/// # use gristmill_features::{Smoothing, TargetEncoder};
/// # use gristmill_testkit::table;
/// let train = table().words("plan", ["a", "a", "b", "b"]).frame();
/// let target = Target::Numbers(vec![1.0, 3.0, 5.0, 7.0]);
/// let notes = Notes::default();
/// let context = FitContext::new(Seed(0), &notes).with_target(&target);
/// let encoder = TargetEncoder { smoothing: Smoothing::Number(2.0), ..Default::default() };
/// let (fitted, _) = encoder.fit_apply(train.clone(), &context)?;
/// // (2 · 2 + 2 · 4) / 4 and (2 · 6 + 2 · 4) / 4
/// assert_eq!(fitted.apply(train)?.numbers(0)?, [3.0, 3.0, 5.0, 5.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// How strongly rare categories are drawn towards the mean: `auto`, or as many rows' worth.
    pub smoothing: Smoothing,
    /// How the training rows themselves are encoded.
    pub training_rows: TrainingRows,
    /// Into how many folds the training rows are dealt; 2 or more.
    pub folds: usize,
}

impl Default for TargetEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            smoothing: Smoothing::default(),
            training_rows: TrainingRows::default(),
            folds: 5,
        }
    }
}

/// How strongly rare categories are drawn towards the mean of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Smoothing {
    /// As the variances ask for (empirical Bayes).
    #[default]
    Auto,
    /// As if this many rows more had the mean of all rows; 0 or more.
    #[serde(untagged)]
    Number(f64),
}

/// How the training rows are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrainingRows {
    /// Each fold by the rows of the others.
    #[default]
    CrossFitted,
    /// By all rows, their own answer included, as later rows are. A model trusts such columns too
    /// much.
    AsLater,
}

impl TargetEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if let Smoothing::Number(rows) = self.smoothing
            && !(rows >= 0.0 && rows.is_finite())
        {
            return Err(Error::setting("smoothing", rows, "`auto`, or a number of rows from 0 on"));
        }
        if self.folds < 2 {
            return Err(Error::setting("folds", self.folds, "2 or more"));
        }
        columns::taken(&self.columns, input, columns::categorical)
    }
}

impl Transform for TargetEncoder {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// How many classes there are, and so how many columns, only the rows say.
    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            vec![Field::number(format!("{}*", field.name)).role(field.role).expanding()]
        })
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let (target, answers) = answers(&train, context)?;
        let folds = match self.training_rows {
            TrainingRows::CrossFitted => self.folds.min(train.rows()),
            TrainingRows::AsLater => 1,
        };
        let dealt = deal(target, train.rows(), folds, &mut context.seed.random());
        let learned: Vec<Learned> = positions
            .par_iter()
            .map(|&at| self.learn(&train, at, &answers, &dealt, folds))
            .collect::<Result<_>>()?;
        let (fitted, crossed): (Vec<_>, Vec<_>) =
            learned.into_iter().map(|l| (l.fitted, l.training)).unzip();
        let classes = answers.classes().map(<[String]>::to_vec);
        let fitted = FittedTargetEncoder::new(train.schema(), fitted, classes, answers.means())?;
        let applied = if folds < 2 {
            fitted.apply(train)?
        } else {
            fitted.replaced(train, crossed.into_iter().flatten().map(Column::Numbers).collect())?
        };
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// The answers of the training rows.
fn answers<'a>(train: &Frame, context: &FitContext<'a>) -> Result<(&'a Target, Answers<'a>)> {
    let target = context.target.ok_or_else(no_target)?;
    if train.rows() == 0 {
        return Err(Error::data_hint(
            "target encoding learns from rows, and there are none",
            "give it rows to learn from",
        ));
    }
    if target.len() != train.rows() {
        return Err(Error::Bug("there is not one answer for each training row".into()));
    }
    Ok((target, Answers::new(target, context.weights)?))
}

/// What one column teaches.
struct Learned {
    fitted: ColumnCategories,
    /// For each output the training rows, each encoded by the other folds.
    training: Vec<Vec<f64>>,
}

impl TargetEncoder {
    fn learn(
        &self,
        train: &Frame,
        at: usize,
        answers: &Answers<'_>,
        dealt: &[u32],
        folds: usize,
    ) -> Result<Learned> {
        let counts = Counts::of(&train.all_rows(), at)?;
        let categories = counts.ordered();
        let lookup = Lookup::new(categories.iter().zip(0u32..))?;
        let missing = categories.len() as u32;
        let codes = lookup.codes(&train.columns()[at], missing);
        let mut encodings = Vec::with_capacity(answers.outputs());
        let mut training = Vec::with_capacity(answers.outputs());
        for output in 0..answers.outputs() {
            let width = categories.len() + 1;
            let cells = Cells::count(answers, output, &codes, width, dealt, folds);
            encodings.push(cells.all().encodings(self.smoothing, answers.means()[output]));
            if folds >= 2 {
                let mean = answers.means()[output];
                let by_fold: Vec<Vec<f64>> = (0..folds)
                    .map(|fold| cells.without(fold).encodings(self.smoothing, mean))
                    .collect();
                let encoded = codes.iter().zip(dealt);
                training.push(
                    encoded.map(|(&code, &fold)| by_fold[fold as usize][code as usize]).collect(),
                );
            }
        }
        let column = train.schema().fields()[at].name.clone();
        Ok(Learned { fitted: ColumnCategories { column, categories, encodings }, training })
    }
}

/// The fold of each row: rows in random order are dealt out like cards, class after class, so that
/// each fold has its share of each class.
fn deal(target: &Target, rows: usize, folds: usize, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    if folds < 2 {
        return vec![0; rows];
    }
    random.shuffle(&mut order);
    if let Target::Classes { codes, .. } = target {
        order.sort_by_key(|&row| codes.get(row as usize).copied());
    }
    let mut dealt = vec![0; rows];
    for (turn, row) in order.into_iter().enumerate() {
        dealt[row as usize] = (turn % folds) as u32;
    }
    dealt
}
