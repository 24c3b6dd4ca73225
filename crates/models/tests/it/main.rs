//! The estimators of this crate, held to their promises and to other tools.

mod boosting;
mod isolation;
mod linear;
mod neighbors;
mod promises;
mod support;
mod trees;
