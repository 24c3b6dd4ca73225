//! Models that find groups of rows without known answers.
//!
//! Around centers: [`seeding`] draws the first ones, [`lloyd`] moves them, [`centers`] compares
//! rows with them. By density: [`dbscan`]. By bell curves: [`mixture`].

mod center_model;
mod centers;
mod dbscan;
mod dbscan_model;
mod density;
mod k_means;
mod lloyd;
mod mini_batch_k_means;
mod mixture;
mod seeding;

pub use center_model::CenterModel;
pub use dbscan::Dbscan;
pub use dbscan_model::DbscanModel;
pub use k_means::KMeans;
pub use mini_batch_k_means::MiniBatchKMeans;
pub use mixture::{Covariance, GaussianMixture, GaussianMixtureModel};
