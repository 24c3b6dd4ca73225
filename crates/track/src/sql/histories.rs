//! Values of metrics over time in SQL.

use std::cmp::Ordering;

use sqlx::{QueryBuilder, Row};

use super::columns::word;
use super::logging::decode;
use super::search::one_of;
use super::{Connection, Database, POINT, points};
use crate::fail::Fail;
use crate::{HistoryOrder, HistoryQuery, Metric, RunId, Sample};

pub(super) async fn of_runs(
    db: &mut Connection,
    query: &HistoryQuery,
) -> Result<Vec<(RunId, Metric)>, Fail> {
    if query.runs.is_empty() {
        return Ok(Vec::new());
    }
    match in_lists(db, query).await? {
        Some(found) => Ok(found),
        None => in_rows(db, query).await,
    }
}

/// The values with those of a run in one row; nothing when one of them cannot be spelled.
async fn in_lists(
    db: &mut Connection,
    query: &HistoryQuery,
) -> Result<Option<Vec<(RunId, Metric)>>, Fail> {
    let order = order_to_ask(db, query).await?;
    let mut sql = QueryBuilder::<Database>::new("SELECT run_id, string_agg(");
    sql.push(POINT).push(", ").push_bind(points::BETWEEN);
    sql.push(") AS points FROM (SELECT * FROM metrics");
    push_which(&mut sql, query, order);
    sql.push(") page GROUP BY run_id ORDER BY run_id");
    let mut found = Vec::new();
    for row in sql.build().fetch_all(&mut *db).await? {
        let run: RunId = word(&row, "run_id", |text| text.parse().ok())?;
        let Some(mut values) = points::all_of(&query.key, row.try_get("points")?)? else {
            return Ok(None);
        };
        values.sort_by(|a, b| in_order(query.order, a, b));
        found.extend(values.into_iter().map(|value| (run, value)));
    }
    Ok(Some(found))
}

async fn in_rows(db: &mut Connection, query: &HistoryQuery) -> Result<Vec<(RunId, Metric)>, Fail> {
    let columns = "SELECT run_id, key, step, at, value, is_nan FROM metrics";
    let mut sql = QueryBuilder::<Database>::new(columns);
    push_which(&mut sql, query, query.order);
    let rows = sql.build().fetch_all(&mut *db).await?;
    rows.iter()
        .map(|row| Ok((word(row, "run_id", |text| text.parse().ok())?, decode(row)?)))
        .collect()
}

/// The order in which the database is asked: by steps, in which it keeps them, where all values fit on
/// the page and are put in order here.
async fn order_to_ask(db: &mut Connection, query: &HistoryQuery) -> Result<HistoryOrder, Fail> {
    let most = i64::from(query.page.limit);
    if query.order == HistoryOrder::Steps || query.page.skipped() > 0 {
        return Ok(query.order);
    }
    let mut sql = QueryBuilder::<Database>::new("SELECT count(*) FROM (SELECT 1 FROM metrics");
    push_runs(&mut sql, query);
    sql.push(" LIMIT ").push_bind(most + 1).push(") begun");
    let count: i64 = sql.build_query_scalar().fetch_one(&mut *db).await?;
    Ok(if count <= most { HistoryOrder::Steps } else { query.order })
}

/// As the database sorts them, in which what is no number stands as 0, behind it.
fn in_order(order: HistoryOrder, a: &Metric, b: &Metric) -> Ordering {
    let by = |metric: &Metric| match order {
        HistoryOrder::Steps => (metric.step, metric.at.0),
        HistoryOrder::Times => (metric.at.0, metric.step),
    };
    let number = |metric: &Metric| if metric.value.is_nan() { 0.0 } else { metric.value };
    let value = number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal);
    by(a).cmp(&by(b)).then(value).then(a.value.is_nan().cmp(&b.value.is_nan()))
}

/// The values of the page in this order.
fn push_which(sql: &mut QueryBuilder<Database>, query: &HistoryQuery, order: HistoryOrder) {
    push_runs(sql, query);
    sql.push(match order {
        HistoryOrder::Steps => " ORDER BY run_id, step, at, value, is_nan",
        HistoryOrder::Times => " ORDER BY run_id, at, step, value, is_nan",
    });
    sql.push(" LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
}

fn push_runs(sql: &mut QueryBuilder<Database>, query: &HistoryQuery) {
    sql.push(" WHERE key = ").push_bind(query.key.clone());
    one_of(sql, " AND run_id IN ", query.runs.iter().map(RunId::to_string));
}

/// Equal shares of all values, of each the first; and the very last value in the place of the last one.
pub(super) async fn sample(db: &mut Connection, sample: &Sample) -> Result<Vec<Metric>, Fail> {
    let (from, to) = sample.steps.unwrap_or((i64::MIN, i64::MAX));
    let total: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM metrics WHERE run_id = $1 AND key = $2 AND step >= $3 AND step <= $4",
    )
    .bind(sample.run.to_string())
    .bind(&sample.key)
    .bind(from)
    .bind(to)
    .fetch_one(&mut *db)
    .await?;
    let sql = "SELECT * FROM (SELECT metrics.*, row_number() OVER \
               (ORDER BY step, at, value, is_nan) - 1 AS place FROM metrics \
               WHERE run_id = $1 AND key = $2 AND step >= $3 AND step <= $4) numbered \
               WHERE place = $5 - 1 OR (place < $6 * ($7 + 1) AND place % ($7 + 1) = 0) \
               OR (place >= $6 * ($7 + 1) AND (place - $6 * ($7 + 1)) % $8 = 0) \
               ORDER BY place";
    let most = i64::from(sample.most.max(1));
    let rows = sqlx::query(sql)
        .bind(sample.run.to_string())
        .bind(&sample.key)
        .bind(from)
        .bind(to)
        .bind(total)
        .bind(total % most)
        .bind(total / most)
        .bind((total / most).max(1))
        .fetch_all(&mut *db)
        .await?;
    let mut found: Vec<Metric> = rows.iter().map(decode).collect::<Result<_, _>>()?;
    if found.len() as i64 > most
        && let Some(last) = found.pop()
    {
        found.pop();
        found.push(last);
    }
    Ok(found)
}
