//! Aliases of models and the history of every move in SQL.

use gristmill_core::Timestamp;
use serde_json::Value;
use sqlx::Row;

use super::columns::{count, json, optional, optional_word, word};
use super::{Connection, DbRow, hold, models, monitoring, rules, untold, versions};
use crate::check;
use crate::fail::Fail;
use crate::{
    ModelEvent, ModelVersion, NewEvent, Note, RunId, Stage, TrackError, Untold, WebhookEvent,
    WhatHappened,
};

const ALIAS: &str = "alias";

/// What a line of the history is about.
#[derive(Default)]
pub(super) struct Line {
    pub(super) version: Option<u32>,
    pub(super) alias: Option<String>,
    pub(super) previous: Option<u32>,
    pub(super) stage: Option<Stage>,
    pub(super) run: Option<RunId>,
    /// All that is known of it, as JSON; nothing where that is null.
    pub(super) detail: Value,
}

pub(super) async fn set_alias(
    db: &mut Connection,
    model: &str,
    alias: &str,
    number: u32,
    note: &Note,
) -> Result<ModelVersion, Fail> {
    check::alias(alias)?;
    hold(db, models::WHAT, model).await?;
    let version = versions::version(db, model, number).await?;
    if version.aliases.iter().any(|name| name == alias) {
        return Ok(version);
    }
    let what = WhatHappened::AliasSet;
    move_alias(db, model, alias, number, what, note, &Value::Null).await
}

pub(super) async fn remove_alias(
    db: &mut Connection,
    model: &str,
    alias: &str,
    note: &Note,
) -> Result<(), Fail> {
    hold(db, models::WHAT, model).await?;
    let previous = Some(aliased(db, model, alias).await?.version);
    rules::refuse_removal(db, model, alias, note).await?;
    let sql = "DELETE FROM model_aliases WHERE model = $1 AND alias = $2";
    sqlx::query(sql).bind(model).bind(alias).execute(&mut *db).await?;
    let line = Line { alias: Some(alias.into()), previous, ..Line::default() };
    append(db, model, WhatHappened::AliasRemoved, line, note).await?;
    models::touch(db, model, note.at).await
}

pub(super) async fn roll_back(
    db: &mut Connection,
    model: &str,
    alias: &str,
    note: &Note,
    detail: &Value,
) -> Result<ModelVersion, Fail> {
    hold(db, models::WHAT, model).await?;
    aliased(db, model, alias).await?;
    let mut moves = moves_not_undone(db, model, alias).await?;
    moves.pop();
    let nowhere = |found: String| {
        let expected = "an earlier version that is still there";
        TrackError::invalid(format!("`{model}@{alias}`"), found, expected)
    };
    let Some(target) = moves.pop() else {
        return Err(nowhere("at the first version that it named".into()).into());
    };
    match versions::version(db, model, target).await {
        Ok(_) => {
            let what = WhatHappened::RolledBack;
            move_alias(db, model, alias, target, what, note, detail).await
        }
        Err(Fail::Track(TrackError::NotFound { .. })) => {
            Err(nowhere(format!("before at version {target}, which was deleted")).into())
        }
        Err(fail) => Err(fail),
    }
}

/// The versions that the alias named, oldest first, without those that were rolled back. Taking an
/// alias away forgets where it stood: going back past that would surprise.
async fn moves_not_undone(db: &mut Connection, model: &str, alias: &str) -> Result<Vec<u32>, Fail> {
    let mut named = Vec::new();
    for event in history(db, model).await? {
        match (event.what, event.version) {
            _ if event.alias.as_deref() != Some(alias) => {}
            (WhatHappened::AliasSet, Some(version)) => named.push(version),
            (WhatHappened::RolledBack, _) => drop(named.pop()),
            (WhatHappened::AliasRemoved, _) => named.clear(),
            _ => {}
        }
    }
    Ok(named)
}

/// Lets an alias name a version, if its rule allows that.
pub(super) async fn move_alias(
    db: &mut Connection,
    model: &str,
    alias: &str,
    number: u32,
    what: WhatHappened,
    note: &Note,
    detail: &Value,
) -> Result<ModelVersion, Fail> {
    let version = versions::version(db, model, number).await?;
    rules::refuse_move(db, alias, &version, note).await?;
    let previous = find(db, model, alias).await?;
    let sql = "INSERT INTO model_aliases (model, alias, version) VALUES ($1, $2, $3) \
               ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version";
    sqlx::query(sql).bind(model).bind(alias).bind(i64::from(number)).execute(&mut *db).await?;
    let alias = Some(alias.into());
    let detail = detail.clone();
    let line = Line { version: Some(number), alias, previous, detail, ..Line::default() };
    append(db, model, what, line, note).await?;
    models::touch(db, model, note.at).await?;
    versions::version(db, model, number).await
}

