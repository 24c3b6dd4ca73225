//! Filters and orders as SQL, with every value bound.

use sqlx::QueryBuilder;

use super::Database;
use crate::{Clause, FieldKind, Operand, Operator, Order};

/// Where a field stands, seen from the row that is searched.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// An expression over the row.
    Row(&'static str),
    /// The column `value` of the row of this table that has the key.
    Keyed(Table),
    /// The same with a number that may be none.
    Number(Table),
    /// A column of any row of this table.
    Any(Table, &'static str),
}

/// A table whose rows belong to what is searched.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub name: &'static str,
    /// When row `d` of it belongs to the row that is searched.
    pub owned: &'static str,
}

/// Appends ` AND` and what the clause asks of the field at that place.
pub(super) fn require(sql: &mut QueryBuilder<Database>, place: Place, clause: &Clause) {
    sql.push(" AND ");
    match place {
        Place::Row(expression) => test(sql, expression, clause),
        Place::Keyed(table) => exists(sql, table, clause, "d.value"),
        Place::Number(table) => {
            open(sql, table, clause);
            number(sql, clause);
            sql.push(")");
        }
        Place::Any(table, column) => exists(sql, table, clause, column),
    }
}

/// Whether a row of the table passes the test; without an operand, whether there is one at all.
fn exists(sql: &mut QueryBuilder<Database>, table: Table, clause: &Clause, column: &'static str) {
    if clause.operator == Operator::IsNull {
        sql.push("NOT ");
    }
    open(sql, table, clause);
    if clause.operand != Operand::Nothing {
        sql.push(" AND ");
        test(sql, column, clause);
    }
    sql.push(")");
}

fn open(sql: &mut QueryBuilder<Database>, table: Table, clause: &Clause) {
    sql.push("EXISTS (SELECT 1 FROM ").push(table.name).push(" d WHERE ").push(table.owned);
    if clause.field.kind != FieldKind::Dataset {
        sql.push(" AND d.key = ").push_bind(clause.field.key.clone());
    }
}

/// NaN is stored as 0 with a flag; it differs from everything and equals nothing.
pub(super) fn number(sql: &mut QueryBuilder<Database>, clause: &Clause) {
    sql.push(match clause.operator {
        Operator::NotEqual => " AND (d.is_nan = 1 OR ",
        _ => " AND (d.is_nan = 0 AND ",
    });
    test(sql, "d.value", clause);
    sql.push(")");
}

/// The comparison of an expression with what the clause names.
pub(super) fn test(sql: &mut QueryBuilder<Database>, expression: &'static str, clause: &Clause) {
    let operator = clause.operator.as_str();
    match (&clause.operand, clause.operator) {
        (Operand::Nothing, _) => {
            sql.push(expression).push(" ").push(operator);
        }
        (Operand::Whole(whole), _) => {
            sql.push(expression).push(" ").push(operator).push(" ").push_bind(*whole);
        }
        (Operand::Number(number), _) => {
            sql.push(expression).push(" ").push(operator).push(" ").push_bind(*number);
        }
        (Operand::Text(text), Operator::Like) => {
            sql.push(expression).push(" LIKE ").push_bind(pattern(text)).push(" ESCAPE '\\'");
        }
        (Operand::Text(text), Operator::ILike) => {
            sql.push("lower(").push(expression).push(") LIKE ");
            sql.push_bind(pattern(&text.to_ascii_lowercase())).push(" ESCAPE '\\'");
        }
        (Operand::Text(text), _) => {
            sql.push(expression).push(" ").push(operator).push(" ").push_bind(text.clone());
        }
        (Operand::List(texts), _) => {
            sql.push(expression).push(" ").push(operator).push(" (");
            let mut list = sql.separated(", ");
            for text in texts {
                list.push_bind(text.clone());
            }
            sql.push(")");
        }
    }
}

/// In a pattern nothing but `%` and `_` is special, whatever a database makes of a backslash.
fn pattern(text: &str) -> String {
    text.replace('\\', "\\\\")
}

/// Appends the joins that the orders need: order `n` finds its value in the table `o<n>`.
pub(super) fn join_orders(
    sql: &mut QueryBuilder<Database>,
    orders: &[Order],
    place: impl Fn(&Order) -> Option<Place>,
) {
    for (number, order) in orders.iter().enumerate() {
        if let Some(Place::Keyed(table) | Place::Number(table)) = place(order) {
            let name = format!("o{number}");
            let owned = table.owned.replace("d.", &format!("{name}."));
            sql.push(format!(" LEFT JOIN {} {name} ON {owned} AND {name}.key = ", table.name));
            sql.push_bind(order.field.key.clone());
        }
    }
}

/// Appends ` ORDER BY` and the orders, each with what has no value at its end.
pub(super) fn push_orders(
    sql: &mut QueryBuilder<Database>,
    orders: &[Order],
    place: impl Fn(&Order) -> Option<Place>,
) {
    sql.push(" ORDER BY ");
    push_keys(sql, orders, place);
}

/// The same without ` ORDER BY`; a comma stands behind each.
pub(super) fn push_keys(
    sql: &mut QueryBuilder<Database>,
    orders: &[Order],
    place: impl Fn(&Order) -> Option<Place>,
) {
    for (number, order) in orders.iter().enumerate() {
        let (value, last) = match place(order) {
            Some(Place::Row(expression)) => (
                expression.to_string(),
                format!("CASE WHEN {expression} IS NULL THEN 1 ELSE 0 END"),
            ),
            Some(Place::Keyed(_)) => (
                format!("o{number}.value"),
                format!("CASE WHEN o{number}.value IS NULL THEN 1 ELSE 0 END"),
            ),
            Some(Place::Number(_)) => (
                format!("o{number}.value"),
                format!(
                    "CASE WHEN o{number}.is_nan = 1 THEN 1 \
                     WHEN o{number}.value IS NULL THEN 2 ELSE 0 END"
                ),
            ),
            Some(Place::Any(..)) | None => continue,
        };
        let direction = if order.descending { " DESC" } else { "" };
        sql.push(format!("{last}, {value}{direction}, "));
    }
}
