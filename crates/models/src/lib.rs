//! Estimators: settings that learn from training rows how to predict.
//!
//! A new estimator is a file here and a line in [`register`].

mod class_weight;
mod decision_tree;
mod extra_trees;
mod gradient_boosting;
mod isolation;
mod isolation_forest;
pub mod linear;
mod random_forest;
mod tree;

pub use class_weight::ClassWeight;
pub use decision_tree::DecisionTree;
pub use extra_trees::ExtraTrees;
pub use gradient_boosting::{EarlyStopping, GradientBoosting, Loss, Monotone};
pub use isolation::FittedIsolationForest;
pub use isolation_forest::IsolationForest;
pub use linear::{LinearModel, LinearRegression, LogisticModel, LogisticRegression, Ridge};
pub use random_forest::RandomForest;
pub use tree::{Amount, Criterion, FittedBoosting, FittedForest, MaxFeatures};

use gristmill_core::Catalog;

/// Adds every estimator of this crate to `catalog`: name in a pipeline file, settings, model, and
/// the version of what it learns.
pub fn register(catalog: &mut Catalog) {
    catalog
        .estimator::<DecisionTree, FittedForest>("decision_tree", DecisionTree::VERSION)
        .estimator::<ExtraTrees, FittedForest>("extra_trees", ExtraTrees::VERSION)
        .estimator::<GradientBoosting, FittedBoosting>(
            "gradient_boosting",
            GradientBoosting::VERSION,
        )
        .estimator::<IsolationForest, FittedIsolationForest>(
            "isolation_forest",
            IsolationForest::VERSION,
        )
        .estimator::<RandomForest, FittedForest>("random_forest", RandomForest::VERSION)
        .estimator::<LinearRegression, LinearModel>("linear_regression", LinearRegression::VERSION)
        .estimator::<LogisticRegression, LogisticModel>(
            "logistic_regression",
            LogisticRegression::VERSION,
        )
        .estimator::<Ridge, LinearModel>("ridge", Ridge::VERSION);
}
