//! Tests of the store through its public face.

mod artifacts;
mod conformance;
mod sqlite;
