//! Gradient boosting on histograms: trees that each mend what those before left wrong.
//!
//! A fit goes through these files in order: [`rounds`] adds tree after tree, [`gradients`] says for
//! every row where its score should go, by the derivatives of [`loss`], [`grow`] divides the leaf
//! that gains most, [`packed`] fills the histograms, of several columns at once where [`bundle`]
//! can, [`sums`] are what they hold, [`search`] finds
//! splits in them, [`partition`] moves the rows, and [`model`] is what comes out.
//! Sources: Friedman, *Greedy Function Approximation: A Gradient Boosting Machine*, Annals of
//! Statistics 29, 2001; Ke et al., *LightGBM*, NeurIPS 2017.

mod bundle;
mod gradients;
mod grow;
mod loss;
mod model;
mod packed;
mod partition;
mod quantile;
mod rounds;
mod search;
mod stored;
mod sums;

pub use model::FittedBoosting;

pub(crate) use grow::Limits;
pub(crate) use loss::{Known, Objective};
pub(crate) use rounds::{Plan, Rows, fit};
pub(crate) use search::{Direction, Terms};
pub(crate) use sums::MAX_ROWS;
