//! Finding logged models.

use sqlx::QueryBuilder;

use super::filter::{self, Place, Table};
use super::search::one_of;
use super::{Connection, Database, logged_models};
use crate::fail::Fail;
use crate::{Clause, DatasetRef, FieldKind, LoggedModel, LoggedModelQuery, Order};

pub(super) async fn search(
    db: &mut Connection,
    query: &LoggedModelQuery,
) -> Result<Vec<LoggedModel>, Fail> {
    if query.experiments.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = QueryBuilder::<Database>::new("SELECT logged_models.* FROM logged_models");
    for (number, (order, dataset)) in query.order.iter().enumerate() {
        join(&mut sql, number, order, dataset.as_ref());
    }
    sql.push(" WHERE logged_models.lifecycle = 'active'");
    let experiments = query.experiments.iter().map(|id| id.0);
    one_of(&mut sql, " AND logged_models.experiment_id IN ", experiments);
    narrow(&mut sql, query);
    sql.push(" ORDER BY ");
    for (number, (order, _)) in query.order.iter().enumerate() {
        push_order(&mut sql, number, order);
    }
    sql.push("logged_models.created DESC, logged_models.id LIMIT ");
    sql.push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    logged_models::with_data(db, &rows).await
}

fn narrow(sql: &mut QueryBuilder<Database>, query: &LoggedModelQuery) {
    let mut measured = false;
    for clause in &query.filter.clauses {
        if clause.field.kind == FieldKind::Metric {
            measured = true;
            require_metric(sql, clause, &query.datasets);
            continue;
        }
        match place(clause.field.kind, &clause.field.key) {
            Some(place) => filter::require(sql, place, clause),
            None => drop(sql.push(" AND 1 = 0")),
        }
    }
    if !measured && !query.datasets.is_empty() {
        sql.push(" AND EXISTS (SELECT 1 FROM model_metrics d WHERE d.model_id = logged_models.id");
        on_one_of(sql, &query.datasets);
        sql.push(")");
    }
}

fn require_metric(sql: &mut QueryBuilder<Database>, clause: &Clause, datasets: &[DatasetRef]) {
    sql.push(" AND EXISTS (SELECT 1 FROM model_metrics d WHERE d.model_id = logged_models.id");
    sql.push(" AND d.key = ").push_bind(clause.field.key.clone());
    filter::number(sql, clause);
    on_one_of(sql, datasets);
    sql.push(")");
}

/// Appends ` AND` and that row `d` was measured on one of the datasets.
fn on_one_of(sql: &mut QueryBuilder<Database>, datasets: &[DatasetRef]) {
    for (number, dataset) in datasets.iter().enumerate() {
        sql.push(if number == 0 { " AND (" } else { " OR " });
        sql.push("d.dataset_name = ").push_bind(dataset.name.clone());
        if let Some(digest) = &dataset.digest {
            sql.push(" AND d.dataset_digest = ").push_bind(digest.clone());
        }
    }
    if !datasets.is_empty() {
        sql.push(")");
    }
}

/// Where a field of a logged model stands.
fn place(kind: FieldKind, key: &str) -> Option<Place> {
    let owned = "d.model_id = logged_models.id";
    match (kind, key) {
        (FieldKind::Tag, _) => Some(Place::Keyed(Table { name: "logged_model_tags", owned })),
        (FieldKind::Param, _) => Some(Place::Keyed(Table { name: "logged_model_params", owned })),
        (FieldKind::Attribute, _) => attribute(key).map(Place::Row),
        (FieldKind::Metric | FieldKind::Dataset, _) => None,
    }
}

fn attribute(key: &str) -> Option<&'static str> {
    Some(match key {
        "name" => "logged_models.name",
        "model_id" => "logged_models.id",
        "model_type" => "logged_models.model_type",
        "status" => "upper(logged_models.status)",
        "source_run_id" => "logged_models.source_run_id",
        "creation_timestamp" => "(logged_models.created / 1000)",
        "last_updated_timestamp" => "(logged_models.updated / 1000)",
        _ => return None,
    })
}

/// Appends the join that an order needs: order `n` finds its value in the table `o<n>`. Of a metric
/// the latest value counts.
fn join(
    sql: &mut QueryBuilder<Database>,
    number: usize,
    order: &Order,
    dataset: Option<&DatasetRef>,
) {
    let name = format!("o{number}");
    match (order.field.kind, place(order.field.kind, &order.field.key)) {
        (FieldKind::Metric, _) => {
            sql.push(
                " LEFT JOIN (SELECT d.model_id, d.value, d.is_nan, row_number() OVER \
                 (PARTITION BY d.model_id ORDER BY d.at DESC, d.step DESC, d.run_id) AS place \
                 FROM model_metrics d WHERE d.key = ",
            );
            sql.push_bind(order.field.key.clone());
            on_one_of(sql, dataset.map(std::slice::from_ref).unwrap_or_default());
            sql.push(format!(
                ") {name} ON {name}.model_id = logged_models.id AND {name}.place = 1"
            ));
        }
        (_, Some(Place::Keyed(table))) => {
            sql.push(format!(
                " LEFT JOIN {} {name} ON {name}.model_id = logged_models.id AND {name}.key = ",
                table.name
            ));
            sql.push_bind(order.field.key.clone());
        }
        _ => {}
    }
}

fn push_order(sql: &mut QueryBuilder<Database>, number: usize, order: &Order) {
    let (value, last) = match (order.field.kind, attribute(&order.field.key)) {
        (FieldKind::Metric, _) => (
            format!("o{number}.value"),
            format!(
                "CASE WHEN o{number}.is_nan = 1 THEN 1 WHEN o{number}.value IS NULL THEN 2 ELSE 0 END"
            ),
        ),
        (FieldKind::Tag | FieldKind::Param, _) => (
            format!("o{number}.value"),
            format!("CASE WHEN o{number}.value IS NULL THEN 1 ELSE 0 END"),
        ),
        (FieldKind::Attribute, Some(column)) => {
            (column.to_string(), format!("CASE WHEN {column} IS NULL THEN 1 ELSE 0 END"))
        }
        (FieldKind::Attribute | FieldKind::Dataset, _) => return,
    };
    let direction = if order.descending { " DESC" } else { "" };
    sql.push(format!("{last}, {value}{direction}, "));
}
