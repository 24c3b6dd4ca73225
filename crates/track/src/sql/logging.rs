//! Params, metrics and tags in SQL.

use std::collections::{BTreeMap, BTreeSet};

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row as _};

use super::columns::pairs;
use super::{Connection, Database, DbRow, hold, runs, search};
use crate::check::{self, MAX_PARAM_CHARS};
use crate::fail::Fail;
use crate::{Batch, Metric, ModelMetric, Page, RunId, TrackError, tags as keys};

/// Values in one statement: long enough to amortise it, short enough for every database's limit
/// on parameters.
const ROWS: usize = 128;

pub(super) async fn log(db: &mut Connection, id: RunId, batch: &Batch) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    store(db, id, batch).await
}

/// Logs metrics of several callers together, which costs little more than those of one. What became
/// of each comes back; what is refused to one is nothing to the others.
pub(crate) async fn log_metrics(
    db: &mut Connection,
    entries: &[(RunId, Vec<Metric>)],
) -> Result<Vec<Result<(), TrackError>>, Fail> {
    let runs: BTreeSet<RunId> = entries.iter().map(|(run, _)| *run).collect();
    for run in &runs {
        hold(db, runs::WHAT, &run.to_string()).await?;
    }
    let known = search::lifecycles(db, &runs).await?;
    let outcomes: Vec<Result<(), TrackError>> = entries
        .iter()
        .map(|(run, metrics)| {
            check_metrics(metrics)?;
            runs::refuse_inactive(*run, known.get(run).copied())
        })
        .collect();
    let names: Vec<String> = entries.iter().map(|(run, _)| run.to_string()).collect();
    let rows: Vec<Row<'_>> = entries
        .iter()
        .zip(&names)
        .zip(&outcomes)
        .filter(|(_, outcome)| outcome.is_ok())
        .flat_map(|(((_, metrics), run), _)| metrics.iter().map(move |metric| Row { run, metric }))
        .collect();
    insert(db, &rows).await?;
    latest(db, &rows).await?;
    Ok(outcomes)
}

/// Stores a batch of a run that is known to be there and in use.
pub(super) async fn store(db: &mut Connection, id: RunId, batch: &Batch) -> Result<(), Fail> {
    check_batch(batch)?;
    let run = id.to_string();
    params(db, &run, &batch.params).await?;
    let rows: Vec<Row<'_>> = batch.metrics.iter().map(|metric| Row { run: &run, metric }).collect();
    insert(db, &rows).await?;
    latest(db, &rows).await?;
    model_metrics(db, &run, &batch.model_metrics).await?;
    tags(db, &run, &batch.tags).await
}

fn check_batch(batch: &Batch) -> Result<(), TrackError> {
    check_metrics(&batch.metrics)?;
    for of_model in &batch.model_metrics {
        check::key("a metric's key", &of_model.metric.key)?;
        check::key("a logged model's id", &of_model.model)?;
    }
    for (key, value) in &batch.params {
        check::key("a param's key", key)?;
        check::value("param", key, value, MAX_PARAM_CHARS)?;
    }
    batch.tags.iter().try_for_each(|(key, value)| check::tag(key, value))
}

fn check_metrics(metrics: &[Metric]) -> Result<(), TrackError> {
    metrics.iter().try_for_each(|metric| check::key("a metric's key", &metric.key))
}

async fn params(
    db: &mut Connection,
    run: &str,
    params: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    let mut fresh = 0;
    for chunk in chunks(params) {
        let mut sql = QueryBuilder::<Database>::new("INSERT INTO params (run_id, key, value) ");
        push_pairs(&mut sql, run, &chunk);
        sql.push(" ON CONFLICT (run_id, key) DO NOTHING");
        fresh += sql.build().execute(&mut *db).await?.rows_affected();
    }
    if fresh < params.len() as u64 { refuse_changes(db, run, params).await } else { Ok(()) }
}

