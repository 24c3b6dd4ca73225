//! Gradient boosting: trees that each mend what those before left wrong.
//! Method: Friedman, *Greedy Function Approximation: A Gradient Boosting Machine*, Annals of
//! Statistics 29, 2001, on histograms as in Ke et al., *LightGBM*, NeurIPS 2017.

use std::collections::BTreeMap;

use gristmill_core::{
    Error, Estimator, FitContext, Frame, Model, Result, Schema, SemanticType, Target, Task,
    Validation,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ClassWeight;
use crate::tree::boost::{Direction, Limits, MAX_ROWS, Objective, Plan, Rows, Terms, fit};
use crate::tree::{
    MAX_BINS, MAX_CLASSES, MaxFeatures, Weights, at_least, check_columns, is_number, is_share,
};

/// Learns trees one after the other, each on what those before left wrong, for classes and for
/// numbers.
///
/// Each tree divides the leaf that gains most until it has `leaves`. With g and h the sums of the
/// first and second derivatives of the loss over the rows of a leaf, the leaf answers
/// −g / (h + `l2`), and a split gains g₁²/(h₁ + `l2`) + g₂²/(h₂ + `l2`) − g²/(h + `l2`); answers
/// are multiplied by `learning_rate`. Two classes share one score, the log-odds; more classes have
/// one each, and a tree a round.
///
/// Columns are taken as they are: numbers in at most `bins` bins, whose borders are learned from at
/// most 100,000 rows, categories by subsets, the 255 most frequent of them; missing values go where
/// more is gained. Sums are kept as integers, so the number of threads does not matter. Weights of
/// rows are scaled to the mean 1.
///
/// ```
/// use gristmill_models::{EarlyStopping, GradientBoosting};
/// let model: GradientBoosting = serde_json::from_str(
///     r#"{"trees": 500, "learning_rate": 0.05, "early_stopping": {"rounds": 30}}"#,
/// )?;
/// assert_eq!(model.early_stopping, Some(EarlyStopping { rounds: 30, validation: 0.1 }));
/// assert_eq!(model.leaves, 31);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// How many rounds there are at most; each adds a tree, or one a class for more than two.
    pub trees: usize,
    /// How many leaves a tree has at most.
    pub leaves: usize,
    /// How much of its answer each tree adds.
    pub learning_rate: f64,
    /// How many questions a tree asks at most on the way to an answer; without it, as many as help.
    pub max_depth: Option<usize>,
    /// How many rows each leaf has at least.
    pub min_leaf_rows: usize,
    /// How much the second derivatives of a leaf sum to at least.
    pub min_leaf_hessian: f64,
    /// How much a split gains at least.
    pub min_gain: f64,
    /// Draws the sum of first derivatives of a leaf towards zero by this much.
    pub l1: f64,
    /// Draws the answers of leaves towards zero: added to the sum of second derivatives.
    pub l2: f64,
    /// How many bins a column has at most, 2 to 255, besides the one for missing values.
    pub bins: usize,
    /// The share of the rows that each round sees, drawn anew without replacement.
    pub subsample: f64,
    /// How many columns each tree may ask about, drawn anew.
    pub max_features: MaxFeatures,
    /// Added to the second derivatives of a category where categories are put in order; those of
    /// fewer rows are not told apart.
    pub category_smoothing: f64,
    /// Added to `l2` where categories are divided and there are more than 4.
    pub category_l2: f64,
    /// How many rows categories have at least that are put on one side.
    pub category_rows: usize,
    /// How many categories are put on one side at most.
    pub max_categories: usize,
    /// Which way the answer may move with a column, by the column's name.
    pub monotone: BTreeMap<String, Monotone>,
    /// What is made small; without it `log_loss` for classes, `squared_error` for numbers.
    pub loss: Option<Loss>,
    /// How the rows of each class are weighted.
    pub class_weight: ClassWeight,
    /// When to stop before all rounds are done; without it, never.
    pub early_stopping: Option<EarlyStopping>,
}

/// Which way an answer may move with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Monotone {
    /// It never falls while the column rises.
    Increasing,
    /// It never rises while the column rises.
    Decreasing,
}

/// What a boosted model makes small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// For classes: −ln of the probability of the true class.
    LogLoss,
    /// For numbers: the squared error, made small by the mean.
    SquaredError,
    /// For numbers: the absolute error, made small by the median.
    AbsoluteError,
    /// For numbers: squared for the share `alpha` of the smallest errors, absolute for the others.
    Huber {
        /// The share of errors that are squared, between 0 and 1.
        alpha: f64,
    },
    /// For numbers: the pinball loss, made small by the quantile `alpha`.
    Quantile {
        /// Which quantile, between 0 and 1.
        alpha: f64,
    },
    /// For counts, at least 0: half the Poisson deviance, on the logarithm of the mean.
    Poisson,
    /// For numbers above 0: half the gamma deviance, on the logarithm of the mean.
    Gamma,
}

