//! Logged models: what runs made, with what was measured on it, registered or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use gristmill_track::{
    DatasetRef, ExperimentId, Filter, Lifecycle, LoggedModel, LoggedModelQuery, LoggedModelStatus,
    MAX_PARAM_CHARS, NewLoggedModel, Order, RunId, Searchable, TrackError,
};
use serde_json::{Value, json};

use super::ask::{Ask, Fields, experiment_id, missing, wrong};
use super::error::{ErrorCode, Refusal};
use super::json::{Json, with_next};
use super::page::{page, trimmed};
use super::{Answer, artifacts, check, logged_model_view as view, model_check, models};
use crate::access::Caller;
use crate::house::House;
use crate::names;
use crate::ranges::Wish;

/// How many logged models one answer holds when nobody says.
const USUAL: i64 = 100;
/// The most logged models in one answer.
const MOST: i64 = 50_000;

pub(super) async fn create(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let experiment = ask.experiment()?;
    let bytes = house.ids.next().ok_or_else(|| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, "no new id can be had now")
    })?;
    let name = match fields.text("name")?.filter(|name| !name.is_empty()) {
        Some(name) => checked_name(name)?,
        None => names::name(bytes),
    };
    let new = NewLoggedModel {
        id: format!("m-{}", RunId::from_bytes(bytes)),
        experiment,
        name,
        model_type: fields.text("model_type")?.filter(|t| !t.is_empty()).map(str::to_string),
        run: source_run(fields)?,
        tags: tags(fields)?,
        params: params(fields)?,
        at: house.now(),
    };
    let made = house.store.create_logged_model(new).await;
    let made = made.map_err(|error| Refusal::about_experiment(experiment, error))?;
    Ok(shown(&made))
}

