//! The estimators of this crate, held to their promises and to other tools.

mod bad_input;
mod baselines;
mod boosting;
mod ensemble;
mod golden;
mod isolation;
mod linear;
mod many_rows;
mod margins;
mod neighbors;
mod penalties;
mod promises;
mod real_rows;
mod sparse;
mod support;
mod trees;
