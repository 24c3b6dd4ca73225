//! What another store kept, stored as it was there, in SQL.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{QueryBuilder, Row};

use super::columns::count;
use super::history::{self, Line};
use super::{
    Connection, Database, experiments, hold, inputs, logged_models, logging, models, records, runs,
    search, versions,
};
use crate::adoption::BEING_ADOPTED;
use crate::check;
use crate::fail::Fail;
use crate::{
    AdoptedModel, Artifact, Batch, Experiment, ExperimentId, Lifecycle, LoggedModel, ModelMetric,
    ModelVersion, Note, Run, RunId, TrackError, WhatHappened,
};

/// The greatest number of an experiment that is kept: the next ones must have room behind it.
const MAX_KEPT_NUMBER: i64 = 999_999_999_999_999_999;
/// Versions in one statement.
const ROWS: usize = 64;

pub(super) async fn experiment(
    db: &mut Connection,
    given: &Experiment,
) -> Result<Experiment, Fail> {
    hold(db, experiments::NAMES, "").await?;
    let id = match replace_default(db, given).await? {
        true => given.id,
        false => insert_experiment(db, given).await?,
    };
    for (key, value) in &given.tags {
        experiments::insert_tag(db, id.0, key, value).await?;
    }
    experiments::by_id(db, id).await
}

