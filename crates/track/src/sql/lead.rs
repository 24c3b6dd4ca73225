//! Where a search of many runs begins, so that it need not look at all of them.

use sqlx::QueryBuilder;

use super::filter::{self, Place};
use super::search::place;
use super::{Connection, Database};
use crate::fail::Fail;
use crate::{Clause, Operand, Operator, Order};

/// How many rows are few: to look up and sort that many runs takes a few milliseconds.
const FEW: i64 = 2_000;
/// The part of a text that is in its index: an entry of an index must not grow without bound.
const BEGINNING: usize = 64;

/// What a search goes along.
#[derive(Clone, Copy)]
pub(super) enum Lead<'a> {
    /// The runs themselves.
    Runs,
    /// The rows that pass a clause.
    Clause(&'a Clause),
    /// The values of a metric in the order that is asked for first.
    Order(&'a Order),
}

impl<'a> Lead<'a> {
    /// Appends the tables that it goes along.
    pub(super) fn begin(self, sql: &mut QueryBuilder<Database>) {
        let table = match self {
            Self::Runs => None,
            Self::Clause(clause) => table(clause),
            Self::Order(order) => named(place(order.field.kind, &order.field.key)),
        };
        match table {
            // A cross join is done from left to right.
            Some(table) => sql.push(table).push(" lead CROSS JOIN runs"),
            None => sql.push("runs"),
        };
    }

    /// Appends what holds of its rows.
    pub(super) fn require(self, sql: &mut QueryBuilder<Database>, clauses: &[Clause]) {
        match self {
            Self::Runs => drop(sql.push("1 = 1")),
            Self::Clause(clause) => {
                sql.push("runs.id = lead.run_id AND ");
                pass(sql, clause);
            }
            Self::Order(order) => {
                sql.push("runs.id = lead.run_id AND lead.is_nan = 0 AND lead.key = ");
                sql.push_bind(order.field.key.clone());
                // Only a part of the index is followed; a value that differs may stand anywhere.
                let same = clauses.iter().filter(|clause| clause.field == order.field);
                for clause in same.filter(|clause| can_lead(clause)) {
                    sql.push(" AND ");
                    filter::test(sql, "lead.value", clause);
                }
            }
        }
    }

    /// Those of the orders that its own way does not already follow.
    pub(super) fn leaves(self, orders: &'a [Order]) -> &'a [Order] {
        match self {
            Self::Order(_) => orders.get(1..).unwrap_or_default(),
            Self::Runs | Self::Clause(_) => orders,
        }
    }

    /// Appends its own key to those that are sorted by, with a comma behind it.
    pub(super) fn push_key(self, sql: &mut QueryBuilder<Database>) {
        if let Self::Order(order) = self {
            sql.push("lead.value").push(if order.descending { " DESC, " } else { ", " });
        }
    }
}

/// Whether the rows that pass a clause stand together in an index.
pub(super) fn can_lead(clause: &Clause) -> bool {
    table(clause).is_some()
}

fn table(clause: &Clause) -> Option<&'static str> {
    use Operator::{AtLeast, AtMost, Equal, Greater, Less};
    let place = place(clause.field.kind, &clause.field.key);
    let together = match (&place, clause.operator, &clause.operand) {
        (Some(Place::Number(_)), Equal | Less | AtMost | Greater | AtLeast, operand) => {
            matches!(operand, Operand::Number(_) | Operand::Whole(_))
        }
        (Some(Place::Keyed(_)), Equal, operand) => matches!(operand, Operand::Text(_)),
        _ => false,
    };
    named(place).filter(|_| together)
}

fn named(place: Option<Place>) -> Option<&'static str> {
    match place {
        Some(Place::Number(table) | Place::Keyed(table)) => Some(table.name),
        _ => None,
    }
}

/// The clause that the fewest rows pass, if those are few.
pub(super) async fn rarest<'a>(
    db: &mut Connection,
    clauses: &'a [Clause],
) -> Result<Option<&'a Clause>, Fail> {
    let (mut rarest, mut fewest) = (None, FEW);
    for clause in clauses {
        let Some(table) = table(clause) else { continue };
        let mut sql = QueryBuilder::<Database>::new("SELECT count(*) FROM (SELECT 1 FROM ");
        sql.push(table).push(" lead WHERE ");
        pass(&mut sql, clause);
        sql.push(" LIMIT ").push_bind(fewest).push(") passing");
        let passing: i64 = sql.build_query_scalar().fetch_one(&mut *db).await?;
        if passing < fewest {
            (rarest, fewest) = (Some(clause), passing);
        }
    }
    Ok(rarest)
}

/// Appends that the row passes the clause, in the words of its table's index.
fn pass(sql: &mut QueryBuilder<Database>, clause: &Clause) {
    sql.push("lead.key = ").push_bind(clause.field.key.clone()).push(" AND ");
    if let Operand::Text(text) = &clause.operand {
        let beginning: String = text.chars().take(BEGINNING).collect();
        sql.push("substr(lead.value, 1, ").push(BEGINNING).push(") = ").push_bind(beginning);
    } else {
        sql.push("lead.is_nan = 0");
    }
    sql.push(" AND ");
    filter::test(sql, "lead.value", clause);
}
