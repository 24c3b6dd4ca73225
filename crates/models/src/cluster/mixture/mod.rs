//! Clusters as bell curves that overlap.
//!
//! [`settings`] says what is asked for, [`em`] learns it, [`shape`] holds the curves, and
//! [`model`] is what comes out.

mod blocks;
mod em;
mod model;
mod settings;
mod shape;

pub use model::GaussianMixtureModel;
pub use settings::{Covariance, GaussianMixture};
