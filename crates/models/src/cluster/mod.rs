//! Models that find groups of rows without known answers.
//!
//! Around centers: [`seeding`] draws the first ones, [`lloyd`] moves them, [`centers`] compares
//! rows with them. By density: [`dbscan`]. By bell curves: [`mixture`].

mod center_model;
mod centers;
mod k_means;
mod lloyd;
mod seeding;

pub use center_model::CenterModel;
pub use k_means::KMeans;
