//! Isolation trees: they see few rows, and values as they are rather than in bins, because outliers
//! are what bins would hide.

mod cells;
mod grow;
mod model;
mod stored;

pub use model::FittedIsolationForest;

pub(crate) use grow::{Plan, fit};
