//! Findings and loops in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{count, json, word};
use super::{Connection, DbRow, dues, history, hold, models, untold, versions};
use crate::fail::Fail;
use crate::{
    Finding, FindingKind, LoopAct, LoopStanding, LoopStep, NewFinding, Note, TrackError, Untold,
    WebhookEvent, WhatHappened, check,
};

pub(super) async fn record(
    db: &mut Connection,
    model: &str,
    found: &NewFinding,
) -> Result<u64, Fail> {
    hold(db, "findings", model).await?;
    models::require(db, model).await?;
    check::key("what a finding is about", &found.name)?;
    let sql = "INSERT INTO findings (model, number, version, what, name, value, threshold, alarm, \
               row_count, began, ended, at, detail) \
               SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
               FROM findings WHERE model = $1 RETURNING number";
    let row = sqlx::query(sql)
        .bind(model)
        .bind(i64::from(found.version))
        .bind(found.what.as_str())
        .bind(&found.name)
        .bind(found.value)
        .bind(found.threshold)
        .bind(i64::from(found.alarm))
        .bind(i64::try_from(found.rows).unwrap_or(i64::MAX))
        .bind(found.from.0)
        .bind(found.to.0)
        .bind(found.at.0)
        .bind(found.detail.to_string())
        .fetch_one(&mut *db)
        .await?;
    count(&row, "number")
}

pub(super) async fn after(
    db: &mut Connection,
    model: &str,
    number: u64,
    limit: u32,
) -> Result<Vec<Finding>, Fail> {
    let sql = "SELECT * FROM findings WHERE model = $1 AND number > $2 ORDER BY number LIMIT $3";
    let rows = models::rows_after(db, sql, model, number, limit).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn last(
    db: &mut Connection,
    model: &str,
    limit: u32,
) -> Result<Vec<Finding>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM findings WHERE model = $1 ORDER BY number DESC LIMIT $2";
    let rows = sqlx::query(sql).bind(model).bind(i64::from(limit)).fetch_all(&mut *db).await?;
    rows.iter().rev().map(decode).collect()
}

fn decode(row: &DbRow) -> Result<Finding, Fail> {
    Ok(Finding {
        number: count(row, "number")?,
        found: NewFinding {
            version: count(row, "version")?,
            what: word(row, "what", FindingKind::parse)?,
            name: row.try_get("name")?,
            value: row.try_get("value")?,
            threshold: row.try_get("threshold")?,
            alarm: row.try_get::<i64, _>("alarm")? != 0,
            rows: count(row, "row_count")?,
            from: Timestamp(row.try_get("began")?),
            to: Timestamp(row.try_get("ended")?),
            at: Timestamp(row.try_get("at")?),
            detail: json(row, "detail")?,
        },
    })
}

/// Forgets findings of before a moment; how many comes back. The last of a model stays, so that no number is
/// given twice.
pub(super) async fn forget(db: &mut Connection, before: Timestamp) -> Result<u64, Fail> {
    let sql = "DELETE FROM findings WHERE at < $1 AND number < \
               (SELECT max(number) FROM findings AS of_model WHERE of_model.model = findings.model)";
    Ok(sqlx::query(sql).bind(before.0).execute(&mut *db).await?.rows_affected())
}

/// Whether a loop has ever taken a step for the model.
pub(super) async fn has_loop(db: &mut Connection, model: &str) -> Result<bool, Fail> {
    let sql = "SELECT count(*) FROM loops WHERE model = $1";
    Ok(sqlx::query_scalar::<_, i64>(sql).bind(model).fetch_one(&mut *db).await? > 0)
}

pub(super) async fn standing(
    db: &mut Connection,
    model: &str,
) -> Result<Option<LoopStanding>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM loops WHERE model = $1";
    let row = sqlx::query(sql).bind(model).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(None) };
    let at = Timestamp(row.try_get("at")?);
    Ok(Some(LoopStanding { revision: count(&row, "revision")?, state: json(&row, "state")?, at }))
}

pub(super) async fn step(db: &mut Connection, model: &str, step: &LoopStep) -> Result<bool, Fail> {
    hold(db, models::WHAT, model).await?;
    let taken = standing(db, model).await?.map_or(0, |standing| standing.revision);
    if taken != step.after {
        return Ok(false);
    }
    // First of all, so that every line below is known to be one of a loop.
    let sql = "INSERT INTO loops (model, revision, state, at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (model) DO UPDATE SET revision = excluded.revision, \
               state = excluded.state, at = excluded.at";
    sqlx::query(sql)
        .bind(model)
        .bind(i64::try_from(taken + 1).unwrap_or(i64::MAX))
        .bind(step.state.to_string())
        .bind(step.at.0)
        .execute(&mut *db)
        .await?;
    if let Some(act) = &step.act {
        do_it(db, model, act).await?;
    }
    for event in &step.events {
        history::record(db, model, event).await?;
    }
    Ok(true)
}

async fn do_it(db: &mut Connection, model: &str, act: &LoopAct) -> Result<(), Fail> {
    match act {
        LoopAct::Claim(due) => {
            // One that is there already is that of an earlier loop of this model, and its run is done.
            dues::claim(db, due).await?;
            Ok(())
        }
        LoopAct::Promote { alias, version, note, detail } => {
            check::alias(alias)?;
            let is_there = names(db, model, alias, *version).await?;
            if !is_there {
                let what = WhatHappened::AliasSet;
                history::move_alias(db, model, alias, *version, what, note, detail).await?;
                tell(db, model, alias, *version, note).await?;
            }
            Ok(())
        }
        LoopAct::RollBack { alias, from, note, detail } => {
            let named = history::aliased(db, model, alias).await?.version;
            if named != *from {
                let found = format!("at version {named}");
                let expected = format!("version {from}, from which it is to go back");
                let what = format!("`{model}@{alias}`");
                return Err(TrackError::invalid(what, found, expected).into());
            }
            let back = history::roll_back(db, model, alias, note, detail).await?;
            tell(db, model, alias, back.version, note).await
        }
    }
}

/// Whether the alias names the version already.
async fn names(db: &mut Connection, model: &str, alias: &str, version: u32) -> Result<bool, Fail> {
    let found = versions::version(db, model, version).await?;
    Ok(found.aliases.iter().any(|name| name == alias))
}

/// Leaves word for webhooks that an alias names a version.
async fn tell(
    db: &mut Connection,
    model: &str,
    alias: &str,
    version: u32,
    note: &Note,
) -> Result<(), Fail> {
    let untold = Untold {
        event: WebhookEvent::AliasCreated,
        model: model.into(),
        version: Some(version),
        alias: Some(alias.into()),
        line: None,
        at: note.at,
    };
    untold::leave(db, &untold).await
}
