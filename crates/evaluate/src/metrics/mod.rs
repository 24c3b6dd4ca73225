//! Metrics by name.
//!
//! A new metric is a function in the file of its family and a line in the list `ENTRIES` there.

mod averages;
mod classes;
mod clusters;
mod confusion;
mod deviance;
mod labelings;
mod logarithm;
mod metric;
mod probability;
mod quantile;
mod ranking;
pub(crate) mod ranks;
mod regression;
mod relative;
mod reliability;
pub(crate) mod select;
pub(crate) mod sums;
mod tally;

pub use classes::{
    Disagreement, accuracy, balanced_accuracy, balanced_accuracy_adjusted, cohen_kappa,
    matthews_correlation,
};
pub use clusters::{calinski_harabasz, davies_bouldin, silhouette};
pub use confusion::ConfusionMatrix;
pub use deviance::{d2_tweedie, mean_tweedie_deviance};
pub use labelings::{
    adjusted_mutual_information, adjusted_rand_index, completeness, fowlkes_mallows, homogeneity,
    mutual_information, normalized_mutual_information, rand_index, v_measure,
};
pub use metric::{Metric, MetricTask, score, score_fitted};
pub use probability::{brier, d2_brier, d2_log_loss, hinge, log_loss, top_k_accuracy};
pub use quantile::{d2_pinball, mean_pinball_loss, median_absolute_error};
pub use ranking::{average_precision, gini, ks, lift, pr_auc, roc_auc};
pub use regression::{adjusted_r2, explained_variance, mae, max_error, mean_error, mse, r2, rmse};
pub use relative::{mape, msle, rmsle, smape, wape};
pub use reliability::{expected_calibration_error, maximum_calibration_error};

use gristmill_core::{DenseMatrix, Error, Labels, Result};

/// Every metric, family by family.
static FAMILIES: &[&[Entry]] = &[
    classes::ENTRIES,
    averages::ENTRIES.as_flattened(),
    ranking::ENTRIES,
    probability::ENTRIES,
    reliability::ENTRIES,
    regression::ENTRIES,
    relative::ENTRIES,
    quantile::ENTRIES,
    deviance::ENTRIES,
    clusters::ENTRIES,
];

struct Entry {
    name: &'static str,
    greater_is_better: bool,
    compute: Compute,
}

/// A metric of known classes and the answers.
type OfClasses = fn(&ClassAnswers<'_>) -> Result<f64>;
/// A metric of known numbers and the answers.
type OfNumbers = fn(&[f64], &[f64]) -> Result<f64>;
/// A metric of rows and their clusters.
type OfClusters = fn(&DenseMatrix, &[u32]) -> Result<f64>;

enum Compute {
    Classes(OfClasses),
    Numbers(OfNumbers),
    Clusters(OfClusters),
}

/// Known classes with the answers of a model.
struct ClassAnswers<'a> {
    truth: &'a [u32],
    predicted: &'a [u32],
    probabilities: &'a DenseMatrix,
    labels: &'a Labels,
}

const fn class_metric(name: &'static str, compute: OfClasses) -> Entry {
    Entry { name, greater_is_better: true, compute: Compute::Classes(compute) }
}

const fn class_loss(name: &'static str, compute: OfClasses) -> Entry {
    Entry { name, greater_is_better: false, compute: Compute::Classes(compute) }
}

const fn number_metric(name: &'static str, compute: OfNumbers) -> Entry {
    Entry { name, greater_is_better: true, compute: Compute::Numbers(compute) }
}

const fn number_loss(name: &'static str, compute: OfNumbers) -> Entry {
    Entry { name, greater_is_better: false, compute: Compute::Numbers(compute) }
}

const fn cluster_metric(name: &'static str, compute: OfClusters) -> Entry {
    Entry { name, greater_is_better: true, compute: Compute::Clusters(compute) }
}

const fn cluster_loss(name: &'static str, compute: OfClusters) -> Entry {
    Entry { name, greater_is_better: false, compute: Compute::Clusters(compute) }
}

/// A metric that has no value for the rows it was given.
fn undefined(metric: &str, reason: &str, remedy: &str) -> Error {
    Error::data_hint(format!("metric `{metric}` has no value: {reason}"), remedy)
}

fn same_length(metric: &str, truth: usize, predicted: usize) -> Result<()> {
    if truth != predicted {
        return Err(Error::Bug(format!("`{metric}` got {predicted} answers for {truth} rows")));
    }
    if truth == 0 {
        return Err(undefined(metric, "there are no rows", "give rows to score"));
    }
    Ok(())
}
