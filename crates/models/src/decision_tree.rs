//! A single decision tree: CART on binned columns.
//! Method: Breiman, Friedman, Olshen and Stone, *Classification and Regression Trees*, 1984.

use gristmill_core::{Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ClassWeight;
use crate::tree::{
    Criterion, ForestKind, MaxFeatures, Plan, Sample, Splitter, TreeSettings, check_columns, fit,
};

/// Learns one tree of yes-or-no questions about columns, for classes and for numbers.
///
/// Numeric and boolean columns are divided at borders, categorical ones into subsets, as they are:
/// nothing needs to be scaled, encoded or imputed. Each column has at most `bins` bins; with no
/// more distinct values than that, splits are those of an exact search. Missing values go to the
/// side where more is gained; where training had none, to the heavier side. Subsets are exact for
/// two classes and for numbers (Fisher 1958); for more classes, categories are ordered by the share
/// of the node's heaviest class, a heuristic.
///
/// ```
/// use gristmill_core::{Estimator, Task};
/// use gristmill_models::DecisionTree;
/// # use gristmill_core::{Field, Schema};
/// let tree = DecisionTree { max_depth: Some(3), ..Default::default() };
/// let columns = Schema::new(vec![Field::number("age")])?;
/// assert!(tree.check(&columns, Task::Regression).is_ok());
/// assert!(DecisionTree { bins: 1, ..tree }.check(&columns, Task::Regression).is_err());
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    /// How many questions are asked at most on the way to an answer; without it, as many as help.
    pub max_depth: Option<usize>,
    /// How many leaves there are at most; with it, the most gainful split is made first.
    pub max_leaves: Option<usize>,
    /// How many rows each leaf has at least.
    pub min_samples_leaf: usize,
    /// How many rows are needed to ask another question.
    pub min_samples_split: usize,
    /// How many columns are looked at for each split.
    pub max_features: MaxFeatures,
    /// How many bins a column has at most, 2 to 255, besides the one for missing values.
    pub bins: usize,
    /// What is made pure: `gini` or `entropy` for classes (default `gini`), `squared_error` for
    /// numbers.
    pub criterion: Option<Criterion>,
    /// How the rows of each class are weighted.
    pub class_weight: ClassWeight,
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self {
            max_depth: None,
            max_leaves: None,
            min_samples_leaf: 1,
            min_samples_split: 2,
            max_features: MaxFeatures::All,
            bins: 255,
            criterion: None,
            class_weight: ClassWeight::None,
        }
    }
}

impl DecisionTree {
    /// The version of what it learns.
    pub const VERSION: u32 = 2;

    fn settings(&self) -> TreeSettings {
        TreeSettings {
            max_depth: self.max_depth,
            max_leaves: self.max_leaves,
            min_samples_leaf: self.min_samples_leaf,
            min_samples_split: self.min_samples_split,
            max_features: self.max_features,
            bins: self.bins,
            criterion: self.criterion,
            class_weight: self.class_weight,
            splitter: Splitter::Best,
            set_categories: usize::MAX,
        }
    }
}

impl Estimator for DecisionTree {
    fn kind(&self) -> &'static str {
        "decision_tree"
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_columns(input)?;
        self.settings().check(task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        let plan = Plan {
            kind: ForestKind::DecisionTree,
            trees: 1,
            sample: Sample::All,
            settings: self.settings(),
        };
        Ok(Box::new(fit(&plan, train, target, context)?))
    }
}
