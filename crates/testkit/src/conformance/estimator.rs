//! What is true of every estimator.
/// Placeholder, to be replaced.
pub fn estimator() {}