/// When boosting stops early.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EarlyStopping {
    /// After so many rounds without a lower loss on rows that were held out. The model keeps the
    /// rounds up to the lowest loss.
    pub rounds: usize,
    /// The share of the training rows that are held out.
    pub validation: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self { rounds: 20, validation: 0.1 }
    }
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            trees: 100,
            leaves: 31,
            learning_rate: 0.1,
            max_depth: None,
            min_leaf_rows: 20,
            min_leaf_hessian: 1e-3,
            min_gain: 0.0,
            l1: 0.0,
            l2: 0.0,
            bins: MAX_BINS,
            subsample: 1.0,
            max_features: MaxFeatures::All,
            category_smoothing: 10.0,
            category_l2: 10.0,
            category_rows: 100,
            max_categories: 32,
            monotone: BTreeMap::new(),
            loss: None,
            class_weight: ClassWeight::None,
            early_stopping: None,
        }
    }
}

impl GradientBoosting {
    /// The version of what it learns.
    pub const VERSION: u32 = 2;

    /// So many rounds, otherwise as by default.
    pub fn trees(trees: usize) -> Self {
        Self { trees, ..Self::default() }
    }

    fn check_settings(&self) -> Result<()> {
        at_least("trees", Some(self.trees), 1)?;
        at_least("leaves", Some(self.leaves), 2)?;
        at_least("max_depth", self.max_depth, 1)?;
        at_least("min_leaf_rows", Some(self.min_leaf_rows), 1)?;
        at_least("category_rows", Some(self.category_rows), 1)?;
        at_least("max_categories", Some(self.max_categories), 1)?;
        is_share("learning_rate", self.learning_rate)?;
        is_share("subsample", self.subsample)?;
        for (name, value) in [
            ("min_leaf_hessian", self.min_leaf_hessian),
            ("min_gain", self.min_gain),
            ("l1", self.l1),
            ("l2", self.l2),
            ("category_smoothing", self.category_smoothing),
            ("category_l2", self.category_l2),
        ] {
            is_number(name, value)?;
        }
        if !(2..=MAX_BINS).contains(&self.bins) {
            return Err(Error::setting("bins", self.bins, format!("2 to {MAX_BINS}")));
        }
        self.max_features.check()?;
        if let Some(early) = self.early_stopping {
            at_least("early_stopping.rounds", Some(early.rounds), 1)?;
            between_0_and_1("early_stopping.validation", early.validation)?;
        }
        Ok(())
    }

    /// The loss for a task, if they fit each other.
    fn objective(&self, task: Task) -> Result<Objective> {
        let loss = self.loss.unwrap_or(match task {
            Task::Classification { .. } => Loss::LogLoss,
            Task::Regression | Task::Unsupervised => Loss::SquaredError,
        });
        match (task, loss) {
            (Task::Unsupervised, _) => Err(Task::no_target("gradient_boosting")),
            (Task::Classification { classes }, _) if classes > MAX_CLASSES => {
                Err(Error::data_hint(
                    format!("the target has {classes} classes; boosting tells {MAX_CLASSES} apart"),
                    "group rare classes, or choose another model",
                ))
            }
            (Task::Classification { classes: 2 }, Loss::LogLoss) => Ok(Objective::Logistic),
            (Task::Classification { classes }, Loss::LogLoss) => Ok(Objective::Softmax { classes }),
            (Task::Classification { .. }, loss) => {
                Err(Error::setting("loss", loss.name(), "log_loss for classes"))
            }
            (Task::Regression, _) if self.class_weight != ClassWeight::None => Err(Error::setting(
                "class_weight",
                "balanced",
                "none for a numeric target, which has no classes",
            )),
            (Task::Regression, loss) => loss.objective(),
        }
    }

    fn directions(&self, input: &Schema, objective: Objective) -> Result<Vec<Direction>> {
        let mut directions = vec![Direction::Any; input.len()];
        for (name, monotone) in &self.monotone {
            let at = input.position(name)?;
            let field = &input.fields()[at];
            if field.semantic == SemanticType::Categorical {
                return Err(Error::WrongType {
                    name: name.clone(),
                    found: field.semantic,
                    expected: "numeric or boolean to be monotone",
                    hint: Some("categories have no order; leave it out of `monotone`".into()),
                });
            }
            if objective.renews() || objective.outputs() > 1 {
                return Err(Error::setting(
                    "monotone",
                    "set",
                    "two classes, or one of the losses squared_error, poisson and gamma",
                ));
            }
            directions[at] = match monotone {
                Monotone::Increasing => Direction::Increasing,
                Monotone::Decreasing => Direction::Decreasing,
            };
        }
        Ok(directions)
    }

