//! Tests of the store through its public face.

mod artifacts;
#[cfg(unix)]
mod bucket;
mod conformance;
mod foreign;
#[cfg(unix)]
mod postgres;
mod sqlite;

/// What `work` comes to, on a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
