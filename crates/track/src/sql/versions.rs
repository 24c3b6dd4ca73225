//! Versions of models in SQL.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::{count, json, optional, word};
use super::history::{self, Line};
use super::{Connection, Database, DbRow, hold, models, rules};
use crate::check;
use crate::fail::Fail;
use crate::{
    Gate, ModelVersion, NewVersion, Note, Page, Registration, RunId, Stage, TrackError,
    VersionStatus, WhatHappened,
};

const WHAT: &str = "version";
/// Versions of which the tags are fetched by one statement.
const VERSIONS: usize = 400;

pub(super) async fn register(db: &mut Connection, new: &NewVersion) -> Result<Registration, Fail> {
    check::key("a package's digest", &new.digest)?;
    let model = models::ensure(db, &new.model, new.note.at).await?;
    if let Some(newest) = model.newest {
        let newest = version(db, &new.model, newest).await?;
        if newest.digest == new.digest {
            return Ok(Registration::Unchanged(newest));
        }
    }
    insert(db, new).await.map(Registration::New)
}

pub(super) async fn create(db: &mut Connection, new: &NewVersion) -> Result<ModelVersion, Fail> {
    hold(db, models::WHAT, &new.model).await?;
    models::require(db, &new.model).await?;
    insert(db, new).await
}

/// Stores the version of a model that is held under its next number.
async fn insert(db: &mut Connection, new: &NewVersion) -> Result<ModelVersion, Fail> {
    check_places([
        ("path", Some(&new.path)),
        ("source", new.source.as_ref()),
        ("run link", new.run_link.as_ref()),
        ("model id", new.logged_model.as_ref()),
    ])?;
    let sql = "UPDATE models SET last_version = last_version + 1, updated = $2 WHERE name = $1 \
               RETURNING last_version";
    let row = sqlx::query(sql).bind(&new.model).bind(new.note.at.0).fetch_one(&mut *db).await?;
    let number: u32 = count(&row, "last_version")?;
    insert_row(db, new, number).await?;
    for (key, value) in &new.tags {
        insert_tag(db, &new.model, number, key, value).await?;
    }
    let line = Line { version: Some(number), run: new.run, ..Line::default() };
    history::append(db, &new.model, WhatHappened::Registered, line, &new.note).await?;
    version(db, &new.model, number).await
}

/// Refuses texts about where a version comes from that cannot be stored.
pub(super) fn check_places(texts: [(&str, Option<&String>); 4]) -> Result<(), TrackError> {
    texts.into_iter().try_for_each(|(key, text)| match text {
        Some(text) => check::value("package", key, text, check::MAX_TAG_CHARS),
        None => Ok(()),
    })
}

async fn insert_row(db: &mut Connection, new: &NewVersion, number: u32) -> Result<(), Fail> {
    let sql = "INSERT INTO model_versions \
               (model, version, run_id, path, digest, metrics, created, description, status, \
               updated, source, run_link, model_id, gate, who) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $10, $11, $12, $13, $14)";
    sqlx::query(sql)
        .bind(&new.model)
        .bind(i64::from(number))
        .bind(new.run.map(|run| run.to_string()))
        .bind(&new.path)
        .bind(&new.digest)
        .bind(new.metrics.to_string())
        .bind(new.note.at.0)
        .bind(check::free_text(&new.description))
        .bind(new.status.as_str())
        .bind(new.source.as_deref())
        .bind(new.run_link.as_deref())
        .bind(new.logged_model.as_deref())
        .bind(new.gate.as_str())
        .bind(check::free_text(&new.note.who))
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn version(
    db: &mut Connection,
    model: &str,
    number: u32,
) -> Result<ModelVersion, Fail> {
    let sql = "SELECT * FROM model_versions WHERE model = $1 AND version = $2";
    let row = sqlx::query(sql).bind(model).bind(i64::from(number)).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Err(unknown(db, model, number).await?) };
    let mut found = with_data(db, &[row]).await?;
    found.pop().ok_or_else(|| TrackError::not_found(WHAT, format!("{model}/{number}")).into())
}

