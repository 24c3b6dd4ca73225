//! Estimators: settings that learn from training rows how to predict.
//!
//! A new estimator is a file here and a line in [`register`].

mod class_weight;
mod cluster;
mod decision_tree;
mod distance;
mod dummy;
pub mod ensemble;
mod extra_trees;
mod gaussian_naive_bayes;
mod gradient_boosting;
mod isolation;
mod isolation_forest;
pub mod linear;
mod multinomial_naive_bayes;
mod neighbors;
mod points;
mod random_forest;
mod simd;
mod svm;
mod tree;

pub use class_weight::ClassWeight;
pub use cluster::{
    CenterModel, Covariance, Dbscan, DbscanModel, GaussianMixture, GaussianMixtureModel, KMeans,
    MiniBatchKMeans,
};
pub use decision_tree::DecisionTree;
pub use dummy::{Dummy, DummyConstant, DummyModel, DummyStrategy};
pub use ensemble::{
    AdaBoost, Bagging, Calibration, CalibrationMethod, Calibrator, Conformal, Resample, Stacking,
    Threshold, Voting,
};
pub use extra_trees::ExtraTrees;
pub use gaussian_naive_bayes::{GaussianNaiveBayes, GaussianNaiveBayesModel};
pub use gradient_boosting::{EarlyStopping, GradientBoosting, Loss, Monotone};
pub use isolation::FittedIsolationForest;
pub use isolation_forest::IsolationForest;
pub use linear::{ElasticNet, GammaRegression, Lasso, LinearModel, LinearRegression, LinearSvm};
pub use linear::{LinearSvmModel, LogisticModel, LogisticRegression, Penalty, PoissonRegression};
pub use linear::{Ridge, SvmLoss};
pub use multinomial_naive_bayes::MultinomialNaiveBayes;
pub use neighbors::{
    Algorithm, KNearest, KNearestModel, LocalOutlierFactor, LocalOutlierFactorModel, Metric,
    NeighborWeights,
};
pub use random_forest::RandomForest;
pub use svm::{Gamma, Kernel, Probability, Svm, SvmModel};
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
        .estimator::<Dbscan, DbscanModel>("dbscan", Dbscan::VERSION)
        .estimator::<MiniBatchKMeans, CenterModel>("mini_batch_k_means", MiniBatchKMeans::VERSION)
        .estimator::<GaussianMixture, GaussianMixtureModel>(
            "gaussian_mixture",
            GaussianMixture::VERSION,
        )
        .estimator::<KMeans, CenterModel>("k_means", KMeans::VERSION)
        .estimator::<KNearest, KNearestModel>("k_nearest", KNearest::VERSION)
        .estimator::<LocalOutlierFactor, LocalOutlierFactorModel>(
            "local_outlier_factor",
            LocalOutlierFactor::VERSION,
        )
        .estimator::<Ridge, LinearModel>("ridge", Ridge::VERSION)
        .composite_estimator::<AdaBoost, ensemble::AdaBoostModel>("ada_boost", AdaBoost::VERSION)
        .composite_estimator::<Bagging, ensemble::BaggingModel>("bagging", Bagging::VERSION)
        .composite_estimator::<Calibration, ensemble::CalibrationModel>(
            "calibration",
            Calibration::VERSION,
        )
        .composite_estimator::<Conformal, ensemble::ConformalModel>("conformal", Conformal::VERSION)
        .composite_estimator::<Resample, ensemble::ResampleModel>("resample", Resample::VERSION)
        .composite_estimator::<Stacking, ensemble::StackingModel>("stacking", Stacking::VERSION)
        .composite_estimator::<Threshold, ensemble::ThresholdModel>("threshold", Threshold::VERSION)
        .composite_estimator::<Voting, ensemble::VotingModel>("voting", Voting::VERSION);
}
