//! Metrics, params and tags, one by one and in batches.

use std::sync::Arc;

use axum::extract::State;
use gristmill_core::Timestamp;
use gristmill_track::{Batch, Metric, ModelMetric, RunId, TrackError, tags};
use serde_json::{Map, Value};

use super::ask::{Ask, Fields, moment};
use super::error::Refusal;
use super::json::Json;
use super::{Answer, check};
use crate::house::House;

const MAX_METRICS: usize = 1000;
const MAX_PARAMS_OR_TAGS: usize = 100;
const MAX_TOGETHER: usize = 1000;
/// The most bytes of a batch.
const MAX_BATCH_BYTES: usize = 1_000_000;

pub(super) async fn metric(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let mut batch = Batch::default();
    add_metric(&mut batch, &ask.fields(), "")?;
    house.store.log(id, batch).await?;
    Ok(Json::empty())
}

pub(super) async fn param(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    let value = check::param(key, fields.text("value")?.unwrap_or_default(), "key")?;
    house.store.log(id, Batch::default().param(key, value)).await?;
    Ok(Json::empty())
}

pub(super) async fn set_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    let value = check::tag(key, fields.text("value")?.unwrap_or_default(), "key")?;
    house.store.log(id, Batch::default().tag(key, value)).await?;
    Ok(Json::empty())
}

pub(super) async fn delete_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    match house.store.remove_run_tag(id, key).await {
        Err(TrackError::NotFound { what: "tag", .. }) => {
            Err(Refusal::missing(format!("No tag with name: {key} in run with id {id}")))
        }
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Json::empty()),
    }
}

pub(super) async fn batch(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    if ask.length > MAX_BATCH_BYTES {
        return Err(Refusal::invalid(format!(
            "Batched logging API requests must be at most {MAX_BATCH_BYTES} bytes, got a request \
             of size {}.",
            ask.length
        )));
    }
    let id = ask.run()?;
    let batch = read_batch(&ask.fields())?;
    match house.store.log(id, batch).await {
        Err(TrackError::ParamChanged { key, stored, given, .. }) => {
            Err(changed(id, &key, &stored, &given))
        }
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Json::empty()),
    }
}

fn changed(id: RunId, key: &str, stored: &str, given: &str) -> Refusal {
    Refusal::invalid(format!(
        "Changing param values is not allowed. Params were already logged='[{{'key': '{key}', \
         'old_value': '{stored}', 'new_value': '{given}'}}]' for run ID='{id}'."
    ))
}

fn read_batch(fields: &Fields<'_>) -> Result<Batch, Refusal> {
    let metrics = fields.items("metrics")?;
    let params = fields.items("params")?;
    let given_tags = fields.items("tags")?;
    let mut batch = Batch::default();
    batch.metrics.reserve(metrics.len().min(MAX_METRICS));
    let mut twice = Vec::new();
    for (place, item) in metrics.iter().enumerate() {
        let path = format!("metrics[{place}].");
        add_metric(&mut batch, &Fields::within(item, &path)?, &path)?;
    }
    for (place, item) in params.iter().enumerate() {
        let path = format!("params[{place}].");
        let (key, value) = pair(item, &path)?;
        let value = check::param(key, value, &format!("{path}key"))?;
        if batch.params.insert(key.into(), value).is_some() {
            twice.push(format!("'{key}'"));
        }
    }
    for (place, item) in given_tags.iter().enumerate() {
        let path = format!("tags[{place}].");
        let (key, value) = pair(item, &path)?;
        batch.tags.insert(key.into(), check::tag(key, value, &format!("{path}key"))?);
    }
    check_counts(metrics.len(), params.len(), given_tags.len())?;
    if !twice.is_empty() {
        return Err(Refusal::invalid(format!(
            "Duplicate parameter keys have been submitted: [{}]. Please ensure the request \
             contains only one param value per param key.",
            twice.join(", ")
        )));
    }
    Ok(batch)
}

fn pair<'a>(item: &'a Value, path: &'a str) -> Result<(&'a str, &'a str), Refusal> {
    let fields = Fields::within(item, path)?;
    Ok((fields.required_text("key")?, fields.text("value")?.unwrap_or_default()))
}

fn check_counts(metrics: usize, params: usize, tags: usize) -> Result<(), Refusal> {
    for (name, count, most) in [
        ("metrics", metrics, MAX_METRICS),
        ("params", params, MAX_PARAMS_OR_TAGS),
        ("tags", tags, MAX_PARAMS_OR_TAGS),
        ("metrics, params, and tags", metrics + params + tags, MAX_TOGETHER),
    ] {
        if count > most {
            return Err(Refusal::invalid(format!(
                "A batch logging request can contain at most {most} {name}. Got {count} {name}. \
                 Please split up {name} across multiple requests and try again."
            )));
        }
    }
    Ok(())
}

/// Adds the metric that the fields hold; `path` says where they stand.
fn add_metric(batch: &mut Batch, fields: &Fields<'_>, path: &str) -> Result<(), Refusal> {
    let key = fields.required_text("key")?;
    let value = fields.required_number("value")?;
    let millis = fields.required_whole("timestamp")?;
    let step = fields.whole("step")?.unwrap_or_default();
    check::metric(key, &format!("{path}name"))?;
    let at = moment_of(key, value, millis, path)?;
    let metric = Metric { key: key.into(), value, step, at };
    if let Some(model) = fields.text("model_id")?.filter(|model| !model.is_empty()) {
        let dataset = fields.text("dataset_name")?.zip(fields.text("dataset_digest")?);
        let dataset = dataset.map(|(name, digest)| (name.to_string(), digest.to_string()));
        let metric = metric.clone();
        batch.model_metrics.push(ModelMetric { model: model.into(), metric, dataset });
    }
    batch.metrics.push(metric);
    Ok(())
}

fn moment_of(key: &str, value: f64, millis: i64, path: &str) -> Result<Timestamp, Refusal> {
    let name = format!("{path}timestamp");
    if millis < 0 {
        return Err(Refusal::invalid(format!(
            "Invalid value {millis} for parameter '{name}' supplied: metric '{key}' \
             (value={value:?}). Timestamp must be a nonnegative long (64-bit integer) "
        )));
    }
    moment(&name, millis)
}

/// What a client must say of a model that it logged.
const MODEL_FIELDS: [&str; 4] = ["artifact_path", "flavors", "run_id", "utc_time_created"];

pub(super) async fn model(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let text = fields.required_text("model_json")?;
    let Ok(Value::Object(model)) = serde_json::from_str(text) else {
        let message = format!("Malformed model info. \n {text} \n is not a valid JSON.");
        return Err(Refusal::invalid(message));
    };
    let missing: Vec<String> = MODEL_FIELDS
        .iter()
        .filter(|name| !model.contains_key(**name))
        .map(|name| format!("'{name}'"))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let message = format!("Model json is missing mandatory fields: {{{missing}}}");
        return Err(Refusal::invalid(message));
    }
    house.store.extend_run_tag(id, tags::LOGGED_MODELS, noted(&model)).await?;
    Ok(Json::empty())
}

/// What a run keeps of a model.
fn noted(model: &Map<String, Value>) -> Value {
    let mut noted = Map::new();
    for name in ["run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors"] {
        noted.insert(name.into(), model.get(name).cloned().unwrap_or_default());
    }
    Value::Object(noted)
}
