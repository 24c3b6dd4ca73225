//! Suites that every implementor of a trait runs through.

mod bad_input;
mod estimator;
mod history;
mod transform;

pub use bad_input::{estimator_on_bad_input, transform_on_bad_input};
pub use estimator::{estimator, estimator_for_the_positive};
pub use transform::{cross_fitted_transform, transform};
