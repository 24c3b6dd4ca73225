//! What webhooks are still to be told of, in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{count, word};
use super::{Connection, DbRow, hold};
use crate::fail::Fail;
use crate::{Untold, WebhookEvent};

const WHAT: &str = "untold";

/// Keeps it, where any webhook is told of anything.
pub(super) async fn leave(db: &mut Connection, untold: &Untold) -> Result<(), Fail> {
    hold(db, WHAT, "").await?;
    let sql = "INSERT INTO untold (number, event, model, version, alias, line, at) \
               SELECT (SELECT coalesce(max(number), 0) + 1 FROM untold), $1, $2, $3, $4, $5, $6 \
               WHERE EXISTS (SELECT 1 FROM webhooks WHERE status = 'active')";
    sqlx::query(sql)
        .bind(untold.event.as_str())
        .bind(&untold.model)
        .bind(untold.version.map(i64::from))
        .bind(untold.alias.as_deref())
        .bind(untold.line.map(|line| i64::try_from(line).unwrap_or(i64::MAX)))
        .bind(untold.at.0)
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn is_any(db: &mut Connection) -> Result<bool, Fail> {
    let sql = "SELECT count(*) FROM (SELECT number FROM untold LIMIT 1) AS first";
    Ok(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *db).await? > 0)
}

pub(super) async fn take(db: &mut Connection, most: u32) -> Result<Vec<Untold>, Fail> {
    hold(db, WHAT, "").await?;
    let sql = "SELECT * FROM untold ORDER BY number LIMIT $1";
    let rows = sqlx::query(sql).bind(i64::from(most)).fetch_all(&mut *db).await?;
    if let Some(last) = rows.last() {
        let last: i64 = last.try_get("number")?;
        let sql = "DELETE FROM untold WHERE number <= $1";
        sqlx::query(sql).bind(last).execute(&mut *db).await?;
    }
    rows.iter().map(decode).collect()
}

fn decode(row: &DbRow) -> Result<Untold, Fail> {
    let version = match row.try_get::<Option<i64>, _>("version")? {
        Some(_) => Some(count(row, "version")?),
        None => None,
    };
    let line = match row.try_get::<Option<i64>, _>("line")? {
        Some(_) => Some(count(row, "line")?),
        None => None,
    };
    Ok(Untold {
        event: word(row, "event", WebhookEvent::parse)?,
        model: row.try_get("model")?,
        version,
        alias: row.try_get("alias")?,
        line,
        at: Timestamp(row.try_get("at")?),
    })
}
