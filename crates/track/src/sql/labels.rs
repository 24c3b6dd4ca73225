//! Labels of predictions in SQL.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use sqlx::{QueryBuilder, Row};

use super::columns::count;
use super::{Connection, Database, DbRow, hold, models};
use crate::check;
use crate::fail::Fail;
use crate::{Label, LabelsAdded, MAX_PREDICTION_ID_CHARS, TrackError};

/// How many labels one statement keeps or finds.
const TOGETHER: usize = 500;
/// How many characters a label may have.
const MAX_LABEL_CHARS: usize = 1_000;

/// Keeps labels, of each id the latest, and says how they stand to what was known.
pub(super) async fn add(
    db: &mut Connection,
    model: &str,
    labels: &[Label],
    at: Timestamp,
) -> Result<LabelsAdded, Fail> {
    // What is known may not change between the look and the word about it.
    hold(db, "labels", model).await?;
    models::require(db, model).await?;
    labels.iter().try_for_each(check_label)?;
    let mut added = LabelsAdded::default();
    for some in labels.chunks(TOGETHER) {
        let ids: Vec<&str> = some.iter().map(|label| label.id.as_str()).collect();
        let mut known = some_of(db, model, &ids).await?;
        let mut latest = BTreeMap::new();
        for Label { id, label } in some {
            match known.insert(id.clone(), label.clone()) {
                None => added.new += 1,
                Some(before) if before == *label => added.repeated += 1,
                Some(_) => added.contradicted += 1,
            }
            latest.insert(id, label);
        }
        let head = "INSERT INTO labels (model, id, label, at) ";
        let mut sql = QueryBuilder::<Database>::new(head);
        sql.push_values(latest, |mut row, (id, label)| {
            row.push_bind(model).push_bind(id).push_bind(label).push_bind(at.0);
        });
        sql.push(" ON CONFLICT (model, id) DO UPDATE SET label = excluded.label, at = excluded.at");
        sql.build().execute(&mut *db).await?;
    }
    Ok(added)
}

fn check_label(Label { id, label }: &Label) -> Result<(), Fail> {
    check::name("the id of a prediction", id)?;
    check::value("prediction", "id", id, MAX_PREDICTION_ID_CHARS)?;
    check::value("the label of", id, label, MAX_LABEL_CHARS)?;
    match label.is_empty() {
        true => Err(TrackError::invalid(format!("the label of `{id}`"), "empty", "a label").into()),
        false => Ok(()),
    }
}

/// The labels of these ids, by id.
pub(super) async fn of(
    db: &mut Connection,
    model: &str,
    ids: &[String],
) -> Result<BTreeMap<String, String>, Fail> {
    models::require(db, model).await?;
    let mut found = BTreeMap::new();
    for some in ids.chunks(TOGETHER) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        found.extend(some_of(db, model, &some).await?);
    }
    Ok(found)
}

async fn some_of(
    db: &mut Connection,
    model: &str,
    ids: &[&str],
) -> Result<BTreeMap<String, String>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT id, label FROM labels WHERE model = ");
    sql.push_bind(model).push(" AND id IN (");
    let mut list = sql.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    sql.push(")");
    let rows = sql.build().fetch_all(&mut *db).await?;
    let pair = |row: &DbRow| Ok((row.try_get("id")?, row.try_get("label")?));
    rows.iter().map(pair).collect()
}

/// How many labels of a model were added after a moment.
pub(super) async fn since(db: &mut Connection, model: &str, after: Timestamp) -> Result<u64, Fail> {
    models::require(db, model).await?;
    let sql = "SELECT count(*) AS labels FROM labels WHERE model = $1 AND at > $2";
    let row = sqlx::query(sql).bind(model).bind(after.0).fetch_one(&mut *db).await?;
    count(&row, "labels")
}

/// Forgets labels that came before a moment; how many comes back.
pub(super) async fn forget(db: &mut Connection, before: Timestamp) -> Result<u64, Fail> {
    let sql = "DELETE FROM labels WHERE at < $1";
    Ok(sqlx::query(sql).bind(before.0).execute(&mut *db).await?.rows_affected())
}
