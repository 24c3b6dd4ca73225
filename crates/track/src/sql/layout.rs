//! The steps from an older layout of the database to this one.

use sqlx::Connection as _;

use super::{BEGIN, Connection, LAYOUT_IS_THERE, hold, in_dialect};
use crate::fail::Fail;
use crate::migrations::MIGRATIONS;

/// Brings the database up to our layout. What it has then comes back: more than ours when a newer
/// version of Gristmill wrote it.
pub(crate) async fn upgrade(db: &mut Connection) -> Result<i64, Fail> {
    let found = version(db).await?;
    if found < MIGRATIONS.len() as i64 { migrate(db).await } else { Ok(found) }
}

/// How many migrations the database has seen; 0 for an empty one.
async fn version(db: &mut Connection) -> Result<i64, Fail> {
    let there: i64 = sqlx::query_scalar(LAYOUT_IS_THERE).fetch_one(&mut *db).await?;
    if there == 0 {
        return Ok(0);
    }
    let newest = "SELECT coalesce(max(version), 0) FROM schema_versions";
    Ok(sqlx::query_scalar(newest).fetch_one(&mut *db).await?)
}

/// Applies what is missing in one transaction. Another process may have done it meanwhile.
async fn migrate(db: &mut Connection) -> Result<i64, Fail> {
    let mut tx = db.begin_with(BEGIN).await?;
    hold(&mut tx, "layout", "").await?;
    let table = "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY)";
    sqlx::query(table).execute(&mut *tx).await?;
    let mut reached = version(&mut tx).await?;
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if number > reached {
            sqlx::raw_sql(in_dialect(sql)).execute(&mut *tx).await?;
            let sql = "INSERT INTO schema_versions (version) VALUES ($1)";
            sqlx::query(sql).bind(number).execute(&mut *tx).await?;
            reached = number;
        }
    }
    tx.commit().await?;
    Ok(reached)
}
