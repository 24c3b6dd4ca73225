//! Models and their versions in SQL.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{count, json, optional, pairs, word};
use super::history::{self, Line};
use super::{Connection, DbRow, hold};
use crate::check;
use crate::fail::Fail;
use crate::{
    Model, ModelVersion, NewVersion, Note, Page, Registration, RunId, TrackError, VersionStatus,
    WhatHappened,
};

pub(super) const MODEL: &str = "model";
const VERSION: &str = "version";

pub(super) async fn ensure(db: &mut Connection, name: &str, at: Timestamp) -> Result<Model, Fail> {
    check::model_name(name)?;
    hold(db, MODEL, name).await?;
    let sql = "INSERT INTO models (name, created, updated, description, last_version) \
               VALUES ($1, $2, $2, '', 0) ON CONFLICT (name) DO NOTHING";
    sqlx::query(sql).bind(name).bind(at.0).execute(&mut *db).await?;
    model(db, name).await
}

pub(super) async fn model(db: &mut Connection, name: &str) -> Result<Model, Fail> {
    let sql = "SELECT * FROM models WHERE name = $1";
    match sqlx::query(sql).bind(name).fetch_optional(&mut *db).await? {
        Some(row) => decode_model(db, &row).await,
        None => Err(unknown_model(db, name).await?.into()),
    }
}

pub(super) async fn models(db: &mut Connection, page: Page) -> Result<Vec<Model>, Fail> {
    let sql = "SELECT * FROM models ORDER BY name LIMIT $1 OFFSET $2";
    let rows = sqlx::query(sql)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    let mut models = Vec::with_capacity(rows.len());
    for row in &rows {
        models.push(decode_model(db, row).await?);
    }
    Ok(models)
}

pub(super) async fn describe(
    db: &mut Connection,
    name: &str,
    description: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, MODEL, name).await?;
    model(db, name).await?;
    let sql = "UPDATE models SET description = $2 WHERE name = $1";
    sqlx::query(sql).bind(name).bind(check::free_text(description)).execute(&mut *db).await?;
    touch(db, name, at).await
}

pub(super) async fn tag(
    db: &mut Connection,
    name: &str,
    key: &str,
    value: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, MODEL, name).await?;
    model(db, name).await?;
    check::tag(key, value)?;
    let sql = "INSERT INTO model_tags (model, key, value) VALUES ($1, $2, $3) \
               ON CONFLICT (model, key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(name).bind(key).bind(value).execute(&mut *db).await?;
    touch(db, name, at).await
}

pub(super) async fn delete(db: &mut Connection, name: &str) -> Result<(), Fail> {
    hold(db, MODEL, name).await?;
    model(db, name).await?;
    sqlx::query("DELETE FROM models WHERE name = $1").bind(name).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn register(db: &mut Connection, new: &NewVersion) -> Result<Registration, Fail> {
    check::key("a package's digest", &new.digest)?;
    check::value("package", "path", &new.path, check::MAX_TAG_CHARS)?;
    let model = ensure(db, &new.model, new.note.at).await?;
    if let Some(newest) = model.newest {
        let newest = version(db, &new.model, newest).await?;
        if newest.digest == new.digest {
            return Ok(Registration::Unchanged(newest));
        }
    }
    let number = insert_version(db, new).await?;
    let line = Line { version: Some(number), run: new.run, ..Line::default() };
    history::append(db, &new.model, WhatHappened::Registered, line, &new.note).await?;
    version(db, &new.model, number).await.map(Registration::New)
}

/// Stores the version under the next number, which comes back.
async fn insert_version(db: &mut Connection, new: &NewVersion) -> Result<u32, Fail> {
    let sql = "UPDATE models SET last_version = last_version + 1, updated = $2 WHERE name = $1 \
               RETURNING last_version";
    let row = sqlx::query(sql).bind(&new.model).bind(new.note.at.0).fetch_one(&mut *db).await?;
    let number: u32 = count(&row, "last_version")?;
    let sql = "INSERT INTO model_versions \
               (model, version, run_id, path, digest, metrics, created, description, status) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ready')";
    sqlx::query(sql)
        .bind(&new.model)
        .bind(i64::from(number))
        .bind(new.run.map(|run| run.to_string()))
        .bind(&new.path)
        .bind(&new.digest)
        .bind(new.metrics.to_string())
        .bind(new.note.at.0)
        .bind(check::free_text(&new.description))
        .execute(&mut *db)
        .await?;
    for (key, value) in &new.tags {
        insert_version_tag(db, &new.model, number, key, value).await?;
    }
    Ok(number)
}

pub(super) async fn version(
    db: &mut Connection,
    model: &str,
    number: u32,
) -> Result<ModelVersion, Fail> {
    let sql = "SELECT * FROM model_versions WHERE model = $1 AND version = $2";
    let row = sqlx::query(sql).bind(model).bind(i64::from(number)).fetch_optional(&mut *db).await?;
    match row {
        Some(row) => decode_version(db, &row).await,
        None => Err(unknown_version(db, model, number).await?),
    }
}

pub(super) async fn versions(
    db: &mut Connection,
    name: &str,
    page: Page,
) -> Result<Vec<ModelVersion>, Fail> {
    model(db, name).await?;
    let sql = "SELECT * FROM model_versions WHERE model = $1 ORDER BY version DESC \
               LIMIT $2 OFFSET $3";
    let rows = sqlx::query(sql)
        .bind(name)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    decode_versions(db, &rows).await
}

pub(super) async fn versions_of_run(
    db: &mut Connection,
    id: RunId,
) -> Result<Vec<ModelVersion>, Fail> {
    let sql = "SELECT * FROM model_versions WHERE run_id = $1 ORDER BY model, version";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    decode_versions(db, &rows).await
}

pub(super) async fn newest(db: &mut Connection, name: &str) -> Result<ModelVersion, Fail> {
    match model(db, name).await?.newest {
        Some(number) => version(db, name, number).await,
        None => Err(TrackError::not_found(VERSION, format!("{name}/1")).into()),
    }
}

pub(super) async fn describe_version(
    db: &mut Connection,
    name: &str,
    number: u32,
    description: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, MODEL, name).await?;
    version(db, name, number).await?;
    let sql = "UPDATE model_versions SET description = $3 WHERE model = $1 AND version = $2";
    sqlx::query(sql)
        .bind(name)
        .bind(i64::from(number))
        .bind(check::free_text(description))
        .execute(&mut *db)
        .await?;
    touch(db, name, at).await
}

