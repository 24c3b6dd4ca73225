//! Tasks and artifacts of a run in SQL.

use gristmill_core::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::fail::{Fail, count, json, word};
use super::runs;
use crate::check;
use crate::{Artifact, ArtifactKind, ArtifactPath, Content, RunId, TaskRecord, TaskStatus};

pub(super) async fn record_tasks(
    db: &mut SqliteConnection,
    id: RunId,
    tasks: &[TaskRecord],
) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
    let run = id.to_string();
    for task in tasks {
        record_task(db, &run, task).await?;
    }
    Ok(())
}

async fn record_task(db: &mut SqliteConnection, run: &str, task: &TaskRecord) -> Result<(), Fail> {
    check::name("a task's name", &task.name)?;
    let sql = "INSERT INTO tasks (run_id, name, position, status, cached, attempts, started, \
               ended, seconds, cache_key, inputs, reason, error) \
               SELECT $1, $2, count(*), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
               FROM tasks WHERE run_id = $1 \
               ON CONFLICT (run_id, name) DO UPDATE SET status = excluded.status, \
               cached = excluded.cached, attempts = excluded.attempts, \
               started = excluded.started, ended = excluded.ended, seconds = excluded.seconds, \
               cache_key = excluded.cache_key, inputs = excluded.inputs, \
               reason = excluded.reason, error = excluded.error";
    sqlx::query(sql)
        .bind(run)
        .bind(&task.name)
        .bind(task.status.as_str())
        .bind(i64::from(task.cached))
        .bind(i64::from(task.attempts))
        .bind(task.started.map(|at| at.0))
        .bind(task.ended.map(|at| at.0))
        .bind(task.seconds.filter(|seconds| seconds.is_finite()))
        .bind(task.cache_key.as_deref().map(check::free_text))
        .bind(task.inputs.to_string())
        .bind(task.reason.as_deref().map(check::free_text))
        .bind(task.error.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn tasks(db: &mut SqliteConnection, id: RunId) -> Result<Vec<TaskRecord>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT * FROM tasks WHERE run_id = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    rows.iter().map(decode_task).collect()
}

fn decode_task(row: &SqliteRow) -> Result<TaskRecord, Fail> {
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
    })
}

pub(super) async fn record_artifacts(
    db: &mut SqliteConnection,
    id: RunId,
    artifacts: &[Artifact],
) -> Result<(), Fail> {
    runs::require_active(db, id).await?;
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

pub(super) async fn artifacts(db: &mut SqliteConnection, id: RunId) -> Result<Vec<Artifact>, Fail> {
    runs::info(db, id).await?;
    let sql = "SELECT * FROM artifacts WHERE run_id = $1";
    let rows = sqlx::query(sql).bind(id.to_string()).fetch_all(&mut *db).await?;
    let mut artifacts: Vec<Artifact> =
        rows.iter().map(decode_artifact).collect::<Result<_, _>>()?;
    artifacts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(artifacts)
}

fn decode_artifact(row: &SqliteRow) -> Result<Artifact, Fail> {
    Ok(Artifact {
        path: word(row, "path", |text| ArtifactPath::parse(text).ok())?,
        content: Content {
            hash: word(row, "hash", |text| text.parse().ok())?,
            kind: word(row, "kind", ArtifactKind::parse)?,
            size: count(row, "size")?,
        },
    })
}
