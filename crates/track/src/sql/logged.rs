//! What runs logged, fetched for many of them in one go. A statement costs a trip to the database and a
//! row costs the driver far more than what is in it, so all that is short comes in one row, a line a run.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::QueryBuilder;

use super::columns::word;
use super::search::one_of;
use super::{Connection, Database, DbRow, OBJECT_OF, POINT, inputs, logging, points, runs};
use crate::fail::Fail;
use crate::{Metric, Run, RunId, RunInfo};

/// Runs whose data is fetched by one statement; a text has no room for any number of them.
const RUNS: usize = 250;

/// Those of the runs that are there with what they logged, in the same order.
pub(super) async fn runs(db: &mut Connection, ids: &[RunId]) -> Result<Vec<Run>, Fail> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(RUNS) {
        add_runs(db, &mut found, ids).await?;
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

async fn add_runs(
    db: &mut Connection,
    found: &mut BTreeMap<RunId, Run>,
    ids: &[RunId],
) -> Result<(), Fail> {
    let (mut unspelled, mut linked) = (Vec::new(), Vec::new());
    let text = lines(db, ids).await?.unwrap_or_default();
    for line in text.lines() {
        let Line { info, has_links, params, tags, metrics } = Line::parse(line)?;
        let id = info.id;
        if metrics.is_none() {
            unspelled.push(id);
        }
        if has_links {
            linked.push(id);
        }
        let (metrics, datasets, models) = (metrics.unwrap_or_default(), Vec::new(), Vec::new());
        found.insert(id, Run { info, params, metrics, tags, datasets, models });
    }
    if !unspelled.is_empty() {
        add_latest(db, found, &unspelled).await?;
    }
    if !linked.is_empty() {
        add_links(db, found, &linked).await?;
    }
    Ok(())
}

/// The lines of the runs: what is known of each, how many links it has, params, tags and metrics, all but
/// the number as JSON, in which neither a tab nor the end of a line stands bare.
async fn lines(db: &mut Connection, ids: &[RunId]) -> Result<Option<String>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT string_agg(");
    runs::push_info(&mut sql);
    sql.push(
        " || '\t' || ((SELECT count(*) FROM run_datasets d WHERE d.run_id = runs.id) \
         + (SELECT count(*) FROM run_models d WHERE d.run_id = runs.id))",
    );
    for (table, value) in [("params", "value"), ("run_tags", "value"), ("latest_metrics", POINT)] {
        sql.push(" || '\t' || coalesce((SELECT CAST(").push(OBJECT_OF).push("(key, ").push(value);
        sql.push(") AS TEXT) FROM ").push(table).push(" d WHERE d.run_id = runs.id), '{}')");
    }
    sql.push(", '\n') FROM runs");
    one_of(&mut sql, " WHERE runs.id IN ", ids.iter().map(RunId::to_string));
    Ok(sql.build_query_scalar().fetch_one(&mut *db).await?)
}

/// What one line says of a run.
struct Line {
    info: RunInfo,
    has_links: bool,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// The latest values; nothing when one of them is not spelled.
    metrics: Option<BTreeMap<String, Metric>>,
}

impl Line {
    fn parse(line: &str) -> Result<Self, Fail> {
        let mut parts = line.split('\t');
        let mut part = || parts.next().ok_or_else(|| damaged(line));
        Ok(Self {
            info: runs::parse_info(part()?)?,
            has_links: part()? != "0",
            params: object(part()?)?,
            tags: object(part()?)?,
            metrics: latest(object(part()?)?)?,
        })
    }
}

/// Keys and values. Those of metrics are borrowed: nothing in them is escaped.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<BTreeMap<String, T>, Fail> {
    serde_json::from_str(text).map_err(|_| damaged(text))
}

fn latest(spelled: BTreeMap<String, &str>) -> Result<Option<BTreeMap<String, Metric>>, Fail> {
    let metrics = spelled.into_iter().map(|(key, point)| {
        let metric = points::one(&key, point).transpose()?;
        Some(metric.map(|metric| (key, metric)))
    });
    metrics.collect::<Option<_>>().transpose()
}

fn damaged(found: &str) -> Fail {
    Fail::Damaged(format!("what a run logged reads `{found}`"))
}

/// Adds the latest values of the runs' metrics as they are.
async fn add_latest(
    db: &mut Connection,
    found: &mut BTreeMap<RunId, Run>,
    ids: &[RunId],
) -> Result<(), Fail> {
    for row in of_runs(db, "latest_metrics", ids).await? {
        if let Some(run) = owner(found, &row)? {
            let metric = logging::decode(&row)?;
            run.metrics.insert(metric.key.clone(), metric);
        }
    }
    Ok(())
}

/// Adds what the runs stand on and what came of them.
async fn add_links(
    db: &mut Connection,
    found: &mut BTreeMap<RunId, Run>,
    ids: &[RunId],
) -> Result<(), Fail> {
    let mut sql = QueryBuilder::<Database>::new(inputs::DATASETS);
    one_of(&mut sql, "", ids.iter().map(RunId::to_string));
    sql.push(inputs::IN_ORDER);
    for row in sql.build().fetch_all(&mut *db).await? {
        if let Some(run) = owner(found, &row)? {
            run.datasets.push(inputs::decode_dataset(&row)?);
        }
    }
    for row in of_runs(db, "run_models", ids).await? {
        if let Some(run) = owner(found, &row)? {
            run.models.push(inputs::decode_model(&row)?);
        }
    }
    Ok(())
}

async fn of_runs(
    db: &mut Connection,
    table: &'static str,
    ids: &[RunId],
) -> Result<Vec<DbRow>, Fail> {
    let mut sql = QueryBuilder::<Database>::new("SELECT * FROM ");
    sql.push(table);
    one_of(&mut sql, " WHERE run_id IN ", ids.iter().map(RunId::to_string));
    Ok(sql.build().fetch_all(&mut *db).await?)
}

fn owner<'a>(
    found: &'a mut BTreeMap<RunId, Run>,
    row: &DbRow,
) -> Result<Option<&'a mut Run>, Fail> {
    let id: RunId = word(row, "run_id", |text| text.parse().ok())?;
    Ok(found.get_mut(&id))
}
