//! Estimators: settings that learn from training rows how to predict.
//!
//! A new estimator is a file here and a line in [`register`].

mod class_weight;
mod decision_tree;
mod dummy;
mod gaussian_naive_bayes;
pub mod linear;
mod multinomial_naive_bayes;
mod random_forest;
mod simd;
mod svm;
mod tree;

pub use class_weight::ClassWeight;
pub use decision_tree::DecisionTree;
pub use dummy::{Dummy, DummyConstant, DummyModel, DummyStrategy};
pub use gaussian_naive_bayes::{GaussianNaiveBayes, GaussianNaiveBayesModel};
pub use linear::{ElasticNet, GammaRegression, Lasso, LinearModel, LinearRegression, LinearSvm};
pub use linear::{LinearSvmModel, LogisticModel, LogisticRegression, Penalty, PoissonRegression};
pub use linear::{Ridge, SvmLoss};
pub use multinomial_naive_bayes::MultinomialNaiveBayes;
pub use random_forest::RandomForest;
pub use svm::{Gamma, Kernel, Probability, Svm, SvmModel};
pub use tree::{Amount, Criterion, FittedForest, MaxFeatures};

use gristmill_core::Catalog;

/// Adds every estimator of this crate to `catalog`: name in a pipeline file, settings, model, and
/// the version of what it learns.
pub fn register(catalog: &mut Catalog) {
    catalog
        .estimator::<DecisionTree, FittedForest>("decision_tree", DecisionTree::VERSION)
        .estimator::<RandomForest, FittedForest>("random_forest", RandomForest::VERSION)
        .estimator::<Dummy, DummyModel>("dummy", Dummy::VERSION)
        .estimator::<GaussianNaiveBayes, GaussianNaiveBayesModel>(
            "gaussian_naive_bayes",
            GaussianNaiveBayes::VERSION,
        )
        .estimator::<MultinomialNaiveBayes, LogisticModel>(
            "multinomial_naive_bayes",
            MultinomialNaiveBayes::VERSION,
        )
        .estimator::<Svm, SvmModel>("svm", Svm::VERSION)
        .estimator::<ElasticNet, LinearModel>("elastic_net", ElasticNet::VERSION)
        .estimator::<GammaRegression, LinearModel>("gamma_regression", GammaRegression::VERSION)
        .estimator::<Lasso, LinearModel>("lasso", Lasso::VERSION)
        .estimator::<LinearSvm, LinearSvmModel>("linear_svm", LinearSvm::VERSION)
        .estimator::<PoissonRegression, LinearModel>(
            "poisson_regression",
            PoissonRegression::VERSION,
        )
        .estimator::<LinearRegression, LinearModel>("linear_regression", LinearRegression::VERSION)
        .estimator::<LogisticRegression, LogisticModel>(
            "logistic_regression",
            LogisticRegression::VERSION,
        )
        .estimator::<Ridge, LinearModel>("ridge", Ridge::VERSION);
}
