//! Models in SQL.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::count;
use super::history::{self, Line};
use super::search::one_of;
use super::{Connection, Database, DbRow, hold, roles};
use crate::check;
use crate::fail::Fail;
use crate::{Model, NewModel, Note, Page, ThingKind, TrackError, WhatHappened};

pub(super) const WHAT: &str = "model";
/// Models of which the tags are fetched by one statement.
const MODELS: usize = 500;

pub(super) async fn ensure(db: &mut Connection, name: &str, at: Timestamp) -> Result<Model, Fail> {
    check::model_name(name)?;
    hold(db, WHAT, name).await?;
    let sql = "INSERT INTO models (name, created, updated, description, last_version) \
               VALUES ($1, $2, $2, '', 0) ON CONFLICT (name) DO NOTHING";
    sqlx::query(sql).bind(name).bind(at.0).execute(&mut *db).await?;
    model(db, name).await
}

pub(super) async fn create(db: &mut Connection, new: &NewModel) -> Result<Model, Fail> {
    hold(db, WHAT, &new.name).await?;
    refuse_taken(db, &new.name).await?;
    ensure(db, &new.name, new.note.at).await?;
    let sql = "UPDATE models SET description = $2 WHERE name = $1";
    let description = check::free_text(&new.description);
    sqlx::query(sql).bind(&new.name).bind(description).execute(&mut *db).await?;
    for (key, value) in &new.tags {
        insert_tag(db, &new.name, key, value).await?;
    }
    model(db, &new.name).await
}

pub(super) async fn model(db: &mut Connection, name: &str) -> Result<Model, Fail> {
    let row = require(db, name).await?;
    let mut found = with_data(db, &[row]).await?;
    found.pop().ok_or_else(|| TrackError::not_found(WHAT, name).into())
}

/// The row of a model, or why there is none.
pub(super) async fn require(db: &mut Connection, name: &str) -> Result<DbRow, Fail> {
    let sql = "SELECT * FROM models WHERE name = $1";
    match sqlx::query(sql).bind(name).fetch_optional(&mut *db).await? {
        Some(row) => Ok(row),
        None => Err(unknown(db, name).await?.into()),
    }
}

/// The rows of a statement about a model whose numbers come after one, at most so many.
pub(super) async fn rows_after(
    db: &mut Connection,
    sql: &'static str,
    model: &str,
    number: u64,
    limit: u32,
) -> Result<Vec<DbRow>, Fail> {
    require(db, model).await?;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let rows = sqlx::query(sql).bind(model).bind(number).bind(i64::from(limit));
    Ok(rows.fetch_all(&mut *db).await?)
}

pub(super) async fn models(db: &mut Connection, page: Page) -> Result<Vec<Model>, Fail> {
    let sql = "SELECT * FROM models ORDER BY name LIMIT $1 OFFSET $2";
    let rows = sqlx::query(sql)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    with_data(db, &rows).await
}

pub(super) async fn rename(
    db: &mut Connection,
    name: &str,
    new_name: &str,
    note: &Note,
) -> Result<Model, Fail> {
    check::model_name(new_name)?;
    // In one order, so that two who exchange names do not wait for each other.
    let (first, second) = if name <= new_name { (name, new_name) } else { (new_name, name) };
    hold(db, WHAT, first).await?;
    hold(db, WHAT, second).await?;
    require(db, name).await?;
    refuse_taken(db, new_name).await?;
    move_over(db, name, new_name).await?;
    sqlx::query("DELETE FROM models WHERE name = $1").bind(name).execute(&mut *db).await?;
    roles::follow(db, name, new_name).await?;
    let sql = "UPDATE model_versions SET updated = $2 WHERE model = $1";
    sqlx::query(sql).bind(new_name).bind(note.at.0).execute(&mut *db).await?;
    let was = match note.why.is_empty() {
        true => format!("was `{name}`"),
        false => format!("was `{name}`: {}", note.why),
    };
    let note = Note::new(note.at, &note.who, was);
    history::append(db, new_name, WhatHappened::Renamed, Line::default(), &note).await?;
    touch(db, new_name, note.at).await?;
    model(db, new_name).await
}

