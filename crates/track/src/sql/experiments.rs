//! Experiments in SQL.

use std::collections::{BTreeMap, HashMap};

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::{pairs, word};
use super::filter::{self, Place, Table};
use super::search::one_of;
use super::{Connection, Database, DbRow, hold, share};
use crate::check;
use crate::fail::Fail;
use crate::{
    Experiment, ExperimentId, ExperimentQuery, FieldKind, Lifecycle, NewExperiment, Page,
    TrackError,
};

pub(super) const WHAT: &str = "experiment";
/// What is held while a name or a number is chosen.
pub(super) const NAMES: &str = "experiments";

pub(super) async fn create(db: &mut Connection, new: &NewExperiment) -> Result<Experiment, Fail> {
    hold(db, NAMES, "").await?;
    refuse_taken(db, &new.name).await?;
    let sql = "SELECT max(id) + 1 FROM (SELECT id FROM experiments \
               UNION ALL SELECT number FROM forgotten_numbers WHERE what = $1) AS given";
    let id: i64 = sqlx::query_scalar(sql).bind(WHAT).fetch_one(&mut *db).await?;
    let sql = "INSERT INTO experiments (id, name, lifecycle, created, updated, artifact_location) \
               VALUES ($1, $2, 'active', $3, $3, $4)";
    sqlx::query(sql)
        .bind(id)
        .bind(&new.name)
        .bind(new.created.0)
        .bind(new.artifact_location.as_deref().map(check::free_text))
        .execute(&mut *db)
        .await?;
    for (key, value) in &new.tags {
        insert_tag(db, id, key, value).await?;
    }
    by_id(db, ExperimentId(id)).await
}

pub(super) async fn by_id(db: &mut Connection, id: ExperimentId) -> Result<Experiment, Fail> {
    let sql = "SELECT * FROM experiments WHERE id = $1";
    let row = sqlx::query(sql).bind(id.0).fetch_optional(&mut *db).await?;
    with_tags(db, &row.ok_or_else(|| TrackError::not_found(WHAT, id))?).await
}

