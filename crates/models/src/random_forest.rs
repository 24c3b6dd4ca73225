//! A random forest: many trees, each on its own draw of rows and columns, averaged.
//! Method: Breiman, *Random Forests*, Machine Learning 45, 2001; class probabilities are averaged as
//! in scikit-learn, not voted.

use gristmill_core::{Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ClassWeight;
use crate::tree::{
    Amount, Criterion, ForestKind, MaxFeatures, Plan, Sample, Splitter, TreeSettings, at_least,
    check_columns, fit, is_share,
};

/// Nodes with more categories than this divide them at a border in the order of their words, not into
/// the best two sets.
///
/// Sets of many categories are the best of very many, so such columns are likely to be chosen more
/// often than they deserve (compare Strobl et al., *Bias in random forest variable importance
/// measures*, BMC Bioinformatics 8, 2007). On the flights of `benches/trees.py`, one seed, sets
/// everywhere give an area under the curve of 0.692, borders everywhere 0.702, sets up to 12
/// categories 0.701, and one order by the target for all nodes 0.697. On Telco's churn, whose columns
/// have few categories, sets do no worse than borders. The number was chosen among 6, 12 and 32 by
/// these same rows.
const SET_CATEGORIES: usize = 12;

/// Learns many decision trees and averages them, for classes and for numbers.
///
/// Each tree sees as many rows as there are, drawn with replacement, and each split looks at a draw
/// of the columns. Columns are taken as they are, see [`crate::DecisionTree`]; but a node with more
/// than 12 categories divides them at a border in the order of their words. Weights of rows
/// multiply how often they were drawn. Trees have a seed each, so the number of threads does not
/// matter.
///
/// ```
/// use gristmill_models::RandomForest;
/// let forest = RandomForest { trees: 200, min_samples_leaf: 5, ..Default::default() };
/// assert_eq!(RandomForest::trees(200), RandomForest { min_samples_leaf: 1, ..forest });
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// How many trees there are.
    pub trees: usize,
    /// How many questions a tree asks at most on the way to an answer; without it, as many as help.
    pub max_depth: Option<usize>,
    /// How many leaves a tree has at most; with it, the most gainful split is made first.
    pub max_leaves: Option<usize>,
    /// How many different rows each leaf has at least.
    pub min_samples_leaf: usize,
    /// How many different rows are needed to ask another question.
    pub min_samples_split: usize,
    /// How many columns are looked at for each split; without it `sqrt` for classes and `all` for
    /// numbers.
    pub max_features: Option<MaxFeatures>,
    /// How many bins a column has at most, 2 to 255, besides the one for missing values.
    pub bins: usize,
    /// Whether each tree sees rows drawn with replacement, or all of them.
    pub bootstrap: bool,
    /// How many rows are drawn for each tree; without it as many as there are.
    pub max_samples: Option<Amount>,
    /// What is made pure: `gini` or `entropy` for classes (default `gini`), `squared_error` for
    /// numbers.
    pub criterion: Option<Criterion>,
    /// How the rows of each class are weighted.
    pub class_weight: ClassWeight,
}

impl Default for RandomForest {
    fn default() -> Self {
        Self {
            trees: 100,
            max_depth: None,
            max_leaves: None,
            min_samples_leaf: 1,
            min_samples_split: 2,
            max_features: None,
            bins: 255,
            bootstrap: true,
            max_samples: None,
            criterion: None,
            class_weight: ClassWeight::None,
        }
    }
}

impl RandomForest {
    /// The version of what it learns.
    pub const VERSION: u32 = 3;

    /// A forest of so many trees, otherwise as by default.
    pub fn trees(trees: usize) -> Self {
        Self { trees, ..Self::default() }
    }

    fn settings(&self, task: Task) -> TreeSettings {
        let usual = match task {
            Task::Classification { .. } => MaxFeatures::Sqrt,
            Task::Regression | Task::Unsupervised => MaxFeatures::All,
        };
        TreeSettings {
            max_depth: self.max_depth,
            max_leaves: self.max_leaves,
            min_samples_leaf: self.min_samples_leaf,
            min_samples_split: self.min_samples_split,
            max_features: self.max_features.unwrap_or(usual),
            bins: self.bins,
            criterion: self.criterion,
            class_weight: self.class_weight,
            splitter: Splitter::Best,
            set_categories: SET_CATEGORIES,
        }
    }

    fn check_samples(&self) -> Result<()> {
        match self.max_samples {
            Some(Amount::Count(count)) => at_least("max_samples", Some(count), 1),
            Some(Amount::Share(share)) => is_share("max_samples", share),
            None => Ok(()),
        }
    }

    fn sample(&self, rows: usize) -> Sample {
        match (self.bootstrap, self.max_samples) {
            (false, _) => Sample::All,
            (true, None) => Sample::Draws(rows),
            (true, Some(Amount::Count(count))) => Sample::Draws(count.min(rows)),
            (true, Some(Amount::Share(share))) => {
                Sample::Draws(((rows as f64 * share).round() as usize).max(1))
            }
        }
    }
}

impl Estimator for RandomForest {
    fn kind(&self) -> &'static str {
        "random_forest"
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_columns(input)?;
        at_least("trees", Some(self.trees), 1)?;
        self.check_samples()?;
        if !self.bootstrap && self.max_samples.is_some() {
            return Err(gristmill_core::Error::setting(
                "max_samples",
                "set",
                "no `max_samples` where `bootstrap` is false and trees see all rows",
            ));
        }
        self.settings(task).check(task)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let plan = Plan {
            kind: ForestKind::RandomForest,
            trees: self.trees,
            sample: self.sample(train.rows()),
            settings: self.settings(target.task()),
        };
        Ok(Box::new(fit(&plan, train, target, context)?))
    }
}
