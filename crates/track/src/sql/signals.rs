//! Signals in SQL.

use gristmill_core::Timestamp;
use serde_json::Value;
use sqlx::Row;

use super::columns::{count, json};
use super::{Connection, DbRow, hold};
use crate::Signal;
use crate::check;
use crate::fail::Fail;

pub(super) async fn raise(
    db: &mut Connection,
    name: &str,
    payload: &Value,
    at: Timestamp,
) -> Result<u64, Fail> {
    check::name("a signal's name", name)?;
    // One after the other, so that a number is never seen before a smaller one.
    hold(db, "signals", "").await?;
    let sql = "INSERT INTO signals (number, name, payload, at) \
               SELECT coalesce(max(number), 0) + 1, $1, $2, $3 FROM signals RETURNING number";
    let row = sqlx::query(sql)
        .bind(name)
        .bind(payload.to_string())
        .bind(at.0)
        .fetch_one(&mut *db)
        .await?;
    count(&row, "number")
}

pub(super) async fn after(
    db: &mut Connection,
    number: u64,
    limit: u32,
) -> Result<Vec<Signal>, Fail> {
    let sql = "SELECT * FROM signals WHERE number > $1 ORDER BY number LIMIT $2";
    let rows = sqlx::query(sql)
        .bind(i64::try_from(number).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&mut *db)
        .await?;
    rows.iter().map(decode).collect()
}

fn decode(row: &DbRow) -> Result<Signal, Fail> {
    Ok(Signal {
        number: count(row, "number")?,
        name: row.try_get("name")?,
        payload: json(row, "payload")?,
        at: Timestamp(row.try_get("at")?),
    })
}
