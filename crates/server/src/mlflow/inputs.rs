//! Datasets and logged models that runs used or made.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use gristmill_track::{Dataset, DatasetInput, ModelLink, ModelRole};
use serde_json::{Value, json};

use super::Answer;
use super::ask::{Ask, Fields, experiment_id, missing};
use super::check;
use super::error::Refusal;
use super::json::{Json, with_next};
use crate::house::House;

const MAX_DATASETS: usize = 1000;
const MAX_NAME: usize = 500;
const MAX_DIGEST: usize = 36;
const MAX_SOURCE: usize = 65_535;
const MAX_SCHEMA: usize = 1_048_575;
const MAX_PROFILE: usize = 16_777_215;
const MAX_TAG_KEY: usize = 255;
const MAX_TAG_VALUE: usize = 500;
/// The most experiments whose datasets are asked for together.
const MAX_EXPERIMENTS: usize = 20;

pub(super) async fn log_inputs(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let given = fields.items("datasets")?;
    if given.len() > MAX_DATASETS {
        return Err(Refusal::invalid(format!(
            "A request can hold at most {MAX_DATASETS} datasets. Got {}.",
            given.len()
        )));
    }
    let mut datasets = Vec::with_capacity(given.len());
    for (place, item) in given.iter().enumerate() {
        datasets.push(dataset_input(item, &format!("datasets[{place}]."))?);
    }
    let models = links(&fields, ModelRole::Input)?;
    house.store.log_inputs(id, datasets, models).await?;
    Ok(Json::empty())
}

pub(super) async fn log_outputs(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    if !fields.has("models") {
        return Err(missing("models"));
    }
    house.store.log_inputs(id, Vec::new(), links(&fields, ModelRole::Output)?).await?;
    Ok(Json::empty())
}

fn links(fields: &Fields<'_>, role: ModelRole) -> Result<Vec<ModelLink>, Refusal> {
    let mut links = Vec::new();
    for (place, item) in fields.items("models")?.iter().enumerate() {
        let path = format!("models[{place}].");
        let model = Fields::within(item, &path)?;
        let step = model.whole("step")?.unwrap_or_default();
        links.push(ModelLink { role, model: model.required_text("model_id")?.into(), step });
    }
    Ok(links)
}

fn dataset_input(item: &Value, path: &str) -> Result<DatasetInput, Refusal> {
    let fields = Fields::within(item, path)?;
    let mut tags = BTreeMap::new();
    for (place, item) in fields.items("tags")?.iter().enumerate() {
        let path = format!("{path}tags[{place}].");
        let tag = Fields::within(item, &path)?;
        let (key, value) = (tag.required_text("key")?, tag.text("value")?.unwrap_or_default());
        check::length("key", key, MAX_TAG_KEY)?;
        check::length("value", value, MAX_TAG_VALUE)?;
        tags.insert(key.into(), value.into());
    }
    let inner = format!("{path}dataset.");
    let nothing = json!({});
    let dataset = Fields::within(fields.object("dataset").unwrap_or(&nothing), &inner)?;
    Ok(DatasetInput { dataset: read_dataset(&dataset)?, tags })
}

fn read_dataset(fields: &Fields<'_>) -> Result<Dataset, Refusal> {
    let limited = |name: &str, most: usize| match fields.text(name)? {
        Some(text) => check::length(name, text, most).map(|()| Some(text.to_string())),
        None => Ok(None),
    };
    Ok(Dataset {
        name: limited("name", MAX_NAME)?.unwrap_or_default(),
        digest: limited("digest", MAX_DIGEST)?.unwrap_or_default(),
        source_type: limited("source_type", MAX_NAME)?.unwrap_or_default(),
        source: limited("source", MAX_SOURCE)?.unwrap_or_default(),
        schema: limited("schema", MAX_SCHEMA)?,
        profile: limited("profile", MAX_PROFILE)?,
    })
}

pub(super) async fn search_datasets(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let ids = ask.fields().texts("experiment_ids")?;
    if ids.is_empty() {
        let message = "SearchDatasets request must specify at least one experiment_id.";
        return Err(Refusal::invalid(message));
    }
    if ids.len() > MAX_EXPERIMENTS {
        return Err(Refusal::invalid(format!(
            "SearchDatasets request cannot specify more than {MAX_EXPERIMENTS} experiment_ids. \
             Received {} experiment_ids.",
            ids.len()
        )));
    }
    let ids: Result<Vec<_>, _> = ids.iter().map(|id| experiment_id(id)).collect();
    let found = house.store.dataset_summaries(ids?).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|summary| {
            let mut shown = json!({
                "experiment_id": summary.experiment.to_string(),
                "name": summary.name,
                "digest": summary.digest,
            });
            if let (Some(context), Some(fields)) = (&summary.context, shown.as_object_mut()) {
                fields.insert("context".into(), context.as_str().into());
            }
            shown
        })
        .collect();
    Ok(Json::of(&with_next("dataset_summaries", shown, None)))
}
