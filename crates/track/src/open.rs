//! Which store a home has.

use std::path::Path;
use std::sync::Arc;

use crate::{PostgresStore, Result, SqliteStore, Store};

/// The store of `home`: the database that `url` names when there is one, for many machines that
/// share it, and else the one in the home's folder. An empty `url` is none.
///
/// # Errors
/// As [`PostgresStore::open`] or [`SqliteStore::open`].
///
/// ```
/// # use gristmill_track::{TrackError, open_store};
/// # let home = tempfile::tempdir().unwrap();
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// let store = open_store(home.path(), None).await?;
/// assert!(store.deployments().await?.is_empty());
/// let refused = open_store(home.path(), Some("mysql://host/database")).await;
/// assert!(matches!(refused, Err(TrackError::Invalid { .. })));
/// # Ok::<(), TrackError>(()) }).unwrap();
/// ```
pub async fn open_store(home: &Path, url: Option<&str>) -> Result<Arc<dyn Store>> {
    match url.filter(|url| !url.is_empty()) {
        Some(url) => Ok(Arc::new(PostgresStore::open(url).await?)),
        None => Ok(Arc::new(SqliteStore::open(home).await?)),
    }
}
