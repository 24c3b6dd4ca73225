//! Logged models in SQL.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::{optional, word};
use super::search::one_of;
use super::{Connection, Database, DbRow, experiments, hold, logging};
use crate::check;
use crate::fail::Fail;
use crate::{
    ExperimentId, Lifecycle, LoggedModel, LoggedModelStatus, Measured, NewLoggedModel, TrackError,
};

pub(super) const WHAT: &str = "logged model";
/// Logged models of which the data is fetched by one statement.
const MODELS: usize = 500;

pub(super) async fn create(db: &mut Connection, new: &NewLoggedModel) -> Result<LoggedModel, Fail> {
    check::key("a logged model's id", &new.id)?;
    check::name("a logged model's name", &new.name)?;
    experiments::require_active(db, new.experiment).await?;
    hold(db, WHAT, &new.id).await?;
    if find(db, &new.id).await?.is_some() {
        return Err(TrackError::Exists { what: WHAT, name: new.id.clone() }.into());
    }
    let sql = "INSERT INTO logged_models (id, experiment_id, name, model_type, source_run_id, \
               status, lifecycle, created, updated) \
               VALUES ($1, $2, $3, $4, $5, 'pending', 'active', $6, $6)";
    sqlx::query(sql)
        .bind(&new.id)
        .bind(new.experiment.0)
        .bind(&new.name)
        .bind(new.model_type.as_deref().map(check::free_text))
        .bind(new.run.map(|run| run.to_string()))
        .bind(new.at.0)
        .execute(&mut *db)
        .await?;
    insert_tags(db, &new.id, &new.tags).await?;
    insert_params(db, &new.id, &new.params).await?;
    model(db, &new.id).await
}

pub(super) async fn model(db: &mut Connection, id: &str) -> Result<LoggedModel, Fail> {
    let row = find(db, id).await?.ok_or_else(|| TrackError::not_found(WHAT, id))?;
    let mut found = with_data(db, &[row]).await?;
    found.pop().ok_or_else(|| TrackError::not_found(WHAT, id).into())
}

pub(super) async fn finalize(
    db: &mut Connection,
    id: &str,
    status: LoggedModelStatus,
    at: Timestamp,
) -> Result<LoggedModel, Fail> {
    require(db, id).await?;
    let sql = "UPDATE logged_models SET status = $2, updated = $3 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(status.as_str()).bind(at.0).execute(&mut *db).await?;
    model(db, id).await
}

pub(super) async fn set_lifecycle(
    db: &mut Connection,
    id: &str,
    lifecycle: Lifecycle,
    at: Timestamp,
) -> Result<(), Fail> {
    require(db, id).await?;
    let sql = "UPDATE logged_models SET lifecycle = $2, updated = $3 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(lifecycle.as_str()).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn tag(
    db: &mut Connection,
    id: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    require(db, id).await?;
    insert_tags(db, id, tags).await
}

pub(super) async fn untag(db: &mut Connection, id: &str, key: &str) -> Result<(), Fail> {
    require(db, id).await?;
    let sql = "DELETE FROM logged_model_tags WHERE model_id = $1 AND key = $2";
    let gone = sqlx::query(sql).bind(id).bind(key).execute(&mut *db).await?;
    match gone.rows_affected() {
        0 => Err(TrackError::not_found("tag", key).into()),
        _ => Ok(()),
    }
}

pub(super) async fn log_params(
    db: &mut Connection,
    id: &str,
    params: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    require(db, id).await?;
    insert_params(db, id, params).await
}

/// Refuses when there is no such model, and keeps others from it until the transaction ends.
async fn require(db: &mut Connection, id: &str) -> Result<(), Fail> {
    hold(db, WHAT, id).await?;
    match find(db, id).await? {
        Some(_) => Ok(()),
        None => Err(TrackError::not_found(WHAT, id).into()),
    }
}

async fn find(db: &mut Connection, id: &str) -> Result<Option<DbRow>, Fail> {
    let sql = "SELECT * FROM logged_models WHERE id = $1";
    Ok(sqlx::query(sql).bind(id).fetch_optional(&mut *db).await?)
}

