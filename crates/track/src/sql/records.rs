//! Tasks and artifacts of a run in SQL.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use gristmill_core::Timestamp;
use serde_json::Value;
use sqlx::{QueryBuilder, Row};

use super::columns::{count, json, word};
use super::{Connection, Database, DbRow, files, hold, leases, runs};
use crate::check;
use crate::fail::Fail;
use crate::{Artifact, ArtifactKind, ArtifactPath, Author, Content, RunId, TaskRecord, TaskStatus};

/// Tasks in one statement.
pub(super) const ROWS: usize = 128;

pub(super) async fn record_tasks(
    db: &mut Connection,
    id: RunId,
    tasks: &[TaskRecord],
) -> Result<(), Fail> {
    tasks.iter().try_for_each(|task| check::name("a task's name", &task.name))?;
    let run = id.to_string();
    hold(db, runs::WHAT, &run).await?;
    let mut stored = 0;
    for rows in last_of_each_name(tasks).chunks(ROWS) {
        stored += insert_tasks(db, &run, rows).await?;
    }
    if stored == 0 { runs::require_active(db, id).await.map(drop) } else { Ok(()) }
}

pub(super) async fn record_tasks_as(
    db: &mut Connection,
    id: RunId,
    author: &Author,
    tasks: &[TaskRecord],
) -> Result<(), Fail> {
    leases::refuse_others(db, id, author).await?;
    record_tasks(db, id, tasks).await
}

/// Each name once, where it first stands and as it was last given: one statement may not touch a
/// row twice.
fn last_of_each_name(tasks: &[TaskRecord]) -> Vec<&TaskRecord> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(tasks.len());
    let mut last: Vec<&TaskRecord> = Vec::with_capacity(tasks.len());
    for task in tasks {
        match places.entry(&task.name) {
            Entry::Occupied(place) => last[*place.get()] = task,
            Entry::Vacant(place) => {
                place.insert(last.len());
                last.push(task);
            }
        }
    }
    last
}

/// Stores tasks behind those that are there, or in the place of those of the same name. How many
/// were stored comes back: none when the run is not there or not in use. One statement does it all,
/// because each one more costs as much as its work does.
async fn insert_tasks(db: &mut Connection, run: &str, tasks: &[&TaskRecord]) -> Result<u64, Fail> {
    let mut sql = QueryBuilder::<Database>::new("WITH new (place, ");
    sql.push(TASK_COLUMNS).push(") AS (");
    push_tasks(&mut sql, tasks);
    sql.push(") INSERT INTO tasks (run_id, position, ").push(TASK_COLUMNS);
    sql.push(") SELECT ").push_bind(run);
    sql.push(", place + (SELECT coalesce(max(position) + 1, 0) FROM tasks WHERE run_id = ");
    sql.push_bind(run).push("), ").push(TASK_COLUMNS);
    sql.push(" FROM new WHERE EXISTS (SELECT 1 FROM runs WHERE lifecycle = 'active' AND id = ");
    sql.push_bind(run);
    sql.push(
        ") ON CONFLICT (run_id, name) DO UPDATE SET status = excluded.status, \
         cached = excluded.cached, attempts = excluded.attempts, started = excluded.started, \
         ended = excluded.ended, seconds = excluded.seconds, cache_key = excluded.cache_key, \
         inputs = excluded.inputs, reason = excluded.reason, error = excluded.error, \
         needs = excluded.needs, facts = excluded.facts, output = excluded.output, \
         notes = excluded.notes, within = excluded.within",
    );
    Ok(sql.build().execute(&mut *db).await?.rows_affected())
}

const TASK_COLUMNS: &str = "name, status, cached, attempts, started, ended, seconds, cache_key, \
                            inputs, reason, error, needs, facts, output, notes, within";

/// The tasks as rows of a place among them and [`TASK_COLUMNS`].
fn push_tasks(sql: &mut QueryBuilder<Database>, tasks: &[&TaskRecord]) {
    sql.push_values((0_i64..).zip(tasks), |mut row, (place, task)| {
        row.push_bind(place).push_bind(task.name.as_str());
        row.push_bind(task.status.as_str()).push_bind(i64::from(task.cached));
        row.push_bind(i64::from(task.attempts)).push_bind(task.started.map(|at| at.0));
        row.push_bind(task.ended.map(|at| at.0));
        row.push_bind(task.seconds.filter(|seconds| seconds.is_finite()));
        row.push_bind(text(&task.cache_key)).push_bind(task.inputs.to_string());
        row.push_bind(text(&task.reason)).push_bind(text(&task.error));
        row.push_bind(list(&task.needs)).push_bind(task.facts.to_string());
        row.push_bind(text(&task.output)).push_bind(list(&task.notes));
        row.push_bind(text(&task.within));
    });
}

