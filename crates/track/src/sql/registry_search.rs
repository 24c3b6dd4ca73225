//! Finding models and versions.

use sqlx::QueryBuilder;

use super::filter::{self, Place, Table};
use super::{Connection, Database, models, versions};
use crate::fail::Fail;
use crate::{
    Clause, FieldKind, Filter, Model, ModelQuery, ModelVersion, Operand, Operator, VersionQuery,
    tags,
};

pub(super) async fn models(db: &mut Connection, query: &ModelQuery) -> Result<Vec<Model>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT models.* FROM models WHERE 1 = 1");
    leave_prompts_out(&mut sql, &query.filter, "model_tags p WHERE p.model = models.name");
    narrow(&mut sql, &query.filter, model_place);
    filter::push_orders(&mut sql, &query.order, |order| {
        model_place(order.field.kind, &order.field.key)
    });
    sql.push("models.name LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    models::with_data(db, &rows).await
}

pub(super) async fn versions(
    db: &mut Connection,
    query: &VersionQuery,
) -> Result<Vec<ModelVersion>, Fail> {
    let mut sql =
        QueryBuilder::<Database>::new("SELECT model_versions.* FROM model_versions WHERE 1 = 1");
    let prompts = "model_version_tags p WHERE p.model = model_versions.model";
    leave_prompts_out(&mut sql, &query.filter, prompts);
    narrow(&mut sql, &query.filter, version_place);
    filter::push_orders(&mut sql, &query.order, |order| {
        version_place(order.field.kind, &order.field.key)
    });
    sql.push("model_versions.model, model_versions.version DESC LIMIT ");
    sql.push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    versions::with_data(db, &rows).await
}

/// Leaves the prompts out of an answer, unless the filter asks for them; `theirs` are the rows of
/// tags of what is searched.
fn leave_prompts_out(sql: &mut QueryBuilder<Database>, filter: &Filter, theirs: &'static str) {
    if filter.clauses.iter().find(|clause| is_about_prompts(clause)).is_some_and(wants_prompts) {
        return;
    }
    sql.push(" AND NOT EXISTS (SELECT 1 FROM ").push(theirs);
    sql.push(" AND p.key = ").push_bind(tags::IS_PROMPT).push(" AND p.value = 'true')");
}

fn is_about_prompts(clause: &Clause) -> bool {
    clause.field.kind == FieldKind::Tag && clause.field.key == tags::IS_PROMPT
}

fn wants_prompts(clause: &Clause) -> bool {
    let Operand::Text(text) = &clause.operand else { return false };
    match clause.operator {
        Operator::Equal => text.eq_ignore_ascii_case("true"),
        Operator::NotEqual => text.eq_ignore_ascii_case("false"),
        _ => false,
    }
}

fn narrow(
    sql: &mut QueryBuilder<Database>,
    filter: &Filter,
    place: fn(FieldKind, &str) -> Option<Place>,
) {
    for clause in &filter.clauses {
        // What is no prompt has no such tag, and would never match.
        if is_about_prompts(clause) && !wants_prompts(clause) {
            continue;
        }
        match place(clause.field.kind, &clause.field.key) {
            Some(place) => filter::require(sql, place, clause),
            None => drop(sql.push(" AND 1 = 0")),
        }
    }
}

/// Where a field of a model stands.
fn model_place(kind: FieldKind, key: &str) -> Option<Place> {
    let tags = Table { name: "model_tags", owned: "d.model = models.name" };
    match (kind, key) {
        (FieldKind::Tag, _) => Some(Place::Keyed(tags)),
        (FieldKind::Attribute, "name") => Some(Place::Row("models.name")),
        (FieldKind::Attribute, "creation_timestamp") => Some(Place::Row("(models.created / 1000)")),
        (FieldKind::Attribute, "timestamp" | "last_updated_timestamp") => {
            Some(Place::Row("(models.updated / 1000)"))
        }
        _ => None,
    }
}

/// Where a field of a version stands.
fn version_place(kind: FieldKind, key: &str) -> Option<Place> {
    let owned = "d.model = model_versions.model AND d.version = model_versions.version";
    let row = match (kind, key) {
        (FieldKind::Tag, _) => {
            return Some(Place::Keyed(Table { name: "model_version_tags", owned }));
        }
        (FieldKind::Attribute, "name") => "model_versions.model",
        (FieldKind::Attribute, "version_number") => "model_versions.version",
        (FieldKind::Attribute, "run_id") => "coalesce(model_versions.run_id, '')",
        (FieldKind::Attribute, "source_path") => {
            "coalesce(model_versions.source, model_versions.path)"
        }
        (FieldKind::Attribute, "creation_timestamp") => "(model_versions.created / 1000)",
        (FieldKind::Attribute, "last_updated_timestamp") => "(model_versions.updated / 1000)",
        _ => return None,
    };
    Some(Place::Row(row))
}