pub(super) async fn versions(
    db: &mut Connection,
    model: &str,
    page: Page,
) -> Result<Vec<ModelVersion>, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT * FROM model_versions WHERE model = $1 ORDER BY version DESC \
               LIMIT $2 OFFSET $3";
    let rows = sqlx::query(sql)
        .bind(model)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    with_data(db, &rows).await
}

pub(super) async fn versions_of_run(
    db: &mut Connection,
    id: RunId,
) -> Result<Vec<ModelVersion>, Fail> {
    let sql = "SELECT * FROM model_versions WHERE run_id = $1 ORDER BY model, version";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    with_data(db, &rows).await
}

pub(super) async fn newest(db: &mut Connection, name: &str) -> Result<ModelVersion, Fail> {
    match models::model(db, name).await?.newest {
        Some(number) => version(db, name, number).await,
        None => Err(TrackError::not_found(WHAT, format!("{name}/1")).into()),
    }
}

pub(super) async fn describe(
    db: &mut Connection,
    model: &str,
    number: u32,
    description: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    require(db, model, number).await?;
    let sql = "UPDATE model_versions SET description = $3, updated = $4 \
               WHERE model = $1 AND version = $2";
    sqlx::query(sql)
        .bind(model)
        .bind(i64::from(number))
        .bind(check::free_text(description))
        .bind(at.0)
        .execute(&mut *db)
        .await?;
    models::touch(db, model, at).await
}

pub(super) async fn set_status(
    db: &mut Connection,
    model: &str,
    number: u32,
    status: VersionStatus,
    message: Option<&str>,
    at: Timestamp,
) -> Result<(), Fail> {
    require(db, model, number).await?;
    let sql = "UPDATE model_versions SET status = $3, status_message = $4, updated = $5 \
               WHERE model = $1 AND version = $2";
    sqlx::query(sql)
        .bind(model)
        .bind(i64::from(number))
        .bind(status.as_str())
        .bind(message.map(check::free_text))
        .bind(at.0)
        .execute(&mut *db)
        .await?;
    models::touch(db, model, at).await
}

pub(super) async fn tag(
    db: &mut Connection,
    model: &str,
    number: u32,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    require(db, model, number).await?;
    insert_tag(db, model, number, key, value).await
}

pub(super) async fn untag(
    db: &mut Connection,
    model: &str,
    number: u32,
    key: &str,
) -> Result<(), Fail> {
    require(db, model, number).await?;
    let sql = "DELETE FROM model_version_tags WHERE model = $1 AND version = $2 AND key = $3";
    sqlx::query(sql).bind(model).bind(i64::from(number)).bind(key).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn delete(
    db: &mut Connection,
    model: &str,
    number: u32,
    note: &Note,
) -> Result<(), Fail> {
    let gone = require(db, model, number).await?;
    for alias in gone.aliases {
        rules::refuse_removal(db, model, &alias, note).await?;
        let line = Line { alias: Some(alias), previous: Some(number), ..Line::default() };
        history::append(db, model, WhatHappened::AliasRemoved, line, note).await?;
    }
    let sql = "DELETE FROM model_versions WHERE model = $1 AND version = $2";
    sqlx::query(sql).bind(model).bind(i64::from(number)).execute(&mut *db).await?;
    let line = Line { version: Some(number), ..Line::default() };
    history::append(db, model, WhatHappened::VersionDeleted, line, note).await?;
    models::touch(db, model, note.at).await
}

pub(super) async fn relocate(db: &mut Connection, from: &str, to: &str) -> Result<u64, Fail> {
    let (from, to) = (format!("{}/", from.trim_end_matches('/')), to.trim_end_matches('/'));
    let sql = "UPDATE model_versions SET path = $2 || '/' || substr(path, $3 + 1) \
               WHERE substr(path, 1, $3) = $1";
    // Of SQL's characters, not bytes.
    let length = i32::try_from(from.chars().count()).unwrap_or(i32::MAX - 1);
    let moved = sqlx::query(sql).bind(&from).bind(to).bind(length).execute(&mut *db).await?;
    Ok(moved.rows_affected())
}

/// The version, which nobody else changes until the transaction ends.
pub(super) async fn require(
    db: &mut Connection,
    model: &str,
    number: u32,
) -> Result<ModelVersion, Fail> {
    hold(db, models::WHAT, model).await?;
    version(db, model, number).await
}

pub(super) async fn insert_tag(
    db: &mut Connection,
    model: &str,
    number: u32,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    check::model_tag(key, value)?;
    let sql = "INSERT INTO model_version_tags (model, version, key, value) \
               VALUES ($1, $2, $3, $4) \
               ON CONFLICT (model, version, key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql)
        .bind(model)
        .bind(i64::from(number))
        .bind(key)
        .bind(value)
        .execute(&mut *db)
        .await?;
    Ok(())
}

/// Why there is no such version: the model is unknown, or it has others.
async fn unknown(db: &mut Connection, model: &str, number: u32) -> Result<Fail, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT version FROM model_versions WHERE model = $1 ORDER BY version DESC LIMIT 20";
    let known: Vec<i64> = sqlx::query_scalar(sql).bind(model).fetch_all(&mut *db).await?;
    let known = known.iter().map(|version| format!("{model}/{version}")).collect();
    Ok(TrackError::NotFound { what: WHAT, name: format!("{model}/{number}"), known }.into())
}