/// Some params were there already: that is well when each has the value that was given.
async fn refuse_changes(
    db: &mut Connection,
    run: &str,
    given: &BTreeMap<String, String>,
) -> Result<(), Fail> {
    let sql = "SELECT key, value FROM params WHERE run_id = $1";
    let stored = pairs(&sqlx::query(sql).bind(run).fetch_all(&mut *db).await?)?;
    for (key, given) in given {
        if let Some(stored) = stored.get(key).filter(|stored| *stored != given) {
            let (run, key) = (run.into(), key.clone());
            let (stored, given) = (stored.clone(), given.clone());
            return Err(TrackError::ParamChanged { run, key, stored, given }.into());
        }
    }
    Ok(())
}

type Pair<'a> = (&'a String, &'a String);

fn chunks(pairs: &BTreeMap<String, String>) -> Vec<Vec<Pair<'_>>> {
    let pairs: Vec<Pair<'_>> = pairs.iter().collect();
    pairs.chunks(ROWS).map(<[_]>::to_vec).collect()
}

fn push_pairs(sql: &mut QueryBuilder<Database>, run: &str, pairs: &[Pair<'_>]) {
    sql.push_values(pairs, |mut row, (key, value)| {
        row.push_bind(run).push_bind(key.as_str()).push_bind(value.as_str());
    });
}

/// A value of a metric and the run that it is of.
#[derive(Clone, Copy)]
struct Row<'a> {
    run: &'a str,
    metric: &'a Metric,
}