pub(super) async fn tag_version(
    db: &mut Connection,
    model: &str,
    number: u32,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    hold(db, MODEL, model).await?;
    version(db, model, number).await?;
    insert_version_tag(db, model, number, key, value).await
}

pub(super) async fn delete_version(
    db: &mut Connection,
    model: &str,
    number: u32,
    note: &Note,
) -> Result<(), Fail> {
    hold(db, MODEL, model).await?;
    let gone = version(db, model, number).await?;
    for alias in gone.aliases {
        let line = Line { alias: Some(alias), previous: Some(number), ..Line::default() };
        history::append(db, model, WhatHappened::AliasRemoved, line, note).await?;
    }
    let sql = "DELETE FROM model_versions WHERE model = $1 AND version = $2";
    sqlx::query(sql).bind(model).bind(i64::from(number)).execute(&mut *db).await?;
    let line = Line { version: Some(number), ..Line::default() };
    history::append(db, model, WhatHappened::VersionDeleted, line, note).await?;
    touch(db, model, note.at).await
}

/// Says that the model, a version or an alias of it has changed.
pub(super) async fn touch(db: &mut Connection, model: &str, at: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE models SET updated = $2 WHERE name = $1";
    sqlx::query(sql).bind(model).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

async fn insert_version_tag(
    db: &mut Connection,
    model: &str,
    number: u32,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    check::tag(key, value)?;
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

async fn unknown_model(db: &mut Connection, name: &str) -> Result<TrackError, Fail> {
    let sql = "SELECT name FROM models ORDER BY name LIMIT 20";
    let known = sqlx::query_scalar(sql).fetch_all(&mut *db).await?;
    Ok(TrackError::NotFound { what: MODEL, name: name.into(), known })
}

/// Why there is no such version: the model is unknown, or it has others.
async fn unknown_version(db: &mut Connection, name: &str, number: u32) -> Result<Fail, Fail> {
    model(db, name).await?;
    let sql = "SELECT version FROM model_versions WHERE model = $1 ORDER BY version DESC LIMIT 20";
    let known: Vec<i64> = sqlx::query_scalar(sql).bind(name).fetch_all(&mut *db).await?;
    let known = known.iter().map(|version| format!("{name}/{version}")).collect();
    Ok(TrackError::NotFound { what: VERSION, name: format!("{name}/{number}"), known }.into())
}

async fn decode_model(db: &mut Connection, row: &DbRow) -> Result<Model, Fail> {
    let name: String = row.try_get("name")?;
    let tags = "SELECT key, value FROM model_tags WHERE model = $1";
    let tags = sqlx::query(tags).bind(&name).fetch_all(&mut *db).await?;
    let aliases = "SELECT alias, version FROM model_aliases WHERE model = $1";
    let aliases = sqlx::query(aliases).bind(&name).fetch_all(&mut *db).await?;
    let newest =
        "SELECT version FROM model_versions WHERE model = $1 ORDER BY version DESC LIMIT 1";
    let newest = sqlx::query(newest).bind(&name).fetch_optional(&mut *db).await?;
    Ok(Model {
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        description: row.try_get("description")?,
        tags: pairs(&tags)?,
        aliases: aliases
            .iter()
            .map(|row| Ok((row.try_get("alias")?, count(row, "version")?)))
            .collect::<Result<_, Fail>>()?,
        newest: newest.map(|row| count(&row, "version")).transpose()?,
        name,
    })
}

async fn decode_versions(db: &mut Connection, rows: &[DbRow]) -> Result<Vec<ModelVersion>, Fail> {
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows {
        versions.push(decode_version(db, row).await?);
    }
    Ok(versions)
}

async fn decode_version(db: &mut Connection, row: &DbRow) -> Result<ModelVersion, Fail> {
    let model: String = row.try_get("model")?;
    let number: i64 = row.try_get("version")?;
    let tags = "SELECT key, value FROM model_version_tags WHERE model = $1 AND version = $2";
    let tags = sqlx::query(tags).bind(&model).bind(number).fetch_all(&mut *db).await?;
    let aliases = "SELECT alias FROM model_aliases WHERE model = $1 AND version = $2";
    let mut aliases: Vec<String> =
        sqlx::query_scalar(aliases).bind(&model).bind(number).fetch_all(&mut *db).await?;
    aliases.sort_unstable();
    Ok(ModelVersion {
        version: count(row, "version")?,
        run: optional(row, "run_id")?,
        path: row.try_get("path")?,
        digest: row.try_get("digest")?,
        metrics: json(row, "metrics")?,
        created: Timestamp(row.try_get("created")?),
        description: row.try_get("description")?,
        status: word(row, "status", VersionStatus::parse)?,
        tags: pairs(&tags)?,
        aliases,
        model,
    })
}
