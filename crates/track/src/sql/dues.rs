//! Dues in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{json, word};
use super::{Connection, DbRow};
use crate::check;
use crate::fail::Fail;
use crate::{Due, Page, RunId, RunStatus};

pub(super) async fn claim(db: &mut Connection, due: &Due) -> Result<bool, Fail> {
    check::name("a deployment's name", &due.deployment)?;
    check::key("a trigger", &due.trigger)?;
    check::key("a due's key", &due.key)?;
    let sql = "INSERT INTO dues \
               (deployment, trigger, key, due, run_id, claimed, payload, closed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, 0) \
               ON CONFLICT (deployment, trigger, key) DO NOTHING";
    let done = sqlx::query(sql)
        .bind(&due.deployment)
        .bind(&due.trigger)
        .bind(&due.key)
        .bind(due.due.0)
        .bind(due.run.to_string())
        .bind(due.claimed.0)
        .bind(due.payload.to_string())
        .execute(&mut *db)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn list(
    db: &mut Connection,
    deployment: &str,
    page: Page,
) -> Result<Vec<Due>, Fail> {
    let sql = "SELECT * FROM dues WHERE deployment = $1 \
               ORDER BY due DESC, claimed DESC, trigger, key LIMIT $2 OFFSET $3";
    let rows = sqlx::query(sql)
        .bind(deployment)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn last(
    db: &mut Connection,
    deployment: &str,
    trigger: &str,
) -> Result<Option<Due>, Fail> {
    let sql = "SELECT * FROM dues WHERE deployment = $1 AND trigger = $2 \
               ORDER BY due DESC, claimed DESC, key LIMIT 1";
    let row = sqlx::query(sql).bind(deployment).bind(trigger).fetch_optional(&mut *db).await?;
    row.as_ref().map(decode).transpose()
}

pub(super) async fn open(db: &mut Connection) -> Result<Vec<Due>, Fail> {
    let sql = "SELECT * FROM dues WHERE closed = 0 AND NOT EXISTS \
               (SELECT 1 FROM runs WHERE runs.id = dues.run_id AND \
               (lifecycle <> 'active' OR status NOT IN ('running', 'interrupted'))) \
               ORDER BY due, claimed, deployment, trigger, key";
    let rows = sqlx::query(sql).fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

/// Notes how far a due's run got, so that finding the open ones does not go through all there ever were.
pub(super) async fn note_status(
    db: &mut Connection,
    id: RunId,
    status: RunStatus,
) -> Result<(), Fail> {
    let open = matches!(status, RunStatus::Running | RunStatus::Interrupted);
    set_closed(db, id, i64::from(!open)).await
}

/// Nothing is left to do for the due of a run that is forgotten.
pub(super) async fn close(db: &mut Connection, id: RunId) -> Result<(), Fail> {
    set_closed(db, id, 1).await
}

async fn set_closed(db: &mut Connection, id: RunId, closed: i64) -> Result<(), Fail> {
    let sql = "UPDATE dues SET closed = $2 WHERE run_id = $1";
    sqlx::query(sql).bind(id.to_string()).bind(closed).execute(&mut *db).await?;
    Ok(())
}

fn decode(row: &DbRow) -> Result<Due, Fail> {
    Ok(Due {
        deployment: row.try_get("deployment")?,
        trigger: row.try_get("trigger")?,
        key: row.try_get("key")?,
        due: Timestamp(row.try_get("due")?),
        run: word(row, "run_id", |text| text.parse().ok())?,
        claimed: Timestamp(row.try_get("claimed")?),
        payload: json(row, "payload")?,
    })
}
