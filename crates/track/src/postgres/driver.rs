//! The thread that moves the store's connections along.
//!
//! A connection belongs to the runtime that opened it and stands still when that one does. Callers
//! come from runtimes that begin and end, or that wait for the store in `block_on`; so the store has
//! a runtime of its own.

use std::path::Path;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::{Result, TrackError};

/// The door to the thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    runtime: Handle,
    _until: oneshot::Sender<()>,
}

impl Driver {
    /// Starts the thread. An error names `place`.
    pub(super) fn start(place: &Path) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| TrackError::io(place, &error))?;
        let handle = runtime.handle().clone();
        let (until, dropped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("gristmill-store".into())
            .spawn(move || {
                // Nothing is ever sent: it ends when the other half is dropped.
                let _ = runtime.block_on(dropped);
            })
            .map_err(|error| TrackError::io(place, &error))?;
        Ok(Self { runtime: handle, _until: until })
    }

    /// What `work` comes to on that thread. It is done even if the caller no longer waits.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let done = self.runtime.spawn(work).await;
        done.map_err(|error| TrackError::Bug(format!("the store's thread: {error}")))
    }
}