async fn insert(db: &mut Connection, rows: &[Row<'_>]) -> Result<(), Fail> {
    for chunk in rows.chunks(ROWS) {
        let mut sql = QueryBuilder::<Database>::new(
            "INSERT INTO metrics (run_id, key, step, at, value, is_nan) ",
        );
        push_metrics(&mut sql, chunk);
        sql.push(" ON CONFLICT DO NOTHING");
        sql.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// Moves each metric's latest value forward, once a metric however many values there are.
async fn latest(db: &mut Connection, rows: &[Row<'_>]) -> Result<(), Fail> {
    let mut newest: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for row in rows {
        let best = newest.entry((row.run, &row.metric.key)).or_insert(*row);
        if rank(row.metric) >= rank(best.metric) {
            *best = *row;
        }
    }
    let newest: Vec<Row<'_>> = newest.into_values().collect();
    for chunk in newest.chunks(ROWS) {
        let mut sql = QueryBuilder::<Database>::new(
            "INSERT INTO latest_metrics (run_id, key, step, at, value, is_nan) ",
        );
        push_metrics(&mut sql, chunk);
        sql.push(
            " ON CONFLICT (run_id, key) DO UPDATE SET step = excluded.step, at = excluded.at, \
             value = excluded.value, is_nan = excluded.is_nan \
             WHERE excluded.step > latest_metrics.step OR \
             (excluded.step = latest_metrics.step AND excluded.at >= latest_metrics.at)",
        );
        sql.build().execute(&mut *db).await?;
    }
    Ok(())
}

fn push_metrics(sql: &mut QueryBuilder<Database>, rows: &[Row<'_>]) {
    sql.push_values(rows, |mut values, Row { run, metric }| {
        let (value, is_nan) = split(metric.value);
        values.push_bind(*run).push_bind(metric.key.as_str()).push_bind(metric.step);
        values.push_bind(metric.at.0).push_bind(value).push_bind(is_nan);
    });
}

pub(super) async fn model_metrics(
    db: &mut Connection,
    run: &str,
    metrics: &[ModelMetric],
) -> Result<(), Fail> {
    for chunk in metrics.chunks(ROWS) {
        let mut sql = QueryBuilder::<Database>::new(
            "INSERT INTO model_metrics (model_id, run_id, key, step, at, value, is_nan, \
             dataset_name, dataset_digest) ",
        );
        sql.push_values(chunk, |mut row, of_model| {
            let metric = &of_model.metric;
            let (value, is_nan) = split(metric.value);
            let dataset = of_model.dataset.as_ref();
            row.push_bind(of_model.model.as_str()).push_bind(run).push_bind(metric.key.as_str());
            row.push_bind(metric.step).push_bind(metric.at.0).push_bind(value).push_bind(is_nan);
            row.push_bind(dataset.map(|(name, _)| name.as_str()));
            row.push_bind(dataset.map(|(_, digest)| digest.as_str()));
        });
        sql.push(" ON CONFLICT DO NOTHING");
        sql.build().execute(&mut *db).await?;
    }
    Ok(())
}

fn rank(metric: &Metric) -> (i64, Timestamp) {
    (metric.step, metric.at)
}

async fn tags(db: &mut Connection, run: &str, tags: &BTreeMap<String, String>) -> Result<(), Fail> {
    if let Some(name) = tags.get(keys::RUN_NAME) {
        check::name("a run's name", name)?;
        let sql = "UPDATE runs SET name = $2 WHERE id = $1";
        sqlx::query(sql).bind(run).bind(name).execute(&mut *db).await?;
    }
    for chunk in chunks(tags) {
        let mut sql = QueryBuilder::<Database>::new("INSERT INTO run_tags (run_id, key, value) ");
        push_pairs(&mut sql, run, &chunk);
        sql.push(" ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value");
        sql.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// A run that has its name as a tag too has the new one there as well.
pub(super) async fn rename_tag(db: &mut Connection, id: RunId, name: &str) -> Result<(), Fail> {
    let sql = "UPDATE run_tags SET value = $3 WHERE run_id = $1 AND key = $2";
    sqlx::query(sql).bind(id.to_string()).bind(keys::RUN_NAME).bind(name).execute(&mut *db).await?;
    Ok(())
}

/// Adds an item to the JSON list that a tag holds, and makes the tag if need be.
pub(super) async fn extend_tag(
    db: &mut Connection,
    id: RunId,
    key: &str,
    item: &serde_json::Value,
) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    let sql = "SELECT value FROM run_tags WHERE run_id = $1 AND key = $2";
    let stored: Option<String> =
        sqlx::query_scalar(sql).bind(id.to_string()).bind(key).fetch_optional(&mut *db).await?;
    let mut items: Vec<serde_json::Value> = match &stored {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text).map_err(|_| {
            let what = format!("the value of tag `{key}`");
            TrackError::invalid(what, "no JSON list", "a list that can be added to")
        })?,
    };
    items.push(item.clone());
    let batch = Batch::default().tag(key, serde_json::Value::from(items));
    store(db, id, &batch).await
}

pub(super) async fn remove_tag(db: &mut Connection, id: RunId, key: &str) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    let sql = "DELETE FROM run_tags WHERE run_id = $1 AND key = $2";
    let done = sqlx::query(sql).bind(id.to_string()).bind(key).execute(&mut *db).await?;
    match done.rows_affected() {
        0 => Err(TrackError::not_found("tag", key).into()),
        _ => Ok(()),
    }
}

pub(super) async fn history(
    db: &mut Connection,
    id: RunId,
    key: &str,
    page: Page,
) -> Result<Vec<Metric>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT * FROM metrics WHERE run_id = $1 AND key = $2 \
               ORDER BY step, at, value, is_nan LIMIT $3 OFFSET $4";
    let rows = sqlx::query(sql)
        .bind(id.to_string())
        .bind(key)
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    rows.iter().map(decode).collect()
}

pub(super) fn decode(row: &DbRow) -> Result<Metric, Fail> {
    let is_nan: i64 = row.try_get("is_nan")?;
    let value: f64 = row.try_get("value")?;
    Ok(Metric {
        key: row.try_get("key")?,
        value: if is_nan == 0 { value } else { f64::NAN },
        step: row.try_get("step")?,
        at: Timestamp(row.try_get("at")?),
    })
}

/// A value as the database can hold it: SQLite would make NULL of NaN.
fn split(value: f64) -> (f64, i64) {
    if value.is_nan() { (0.0, 1) } else { (value, 0) }
}