/// The versions of these rows with their tags and aliases, in the same order.
pub(super) async fn with_data(
    db: &mut Connection,
    rows: &[DbRow],
) -> Result<Vec<ModelVersion>, Fail> {
    let mut found: BTreeMap<(String, u32), ModelVersion> = BTreeMap::new();
    let mut order = Vec::with_capacity(rows.len());
    for row in rows {
        let version = decode(row)?;
        let key = (version.model.clone(), version.version);
        order.push(key.clone());
        found.insert(key, version);
    }
    for keys in order.chunks(VERSIONS) {
        for row in of(db, "model_version_tags", keys).await? {
            if let Some(version) = found.get_mut(&key(&row)?) {
                version.tags.insert(row.try_get("key")?, row.try_get("value")?);
            }
        }
        for row in of(db, "model_aliases", keys).await? {
            if let Some(version) = found.get_mut(&key(&row)?) {
                version.aliases.push(row.try_get("alias")?);
            }
        }
    }
    found.values_mut().for_each(|version| version.aliases.sort_unstable());
    Ok(order.iter().filter_map(|key| found.remove(key)).collect())
}

fn key(row: &DbRow) -> Result<(String, u32), Fail> {
    Ok((row.try_get("model")?, count(row, "version")?))
}

async fn of(
    db: &mut Connection,
    table: &'static str,
    keys: &[(String, u32)],
) -> Result<Vec<DbRow>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT * FROM ");
    sql.push(table).push(" WHERE (model, version) IN (");
    sql.push_values(keys, |mut pair, (model, version)| {
        pair.push_bind(model.as_str()).push_bind(i64::from(*version));
    });
    sql.push(")");
    Ok(sql.build().fetch_all(&mut *db).await?)
}

fn decode(row: &DbRow) -> Result<ModelVersion, Fail> {
    Ok(ModelVersion {
        model: row.try_get("model")?,
        version: count(row, "version")?,
        run: optional(row, "run_id")?,
        path: row.try_get("path")?,
        digest: row.try_get("digest")?,
        source: row.try_get("source")?,
        run_link: row.try_get("run_link")?,
        logged_model: row.try_get("model_id")?,
        metrics: json(row, "metrics")?,
        gate: word(row, "gate", Gate::parse)?,
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        who: row.try_get("who")?,
        description: row.try_get("description")?,
        stage: word(row, "stage", Stage::parse)?,
        status: word(row, "status", VersionStatus::parse)?,
        status_message: row.try_get("status_message")?,
        tags: BTreeMap::new(),
        aliases: Vec::new(),
    })
}
