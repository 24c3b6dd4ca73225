//! Runs in SQL: their beginning, their end, and what stands in one row.

use std::borrow::Cow;

use gristmill_core::Timestamp;
use serde::Deserialize;
use sqlx::QueryBuilder;

use super::columns::parsed;
use super::{ARRAY_OF, Connection, Database, dues, experiments, hold, leases, logged, logging};
use crate::check;
use crate::fail::Fail;
use crate::{
    Author, ExperimentId, Lifecycle, NewRun, Run, RunId, RunInfo, RunStatus, RunUpdate, TrackError,
};

pub(super) const WHAT: &str = "run";

pub(super) async fn create(db: &mut Connection, new: &NewRun) -> Result<Run, Fail> {
    check::name("a run's name", &new.name)?;
    let experiment = experiments::require_active(db, new.experiment).await?;
    hold(db, WHAT, &new.id.to_string()).await?;
    if find(db, new.id).await?.is_some() {
        return Err(TrackError::Exists { what: WHAT, name: new.id.to_string() }.into());
    }
    if let Some(parent) = new.parent {
        info(db, parent).await?;
    }
    let location = experiment.artifact_location.as_deref();
    let sql = "INSERT INTO runs (id, experiment_id, name, status, lifecycle, started, kind, \
               pipeline, source, parent_id, user_id, artifact_location) \
               VALUES ($1, $2, $3, 'running', 'active', $4, $5, $6, $7, $8, $9, $10)";
    sqlx::query(sql)
        .bind(new.id.to_string())
        .bind(new.experiment.0)
        .bind(&new.name)
        .bind(new.started.0)
        .bind(new.kind.as_deref().map(check::free_text))
        .bind(new.pipeline.as_deref().map(check::free_text))
        .bind(new.source.as_deref().map(check::free_text))
        .bind(new.parent.map(|parent| parent.to_string()))
        .bind(new.user.as_deref().map(check::free_text))
        .bind(location.map(|root| format!("{}/{}/artifacts", root.trim_end_matches('/'), new.id)))
        .execute(&mut *db)
        .await?;
    logging::store(db, new.id, &new.batch).await?;
    run(db, new.id).await
}

