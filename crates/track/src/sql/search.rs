//! Finding runs.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::QueryBuilder;

use super::columns::{parsed, word};
use super::filter::{self, Place, Table};
use super::lead::{self, Lead};
use super::{Connection, Database, logged};
use crate::fail::Fail;
use crate::{
    Comparison, Condition, FieldKind, Lifecycle, Order, Parent, Run, RunId, RunQuery, tags,
};

pub(super) async fn search(db: &mut Connection, query: &RunQuery) -> Result<Vec<Run>, Fail> {
    let found = search_ids(db, query).await?;
    logged::runs(db, &found).await
}

/// Which runs are found, in order.
pub(super) async fn search_ids(db: &mut Connection, query: &RunQuery) -> Result<Vec<RunId>, Fail> {
    match shortcut(db, query).await? {
        Some(found) => Ok(found),
        None => fetch(db, query, Lead::Runs).await,
    }
}

/// The page's ids, when there are many runs and a way to it that does not lead past all of them: from the
/// clause that few of them pass, or along the order of the metric by which they are sorted first.
async fn shortcut(db: &mut Connection, query: &RunQuery) -> Result<Option<Vec<RunId>>, Fail> {
    let sorted = query.order.first().filter(|order| order.field.kind == FieldKind::Metric);
    let clauses = &query.filter.clauses;
    if sorted.is_none() && !clauses.iter().any(lead::can_lead) || !has_many(db, query).await? {
        return Ok(None);
    }
    if let Some(clause) = lead::rarest(db, clauses).await? {
        return fetch(db, query, Lead::Clause(clause)).await.map(Some);
    }
    let Some(first) = sorted else { return Ok(None) };
    let page = fetch(db, query, Lead::Order(first)).await?;
    // Whatever has no number stands behind those that have one.
    Ok((page.len() == query.page.limit as usize).then_some(page))
}

async fn fetch(db: &mut Connection, query: &RunQuery, lead: Lead<'_>) -> Result<Vec<RunId>, Fail> {
    let place = |order: &Order| place(order.field.kind, &order.field.key);
    let orders = without_latest_start(lead.leaves(&query.order));
    let mut sql = QueryBuilder::<Database>::new("SELECT runs.id FROM ");
    lead.begin(&mut sql);
    filter::join_orders(&mut sql, orders, place);
    sql.push(" WHERE ");
    lead.require(&mut sql, &query.filter.clauses);
    narrow(&mut sql, query);
    sql.push(" ORDER BY ");
    lead.push_key(&mut sql);
    filter::push_keys(&mut sql, orders, place);
    sql.push("runs.started DESC, runs.id LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let ids: Vec<String> = sql.build_query_scalar().fetch_all(&mut *db).await?;
    ids.iter().map(|id| parsed("id", id, |text| text.parse().ok())).collect()
}

/// The orders without those at their end that ask for the latest start first, which is what every search
/// ends with: whatever is sorted by that alone stands so in an index.
fn without_latest_start(mut orders: &[Order]) -> &[Order] {
    while let [before @ .., last] = orders {
        let starts = last.field.kind == FieldKind::Attribute && last.field.key == START;
        if !starts || !last.descending {
            break;
        }
        orders = before;
    }
    orders
}

/// From how many runs on it is worth asking where to begin.
const MANY: i64 = 500;

async fn has_many(db: &mut Connection, query: &RunQuery) -> Result<bool, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT count(*) FROM (SELECT 1 FROM runs");
    if !query.experiments.is_empty() {
        one_of(&mut sql, " WHERE experiment_id IN ", query.experiments.iter().map(|id| id.0));
    }
    sql.push(" LIMIT ").push_bind(MANY).push(") begun");
    let count: i64 = sql.build_query_scalar().fetch_one(&mut *db).await?;
    Ok(count == MANY)
}

fn narrow(sql: &mut QueryBuilder<Database>, query: &RunQuery) {
    if !query.experiments.is_empty() {
        one_of(sql, " AND experiment_id IN ", query.experiments.iter().map(|id| id.0));
    }
    if !query.statuses.is_empty() {
        one_of(sql, " AND status IN ", query.statuses.iter().map(|status| status.as_str()));
    }
    if let Some(pipeline) = &query.pipeline {
        sql.push(" AND pipeline = ").push_bind(pipeline.as_str());
    }
    if let Some(lifecycle) = query.lifecycle {
        sql.push(" AND lifecycle = ").push_bind(Lifecycle::as_str(lifecycle));
    }
    match query.parent {
        Parent::Any => {}
        Parent::None => drop(sql.push(" AND parent_id IS NULL")),
        Parent::Of(parent) => {
            sql.push(" AND parent_id = ").push_bind(parent.to_string());
        }
    }
    for condition in &query.conditions {
        require(sql, condition);
    }
    for clause in &query.filter.clauses {
        match place(clause.field.kind, &clause.field.key) {
            Some(place) => filter::require(sql, place, clause),
            None => drop(sql.push(" AND 1 = 0")),
        }
    }
}

/// Where a field of a run stands. Some tags are known of every run, whether it has them or not.
pub(super) fn place(kind: FieldKind, key: &str) -> Option<Place> {
    let owned = "d.run_id = runs.id";
    match (kind, key) {
        (FieldKind::Metric, _) => Some(Place::Number(Table { name: "latest_metrics", owned })),
        (FieldKind::Param, _) => Some(Place::Keyed(Table { name: "params", owned })),
        (FieldKind::Tag, tags::RUN_NAME) => Some(Place::Row("runs.name")),
        (FieldKind::Tag, tags::PARENT_RUN) => Some(Place::Row(PARENT)),
        (FieldKind::Tag, tags::SOURCE_NAME) => Some(Place::Row(SOURCE)),
        (FieldKind::Tag, _) => Some(Place::Keyed(Table { name: "run_tags", owned })),
        (FieldKind::Dataset, _) => {
            let column = match key {
                "name" => "d.name",
                "digest" => "d.digest",
                "context" => "d.context",
                _ => return None,
            };
            Some(Place::Any(Table { name: "run_datasets", owned }, column))
        }
        (FieldKind::Attribute, _) => attribute(key).map(Place::Row),
    }
}

const PARENT: &str = "coalesce((SELECT t.value FROM run_tags t WHERE t.run_id = runs.id \
    AND t.key = 'mlflow.parentRunId'), runs.parent_id)";
const SOURCE: &str = "coalesce((SELECT t.value FROM run_tags t WHERE t.run_id = runs.id \
    AND t.key = 'mlflow.source.name'), runs.source)";
const USER: &str = "coalesce(runs.user_id, (SELECT t.value FROM run_tags t \
    WHERE t.run_id = runs.id AND t.key = 'mlflow.user'), '')";
/// As `RunStatus::in_mlflow` has it.
const STATUS: &str = "(CASE runs.status WHEN 'running' THEN 'RUNNING' \
    WHEN 'scheduled' THEN 'SCHEDULED' WHEN 'succeeded' THEN 'FINISHED' \
    WHEN 'failed' THEN 'FAILED' WHEN 'refused' THEN 'FAILED' ELSE 'KILLED' END)";
const ARTIFACT_URI: &str = "coalesce(runs.artifact_location, 'mlflow-artifacts:/' || \
    CAST(runs.experiment_id AS TEXT) || '/' || runs.id || '/artifacts')";

/// The attribute that is the start of a run.
const START: &str = "start_time";

fn attribute(key: &str) -> Option<&'static str> {
    Some(match key {
        "run_id" => "runs.id",
        "run_name" => "runs.name",
        "status" => STATUS,
        "user_id" => USER,
        "artifact_uri" => ARTIFACT_URI,
        START => "(runs.started / 1000)",
        "end_time" => "(runs.ended / 1000)",
        _ => return None,
    })
}