    fn limits(&self) -> Limits {
        Limits {
            max_leaves: self.leaves,
            max_depth: self.max_depth.unwrap_or(usize::MAX),
            terms: Terms {
                min_rows: self.min_leaf_rows as i64,
                // Without any hessian there is no Newton step.
                min_hessian: self.min_leaf_hessian.max(f64::MIN_POSITIVE),
                min_gain: self.min_gain,
                l1: self.l1,
                l2: self.l2,
                category_smoothing: self.category_smoothing,
                category_l2: self.category_l2,
                category_rows: self.category_rows as i64,
                max_categories: self.max_categories,
            },
        }
    }

    /// The rows to learn from, and those to watch where nobody has held any out.
    fn hold_out(
        &self,
        mut rows: Vec<u32>,
        context: &FitContext<'_>,
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        let (Some(early), None) = (self.early_stopping, context.validation) else {
            return Ok((rows, Vec::new()));
        };
        let held = ((rows.len() as f64 * early.validation).round() as usize).max(1);
        if held >= rows.len() {
            return Err(Error::data_hint(
                format!("of {} rows none is left to learn from", rows.len()),
                "give more rows, or leave out early stopping",
            ));
        }
        context.seed.named("validation").random().shuffle(&mut rows);
        let mut held = rows.split_off(rows.len() - held);
        rows.sort_unstable();
        held.sort_unstable();
        Ok((rows, held))
    }

    /// The rows to watch that came with the context.
    fn given<'a>(
        &self,
        given: &'a Validation,
        objective: Objective,
        context: &FitContext<'_>,
    ) -> Result<Rows<'a>> {
        let context = FitContext { weights: given.weights.as_deref(), ..*context };
        let weights = Weights::new(&given.rows, &given.target, &context, self.class_weight)?;
        Rows::new(&given.rows, &given.target, &weights, weights.rows(), objective)
    }

    fn plan(&self, input: &Schema, task: Task) -> Result<Plan> {
        let objective = self.objective(task)?;
        Ok(Plan {
            objective,
            task,
            rounds: self.trees,
            learning_rate: self.learning_rate,
            limits: self.limits(),
            bins: self.bins,
            subsample: self.subsample,
            max_features: self.max_features,
            directions: self.directions(input, objective)?,
            patience: self.early_stopping.map(|early| early.rounds),
        })
    }
}

impl Loss {
    fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "log_loss",
            Self::SquaredError => "squared_error",
            Self::AbsoluteError => "absolute_error",
            Self::Huber { .. } => "huber",
            Self::Quantile { .. } => "quantile",
            Self::Poisson => "poisson",
            Self::Gamma => "gamma",
        }
    }

    /// What a numeric target is learned by.
    fn objective(self) -> Result<Objective> {
        if let Self::Huber { alpha } | Self::Quantile { alpha } = self {
            between_0_and_1("alpha", alpha)?;
        }
        match self {
            Self::LogLoss => Err(Error::setting(
                "loss",
                "log_loss",
                "a loss for numbers, such as squared_error, for a numeric target",
            )),
            Self::SquaredError => Ok(Objective::Squared),
            Self::AbsoluteError => Ok(Objective::Absolute),
            Self::Huber { alpha } => Ok(Objective::Huber { alpha }),
            Self::Quantile { alpha } => Ok(Objective::Quantile { alpha }),
            Self::Poisson => Ok(Objective::Poisson),
            Self::Gamma => Ok(Objective::Gamma),
        }
    }
}

fn between_0_and_1(name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(Error::setting(name, value, "a number between 0 and 1, without these"))
}

impl Estimator for GradientBoosting {
    fn kind(&self) -> &'static str {
        "gradient_boosting"
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_columns(input)?;
        self.check_settings()?;
        self.plan(input, task).map(drop)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let plan = self.plan(train.schema(), target.task())?;
        let weights = Weights::new(train, target, context, self.class_weight)?;
        let rows = weights.rows();
        if rows.len() > MAX_ROWS {
            return Err(Error::data_hint(
                format!("there are {} rows; boosting takes {MAX_ROWS}", rows.len()),
                "train on a sample of them",
            ));
        }
        let (rows, held) = self.hold_out(rows, context)?;
        let learn = Rows::new(train, target, &weights, rows, plan.objective)?;
        let held = match (context.validation, held) {
            _ if self.early_stopping.is_none() => None,
            (Some(given), _) => Some(self.given(given, plan.objective, context)?),
            (None, held) => Some(Rows::new(train, target, &weights, held, plan.objective)?),
        };
        Ok(Box::new(fit(&plan, &learn, held, context)?))
    }

    fn validation_share(&self) -> Option<f64> {
        self.early_stopping.map(|early| early.validation)
    }
}
