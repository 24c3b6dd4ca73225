//! Copies of a home, and homes made of them.
//!
//! A backup holds the database as it was at one moment, all content that it names, and the logs of its
//! runs: every file of the home under the hash of its bytes, and a manifest that says which file of the
//! home has which hash. The manifest is written last, so a backup is there whole or not at all.
//! It stands in a folder, where content that is there already is not copied again, or in one `.tar` file.
//! The cache is not in it, since it can be made again, nor are secrets.

mod archive;
mod content;
mod folder;
mod manifest;
mod restore;
mod source;
mod switch;
mod take;
mod target;

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Error, Home, Kind, Result};

pub use restore::{Occupied, RestoreReport, restore};
pub use take::{BackupReport, backup};

/// The database of a home, and of a backup.
const DATABASE: &str = "gristmill.db";
/// The manifest of a backup.
const MANIFEST: &str = "backup.json";
/// The folder of a backup in which content stands under its hash.
const CONTENT: &str = "content";

/// Whether a backup at `path` is one file; else it is a folder.
fn is_archive(path: &Path) -> bool {
    path.is_file() || (!path.is_dir() && path.extension().is_some_and(|ending| ending == "tar"))
}

/// Runs and models that stand elsewhere are copied by the means of that place.
fn refuse_shared(home: &Home, command: &str) -> Result<()> {
    if let Some(place) = home.artifacts() {
        let found = format!("artifacts stand at `{place}`, which `{command}` leaves alone");
        return Err(Error::input(found).with_hint(
            "copy the database first (`gristmill.db` by `sqlite3 gristmill.db \".backup COPY\"`, Postgres by \
             `pg_dump`) and then that place by its own means",
        ));
    }
    if !home.is_shared() {
        return Ok(());
    }
    let found =
        format!("runs and models stand in a Postgres database, which `{command}` leaves alone");
    Err(Error::input(found).with_hint(
        "copy the database with `pg_dump`, and after it the folder `artifacts` of each home; to \
         restore, put `artifacts` back first and then use `pg_restore`",
    ))
}

/// What is wrong with a backup.
fn damaged(path: &Path, found: impl std::fmt::Display) -> Error {
    Error::new(Kind::Stored, format!("the backup `{}` cannot be used: {found}", path.display()))
        .with_hint("nothing was changed; use another backup")
}

/// Of all rows those that people count.
fn counted(rows: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    const COUNTED: [(&str, &str); 6] = [
        ("experiments", "experiments"),
        ("runs", "runs"),
        ("models", "models"),
        ("model_versions", "versions"),
        ("deployments", "deployments"),
        ("tokens", "tokens"),
    ];
    let count =
        |(table, word): (&str, &str)| (word.to_string(), rows.get(table).copied().unwrap_or(0));
    COUNTED.into_iter().map(count).collect()
}
