//! Keeps the columns that matter: the settings, and how columns are chosen.

mod by_model;
mod fitted;
mod score;

use std::sync::Arc;

use gristmill_core::{
    Catalog, Compose, Error, Estimator, EstimatorSpec, FitContext, FittedTransform, Frame, Result,
    Schema, Selector, Target, Task, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

pub use self::fitted::FittedSelect;
pub use self::score::SelectScore;
use crate::columns;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "select";

/// Keeps the columns that matter for the target, or that vary at all, and leaves the others out.
///
/// Columns that are not taken stay. Of columns that matter equally the first are kept. A note says
/// how many are left. Sparse columns stay sparse. Row weights count where a model is learned;
/// `k_best` refuses them, since its scores know none, and a variance is that of the rows as they are.
///
/// # Errors
/// A setting that makes no sense; a column that the method cannot use; row weights for `k_best`;
/// missing values, except for
/// `variance`, `mutual_information` and models that take them; no known answers, except for
/// `variance`; when no column is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectSettings {
    /// Among which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How they are chosen; those that vary unless said otherwise.
    pub method: SelectMethod,
}

impl Default for SelectSettings {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), method: SelectMethod::default() }
    }
}

/// How columns are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelectMethod {
    /// Those whose variance is high enough.
    Variance(Variance),
    /// Those with the highest scores, each looked at alone.
    KBest(KBest),
    /// Those that matter to a model.
    FromModel(FromModel),
    /// Those that are left when a model drops the least important ones again and again.
    Recursive(Recursive),
    /// Those without which a model answers worse.
    Permutation(Permutation),
}

impl Default for SelectMethod {
    fn default() -> Self {
        Self::Variance(Variance::default())
    }
}

/// Keeps columns whose population variance in training is above a threshold. Missing values are
/// left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Variance {
    /// What the variance must be above; 0 drops constant columns.
    pub threshold: f64,
}

/// Keeps the columns with the highest scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KBest {
    /// What a column is scored by.
    pub score: SelectScore,
    /// How many columns to keep; all where there are fewer.
    pub features: usize,
}

impl Default for KBest {
    fn default() -> Self {
        Self { score: SelectScore::default(), features: 10 }
    }
}

/// Keeps columns by the importances of a model, which sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromModel {
    /// The model, by its name: `{random_forest: {trees: 50}}`.
    pub model: EstimatorSpec,
    /// What an importance must reach.
    #[serde(default)]
    pub threshold: Threshold,
    /// How many columns to keep at most.
    #[serde(default)]
    pub max_features: Option<usize>,
}

/// What an importance must reach: a number, `mean` or `median`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number, `mean` or `median`")]
pub enum Threshold {
    /// This number.
    Number(f64),
    /// A figure of all importances.
    Of(Middle),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::Of(Middle::Mean)
    }
}

/// A figure in the middle of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Middle {
    /// Their mean.
    #[default]
    Mean,
    /// The one in the middle of their order.
    Median,
}

/// Fits a model, drops the least important columns, and starts again until few enough are left.
/// Method: Guyon et al., *Gene Selection for Cancer Classification using Support Vector Machines*,
/// 2002.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recursive {
    /// The model, by its name: `{random_forest: {trees: 50}}`.
    pub model: EstimatorSpec,
    /// How many columns to keep.
    #[serde(default = "ten")]
    pub features: usize,
    /// How many columns are dropped at once.
    #[serde(default = "one")]
    pub step: usize,
}

/// Keeps columns by how much worse a model answers held-out rows when the column's values are
/// shuffled: the rise of the mean log loss of classes, or of the mean squared error of numbers.
/// Method: Breiman, *Random Forests*, 2001, section 10.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permutation {
    /// The model, by its name: `{random_forest: {trees: 50}}`.
    pub model: EstimatorSpec,
    /// How many columns to keep; without a number those whose shuffling makes answers worse.
    #[serde(default)]
    pub features: Option<usize>,
    /// How often each column is shuffled.
    #[serde(default = "five")]
    pub repeats: usize,
    /// The share of the training rows that are held out.
    #[serde(default = "quarter")]
    pub validation: f64,
}

fn ten() -> usize {
    10
}

fn one() -> usize {
    1
}

fn five() -> usize {
    5
}

fn quarter() -> f64 {
    0.25
}

impl SelectMethod {
    fn model(&self) -> Option<&EstimatorSpec> {
        match self {
            Self::Variance(_) | Self::KBest(_) => None,
            Self::FromModel(FromModel { model, .. })
            | Self::Recursive(Recursive { model, .. })
            | Self::Permutation(Permutation { model, .. }) => Some(model),
        }
    }