async fn insert_tags(
    db: &mut Connection,
    id: &str,
    tags: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    let sql = "INSERT INTO logged_model_tags (model_id, key, value) VALUES ($1, $2, $3) \
               ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value";
    for (key, value) in tags {
        check::model_tag(key, value)?;
        sqlx::query(sql).bind(id).bind(key).bind(value).execute(&mut *db).await?;
    }
    Ok(())
}

async fn insert_params(
    db: &mut Connection,
    id: &str,
    params: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    let there = "SELECT value FROM logged_model_params WHERE model_id = $1 AND key = $2";
    let sql = "INSERT INTO logged_model_params (model_id, key, value) VALUES ($1, $2, $3) \
               ON CONFLICT (model_id, key) DO NOTHING";
    for (key, value) in params {
        check::key("a param's key", key)?;
        check::value("param", key, value, check::MAX_PARAM_CHARS)?;
        let stored: Option<String> =
            sqlx::query_scalar(there).bind(id).bind(key).fetch_optional(&mut *db).await?;
        if let Some(stored) = stored.filter(|stored| stored != value) {
            let (run, key, given) = (id.to_string(), key.clone(), value.clone());
            return Err(TrackError::ParamChanged { run, key, stored, given }.into());
        }
        sqlx::query(sql).bind(id).bind(key).bind(value).execute(&mut *db).await?;
    }
    Ok(())
}

/// The models of these rows with all that belongs to them, in the same order.
pub(super) async fn with_data(
    db: &mut Connection,
    rows: &[DbRow],
) -> Result<Vec<LoggedModel>, Fail> {
    let mut found = BTreeMap::new();
    let mut order = Vec::with_capacity(rows.len());
    for row in rows {
        let model = decode(row)?;
        order.push(model.id.clone());
        found.insert(model.id.clone(), model);
    }
    for ids in order.chunks(MODELS) {
        for row in of(db, "logged_model_tags", ids).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model_id")?) {
                model.tags.insert(row.try_get("key")?, row.try_get("value")?);
            }
        }
        for row in of(db, "logged_model_params", ids).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model_id")?) {
                model.params.insert(row.try_get("key")?, row.try_get("value")?);
            }
        }
        for row in of(db, "model_metrics", ids).await? {
            if let Some(model) = found.get_mut(row.try_get::<&str, _>("model_id")?) {
                model.metrics.push(decode_metric(&row)?);
            }
        }
    }
    for model in found.values_mut() {
        model.metrics.sort_by_key(|measured| (measured.metric.at, measured.metric.step));
    }
    Ok(order.iter().filter_map(|id| found.remove(id)).collect())
}

async fn of(db: &mut Connection, table: &'static str, ids: &[String]) -> Result<Vec<DbRow>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT * FROM ");
    sql.push(table);
    one_of(&mut sql, " WHERE model_id IN ", ids.iter().map(String::as_str));
    Ok(sql.build().fetch_all(&mut *db).await?)
}

fn decode(row: &DbRow) -> Result<LoggedModel, Fail> {
    Ok(LoggedModel {
        id: row.try_get("id")?,
        experiment: ExperimentId(row.try_get("experiment_id")?),
        name: row.try_get("name")?,
        model_type: row.try_get("model_type")?,
        run: optional(row, "source_run_id")?,
        status: word(row, "status", LoggedModelStatus::parse)?,
        status_message: row.try_get("status_message")?,
        lifecycle: word(row, "lifecycle", Lifecycle::parse)?,
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        tags: BTreeMap::new(),
        params: BTreeMap::new(),
        metrics: Vec::new(),
    })
}

fn decode_metric(row: &DbRow) -> Result<Measured, Fail> {
    let name: Option<String> = row.try_get("dataset_name")?;
    let digest: Option<String> = row.try_get("dataset_digest")?;
    Ok(Measured {
        run: word(row, "run_id", |text| text.parse().ok())?,
        metric: logging::decode(row)?,
        dataset: name.map(|name| (name, digest.unwrap_or_default())),
    })
}
