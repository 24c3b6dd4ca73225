//! Suites that every implementor of a trait runs through.

mod estimator;
mod history;
mod transform;

pub use estimator::{estimator, estimator_for_the_positive};
pub use transform::{cross_fitted_transform, transform};
