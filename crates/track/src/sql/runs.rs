//! Runs in SQL: their beginning, their end, and what stands in one row.

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{optional, word};
use super::{Connection, DbRow, dues, experiments, hold, leases, logging, search};
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
    let info = info(db, id).await?;
    let mut runs = search::with_data(db, vec![info]).await?;
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
    let sql = "SELECT * FROM runs WHERE id >= $1 AND id < $2 ORDER BY started DESC, id LIMIT 10";
    let prefix = prefix.to_lowercase();
    let rows =
        sqlx::query(sql).bind(&prefix).bind(format!("{prefix}g")).fetch_all(&mut *db).await?;
    rows.iter().map(decode).collect()
}

pub(super) async fn find(db: &mut Connection, id: RunId) -> Result<Option<RunInfo>, Fail> {
    let sql = "SELECT * FROM runs WHERE id = $1";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(&mut *db).await?;
    row.as_ref().map(decode).transpose()
}

pub(super) fn decode(row: &DbRow) -> Result<RunInfo, Fail> {
    Ok(RunInfo {
        id: word(row, "id", |text| text.parse().ok())?,
        experiment: ExperimentId(row.try_get("experiment_id")?),
        name: row.try_get("name")?,
        status: word(row, "status", RunStatus::parse)?,
        lifecycle: word(row, "lifecycle", Lifecycle::parse)?,
        started: Timestamp(row.try_get("started")?),
        ended: row.try_get::<Option<i64>, _>("ended")?.map(Timestamp),
        kind: row.try_get("kind")?,
        pipeline: row.try_get("pipeline")?,
        source: row.try_get("source")?,
        error: row.try_get("error")?,
        parent: optional(row, "parent_id")?,
        user: row.try_get("user_id")?,
        artifact_location: row.try_get("artifact_location")?,
    })
}