fn checked_name(name: &str) -> Result<String, Refusal> {
    if name.contains(['/', ':', '.', '%', '"', '\'']) {
        return Err(Refusal::invalid(format!(
            "Invalid model name ('{name}') provided. Model name must be a non-empty string and \
             cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    Ok(name.into())
}

fn source_run(fields: Fields<'_>) -> Result<Option<RunId>, Refusal> {
    let Some(id) = fields.text("source_run_id")?.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    super::ask::run_id(id).map(Some)
}

fn tags(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for (key, value) in pairs(fields, "tags")? {
        model_check::tag(&key, &value)?;
        tags.insert(key, value);
    }
    Ok(tags)
}

fn params(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut params = BTreeMap::new();
    for (key, value) in pairs(fields, "params")? {
        check::name(&key, "key")?;
        check::length("Param value", &value, MAX_PARAM_CHARS)?;
        params.insert(key, value);
    }
    Ok(params)
}

fn pairs(fields: Fields<'_>, name: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut pairs = Vec::new();
    for item in fields.items(name)? {
        let pair = Fields::within(item, "")?;
        let key = pair.required_text("key")?;
        pairs.push((key.to_string(), pair.text("value")?.unwrap_or_default().to_string()));
    }
    Ok(pairs)
}

pub(super) async fn get(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    let model = house.store.logged_model(&id).await?;
    let deleted_too = ask.fields().text("allow_deleted")?.unwrap_or_default();
    if model.lifecycle == Lifecycle::Deleted && !deleted_too.eq_ignore_ascii_case("true") {
        return Err(no_model(&id));
    }
    Ok(shown(&model))
}

pub(super) async fn finalize(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    let status = status(ask.fields())?;
    let model = house.store.finalize_logged_model(&id, status, house.now()).await?;
    Ok(shown(&model))
}

/// The status that was sent, by MLflow's number or its word.
fn status(fields: Fields<'_>) -> Result<LoggedModelStatus, Refusal> {
    let sent = fields.object("status").ok_or_else(|| missing("status"))?;
    let found = match sent {
        Value::String(text) => view::STATUSES.iter().find(|(word, _)| word == text),
        Value::Number(number) => {
            number.as_u64().and_then(|place| view::STATUSES.get(usize::try_from(place).ok()?))
        }
        _ => None,
    };
    found.map(|(_, status)| *status).ok_or_else(|| wrong("status", sent))
}

pub(super) async fn delete(State(house): State<Arc<House>>, Path(id): Path<String>) -> Answer {
    house.store.set_logged_model_lifecycle(&id, Lifecycle::Deleted, house.now()).await?;
    Ok(Json::empty())
}

pub(super) async fn log_params(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    house.store.log_model_params(&id, params(ask.fields())?).await?;
    Ok(Json::empty())
}

pub(super) async fn set_tags(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    house.store.tag_logged_model(&id, tags(ask.fields())?).await?;
    Ok(Json::empty())
}

pub(super) async fn delete_tag(
    State(house): State<Arc<House>>,
    Path((id, key)): Path<(String, String)>,
) -> Answer {
    match house.store.untag_logged_model(&id, &key).await {
        Err(TrackError::NotFound { what: "tag", .. }) => Err(Refusal::missing(format!(
            "No tag with key '{key}' found for model with ID '{id}'."
        ))),
        other => Ok(other.map(|()| Json::empty())?),
    }
}

pub(super) async fn search(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let ids = fields.texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(missing("experiment_ids"));
    }
    let experiments: Vec<ExperimentId> =
        ids.iter().map(|id| experiment_id(id)).collect::<Result<_, _>>()?;
    let page = page(fields.text("page_token")?, models::limit(fields, USUAL, MOST)?)?;
    let text = fields.text("filter")?.unwrap_or_default();
    let query = LoggedModelQuery {
        experiments: experiments.into_iter().filter(|id| caller.may_see_experiment(*id)).collect(),
        filter: Filter::parse(text, &Searchable::LOGGED_MODELS)?,
        datasets: fields.items("datasets")?.iter().map(dataset).collect::<Result<_, _>>()?,
        order: fields.items("order_by")?.iter().map(order).collect::<Result<_, _>>()?,
        page,
    };
    let (found, next) = trimmed(house.store.search_logged_models(&query).await?, page);
    let shown: Vec<_> = found.iter().map(|model| view::model(model, artifact_uri(model))).collect();
    Ok(Json::of(&with_next("models", shown, next)))
}

fn dataset(item: &Value) -> Result<DatasetRef, Refusal> {
    let fields = Fields::within(item, "datasets.")?;
    let name = fields.text("dataset_name")?.unwrap_or_default();
    if name.is_empty() {
        let message = "`dataset_name` in the `datasets` clause must be specified.";
        return Err(Refusal::invalid(message));
    }
    let digest = fields.text("dataset_digest")?.filter(|digest| !digest.is_empty());
    Ok(DatasetRef { name: name.into(), digest: digest.map(str::to_string) })
}

fn order(item: &Value) -> Result<(Order, Option<DatasetRef>), Refusal> {
    let fields = Fields::within(item, "order_by.")?;
    let name = fields.required_text("field_name")?;
    if let Some((kind, _)) = name.split_once('.').filter(|(kind, _)| *kind != "metrics") {
        return Err(Refusal::invalid(format!(
            "Invalid order by field name: {name}. Only metrics are supported, not `{kind}`."
        )));
    }
    let direction = match fields.truth("ascending")? {
        Some(false) => "DESC",
        _ => "ASC",
    };
    // The part behind the dot is a name whatever it looks like.
    let text = match name.split_once('.') {
        Some((kind, key)) => format!("{kind}.`{}` {direction}", key.trim_matches('`')),
        None => format!("{name} {direction}"),
    };
    let order = Order::parse(&text, &Searchable::LOGGED_MODELS)
        .map_err(|_| Refusal::invalid(format!("Invalid order by field name: {name}")))?;
    let on = fields.text("dataset_name")?.filter(|name| !name.is_empty());
    let digest = fields.text("dataset_digest")?.filter(|digest| !digest.is_empty());
    let digest = digest.map(str::to_string);
    Ok((order, on.map(|name| DatasetRef { name: name.into(), digest })))
}

pub(super) async fn list_artifacts(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    ask: Ask,
) -> Answer {
    let model = house.store.logged_model(&id).await?;
    if model.lifecycle == Lifecycle::Deleted {
        return Err(no_model(&id));
    }
    let folder = ask.fields().text("artifact_directory_path")?.unwrap_or_default();
    let root = artifact_uri(&model);
    artifacts::list_below(&house, &root, folder).await
}

/// A file of a logged model.
pub(super) async fn get_artifact(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    wish: Wish,
    ask: Ask,
) -> Result<Response, Refusal> {
    let path = ask.fields().required_text("artifact_file_path")?;
    let model = house.store.logged_model(&id).await?;
    artifacts::send_below(&house, &artifact_uri(&model), path, &wish).await
}

/// The root of a logged model's artifacts.
pub(super) fn artifact_uri(model: &LoggedModel) -> String {
    format!("mlflow-artifacts:/{}/models/{}/artifacts", model.experiment, model.id)
}

fn no_model(id: &str) -> Refusal {
    Refusal::missing(format!("Logged model with ID '{id}' not found."))
}

fn shown(model: &LoggedModel) -> Json {
    Json::of(&json!({"model": view::model(model, artifact_uri(model))}))
}
