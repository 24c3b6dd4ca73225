//! Everything that the classic flow needs, in one `use`.

use std::path::Path;

pub use gristmill_core::{FittedPipeline, Pipeline, Prediction, Selector, SemanticType, Table};
pub use gristmill_evaluate::Metric;
pub use gristmill_features::{
    Derive, Drop, MinMaxScaler, OneHotEncoder, OrdinalEncoder, Pca, SimpleImputer, StandardScaler,
};
pub use gristmill_models::{
    DecisionTree, LinearRegression, LogisticRegression, RandomForest, Ridge,
};

pub use crate::{Error, Result};

use gristmill_core::{Notes, Seed, TargetSpec};
use gristmill_evaluate::{Shares, Split};
use gristmill_ingest::SourceSpec;

/// The rows of a CSV file; types are inferred from all of it.
///
/// # Errors
/// When it cannot be read, or rows differ in length.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Table> {
    let source = SourceSpec::Path(path.as_ref().to_string_lossy().into_owned());
    Ok(gristmill_ingest::read(&source, Path::new(""), &Notes::default())?)
}

/// The rows of `table` in random order cut in two: to train and, a share of `test`, to test.
///
/// # Errors
/// When `test` is not between 0 and 1, or a part would be empty.
pub fn train_test_split(table: &Table, test: f64, seed: u64) -> Result<(Table, Table)> {
    let parts = Split::Random(Shares::test(test)).parts(table, None, Seed(seed))?;
    Ok((table.take(&parts.train)?, table.take(&parts.test)?))
}

/// The share of rows of `table` whose class was predicted.
///
/// # Errors
/// When `table` has no target, or it is not made of classes.
pub fn accuracy(table: &Table, predicted: &Prediction) -> Result<f64> {
    score("accuracy", table, predicted)
}

/// What `metric` says of the predictions for the rows of `table`, whose target column is known.
///
/// # Errors
/// When there is no such metric, or it does not fit the target.
pub fn score(metric: &str, table: &Table, predicted: &Prediction) -> Result<f64> {
    let spec = match predicted {
        Prediction::Classes { labels, .. } => TargetSpec {
            labels: Some(std::sync::Arc::clone(labels)),
            ..TargetSpec::learn(table, None, Default::default())?
        },
        Prediction::Numbers(_) => TargetSpec::learn(table, None, Default::default())?,
    };
    Ok(Metric::named(metric)?.compute(&spec, &spec.apply(table)?, predicted)?)
}
