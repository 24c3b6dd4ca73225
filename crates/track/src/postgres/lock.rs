//! Locks that are named after what is written, and end with the transaction that took them.
//!
//! Source: PostgreSQL documentation, "Advisory Locks". Two names whose hashes meet only wait for
//! each other without need.

use super::Connection;
use crate::fail::Fail;

/// Keeps others from the same thing until the transaction ends, and waits for those that have it.
pub(super) async fn hold(db: &mut Connection, what: &str, name: &str) -> Result<(), Fail> {
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    sqlx::query(sql).bind(key(what, name)).execute(db).await?;
    Ok(())
}

/// The same, letting in others who only look at it.
pub(super) async fn share(db: &mut Connection, what: &str, name: &str) -> Result<(), Fail> {
    let sql = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))";
    sqlx::query(sql).bind(key(what, name)).execute(db).await?;
    Ok(())
}

fn key(what: &str, name: &str) -> String {
    format!("gristmill {what} {name}")
}