    fn check(&self) -> Result<()> {
        let at_least_one = |name: &str, value: usize| match value {
            0 => Err(Error::setting(name, 0, "at least 1")),
            _ => Ok(()),
        };
        match self {
            Self::Variance(Variance { threshold }) if threshold.is_nan() || *threshold < 0.0 => {
                Err(Error::setting("threshold", threshold, "0 or more"))
            }
            Self::Variance(_) => Ok(()),
            Self::KBest(k_best) => at_least_one("features", k_best.features),
            Self::FromModel(FromModel { threshold: Threshold::Number(number), .. })
                if number.is_nan() =>
            {
                Err(Error::setting("threshold", number, "a number, `mean` or `median`"))
            }
            Self::FromModel(model) => {
                model.max_features.map_or(Ok(()), |max| at_least_one("max_features", max))
            }
            Self::Recursive(recursive) => at_least_one("features", recursive.features)
                .and_then(|()| at_least_one("step", recursive.step)),
            Self::Permutation(permutation) => {
                if !(permutation.validation > 0.0 && permutation.validation < 1.0) {
                    let found = permutation.validation;
                    return Err(Error::setting("validation", found, "a share between 0 and 1"));
                }
                permutation.features.map_or(Ok(()), |count| at_least_one("features", count))?;
                at_least_one("repeats", permutation.repeats)
            }
        }
    }
}

/// [`SelectSettings`] with the model that they name.
#[derive(Debug)]
pub struct Select {
    settings: SelectSettings,
    estimator: Option<Box<dyn Estimator>>,
}

impl Serialize for Select {
    fn serialize<S: Serializer>(&self, output: S) -> std::result::Result<S::Ok, S::Error> {
        self.settings.serialize(output)
    }
}

impl Compose for Select {
    type Settings = SelectSettings;

    fn compose(settings: SelectSettings, catalog: &Catalog) -> Result<Self> {
        let estimator = settings.method.model().map(|spec| spec.build(catalog)).transpose()?;
        Ok(Self { settings, estimator })
    }
}

/// What was found of the columns taken.
struct Chosen {
    /// How much each column matters.
    scores: Vec<f64>,
    /// Whether each is kept.
    kept: Vec<bool>,
}

impl Chosen {
    /// The `count` columns with the highest scores.
    fn best(scores: Vec<f64>, count: usize) -> Self {
        let mut kept = vec![false; scores.len()];
        falling(&scores).into_iter().take(count).for_each(|at| kept[at] = true);
        Self { scores, kept }
    }

    /// The columns whose scores pass.
    fn passing(scores: Vec<f64>, passes: impl Fn(f64) -> bool) -> Self {
        let kept = scores.iter().map(|&score| passes(score)).collect();
        Self { scores, kept }
    }
}

/// Positions by falling score, the first of equal ones first.
fn falling(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

impl Select {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        self.settings.method.check()?;
        columns::taken(&self.settings.columns, input, |field| match &self.estimator {
            // A model says itself which columns it takes.
            Some(_) => Ok(()),
            None => columns::numeric(field),
        })
    }

    fn choose(
        &self,
        train: &Frame,
        positions: &[usize],
        context: &FitContext<'_>,
    ) -> Result<Chosen> {
        let method = &self.settings.method;
        if let SelectMethod::Variance(Variance { threshold }) = method {
            let variances = score::variances(train, positions)?;
            return Ok(Chosen::passing(variances, |variance| variance > *threshold));
        }
        let target = known(context)?;
        if train.rows() == 0 {
            return Err(Error::data("there are no rows to choose columns by"));
        }
        if let SelectMethod::KBest(KBest { score, features }) = method {
            if context.weights.is_some() {
                return Err(Error::data_hint(
                    "`k_best` scores columns without knowing row weights, and the rows have some",
                    "leave out `weight`, or choose by a model: `method: {from_model: ...}`",
                ));
            }
            let scores = score.of(train, positions, target)?;
            return Ok(Chosen::best(scores, *features));
        }
        let estimator = self.estimator.as_deref().ok_or_else(|| {
            Error::Bug("columns are selected by a model that is not there".into())
        })?;
        let rows = train.select(positions);
        let rows = if estimator.takes_sparse() { rows } else { rows.dense()? };
        by_model::choose(method, estimator, &rows, target, context)
    }
}

/// The known answers, which must be there.
fn known<'a>(context: &FitContext<'a>) -> Result<&'a Target> {
    match context.target {
        Some(target) if target.task() != Task::Unsupervised => Ok(target),
        _ => Err(Task::no_target(KIND)),
    }
}

impl Transform for Select {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        columns::spliced(input, |at, field| {
            let taken = positions.binary_search(&at).is_ok();
            // Only fitting knows which of them are left.
            vec![if taken { field.clone().expanding() } else { field.clone() }]
        })
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        let Chosen { scores, kept } = self.choose(&train, &positions, context)?;
        let left = kept.iter().filter(|k| **k).count();
        if left == 0 {
            return Err(Error::data_hint(
                format!("none of the {} columns matters enough to be kept", positions.len()),
                "lower the threshold, or take other columns",
            ));
        }
        context.notes.add(format!("`{KIND}` keeps {left} of {} columns", positions.len()));
        let fitted = FittedSelect::new(&input, positions, scores, &kept)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}
