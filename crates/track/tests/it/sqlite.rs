//! What is particular to the store in a home folder.

use std::path::Path;

use fs_err as fs;
use gristmill_core::{ErrorKind, Timestamp};
use gristmill_track::*;

use crate::conformance;

#[tokio::test]
async fn it_does_what_every_store_must() {
    for durability in [Durability::Process, Durability::Power] {
        let home = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_with(home.path(), durability).await.unwrap();
        conformance::store(&store).await;
        store.close().await;
    }
}
