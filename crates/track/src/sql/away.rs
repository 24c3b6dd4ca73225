//! What was put away, what needs it, and its end, in SQL.

use std::collections::{BTreeMap, HashMap};

use gristmill_core::Timestamp;
use sqlx::Row;

use super::columns::{count, word};
use super::{Connection, DbRow, experiments, files, hold, inputs, logged_models, runs};
use crate::fail::Fail;
use crate::{Away, ContentHash, ExperimentId, Lifecycle, PutAway, RunId, TrackError};

/// Which versions need which run: the one that made it, and the one that made its logged model.
const RUNS_NEEDED: &str = "SELECT run_id AS id, model, version FROM model_versions \
     WHERE run_id IS NOT NULL \
     UNION SELECT logged_models.source_run_id, model_versions.model, model_versions.version \
     FROM model_versions JOIN logged_models ON logged_models.id = model_versions.model_id \
     WHERE logged_models.source_run_id IS NOT NULL";
/// Which versions need which logged model.
const MODELS_NEEDED: &str =
    "SELECT model_id AS id, model, version FROM model_versions WHERE model_id IS NOT NULL";

/// Which versions need which experiment, for the logged models in it.
const EXPERIMENTS_NEEDED: &str = "SELECT CAST(logged_models.experiment_id AS TEXT) AS id, \
     model_versions.model, model_versions.version \
     FROM model_versions JOIN logged_models ON logged_models.id = model_versions.model_id";

pub(super) async fn contents(db: &mut Connection) -> Result<BTreeMap<ContentHash, u64>, Fail> {
    let sql = "SELECT hash, count(*) AS times FROM (SELECT hash FROM artifacts \
               UNION ALL SELECT hash FROM files) AS named GROUP BY hash";
    let rows = sqlx::query(sql).fetch_all(&mut *db).await?;
    let line = |row: &DbRow| Ok((word(row, "hash", |t| t.parse().ok())?, count(row, "times")?));
    rows.iter().map(line).collect()
}

pub(super) async fn list(
    db: &mut Connection,
    until: Timestamp,
    seen: Timestamp,
) -> Result<PutAway, Fail> {
    let needed = needed(db, RUNS_NEEDED).await?;
    let sql = "SELECT id, name, experiment_id, coalesce(deleted, $2) AS since FROM runs \
               WHERE lifecycle = 'deleted' AND coalesce(deleted, $2) <= $1 ORDER BY since, id";
    let rows = sqlx::query(sql).bind(until.0).bind(seen.0).fetch_all(&mut *db).await?;
    let run = |row| away(row, word(row, "id", |text| text.parse().ok())?, &needed);
    let runs = rows.iter().map(run).collect::<Result<_, Fail>>()?;

    let needed = self::needed(db, MODELS_NEEDED).await?;
    let sql = "SELECT id, name, experiment_id, updated AS since FROM logged_models \
               WHERE lifecycle = 'deleted' AND updated <= $1 ORDER BY since, id";
    let rows = sqlx::query(sql).bind(until.0).fetch_all(&mut *db).await?;
    let model = |row: &DbRow| away(row, row.try_get("id")?, &needed);
    let logged_models = rows.iter().map(model).collect::<Result<_, Fail>>()?;

    let sql = "SELECT id AS experiment_id, name, updated AS since FROM experiments \
               WHERE lifecycle = 'deleted' AND updated <= $1 AND id <> 0 ORDER BY since, id";
    let rows = sqlx::query(sql).bind(until.0).fetch_all(&mut *db).await?;
    let needed = self::needed(db, EXPERIMENTS_NEEDED).await?;
    let experiment = |row: &DbRow| away(row, ExperimentId(row.try_get("experiment_id")?), &needed);
    let experiments = rows.iter().map(experiment).collect::<Result<_, Fail>>()?;
    Ok(PutAway { runs, logged_models, experiments })
}

fn away<Id: ToString>(
    row: &DbRow,
    id: Id,
    needed: &HashMap<String, Vec<String>>,
) -> Result<Away<Id>, Fail> {
    Ok(Away {
        name: row.try_get("name")?,
        experiment: ExperimentId(row.try_get("experiment_id")?),
        since: Timestamp(row.try_get("since")?),
        needed_by: needed.get(&id.to_string()).cloned().unwrap_or_default(),
        id,
    })
}

/// The versions that need each thing, by its id.
async fn needed(
    db: &mut Connection,
    sql: &'static str,
) -> Result<HashMap<String, Vec<String>>, Fail> {
    let mut needed: HashMap<String, Vec<String>> = HashMap::new();
    for row in sqlx::query(sql).fetch_all(&mut *db).await? {
        needed.entry(row.try_get("id")?).or_default().push(version(&row)?);
    }
    needed.values_mut().for_each(|versions| versions.sort_unstable());
    Ok(needed)
}

