//! The estimators of this crate, held to their promises and to other tools.

mod ensemble;
mod linear;
mod neighbors;
mod trees;
