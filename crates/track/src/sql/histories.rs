//! Values of metrics over time in SQL.

use sqlx::QueryBuilder;

use super::columns::word;
use super::logging::decode;
use super::search::one_of;
use super::{Connection, Database};
use crate::fail::Fail;
use crate::{HistoryOrder, HistoryQuery, Metric, RunId, Sample};

pub(super) async fn of_runs(
    db: &mut Connection,
    query: &HistoryQuery,
) -> Result<Vec<(RunId, Metric)>, Fail> {
    if query.runs.is_empty() {
        return Ok(Vec::new());
    }
    let columns = "SELECT run_id, key, step, at, value, is_nan FROM metrics WHERE key = ";
    let mut sql = QueryBuilder::<Database>::new(columns);
    sql.push_bind(query.key.as_str());
    one_of(&mut sql, " AND run_id IN ", query.runs.iter().map(RunId::to_string));
    sql.push(match query.order {
        HistoryOrder::Steps => " ORDER BY run_id, step, at, value, is_nan",
        HistoryOrder::Times => " ORDER BY run_id, at, step, value, is_nan",
    });
    sql.push(" LIMIT ").push_bind(i64::from(query.page.limit));
    sql.push(" OFFSET ").push_bind(query.page.skipped());
    let rows = sql.build().fetch_all(&mut *db).await?;
    rows.iter()
        .map(|row| Ok((word(row, "run_id", |text| text.parse().ok())?, decode(row)?)))
        .collect()
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