/// Gives the experiment that is there from the start what another store knew of its own; whether it
/// did: not when somebody has touched ours.
async fn replace_default(db: &mut Connection, given: &Experiment) -> Result<bool, Fail> {
    let sql = "UPDATE experiments SET lifecycle = $3, created = $4, updated = $5, \
               artifact_location = $6 WHERE id = $1 AND name = $2 AND created = 0 AND updated = 0 \
               AND NOT EXISTS (SELECT 1 FROM experiment_tags WHERE experiment_id = $1)";
    if given.id != ExperimentId::DEFAULT {
        return Ok(false);
    }
    let done = sqlx::query(sql)
        .bind(given.id.0)
        .bind(&given.name)
        .bind(given.lifecycle.as_str())
        .bind(given.created.0)
        .bind(given.updated.0)
        .bind(given.artifact_location.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    Ok(done.rows_affected() > 0)
}

async fn insert_experiment(db: &mut Connection, given: &Experiment) -> Result<ExperimentId, Fail> {
    experiments::refuse_taken(db, &given.name).await?;
    let taken: i64 = sqlx::query_scalar("SELECT count(*) FROM experiments WHERE id = $1")
        .bind(given.id.0)
        .fetch_one(&mut *db)
        .await?;
    let id: i64 = match taken == 0 && given.id.0 <= MAX_KEPT_NUMBER {
        true => given.id.0,
        false => {
            sqlx::query_scalar("SELECT max(id) + 1 FROM experiments").fetch_one(&mut *db).await?
        }
    };
    let sql = "INSERT INTO experiments (id, name, lifecycle, created, updated, artifact_location) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    sqlx::query(sql)
        .bind(id)
        .bind(&given.name)
        .bind(given.lifecycle.as_str())
        .bind(given.created.0)
        .bind(given.updated.0)
        .bind(given.artifact_location.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    Ok(ExperimentId(id))
}

pub(super) async fn run(db: &mut Connection, given: &Run) -> Result<(), Fail> {
    let info = &given.info;
    experiments::by_id(db, info.experiment).await?;
    hold(db, runs::WHAT, &info.id.to_string()).await?;
    if runs::find(db, info.id).await?.is_some() {
        return Err(TrackError::Exists { what: runs::WHAT, name: info.id.to_string() }.into());
    }
    let sql = "INSERT INTO runs (id, experiment_id, name, status, lifecycle, started, ended, kind, \
               user_id, artifact_location) VALUES ($1, $2, $3, $4, 'active', $5, $6, $7, $8, $9)";
    sqlx::query(sql)
        .bind(info.id.to_string())
        .bind(info.experiment.0)
        .bind(&info.name)
        .bind(info.status.as_str())
        .bind(info.started.0)
        .bind(info.ended.map(|at| at.0))
        .bind(BEING_ADOPTED)
        .bind(info.user.as_deref().map(check::free_text))
        .bind(info.artifact_location.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    let (params, tags) = (given.params.clone(), given.tags.clone());
    logging::store(db, info.id, &Batch { params, tags, ..Batch::default() }).await?;
    // The tag of that name has named the run anew, and the two may differ.
    check::name("a run's name", &info.name)?;
    let sql = "UPDATE runs SET name = $2 WHERE id = $1";
    sqlx::query(sql).bind(info.id.to_string()).bind(&info.name).execute(&mut *db).await?;
    inputs::log(db, info.id, &given.datasets, &given.models).await
}

pub(super) async fn settle(
    db: &mut Connection,
    id: RunId,
    lifecycle: Lifecycle,
) -> Result<(), Fail> {
    hold(db, runs::WHAT, &id.to_string()).await?;
    runs::info(db, id).await?;
    let sql = "UPDATE runs SET kind = NULL, lifecycle = $2 WHERE id = $1 AND kind = $3";
    sqlx::query(sql)
        .bind(id.to_string())
        .bind(lifecycle.as_str())
        .bind(BEING_ADOPTED)
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn artifacts(
    db: &mut Connection,
    id: RunId,
    artifacts: &[Artifact],
) -> Result<(), Fail> {
    hold(db, runs::WHAT, &id.to_string()).await?;
    runs::info(db, id).await?;
    records::insert_artifacts(db, id, artifacts).await
}

pub(super) async fn metric_counts(
    db: &mut Connection,
    id: RunId,
) -> Result<BTreeMap<String, u64>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT key, count(*) AS n FROM metrics WHERE run_id = $1 GROUP BY key";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    rows.iter().map(|row| Ok((row.try_get("key")?, count(row, "n")?))).collect()
}

/// Of two that began together the other counts as the earlier one when it names no parent itself, so
/// that no circle can close.
pub(super) async fn join(db: &mut Connection, pairs: &[(RunId, RunId)]) -> Result<(), Fail> {
    let sql = "UPDATE runs SET parent_id = $2 WHERE id = $1 AND parent_id IS NULL AND EXISTS \
               (SELECT 1 FROM runs p WHERE p.id = $2 AND p.id <> runs.id AND \
               (p.started < runs.started OR (p.started = runs.started AND NOT EXISTS \
               (SELECT 1 FROM run_tags t WHERE t.run_id = p.id AND t.key = $3))))";
    for (part, whole) in pairs {
        hold(db, runs::WHAT, &part.to_string()).await?;
        sqlx::query(sql)
            .bind(part.to_string())
            .bind(whole.to_string())
            .bind(crate::tags::PARENT_RUN)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

pub(super) async fn logged_model(db: &mut Connection, given: &LoggedModel) -> Result<(), Fail> {
    check::key("a logged model's id", &given.id)?;
    check::name("a logged model's name", &given.name)?;
    experiments::by_id(db, given.experiment).await?;
    hold(db, logged_models::WHAT, &given.id).await?;
    if logged_models::find(db, &given.id).await?.is_some() {
        let (what, name) = (logged_models::WHAT, given.id.clone());
        return Err(TrackError::Exists { what, name }.into());
    }
    let sql = "INSERT INTO logged_models (id, experiment_id, name, model_type, source_run_id, \
               status, status_message, lifecycle, created, updated) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    sqlx::query(sql)
        .bind(&given.id)
        .bind(given.experiment.0)
        .bind(&given.name)
        .bind(given.model_type.as_deref().map(check::free_text))
        .bind(given.run.map(|run| run.to_string()))
        .bind(given.status.as_str())
        .bind(given.status_message.as_deref().map(check::free_text))
        .bind(given.lifecycle.as_str())
        .bind(given.created.0)
        .bind(given.updated.0)
        .execute(&mut *db)
        .await?;
    logged_models::insert_tags(db, &given.id, &given.tags).await?;
    logged_models::insert_params(db, &given.id, &given.params).await?;
    measured(db, given).await
}

/// What runs measured on a logged model, run by run.
async fn measured(db: &mut Connection, given: &LoggedModel) -> Result<(), Fail> {
    let mut by_run: BTreeMap<RunId, Vec<ModelMetric>> = BTreeMap::new();
    for measured in &given.metrics {
        let metric = ModelMetric {
            model: given.id.clone(),
            metric: measured.metric.clone(),
            dataset: measured.dataset.clone(),
        };
        by_run.entry(measured.run).or_default().push(metric);
    }
    if by_run.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<RunId> = by_run.keys().copied().collect();
    let known = search::lifecycles(db, &wanted).await?;
    for (run, metrics) in &by_run {
        if !known.contains_key(run) {
            return Err(TrackError::not_found(runs::WHAT, run).into());
        }
        logging::model_metrics(db, &run.to_string(), metrics).await?;
    }
    Ok(())
}

pub(super) async fn model(db: &mut Connection, given: &AdoptedModel) -> Result<(), Fail> {
    let AdoptedModel { model, versions, last_version, note } = given;
    check::model_name(&model.name)?;
    hold(db, models::WHAT, &model.name).await?;
    models::refuse_taken(db, &model.name).await?;
    let sql = "INSERT INTO models (name, created, updated, description, last_version) \
               VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(&model.name)
        .bind(model.created.0)
        .bind(model.updated.0)
        .bind(check::free_text(&model.description))
        .bind(i64::from(*last_version))
        .execute(&mut *db)
        .await?;
    for (key, value) in &model.tags {
        models::insert_tag(db, &model.name, key, value).await?;
    }
    for rows in versions.chunks(ROWS) {
        insert_versions(db, &model.name, rows).await?;
    }
    for version in versions {
        version_data(db, &model.name, version, note).await?;
    }
    for (alias, number) in &model.aliases {
        check::alias(alias)?;
        let sql = "INSERT INTO model_aliases (model, alias, version) VALUES ($1, $2, $3)";
        sqlx::query(sql)
            .bind(&model.name)
            .bind(alias)
            .bind(i64::from(*number))
            .execute(&mut *db)
            .await?;
        let line = Line { alias: Some(alias.clone()), version: Some(*number), ..Line::default() };
        history::append(db, &model.name, WhatHappened::AliasSet, line, note).await?;
    }
    Ok(())
}

async fn insert_versions(
    db: &mut Connection,
    model: &str,
    rows: &[ModelVersion],
) -> Result<(), Fail> {
    for version in rows {
        versions::check_places([
            ("path", Some(&version.path)),
            ("source", version.source.as_ref()),
            ("run link", version.run_link.as_ref()),
            ("model id", version.logged_model.as_ref()),
        ])?;
    }
    let mut sql = QueryBuilder::<Database>::new(
        "INSERT INTO model_versions (model, version, run_id, path, digest, metrics, created, \
         description, status, updated, stage, source, run_link, model_id, status_message, gate, \
         who) ",
    );
    sql.push_values(rows, |mut row, version| {
        row.push_bind(model).push_bind(i64::from(version.version));
        row.push_bind(version.run.map(|run| run.to_string()));
        row.push_bind(version.path.as_str()).push_bind(version.digest.as_str());
        row.push_bind(version.metrics.to_string()).push_bind(version.created.0);
        row.push_bind(check::free_text(&version.description));
        row.push_bind(version.status.as_str()).push_bind(version.updated.0);
        row.push_bind(version.stage.as_str()).push_bind(version.source.as_deref());
        row.push_bind(version.run_link.as_deref()).push_bind(version.logged_model.as_deref());
        row.push_bind(version.status_message.as_deref().map(check::free_text));
        row.push_bind(version.gate.as_str()).push_bind(check::free_text(&version.who));
    });
    sql.build().execute(&mut *db).await?;
    Ok(())
}

/// The tags of a version, and what the history says of it.
async fn version_data(
    db: &mut Connection,
    model: &str,
    version: &ModelVersion,
    note: &Note,
) -> Result<(), Fail> {
    for (key, value) in &version.tags {
        versions::insert_tag(db, model, version.version, key, value).await?;
    }
    let line = Line { version: Some(version.version), run: version.run, ..Line::default() };
    let registered = Note::new(version.created, &version.who, &note.why);
    history::append(db, model, WhatHappened::Registered, line, &registered).await
}