fn text(text: &Option<String>) -> Option<String> {
    text.as_deref().map(check::free_text)
}

fn list(words: &[String]) -> String {
    Value::from(words).to_string()
}

pub(super) async fn tasks(db: &mut Connection, id: RunId) -> Result<Vec<TaskRecord>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT * FROM tasks WHERE run_id = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    rows.iter().map(decode_task).collect()
}

pub(super) async fn task_inputs(
    db: &mut Connection,
    id: RunId,
) -> Result<Vec<(String, String)>, Fail> {
    // So many at a time, because a row as the driver has it takes far more room than its text.
    const PAGE: i64 = 2_000;
    runs::info(db, id).await?;
    let sql = "SELECT name, inputs FROM tasks WHERE run_id = $1 AND name > $2 \
               ORDER BY name LIMIT $3";
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = sqlx::query(sql).bind(id.to_string()).bind(&after).bind(PAGE);
        let page = page.fetch_all(&mut *db).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.try_get("name")?;
        for row in &page {
            let inputs: String = row.try_get("inputs")?;
            if inputs != "null" {
                found.push((row.try_get("name")?, inputs));
            }
        }
    }
}

fn decode_task(row: &DbRow) -> Result<TaskRecord, Fail> {
    Ok(TaskRecord {
        name: row.try_get("name")?,
        status: word(row, "status", TaskStatus::parse)?,
        cached: row.try_get::<i64, _>("cached")? != 0,
        attempts: count(row, "attempts")?,
        started: row.try_get::<Option<i64>, _>("started")?.map(Timestamp),
        ended: row.try_get::<Option<i64>, _>("ended")?.map(Timestamp),
        seconds: row.try_get("seconds")?,
        cache_key: row.try_get("cache_key")?,
        inputs: json(row, "inputs")?,
        reason: row.try_get("reason")?,
        error: row.try_get("error")?,
        needs: json(row, "needs")?,
        facts: json(row, "facts")?,
        output: row.try_get("output")?,
        notes: json(row, "notes")?,
        within: row.try_get("within")?,
    })
}

pub(super) async fn record_artifacts(
    db: &mut Connection,
    id: RunId,
    artifacts: &[Artifact],
) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    insert_artifacts(db, id, artifacts).await
}

/// Records artifacts of a run that is there.
pub(super) async fn insert_artifacts(
    db: &mut Connection,
    id: RunId,
    artifacts: &[Artifact],
) -> Result<(), Fail> {
    let sql = "INSERT INTO artifacts (run_id, path, kind, hash, size) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (run_id, path) DO UPDATE SET kind = excluded.kind, \
               hash = excluded.hash, size = excluded.size";
    for artifact in artifacts {
        sqlx::query(sql)
            .bind(id.to_string())
            .bind(artifact.path.as_str())
            .bind(artifact.content.kind.as_str())
            .bind(artifact.content.hash.to_string())
            .bind(i64::try_from(artifact.content.size).unwrap_or(i64::MAX))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Forgets the artifact at `path`, or all below it.
pub(super) async fn remove_artifacts(
    db: &mut Connection,
    id: RunId,
    path: &str,
) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    let sql = "DELETE FROM artifacts WHERE run_id = $1 AND \
               (path = $2 OR (path >= $3 AND path < $4))";
    let (from, to) = files::range(path);
    sqlx::query(sql).bind(id.to_string()).bind(path).bind(from).bind(to).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn artifacts(db: &mut Connection, id: RunId) -> Result<Vec<Artifact>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT * FROM artifacts WHERE run_id = $1";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    let mut artifacts: Vec<Artifact> =
        rows.iter().map(decode_artifact).collect::<Result<_, _>>()?;
    artifacts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(artifacts)
}

fn decode_artifact(row: &DbRow) -> Result<Artifact, Fail> {
    Ok(Artifact {
        path: word(row, "path", |text| ArtifactPath::parse(text).ok())?,
        content: Content {
            hash: word(row, "hash", |text| text.parse().ok())?,
            kind: word(row, "kind", ArtifactKind::parse)?,
            size: count(row, "size")?,
        },
    })
}
