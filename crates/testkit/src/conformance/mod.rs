//! Suites that every implementor of a trait runs through.

mod estimator;
mod transform;

pub use estimator::estimator;
pub use transform::transform;
