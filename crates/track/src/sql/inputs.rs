//! Datasets and logged models that runs used or made, in SQL.

use std::collections::BTreeMap;

use sqlx::Row;

use super::columns::{json, optional, word};
use super::{Connection, DbRow, hold, runs, share};
use crate::check;
use crate::fail::Fail;
use crate::{
    Dataset, DatasetInput, DatasetSummary, ExperimentId, ModelLink, ModelRole, RunId, RunInfo, tags,
};

/// What is held while datasets of an experiment are named or forgotten.
const USE: &str = "datasets";
/// Summaries in one answer.
const SUMMARIES: usize = 1000;

pub(super) async fn log(
    db: &mut Connection,
    id: RunId,
    datasets: &[DatasetInput],
    models: &[ModelLink],
) -> Result<(), Fail> {
    let info = runs::require_active(db, id).await?;
    if !datasets.is_empty() {
        share(db, USE, &info.experiment.to_string()).await?;
    }
    for input in datasets {
        check::dataset(input)?;
        insert_dataset(db, info.experiment, &input.dataset).await?;
        link_dataset(db, &info, input).await?;
    }
    for model in models {
        check::key("a logged model's id", &model.model)?;
        let sql = "INSERT INTO run_models (run_id, role, model_id, step) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(id.to_string())
            .bind(model.role.as_str())
            .bind(&model.model)
            .bind(model.step)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Forgets datasets of an experiment that no run used.
pub(super) async fn forget_unused(
    db: &mut Connection,
    experiment: ExperimentId,
) -> Result<(), Fail> {
    hold(db, USE, &experiment.to_string()).await?;
    let sql = "DELETE FROM datasets WHERE experiment_id = $1 AND NOT EXISTS \
               (SELECT 1 FROM run_datasets AS used \
               WHERE used.experiment_id = datasets.experiment_id \
               AND used.name = datasets.name AND used.digest = datasets.digest)";
    sqlx::query(sql).bind(experiment.0).execute(&mut *db).await?;
    Ok(())
}

async fn insert_dataset(
    db: &mut Connection,
    experiment: ExperimentId,
    dataset: &Dataset,
) -> Result<(), Fail> {
    let sql = "INSERT INTO datasets \
               (experiment_id, name, digest, source_type, source, columns, profile) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(experiment.0)
        .bind(&dataset.name)
        .bind(&dataset.digest)
        .bind(&dataset.source_type)
        .bind(check::free_text(&dataset.source))
        .bind(dataset.schema.as_deref().map(check::free_text))
        .bind(dataset.profile.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    Ok(())
}

async fn link_dataset(
    db: &mut Connection,
    run: &RunInfo,
    input: &DatasetInput,
) -> Result<(), Fail> {
    let sql = "INSERT INTO run_datasets \
               (run_id, position, experiment_id, name, digest, tags, context) \
               SELECT $1, coalesce(max(position) + 1, 0), $2, $3, $4, $5, $6 FROM run_datasets \
               WHERE run_id = $1 ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(run.id.to_string())
        .bind(run.experiment.0)
        .bind(&input.dataset.name)
        .bind(&input.dataset.digest)
        .bind(serde_json::json!(input.tags).to_string())
        .bind(input.tags.get(tags::DATASET_CONTEXT))
        .execute(&mut *db)
        .await?;
    Ok(())
}

pub(super) async fn summaries(
    db: &mut Connection,
    experiments: &[ExperimentId],
) -> Result<Vec<DatasetSummary>, Fail> {
    let mut found = Vec::new();
    for experiment in experiments {
        let sql = "SELECT DISTINCT name, digest, context FROM run_datasets \
                   WHERE experiment_id = $1 ORDER BY name, digest, context LIMIT $2";
        let room = SUMMARIES.saturating_sub(found.len());
        let rows =
            sqlx::query(sql).bind(experiment.0).bind(room as i64).fetch_all(&mut *db).await?;
        for row in &rows {
            found.push(DatasetSummary {
                experiment: *experiment,
                name: row.try_get("name")?,
                digest: row.try_get("digest")?,
                context: row.try_get("context")?,
            });
        }
    }
    Ok(found)
}

/// The datasets of these runs, each by its run and in the order in which they were logged.
pub(super) const DATASETS: &str = "SELECT u.run_id, u.tags, d.* FROM run_datasets u \
    JOIN datasets d ON d.experiment_id = u.experiment_id AND d.name = u.name \
    AND d.digest = u.digest WHERE u.run_id IN ";
pub(super) const IN_ORDER: &str = " ORDER BY u.run_id, u.position";

pub(super) fn decode_dataset(row: &DbRow) -> Result<DatasetInput, Fail> {
    let dataset = Dataset {
        name: row.try_get("name")?,
        digest: row.try_get("digest")?,
        source_type: row.try_get("source_type")?,
        source: row.try_get("source")?,
        schema: optional(row, "columns")?,
        profile: optional(row, "profile")?,
    };
    Ok(DatasetInput { dataset, tags: json::<BTreeMap<String, String>>(row, "tags")? })
}

pub(super) fn decode_model(row: &DbRow) -> Result<ModelLink, Fail> {
    Ok(ModelLink {
        role: word(row, "role", ModelRole::parse)?,
        model: row.try_get("model_id")?,
        step: row.try_get("step")?,
    })
}
