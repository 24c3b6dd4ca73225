//! Estimators: settings that learn from training rows how to predict.
//!
//! A new estimator is a file here and a line in [`register`].

use gristmill_core::Catalog;

/// Adds every estimator of this crate to `catalog`: name in a pipeline file, settings, model, and
/// the version of what it learns.
pub fn register(catalog: &mut Catalog) {
    let _ = catalog;
}