pub(super) async fn by_name(db: &mut Connection, name: &str) -> Result<Option<Experiment>, Fail> {
    let sql = "SELECT * FROM experiments WHERE name = $1";
    match sqlx::query(sql).bind(name).fetch_optional(&mut *db).await? {
        Some(row) => with_tags(db, &row).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn list(
    db: &mut Connection,
    lifecycle: Option<Lifecycle>,
    page: Page,
) -> Result<Vec<Experiment>, Fail> {
    let sql = "SELECT * FROM experiments WHERE $1 IS NULL OR lifecycle = $1 \
               ORDER BY id DESC LIMIT $2 OFFSET $3";
    let rows = sqlx::query(sql)
        .bind(lifecycle.map(Lifecycle::as_str))
        .bind(i64::from(page.limit))
        .bind(page.skipped())
        .fetch_all(&mut *db)
        .await?;
    all_with_tags(db, &rows).await
}

pub(super) async fn find(
    db: &mut Connection,
    query: &ExperimentQuery,
) -> Result<Vec<Experiment>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT * FROM experiments WHERE 1 = 1");
    if let Some(lifecycle) = query.lifecycle {
        sql.push(" AND lifecycle = ").push_bind(Lifecycle::as_str(lifecycle));
    }
    for clause in &query.filter.clauses {
        match place(clause.field.kind, &clause.field.key) {
            Some(place) => filter::require(&mut sql, place, clause),
            None => drop(sql.push(" AND 1 = 0")),
        }
    }
    filter::push_orders(&mut sql, &query.order, |order| match order.field.key.as_str() {
        "experiment_id" => Some(Place::Row("experiments.id")),
        key => place(order.field.kind, key),
    });
    sql.push(if query.order.is_empty() { "created DESC, id" } else { "id DESC" });
    sql.push(" LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    all_with_tags(db, &rows).await
}

/// Where a field of an experiment stands.
fn place(kind: FieldKind, key: &str) -> Option<Place> {
    let tags = Table { name: "experiment_tags", owned: "d.experiment_id = experiments.id" };
    match (kind, key) {
        (FieldKind::Tag, _) => Some(Place::Keyed(tags)),
        (FieldKind::Attribute, "name") => Some(Place::Row("experiments.name")),
        (FieldKind::Attribute, "experiment_id") => Some(Place::Row("CAST(experiments.id AS TEXT)")),
        (FieldKind::Attribute, "creation_time") => Some(Place::Row("(experiments.created / 1000)")),
        (FieldKind::Attribute, "last_update_time") => {
            Some(Place::Row("(experiments.updated / 1000)"))
        }
        _ => None,
    }
}

pub(super) async fn rename(
    db: &mut Connection,
    id: ExperimentId,
    name: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, NAMES, "").await?;
    if require_active(db, id).await?.name == name {
        return Ok(());
    }
    refuse_taken(db, name).await?;
    let sql = "UPDATE experiments SET name = $2, updated = $3 WHERE id = $1";
    sqlx::query(sql).bind(id.0).bind(name).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn set_lifecycle(
    db: &mut Connection,
    id: ExperimentId,
    lifecycle: Lifecycle,
    at: Timestamp,
) -> Result<(), Fail> {
    hold(db, WHAT, &id.to_string()).await?;
    by_id(db, id).await?;
    let sql = "UPDATE experiments SET lifecycle = $2, updated = $3 WHERE id = $1";
    sqlx::query(sql).bind(id.0).bind(lifecycle.as_str()).bind(at.0).execute(&mut *db).await?;
    let sql = "UPDATE runs SET lifecycle = $2, \
               deleted = CASE WHEN $2 = 'deleted' THEN coalesce(deleted, $3) END \
               WHERE experiment_id = $1";
    sqlx::query(sql).bind(id.0).bind(lifecycle.as_str()).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn tag(
    db: &mut Connection,
    id: ExperimentId,
    key: &str,
    value: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    require_active(db, id).await?;
    insert_tag(db, id.0, key, value).await?;
    let sql = "UPDATE experiments SET updated = $2 WHERE id = $1";
    sqlx::query(sql).bind(id.0).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

pub(super) async fn remove_tag(
    db: &mut Connection,
    id: ExperimentId,
    key: &str,
    at: Timestamp,
) -> Result<(), Fail> {
    require_active(db, id).await?;
    let sql = "DELETE FROM experiment_tags WHERE experiment_id = $1 AND key = $2";
    let done = sqlx::query(sql).bind(id.0).bind(key).execute(&mut *db).await?;
    if done.rows_affected() == 0 {
        return Err(TrackError::not_found("tag", key).into());
    }
    let sql = "UPDATE experiments SET updated = $2 WHERE id = $1";
    sqlx::query(sql).bind(id.0).bind(at.0).execute(&mut *db).await?;
    Ok(())
}

/// The experiment, or why nothing can be added to it. It stays as it is until the transaction ends.
pub(super) async fn require_active(
    db: &mut Connection,
    id: ExperimentId,
) -> Result<Experiment, Fail> {
    share(db, WHAT, &id.to_string()).await?;
    let experiment = by_id(db, id).await?;
    match experiment.lifecycle {
        Lifecycle::Active => Ok(experiment),
        Lifecycle::Deleted => Err(TrackError::Deleted { what: WHAT, name: experiment.name }.into()),
    }
}

pub(super) async fn refuse_taken(db: &mut Connection, name: &str) -> Result<(), Fail> {
    check::name("an experiment's name", name)?;
    match by_name(db, name).await? {
        Some(_) => Err(TrackError::Exists { what: WHAT, name: name.into() }.into()),
        None => Ok(()),
    }
}

pub(super) async fn insert_tag(
    db: &mut Connection,
    id: i64,
    key: &str,
    value: &str,
) -> Result<(), Fail> {
    check::experiment_tag(key, value)?;
    let sql = "INSERT INTO experiment_tags (experiment_id, key, value) VALUES ($1, $2, $3) \
               ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(id).bind(key).bind(value).execute(&mut *db).await?;
    Ok(())
}

async fn with_tags(db: &mut Connection, row: &DbRow) -> Result<Experiment, Fail> {
    let mut experiment = decode(row)?;
    let sql = "SELECT key, value FROM experiment_tags WHERE experiment_id = $1";
    experiment.tags = pairs(&sqlx::query(sql).bind(experiment.id.0).fetch_all(&mut *db).await?)?;
    Ok(experiment)
}

/// Experiments whose tags are fetched by one statement.
const EXPERIMENTS: usize = 500;

/// The experiments with their tags, in the same order.
async fn all_with_tags(db: &mut Connection, rows: &[DbRow]) -> Result<Vec<Experiment>, Fail> {
    let mut found: Vec<Experiment> = rows.iter().map(decode).collect::<Result<_, _>>()?;
    let places: HashMap<i64, usize> =
        found.iter().enumerate().map(|(place, experiment)| (experiment.id.0, place)).collect();
    let ids: Vec<i64> = found.iter().map(|experiment| experiment.id.0).collect();
    for ids in ids.chunks(EXPERIMENTS) {
        let mut sql = QueryBuilder::<Database>::new("SELECT * FROM experiment_tags");
        one_of(&mut sql, " WHERE experiment_id IN ", ids.iter().copied());
        for row in sql.build().fetch_all(&mut *db).await? {
            let place = places.get(&row.try_get::<i64, _>("experiment_id")?);
            if let Some(experiment) = place.and_then(|place| found.get_mut(*place)) {
                experiment.tags.insert(row.try_get("key")?, row.try_get("value")?);
            }
        }
    }
    Ok(found)
}

fn decode(row: &DbRow) -> Result<Experiment, Fail> {
    Ok(Experiment {
        id: ExperimentId(row.try_get("id")?),
        name: row.try_get("name")?,
        lifecycle: word(row, "lifecycle", Lifecycle::parse)?,
        created: Timestamp(row.try_get("created")?),
        updated: Timestamp(row.try_get("updated")?),
        artifact_location: row.try_get("artifact_location")?,
        tags: BTreeMap::new(),
    })
}
