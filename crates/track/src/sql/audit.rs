//! The record of what was done, in SQL.

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::word;
use super::{Connection, Database, DbRow, hold};
use crate::check;
use crate::fail::Fail;
use crate::{AuditLine, AuditQuery, Outcome};

/// Lines that one statement writes.
const LINES: usize = 200;

pub(super) async fn record(db: &mut Connection, lines: &[AuditLine]) -> Result<(), Fail> {
    hold(db, "audit", "").await?;
    let last = "SELECT coalesce(max(number), 0) FROM audit";
    let mut number: i64 = sqlx::query_scalar(last).fetch_one(&mut *db).await?;
    for lines in lines.chunks(LINES) {
        let mut sql = QueryBuilder::<Database>::new(
            "INSERT INTO audit (number, at, who, origin, did, thing, outcome) ",
        );
        sql.push_values(lines, |mut row, line| {
            number += 1;
            row.push_bind(number).push_bind(line.at.0);
            row.push_bind(check::free_text(&line.who)).push_bind(check::free_text(&line.origin));
            row.push_bind(check::free_text(&line.did)).push_bind(check::free_text(&line.thing));
            row.push_bind(line.outcome.as_str());
        });
        sql.build().execute(&mut *db).await?;
    }
    Ok(())
}

pub(super) async fn find(db: &mut Connection, query: &AuditQuery) -> Result<Vec<AuditLine>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT * FROM audit WHERE 1 = 1");
    if let Some(who) = &query.who {
        sql.push(" AND who = ").push_bind(who.as_str());
    }
    if let Some(thing) = &query.thing {
        sql.push(" AND thing = ").push_bind(thing.as_str());
    }
    if let Some(outcome) = query.outcome {
        sql.push(" AND outcome = ").push_bind(Outcome::as_str(outcome));
    }
    sql.push(" ORDER BY number DESC LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn forget(db: &mut Connection, before: Timestamp) -> Result<u64, Fail> {
    let sql = "DELETE FROM audit WHERE at < $1";
    Ok(sqlx::query(sql).bind(before.0).execute(&mut *db).await?.rows_affected())
}

fn decode(row: &DbRow) -> Result<AuditLine, Fail> {
    Ok(AuditLine {
        at: Timestamp(row.try_get("at")?),
        who: row.try_get("who")?,
        origin: row.try_get("origin")?,
        did: row.try_get("did")?,
        thing: row.try_get("thing")?,
        outcome: word(row, "outcome", Outcome::parse)?,
    })
}