pub(super) async fn aliased(
    db: &mut Connection,
    model: &str,
    alias: &str,
) -> Result<ModelVersion, Fail> {
    if let Some(number) = find(db, model, alias).await? {
        return versions::version(db, model, number).await;
    }
    let known = models::model(db, model).await?.aliases.into_keys();
    let known = known.map(|alias| format!("{model}@{alias}")).collect();
    Err(TrackError::NotFound { what: ALIAS, name: format!("{model}@{alias}"), known }.into())
}

async fn find(db: &mut Connection, model: &str, alias: &str) -> Result<Option<u32>, Fail> {
    let sql = "SELECT version FROM model_aliases WHERE model = $1 AND alias = $2";
    let row = sqlx::query(sql).bind(model).bind(alias).fetch_optional(&mut *db).await?;
    row.map(|row| count(&row, "version")).transpose()
}

pub(super) async fn record(db: &mut Connection, model: &str, event: &NewEvent) -> Result<(), Fail> {
    hold(db, models::WHAT, model).await?;
    models::require(db, model).await?;
    let detail = event.detail.clone();
    let line = Line { version: event.version, run: event.run, detail, ..Line::default() };
    append(db, model, event.what, line, &event.note).await
}

/// Adds a line to the history of a model that is known to be there.
pub(super) async fn append(
    db: &mut Connection,
    model: &str,
    what: WhatHappened,
    line: Line,
    note: &Note,
) -> Result<(), Fail> {
    let sql = "INSERT INTO model_events \
               (model, number, what, version, alias, previous, run_id, at, who, why, stage, detail) \
               SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
               FROM model_events WHERE model = $1 RETURNING number";
    let row = sqlx::query(sql)
        .bind(model)
        .bind(what.as_str())
        .bind(line.version.map(i64::from))
        .bind(line.alias.as_deref())
        .bind(line.previous.map(i64::from))
        .bind(line.run.map(|run| run.to_string()))
        .bind(note.at.0)
        .bind(check::free_text(&note.who))
        .bind(check::free_text(&note.why))
        .bind(line.stage.map(Stage::as_str))
        .bind(Some(&line.detail).filter(|detail| !detail.is_null()).map(Value::to_string))
        .fetch_one(&mut *db)
        .await?;
    match what.is_step() && monitoring::has_loop(db, model).await? {
        true => leave(db, model, line, count(&row, "number")?, note).await,
        false => Ok(()),
    }
}

/// Leaves word for webhooks that the loop of a model took a step, or that a person did who has a say in it.
async fn leave(
    db: &mut Connection,
    model: &str,
    line: Line,
    number: u64,
    note: &Note,
) -> Result<(), Fail> {
    let untold = Untold {
        event: WebhookEvent::MonitorStep,
        model: model.into(),
        version: line.version,
        alias: line.alias,
        line: Some(number),
        at: note.at,
    };
    untold::leave(db, &untold).await
}

pub(super) async fn history(db: &mut Connection, model: &str) -> Result<Vec<ModelEvent>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM model_events WHERE model = $1 ORDER BY number";
    let rows = sqlx::query(sql).bind(model).fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn after(
    db: &mut Connection,
    model: &str,
    number: u64,
    limit: u32,
) -> Result<Vec<ModelEvent>, Fail> {
    let sql =
        "SELECT * FROM model_events WHERE model = $1 AND number > $2 ORDER BY number LIMIT $3";
    let rows = models::rows_after(db, sql, model, number, limit).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn alias_at(
    db: &mut Connection,
    model: &str,
    alias: &str,
    at: Timestamp,
) -> Result<Option<ModelEvent>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM model_events WHERE model = $1 AND alias = $2 AND at <= $3 \
               AND what <> $4 ORDER BY number DESC LIMIT 1";
    let row = sqlx::query(sql)
        .bind(model)
        .bind(alias)
        .bind(at.0)
        .bind(WhatHappened::RuleSet.as_str())
        .fetch_optional(&mut *db)
        .await?;
    let last = row.as_ref().map(decode).transpose()?;
    Ok(last.filter(|event| event.what != WhatHappened::AliasRemoved))
}

fn decode(row: &DbRow) -> Result<ModelEvent, Fail> {
    Ok(ModelEvent {
        number: count(row, "number")?,
        what: word(row, "what", WhatHappened::parse)?,
        version: number(row, "version")?,
        alias: row.try_get("alias")?,
        previous: number(row, "previous")?,
        stage: optional_word(row, "stage", Stage::parse)?,
        run: optional(row, "run_id")?,
        detail: match row.try_get::<Option<&str>, _>("detail")? {
            Some(_) => json(row, "detail")?,
            None => Value::Null,
        },
        note: Note {
            at: Timestamp(row.try_get("at")?),
            who: row.try_get("who")?,
            why: row.try_get("why")?,
        },
    })
}

fn number(row: &DbRow, column: &str) -> Result<Option<u32>, Fail> {
    match row.try_get::<Option<i64>, _>(column)? {
        Some(_) => count(row, column).map(Some),
        None => Ok(None),
    }
}
