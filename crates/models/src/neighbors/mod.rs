//! Models that look up the nearest training rows.
//!
//! [`search`] finds them, by the tree in [`kd_tree`] or by the kernel of [`crate::distance`].

mod k_nearest;
mod k_nearest_model;
pub(crate) mod kd_tree;
mod local_outlier_factor;
mod metric;
mod nearest;
mod search;

pub use k_nearest::{KNearest, NeighborWeights};
pub use k_nearest_model::KNearestModel;
pub use local_outlier_factor::{LocalOutlierFactor, LocalOutlierFactorModel};
pub use metric::Metric;
pub use search::Algorithm;

pub(crate) use search::{Found, Search};
