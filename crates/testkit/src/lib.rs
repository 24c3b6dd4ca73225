//! Tables, fakes and conformance suites for tests; never part of the binary.

pub mod conformance;
mod functions;
mod images;
pub mod parquet;
#[cfg(unix)]
pub mod postgres;
#[cfg(unix)]
pub mod s3;
mod tables;

pub use functions::{branin, hartmann};
pub use images::grey_png;
pub use tables::{TableBuilder, shared_csv, table};
