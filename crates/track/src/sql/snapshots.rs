//! Texts of deployed files in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::{Connection, DbRow};
use crate::check::{self, MAX_SNAPSHOT_BYTES};
use crate::fail::Fail;
use crate::{Snapshot, TrackError};

pub(super) async fn keep(db: &mut Connection, new: &Snapshot) -> Result<(), Fail> {
    check::name("a snapshot's hash", &new.digest)?;
    if new.text.len() > MAX_SNAPSHOT_BYTES || new.text.contains('\0') {
        let found = format!("{} bytes long, or with a NUL character", new.text.len());
        let expected = format!("at most {MAX_SNAPSHOT_BYTES} bytes of text");
        return Err(TrackError::invalid("a snapshot", found, expected).into());
    }
    let sql = "INSERT INTO snapshots (digest, text, since) VALUES ($1, $2, $3) \
               ON CONFLICT (digest) DO UPDATE SET since = excluded.since";
    sqlx::query(sql).bind(&new.digest).bind(&new.text).bind(new.since.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn find(db: &mut Connection, digest: &str) -> Result<Option<Snapshot>, Fail> {
    let sql = "SELECT * FROM snapshots WHERE digest = $1";
    let Some(row) = sqlx::query(sql).bind(digest).fetch_optional(&mut *db).await? else {
        return Ok(None);
    };
    Ok(Some(Snapshot {
        digest: row.try_get("digest")?,
        text: row.try_get("text")?,
        since: Timestamp(row.try_get("since")?),
    }))
}

pub(super) async fn list(db: &mut Connection) -> Result<Vec<(String, Timestamp)>, Fail> {
    let sql = "SELECT digest, since FROM snapshots ORDER BY digest";
    let rows = sqlx::query(sql).fetch_all(&mut *db).await?;
    let line =
        |row: &DbRow| Ok((row.try_get("digest")?, Timestamp(row.try_get::<i64, _>("since")?)));
    rows.iter().map(line).collect()
}

pub(super) async fn forget(
    db: &mut Connection,
    digest: &str,
    before: Timestamp,
) -> Result<bool, Fail> {
    let sql = "DELETE FROM snapshots WHERE digest = $1 AND since < $2";
    let done = sqlx::query(sql).bind(digest).bind(before.0).execute(&mut *db).await?;
    Ok(done.rows_affected() == 1)
}
