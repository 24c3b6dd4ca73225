//! Up to which line of a model's history somebody was told, in SQL.

use gristmill_core::Timestamp;

use super::columns::count;
use super::{Connection, hold, models};
use crate::check;
use crate::fail::Fail;

pub(super) async fn told_up_to(
    db: &mut Connection,
    model: &str,
    target: &str,
    since: Timestamp,
) -> Result<u64, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT coalesce(max(number), 0) AS number FROM ( \
               SELECT number FROM notices WHERE model = $1 AND target = $2 \
               UNION ALL \
               SELECT max(number) AS number FROM model_events WHERE model = $1 AND at <= $3) AS known";
    let row = sqlx::query(sql).bind(model).bind(target).bind(since.0).fetch_one(&mut *db).await?;
    count(&row, "number")
}

pub(super) async fn told(
    db: &mut Connection,
    model: &str,
    target: &str,
    number: u64,
) -> Result<(), Fail> {
    check::key("who is told", target)?;
    hold(db, models::WHAT, model).await?;
    models::require(db, model).await?;
    let sql = "INSERT INTO notices (model, target, number) VALUES ($1, $2, $3) \
               ON CONFLICT (model, target) DO UPDATE SET number = excluded.number \
               WHERE excluded.number > notices.number";
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    sqlx::query(sql).bind(model).bind(target).bind(number).execute(&mut *db).await?;
    Ok(())
}