fn version(row: &DbRow) -> Result<String, Fail> {
    let (model, version): (String, u32) = (row.try_get("model")?, count(row, "version")?);
    Ok(format!("{model}/{version}"))
}

/// The versions that a statement finds for one thing.
async fn versions_of(
    db: &mut Connection,
    sql: &'static str,
    id: &str,
) -> Result<Vec<String>, Fail> {
    let rows = sqlx::query(sql).bind(id).fetch_all(&mut *db).await?;
    rows.iter().map(version).collect()
}

pub(super) async fn note(db: &mut Connection, seen: Timestamp) -> Result<(), Fail> {
    let sql = "UPDATE runs SET deleted = $1 WHERE lifecycle = 'deleted' AND deleted IS NULL";
    sqlx::query(sql).bind(seen.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn forget_run(db: &mut Connection, id: RunId) -> Result<Vec<String>, Fail> {
    hold(db, runs::WHAT, &id.to_string()).await?;
    let experiment = runs::info(db, id).await?.experiment;
    let sql = "SELECT model, version FROM model_versions WHERE run_id = $1 OR model_id IN \
               (SELECT id FROM logged_models WHERE source_run_id = $1) ORDER BY model, version";
    let needed_by = versions_of(db, sql, &id.to_string()).await?;
    if needed_by.is_empty() {
        runs::purge(db, id).await?;
        inputs::forget_unused(db, experiment).await?;
    }
    Ok(needed_by)
}

pub(super) async fn forget_logged_model(
    db: &mut Connection,
    id: &str,
) -> Result<Vec<String>, Fail> {
    hold(db, logged_models::WHAT, id).await?;
    let model = logged_models::model(db, id).await?;
    if model.lifecycle == Lifecycle::Active {
        let expected = "a logged model that was deleted first";
        let what = format!("logged model `{id}`");
        return Err(TrackError::invalid(what, "still in use", expected).into());
    }
    let needed_by = needed_model(db, id).await?;
    if needed_by.is_empty() {
        delete_logged_model(db, id).await?;
        files::forget(db, &format!("{}/models/{id}", model.experiment)).await?;
    }
    Ok(needed_by)
}

async fn needed_model(db: &mut Connection, id: &str) -> Result<Vec<String>, Fail> {
    let sql =
        "SELECT model, version FROM model_versions WHERE model_id = $1 ORDER BY model, version";
    versions_of(db, sql, id).await
}

/// What runs measured on it stays among what they logged.
async fn delete_logged_model(db: &mut Connection, id: &str) -> Result<(), Fail> {
    sqlx::query("DELETE FROM logged_models WHERE id = $1").bind(id).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn forget_experiment(
    db: &mut Connection,
    id: ExperimentId,
) -> Result<Vec<String>, Fail> {
    hold(db, experiments::NAMES, "").await?;
    hold(db, experiments::WHAT, &id.to_string()).await?;
    refuse_used(db, id).await?;
    let sql = "SELECT id FROM logged_models WHERE experiment_id = $1 ORDER BY id";
    let models: Vec<String> = sqlx::query_scalar(sql).bind(id.0).fetch_all(&mut *db).await?;
    let mut needed_by = Vec::new();
    for model in &models {
        needed_by.extend(needed_model(db, model).await?);
    }
    if !needed_by.is_empty() {
        return Ok(needed_by);
    }
    for model in &models {
        delete_logged_model(db, model).await?;
    }
    files::forget(db, &id.to_string()).await?;
    sqlx::query("DELETE FROM experiments WHERE id = $1").bind(id.0).execute(&mut *db).await?;
    let sql = "INSERT INTO forgotten_numbers (what, number) VALUES ($1, $2) \
               ON CONFLICT (what) DO UPDATE SET number = excluded.number \
               WHERE excluded.number > forgotten_numbers.number";
    sqlx::query(sql).bind(experiments::WHAT).bind(id.0).execute(&mut *db).await?;
    Ok(needed_by)
}

async fn refuse_used(db: &mut Connection, id: ExperimentId) -> Result<(), Fail> {
    let what = || format!("experiment `{id}`");
    if experiments::by_id(db, id).await?.lifecycle == Lifecycle::Active {
        let expected = "an experiment that was deleted first";
        return Err(TrackError::invalid(what(), "still in use", expected).into());
    }
    if id == ExperimentId::DEFAULT {
        let expected = "another one: this one is there from the start";
        return Err(TrackError::invalid(what(), "the default experiment", expected).into());
    }
    let sql = "SELECT count(*) FROM runs WHERE experiment_id = $1";
    let left: i64 = sqlx::query_scalar(sql).bind(id.0).fetch_one(&mut *db).await?;
    if left > 0 {
        let expected = "an experiment without runs";
        return Err(TrackError::invalid(what(), format!("with {left} runs"), expected).into());
    }
    Ok(())
}
