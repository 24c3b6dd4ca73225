//! The estimators of this crate, held to their promises and to other tools.

mod baselines;
mod linear;
mod margins;
mod penalties;
mod sparse;
mod support;
mod trees;
