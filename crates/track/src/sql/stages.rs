//! Stages of versions in SQL.

use sqlx::QueryBuilder;

use super::history::{self, Line};
use super::search::one_of;
use super::{Connection, Database, models, versions};
use crate::fail::Fail;
use crate::{ModelVersion, Note, Others, Stage, WhatHappened};

/// A version that enters a stage.
pub(super) struct Entry {
    pub(super) model: String,
    pub(super) version: u32,
    pub(super) stage: Stage,
    pub(super) others: Others,
    pub(super) note: Note,
}

pub(super) async fn enter(db: &mut Connection, entry: &Entry) -> Result<ModelVersion, Fail> {
    let Entry { model, version, stage, others, note } = entry;
    versions::require(db, model, *version).await?;
    if *others == Others::Archived {
        for other in in_stage(db, model, *stage).await? {
            if other != i64::from(*version) {
                set(db, model, other, Stage::Archived, note).await?;
            }
        }
    }
    set(db, model, i64::from(*version), *stage, note).await?;
    models::touch(db, model, note.at).await?;
    versions::version(db, model, *version).await
}

async fn in_stage(db: &mut Connection, model: &str, stage: Stage) -> Result<Vec<i64>, Fail> {
    let sql = "SELECT version FROM model_versions WHERE model = $1 AND stage = $2 ORDER BY version";
    Ok(sqlx::query_scalar(sql).bind(model).bind(stage.as_str()).fetch_all(&mut *db).await?)
}

async fn set(
    db: &mut Connection,
    model: &str,
    version: i64,
    stage: Stage,
    note: &Note,
) -> Result<(), Fail> {
    let sql = "UPDATE model_versions SET stage = $3, updated = $4 \
               WHERE model = $1 AND version = $2";
    sqlx::query(sql)
        .bind(model)
        .bind(version)
        .bind(stage.as_str())
        .bind(note.at.0)
        .execute(&mut *db)
        .await?;
    let version = u32::try_from(version).ok();
    let line = Line { version, stage: Some(stage), ..Line::default() };
    history::append(db, model, WhatHappened::StageSet, line, note).await
}

pub(super) async fn newest(
    db: &mut Connection,
    models: &[String],
) -> Result<Vec<ModelVersion>, Fail> {
    if models.is_empty() {
        return Ok(Vec::new());
    }
    let head = "SELECT v.* FROM model_versions v JOIN (SELECT model AS m, max(version) AS newest \
                FROM model_versions WHERE model IN ";
    let mut sql = QueryBuilder::<Database>::new("");
    one_of(&mut sql, head, models.iter().map(String::as_str));
    sql.push(" GROUP BY model, stage) n ON v.model = n.m AND v.version = n.newest");
    sql.push(" ORDER BY v.model, v.version");
    let rows = sql.build().fetch_all(&mut *db).await?;
    versions::with_data(db, &rows).await
}
