//! Tables, fakes and conformance suites for tests; never part of the binary.

pub mod conformance;
mod functions;
#[cfg(unix)]
pub mod postgres;
mod tables;

pub use functions::{branin, hartmann};
pub use tables::{TableBuilder, shared_csv, table};
