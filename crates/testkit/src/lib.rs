//! Tables, fakes and conformance suites for tests; never part of the binary.

pub mod conformance;
#[cfg(unix)]
pub mod postgres;
mod tables;

pub use tables::{TableBuilder, shared_csv, table};
