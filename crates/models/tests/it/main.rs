//! The estimators of this crate, held to their promises and to other tools.

mod boosting;
mod isolation;
mod ensemble;
mod linear;
mod neighbors;
mod promises;
mod baselines;
mod margins;
mod penalties;
mod sparse;
mod real_rows;
mod support;
mod trees;
