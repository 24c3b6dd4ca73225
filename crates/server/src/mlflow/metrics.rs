//! Values of metrics over time.

use std::sync::Arc;

use axum::extract::State;
use gristmill_track::{HistoryOrder, HistoryQuery, Metric, Page, RunId, Sample};
use serde_json::json;

use super::ask::{Ask, missing, run_id};
use super::error::Refusal;
use super::json::{Json, with_next};
use super::{Answer, page, show};
use crate::house::House;

/// The most values of all runs together.
const MAX_BULK: i64 = 25_000;
/// The most runs that are asked about together.
const MAX_RUNS: usize = 100;
/// The most values of one run that stand for all.
const MAX_SAMPLE: i64 = 2500;

pub(super) async fn history(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let run = ask.run();
    let key = fields.required_text("metric_key");
    // Which of the two is missing is said first; an id of no run has no values.
    let run = match run {
        Err(refusal) if refusal == missing("run_id") => return Err(refusal),
        other => other.ok(),
    };
    let key = key?.to_string();
    let most = fields.whole("max_results")?;
    if let Some(most) = most.filter(|most| *most <= 0) {
        return Err(Refusal::invalid(format!(
            "Invalid value {most} for parameter 'max_results' supplied. It must be a positive \
             integer."
        )));
    }
    let page = page::page(fields.text("page_token")?, most.unwrap_or(i64::from(u32::MAX)))?;
    let runs = run.into_iter().collect();
    let found = histories(&house, runs, key, page).await?;
    let (found, next) = page::trimmed(found, page);
    let shown: Vec<_> = found.iter().map(|(_, metric)| show::metric(metric)).collect();
    Ok(Json::of(&with_next("metrics", shown, next)))
}

async fn histories(
    house: &House,
    runs: Vec<RunId>,
    key: String,
    page: Page,
) -> Result<Vec<(RunId, Metric)>, Refusal> {
    let query = HistoryQuery { runs, key, order: HistoryOrder::Times, page };
    Ok(house.store.metric_histories(query).await?)
}

pub(super) async fn bulk(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let runs = fields.texts_or_one("run_id")?;
    if runs.is_empty() {
        let message = "GetMetricHistoryBulk request must specify at least one run_id.";
        return Err(Refusal::invalid(message));
    }
    if runs.len() > MAX_RUNS {
        return Err(Refusal::invalid(format!(
            "GetMetricHistoryBulk request cannot specify more than {MAX_RUNS} run_ids. Received {} \
             run_ids.",
            runs.len()
        )));
    }
    let Some(key) = fields.text("metric_key")? else {
        let message = "GetMetricHistoryBulk request must specify a metric_key.";
        return Err(Refusal::invalid(message));
    };
    let most = fields.whole("max_results")?.unwrap_or(MAX_BULK).clamp(0, MAX_BULK);
    let page = Page { limit: u32::try_from(most).unwrap_or_default(), offset: 0 };
    let runs = runs.iter().filter_map(|id| run_id(id).ok()).collect();
    let found = histories(&house, runs, key.into(), page).await?;
    let shown: Vec<_> = found.iter().map(|(run, metric)| show::metric_of(run, metric)).collect();
    Ok(Json::of(&json!({"metrics": shown})))
}

pub(super) async fn interval(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    const SEE: &str = "See the API docs for more information about request parameters.";
    let fields = ask.fields();
    let runs = fields.texts_or_one("run_ids")?;
    if runs.is_empty() {
        return Err(missing("run_ids"));
    }
    if runs.len() > MAX_RUNS {
        return Err(Refusal::invalid(format!(
            "GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. \
             Received {} run_ids. {SEE}",
            runs.len()
        )));
    }
    let key = fields.required_text("metric_key")?;
    let most = fields.whole("max_results")?.unwrap_or(MAX_SAMPLE);
    if !(1..=MAX_SAMPLE).contains(&most) {
        let message = format!("max_results must be between 1 and {MAX_SAMPLE}. {SEE}");
        return Err(Refusal::invalid(message));
    }
    let steps = steps(fields.whole("start_step")?, fields.whole("end_step")?)?;
    let mut found = Vec::new();
    for run in runs.iter().filter_map(|id| run_id(id).ok()) {
        let most = u32::try_from(most).unwrap_or(1);
        let sample = Sample { run, key: key.into(), steps, most };
        let values = house.store.metric_sample(sample).await?;
        found.extend(values.into_iter().map(|metric| (run, metric)));
    }
    let shown: Vec<_> = found.iter().map(|(run, metric)| show::metric_of(run, metric)).collect();
    Ok(Json::of(&with_next("metrics", shown, None)))
}

fn steps(start: Option<i64>, end: Option<i64>) -> Result<Option<(i64, i64)>, Refusal> {
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start > end => Err(Refusal::invalid(format!(
            "end_step must be greater than start_step. Found start_step={start} and \
             end_step={end}."
        ))),
        (Some(start), Some(end)) => Ok(Some((start, end))),
        _ => Err(Refusal::invalid(
            "If either start step or end step are specified, both must be specified.",
        )),
    }
}