pub(super) async fn update(
    db: &mut Connection,
    id: RunId,
    update: &RunUpdate,
) -> Result<RunInfo, Fail> {
    require_active(db, id).await?;
    if let Some(name) = &update.name {
        check::name("a run's name", name)?;
    }
    // A run that is at work again has neither an end nor an error yet.
    let sql = "UPDATE runs SET status = coalesce($2, status), name = coalesce($4, name), \
               ended = coalesce($3, CASE WHEN $2 = 'running' THEN NULL ELSE ended END), \
               error = coalesce($5, CASE WHEN $2 = 'running' THEN NULL ELSE error END) \
               WHERE id = $1";
    sqlx::query(sql)
        .bind(id.to_string())
        .bind(update.status.map(RunStatus::as_str))
        .bind(update.ended.map(|at| at.0))
        .bind(update.name.as_deref())
        .bind(update.error.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    if let Some(name) = &update.name {
        logging::rename_tag(db, id, name).await?;
    }
    logging::store(db, id, &update.batch).await?;
    if let Some(status) = update.status {
        dues::note_status(db, id, status).await?;
    }
    info(db, id).await
}

pub(super) async fn update_as(
    db: &mut Connection,
    id: RunId,
    author: &Author,
    change: &RunUpdate,
) -> Result<RunInfo, Fail> {
    leases::refuse_others(db, id, author).await?;
    update(db, id, change).await
}

pub(super) async fn set_lifecycle(
    db: &mut Connection,
    id: RunId,
    lifecycle: Lifecycle,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, WHAT, &id.to_string()).await?;
    info(db, id).await?;
    let sql = "UPDATE runs SET lifecycle = $2, \
               deleted = CASE WHEN $2 = 'deleted' THEN coalesce(deleted, $3) END WHERE id = $1";
    sqlx::query(sql)
        .bind(id.to_string())
        .bind(lifecycle.as_str())
        .bind(at.0)
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn purge(db: &mut Connection, id: RunId) -> Result<(), Fail> {
    hold(db, WHAT, &id.to_string()).await?;
    if info(db, id).await?.lifecycle == Lifecycle::Active {
        let expected = "a run that was deleted first";
        return Err(TrackError::invalid(format!("run `{id}`"), "still in use", expected).into());
    }
    dues::close(db, id).await?;
    sqlx::query("DELETE FROM runs WHERE id = $1").bind(id.to_string()).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn run(db: &mut Connection, id: RunId) -> Result<Run, Fail> {
    let mut runs = logged::runs(db, &[id]).await?;
    runs.pop().ok_or_else(|| TrackError::not_found(WHAT, id).into())
}

/// The run without what it logged, or `NotFound`.
pub(super) async fn info(db: &mut Connection, id: RunId) -> Result<RunInfo, Fail> {
    find(db, id).await?.ok_or_else(|| TrackError::not_found(WHAT, id).into())
}

/// The run, or why nothing can be added to it. Until the transaction ends nobody else adds to it.
pub(super) async fn require_active(db: &mut Connection, id: RunId) -> Result<RunInfo, Fail> {
    hold(db, WHAT, &id.to_string()).await?;
    let info = info(db, id).await?;
    refuse_inactive(id, Some(info.lifecycle))?;
    Ok(info)
}

/// Why nothing can be added to a run of this lifecycle; one without is not there.
pub(super) fn refuse_inactive(id: RunId, lifecycle: Option<Lifecycle>) -> Result<(), TrackError> {
    match lifecycle {
        Some(Lifecycle::Active) => Ok(()),
        Some(Lifecycle::Deleted) => Err(TrackError::Deleted { what: WHAT, name: id.to_string() }),
        None => Err(TrackError::not_found(WHAT, id)),
    }
}

pub(super) async fn starting_with(db: &mut Connection, prefix: &str) -> Result<Vec<RunInfo>, Fail> {
    // Ids hold nothing but hex digits, so that a prefix with `%` or `_` matches nothing.
    if prefix.is_empty() || !prefix.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let prefix = prefix.to_lowercase();
    let mut sql = QueryBuilder::<Database>::new("SELECT ");
    push_info(&mut sql);
    sql.push(" FROM runs WHERE id >= ").push_bind(prefix.as_str());
    sql.push(" AND id < ").push_bind(format!("{prefix}g"));
    sql.push(" ORDER BY started DESC, id LIMIT 10");
    let texts: Vec<String> = sql.build_query_scalar().fetch_all(&mut *db).await?;
    texts.iter().map(|text| parse_info(text)).collect()
}

pub(super) async fn find(db: &mut Connection, id: RunId) -> Result<Option<RunInfo>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT ");
    push_info(&mut sql);
    sql.push(" FROM runs WHERE id = ").push_bind(id.to_string());
    let text: Option<String> = sql.build_query_scalar().fetch_optional(&mut *db).await?;
    text.map(|text| parse_info(&text)).transpose()
}

/// Appends what is known of a run as one text: a column costs the driver far more than what is in it.
pub(super) fn push_info(sql: &mut QueryBuilder<Database>) {
    sql.push("CAST(").push(ARRAY_OF).push(
        "(runs.id, runs.experiment_id, runs.name, runs.status, runs.lifecycle, runs.started, \
         runs.ended, runs.kind, runs.pipeline, runs.source, runs.error, runs.parent_id, \
         runs.user_id, runs.artifact_location) AS TEXT)",
    );
}

/// What [`push_info`] has of a run, in its order.
#[derive(Deserialize)]
struct Columns<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    experiment_id: i64,
    name: String,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    lifecycle: Cow<'a, str>,
    started: i64,
    ended: Option<i64>,
    kind: Option<String>,
    pipeline: Option<String>,
    source: Option<String>,
    error: Option<String>,
    parent_id: Option<String>,
    user_id: Option<String>,
    artifact_location: Option<String>,
}

/// What is known of a run.
pub(super) fn parse_info(text: &str) -> Result<RunInfo, Fail> {
    let columns: Columns<'_> = serde_json::from_str(text)
        .map_err(|error| Fail::Damaged(format!("a run reads `{text}`: {error}")))?;
    let run = |column: &str, id: &str| parsed(column, id, |text| text.parse::<RunId>().ok());
    Ok(RunInfo {
        id: run("id", &columns.id)?,
        experiment: ExperimentId(columns.experiment_id),
        name: columns.name,
        status: parsed("status", &columns.status, RunStatus::parse)?,
        lifecycle: parsed("lifecycle", &columns.lifecycle, Lifecycle::parse)?,
        started: Timestamp(columns.started),
        ended: columns.ended.map(Timestamp),
        kind: columns.kind,
        pipeline: columns.pipeline,
        source: columns.source,
        error: columns.error,
        parent: columns.parent_id.map(|id| run("parent_id", &id)).transpose()?,
        user: columns.user_id,
        artifact_location: columns.artifact_location,
    })
}