/// Appends `head` and the list of values.
pub(super) fn one_of<'a, T>(
    sql: &mut QueryBuilder<Database>,
    head: &str,
    values: impl Iterator<Item = T>,
) where
    T: sqlx::Encode<'a, Database> + sqlx::Type<Database>,
{
    sql.push(head).push("(");
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    sql.push(")");
}

fn require(sql: &mut QueryBuilder<Database>, condition: &Condition) {
    let (table, key) = match condition {
        Condition::Metric(key, ..) => ("latest_metrics", key),
        Condition::Param(key, ..) => ("params", key),
        Condition::Tag(key, ..) => ("run_tags", key),
    };
    sql.push(" AND EXISTS (SELECT 1 FROM ").push(table);
    sql.push(" d WHERE d.run_id = runs.id AND d.key = ").push_bind(key.as_str());
    match condition {
        Condition::Metric(_, how, number) => compare_number(sql, *how, *number),
        Condition::Param(_, how, text) | Condition::Tag(_, how, text) => {
            sql.push(" AND d.value ").push(how.as_str()).push(" ").push_bind(text.as_str());
        }
    }
    sql.push(")");
}

/// NaN on either side equals nothing and differs from everything.
fn compare_number(sql: &mut QueryBuilder<Database>, how: Comparison, number: f64) {
    match (how, number.is_nan()) {
        (Comparison::NotEqual, true) => {}
        (_, true) => drop(sql.push(" AND 1 = 0")),
        (Comparison::NotEqual, false) => {
            sql.push(" AND (d.is_nan = 1 OR d.value <> ").push_bind(number).push(")");
        }
        (_, false) => {
            sql.push(" AND d.is_nan = 0 AND d.value ").push(how.as_str());
            sql.push(" ").push_bind(number);
        }
    }
}

/// The lifecycles of those of the runs that are there.
pub(super) async fn lifecycles(
    db: &mut Connection,
    ids: &BTreeSet<RunId>,
) -> Result<BTreeMap<RunId, Lifecycle>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT id, lifecycle FROM runs");
    one_of(&mut sql, " WHERE id IN ", ids.iter().map(RunId::to_string));
    let rows = sql.build().fetch_all(&mut *db).await?;
    rows.iter()
        .map(|row| {
            let id = word(row, "id", |text| text.parse().ok())?;
            Ok((id, word(row, "lifecycle", Lifecycle::parse)?))
        })
        .collect()
}