/// Writes a model anew under another name, and gives that one all that the old one has: a key that
/// others refer to cannot change under them.
async fn move_over(db: &mut Connection, name: &str, new_name: &str) -> Result<(), Fail> {
    for sql in [
        "INSERT INTO models (name, created, updated, description, last_version) \
         SELECT $2, created, updated, description, last_version FROM models WHERE name = $1",
        "INSERT INTO model_versions (model, version, run_id, path, digest, metrics, created, \
         description, status, updated, stage, source, run_link, model_id, status_message, gate, who) \
         SELECT $2, version, run_id, path, digest, metrics, created, description, status, updated, \
         stage, source, run_link, model_id, status_message, gate, who \
         FROM model_versions WHERE model = $1",
        "UPDATE model_tags SET model = $2 WHERE model = $1",
        "UPDATE model_version_tags SET model = $2 WHERE model = $1",
        "UPDATE model_aliases SET model = $2 WHERE model = $1",
        "UPDATE model_events SET model = $2 WHERE model = $1",
        "UPDATE alias_rules SET model = $2 WHERE model = $1",
        "UPDATE traffic SET model = $2 WHERE model = $1",
        "UPDATE outcomes SET model = $2 WHERE model = $1",
        "UPDATE labels SET model = $2 WHERE model = $1",
        "UPDATE findings SET model = $2 WHERE model = $1",
        "UPDATE loops SET model = $2 WHERE model = $1",
        "UPDATE notices SET model = $2 WHERE model = $1",
    ] {
        sqlx::query(sql).bind(name).bind(new_name).execute(&mut *db).await?;
    }
    Ok(())
}

pub(super) async fn describe(
    db: &mut Connection,
    name: &str,
    description: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, WHAT, name).await?;
    require(db, name).await?;
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
    hold(db, WHAT, name).await?;
    require(db, name).await?;
    insert_tag(db, name, key, value).await?;
    touch(db, name, at).await
}

pub(super) async fn untag(
    db: &mut Connection,
    name: &str,
    key: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, WHAT, name).await?;
    require(db, name).await?;
    let sql = "DELETE FROM model_tags WHERE model = $1 AND key = $2";
    sqlx::query(sql).bind(name).bind(key).execute(&mut *db).await?;
    touch(db, name, at).await
}

pub(super) async fn delete(db: &mut Connection, name: &str) -> Result<(), Fail> {
    hold(db, WHAT, name).await?;
    require(db, name).await?;
    sqlx::query("DELETE FROM models WHERE name = $1").bind(name).execute(&mut *db).await?;
    roles::forget(db, ThingKind::Model, name).await
}

/// Says that the model, a version or an alias of it has changed.
pub(super) async fn touch(db: &mut Connection, model: &str, at: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE models SET updated = $2 WHERE name = $1";
    sqlx::query(sql).bind(model).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn refuse_taken(db: &mut Connection, name: &str) -> Result<(), Fail> {
    let sql = "SELECT count(*) FROM models WHERE name = $1";
    let taken: i64 = sqlx::query_scalar(sql).bind(name).fetch_one(&mut *db).await?;
    match taken {
        0 => Ok(()),
        _ => Err(TrackError::Exists { what: WHAT, name: name.into() }.into()),
    }
}

pub(super) async fn insert_tag(
    db: &mut Connection,
    name: &str,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    check::model_tag(key, value)?;
    let sql = "INSERT INTO model_tags (model, key, value) VALUES ($1, $2, $3) \
               ON CONFLICT (model, key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(name).bind(key).bind(value).execute(&mut *db).await?;
    Ok(())
}

async fn unknown(db: &mut Connection, name: &str) -> Result<TrackError, Fail> {
    let sql = "SELECT name FROM models ORDER BY name LIMIT 20";
    let known = sqlx::query_scalar(sql).fetch_all(&mut *db).await?;
    Ok(TrackError::NotFound { what: WHAT, name: name.into(), known })
}

/// The models of these rows with their tags, aliases and newest versions, in the same order.
pub(super) async fn with_data(db: &mut Connection, rows: &[DbRow]) -> Result<Vec<Model>, Fail> {
    let mut found = BTreeMap::new();
    let mut order = Vec::with_capacity(rows.len());
    for row in rows {
        let model = decode(row)?;
        order.push(model.name.clone());
        found.insert(model.name.clone(), model);
    }
    for names in order.chunks(MODELS) {
        for row in of(db, "SELECT * FROM model_tags WHERE model IN ", "", names).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model")?) {
                model.tags.insert(row.try_get("key")?, row.try_get("value")?);
            }
        }
        for row in of(db, "SELECT * FROM model_aliases WHERE model IN ", "", names).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model")?) {
                model.aliases.insert(row.try_get("alias")?, count(&row, "version")?);
            }
        }
        let newest = "SELECT model, max(version) AS version FROM model_versions WHERE model IN ";
        for row in of(db, newest, " GROUP BY model", names).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model")?) {
                model.newest = Some(count(&row, "version")?);
            }
        }
    }
    Ok(order.iter().filter_map(|name| found.remove(name)).collect())
}

async fn of(
    db: &mut Connection,
    head: &'static str,
    tail: &'static str,
    names: &[String],
) -> Result<Vec<DbRow>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("");
    one_of(&mut sql, head, names.iter().map(String::as_str));
    sql.push(tail);
    Ok(sql.build().fetch_all(&mut *db).await?)
}

fn decode(row: &DbRow) -> Result<Model, Fail> {
    Ok(Model {
        name: row.try_get("name")?,
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        description: row.try_get("description")?,
        tags: BTreeMap::new(),
        aliases: BTreeMap::new(),
        newest: None,
    })
}
