//! Copies of a home's database, and what a database file holds before anybody trusts it.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::{ConnectOptions, Connection as _};

use super::fail::told;
use super::{Connection, FILE, LAYOUT_IS_THERE, SqliteStore, open};
use crate::fail::Fail;
use crate::{Durability, Result, TrackError};

/// What a database file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Its layout; 0 when no version of Gristmill has been there.
    pub layout: i64,
    /// How many rows each of its tables has.
    pub rows: BTreeMap<String, u64>,
}

impl SqliteStore {
    /// Writes the database of `home` to the new file `to`, as it is at one moment, while others read
    /// and write it; nobody waits for it. The home's layout stays as it is.
    ///
    /// # Errors
    /// `NotFound` when the home has no database; `Home` when it cannot be read, or `to` not be
    /// written or be there already; `Damaged`. What was written of `to` then stays for the caller to remove.
    pub async fn copy(home: &Path, to: &Path) -> Result<()> {
        let path = home.join(FILE);
        if !path.is_file() {
            return Err(TrackError::not_found("home", home.display()));
        }
        let Some(target) = to.to_str() else {
            let what = format!("`{}`", to.display());
            return Err(TrackError::invalid(what, "a path that is no text", "a path in UTF-8"));
        };
        let options = open::options(&path, Durability::Process);
        let mut db = options.connect().await.map_err(|error| told(&path, error.into()))?;
        let copied = sqlx::query("VACUUM INTO $1").bind(target).execute(&mut db).await;
        // What is wrong with the disk is wrong where it is written.
        copied.map_err(|error| told(to, error.into()))?;
        db.close().await.map_err(|error| told(&path, error.into()))
    }

    /// What the database at `path` holds, which nobody has open. Whoever wrote it: it is read from
    /// end to end, and nothing that it says is done.
    ///
    /// # Errors
    /// `Home` when it cannot be read; `Damaged` when it is no sound database, or has triggers or
    /// views, of which ours have none.
    pub async fn inspect(path: &Path) -> Result<Holdings> {
        let options = open::options(path, Durability::Process).read_only(true).immutable(true);
        let mut db = options.connect().await.map_err(|error| told(path, error.into()))?;
        let held = look(&mut db).await.map_err(|fail| told(path, fail))?;
        db.close().await.map_err(|error| told(path, error.into()))?;
        Ok(held)
    }
}

async fn look(db: &mut Connection) -> Result<Holdings, Fail> {
    let strange = "SELECT type || ' `' || name || '`' FROM sqlite_master \
                   WHERE type NOT IN ('table', 'index') ORDER BY name LIMIT 1";
    let strange: Option<String> = sqlx::query_scalar(strange).fetch_optional(&mut *db).await?;
    if let Some(strange) = strange {
        return Err(Fail::Damaged(format!("it has the {strange}, which no home has")));
    }
    let sound: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *db).await?;
    if sound != "ok" {
        return Err(Fail::Damaged(sound));
    }
    let there: i64 = sqlx::query_scalar(LAYOUT_IS_THERE).fetch_one(&mut *db).await?;
    let layout = match there {
        0 => 0,
        _ => {
            let newest = "SELECT coalesce(max(version), 0) FROM schema_versions";
            sqlx::query_scalar(newest).fetch_one(&mut *db).await?
        }
    };
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *db).await?;
    let mut rows = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *db).await?;
        rows.insert(table, u64::try_from(count).unwrap_or_default());
    }
    Ok(Holdings { layout, rows })
}

#[cfg(test)]
mod tests {
    use gristmill_core::{ErrorKind, Timestamp};

    use super::*;
    use crate::{Batch, NewRun, RunId, Store};

    async fn home_with_a_run() -> (tempfile::TempDir, SqliteStore, RunId) {
        let home = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(home.path()).await.unwrap();
        let id = RunId::from_parts(&[b"run"]);
        store.create_run(NewRun::new(id, "run", Timestamp(0))).await.unwrap();
        (home, store, id)
    }

    #[tokio::test]
    async fn a_copy_of_a_home_that_is_written_holds_all_that_was_acknowledged() {
        let (home, store, id) = home_with_a_run().await;
        store.log(id, Batch::default().metric("m", 0.5, 1, Timestamp(1))).await.unwrap();
        let beside = tempfile::tempdir().unwrap();
        let to = beside.path().join(FILE);
        SqliteStore::copy(home.path(), &to).await.unwrap();
        store.log(id, Batch::default().metric("m", 0.6, 2, Timestamp(2))).await.unwrap();
        let held = SqliteStore::inspect(&to).await.unwrap();
        assert_eq!((held.rows["runs"], held.rows["metrics"]), (1, 1));
        let copy = SqliteStore::open(beside.path()).await.unwrap();
        assert_eq!(copy.run(id).await.unwrap().metrics["m"].value, 0.5);
    }

    #[tokio::test]
    async fn a_copy_is_never_written_over_something() {
        let (home, _store, _) = home_with_a_run().await;
        let to = home.path().join("there");
        fs_err::write(&to, "precious").unwrap();
        assert!(SqliteStore::copy(home.path(), &to).await.is_err());
        assert_eq!(fs_err::read(&to).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn what_is_no_home_is_not_made_one() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("copy");
        let error = SqliteStore::copy(folder.path(), &to).await.unwrap_err();
        assert!(matches!(error, TrackError::NotFound { .. }), "{error}");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_database_that_does_something_by_itself_is_refused() {
        let (home, store, _) = home_with_a_run().await;
        store.close().await;
        let path = home.path().join(FILE);
        let options = open::options(&path, Durability::Process);
        let mut db = options.connect().await.unwrap();
        let trigger = "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM tokens; END";
        sqlx::raw_sql(trigger).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        let error = SqliteStore::inspect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stored);
        assert!(error.to_string().contains("trigger `t`"), "{error}");
    }

    #[tokio::test]
    async fn a_damaged_database_is_refused() {
        let (home, store, id) = home_with_a_run().await;
        let many = (0..5_000)
            .fold(Batch::default(), |batch, step| batch.metric("m", 0.5, step, Timestamp(0)));
        store.log(id, many).await.unwrap();
        store.close().await;
        let path = home.path().join(FILE);
        let mut bytes = fs_err::read(&path).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
        fs_err::write(&path, bytes).unwrap();
        let error = SqliteStore::inspect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stored, "{error}");
    }
}
