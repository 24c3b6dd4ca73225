//! Runs: their beginning, their end, and how they are found.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use gristmill_track::{
    Batch, ExperimentId, Filter, Lifecycle, MAX_TAG_CHARS, NewRun, Order, Parent, RunId, RunQuery,
    RunStatus, RunUpdate, Searchable, tags,
};
use serde_json::{Value, json};

use super::ask::{Ask, Fields, experiment_id, moment};
use super::error::{ErrorCode, Refusal};
use super::experiments::view;
use super::json::{Json, with_next};
use super::{Answer, ask, check, page, show};
use crate::house::House;
use crate::names;

pub(super) async fn create(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let experiment = match fields.text("experiment_id")? {
        None | Some("") => ExperimentId::DEFAULT,
        Some(id) => experiment_id(id)?,
    };
    let started = moment("start_time", fields.whole("start_time")?.unwrap_or_default())?;
    let mut tags = given_tags(&fields)?;
    let bytes = house.ids.next().ok_or_else(|| {
        Refusal::new(ErrorCode::TemporarilyUnavailable, "no new id can be had now")
    })?;
    let name = chosen_name(fields.text("run_name")?, &tags)?.unwrap_or_else(|| names::name(bytes));
    tags.insert(tags::RUN_NAME.into(), name.clone());
    let new = NewRun {
        experiment,
        parent: parent(&house, &tags).await,
        user: fields.text("user_id")?.filter(|user| !user.is_empty()).map(str::to_string),
        batch: Batch { tags, ..Batch::default() },
        ..NewRun::new(RunId::from_bytes(bytes), name, started)
    };
    let made = house.store.create_run(new).await;
    let made = made.map_err(|error| Refusal::about_experiment(experiment, error))?;
    Ok(Json::of(&json!({"run": show::new_run(&made)})))
}

fn given_tags(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for (place, item) in fields.items("tags")?.iter().enumerate() {
        let path = format!("tags[{place}].");
        let tag = Fields::within(item, &path)?;
        let key = tag.required_text("key")?;
        check::name(key, &format!("{path}key"))?;
        let value = tag.text("value")?.unwrap_or_default();
        tags.insert(key.into(), value.chars().take(MAX_TAG_CHARS).collect());
    }
    Ok(tags)
}

/// The name that was given, in one way or the other.
fn chosen_name(
    name: Option<&str>,
    tags: &BTreeMap<String, String>,
) -> Result<Option<String>, Refusal> {
    let name = name.filter(|name| !name.is_empty());
    let tag = tags.get(tags::RUN_NAME).map(String::as_str).filter(|name| !name.is_empty());
    match (name, tag) {
        (Some(name), Some(tag)) if name != tag => Err(Refusal::invalid(format!(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different \
             values (run_name='{name}', mlflow.runName='{tag}')."
        ))),
        (name, tag) => Ok(name.or(tag).map(str::to_string)),
    }
}

/// The run that a tag says this one is a part of, if it is there: a client may name any.
async fn parent(house: &House, tags: &BTreeMap<String, String>) -> Option<RunId> {
    let id = tags.get(tags::PARENT_RUN)?.parse().ok()?;
    house.store.run(id).await.ok().map(|run| run.info.id)
}

pub(super) async fn get(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let found = house.store.run(ask.run()?).await?;
    Ok(Json::of(&json!({"run": show::run(&found)})))
}

pub(super) async fn update(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.run()?;
    let fields = ask.fields();
    let ended = fields.whole("end_time")?.map(|millis| moment("end_time", millis)).transpose()?;
    let update = RunUpdate {
        status: fields.object("status").and_then(status),
        ended,
        name: fields.text("run_name")?.filter(|name| !name.is_empty()).map(str::to_string),
        error: None,
        ..RunUpdate::default()
    };
    let info = house.store.update_run(id, update).await?;
    let user = info.user.clone().unwrap_or_default();
    Ok(Json::of(&json!({"run_info": show::info(&info, &user)})))
}

/// The status by its word or its number; one that MLflow does not know changes nothing, as there.
fn status(value: &Value) -> Option<RunStatus> {
    match value {
        Value::String(word) => RunStatus::from_mlflow(word),
        Value::Number(number) => RunStatus::from_mlflow(match number.as_u64()? {
            1 => "RUNNING",
            2 => "SCHEDULED",
            3 => "FINISHED",
            4 => "FAILED",
            5 => "KILLED",
            _ => return None,
        }),
        _ => None,
    }
}

pub(super) async fn delete(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    house.store.set_run_lifecycle(ask.run()?, Lifecycle::Deleted, house.now()).await?;
    Ok(Json::empty())
}

pub(super) async fn restore(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    house.store.set_run_lifecycle(ask.run()?, Lifecycle::Active, house.now()).await?;
    Ok(Json::empty())
}

/// How many runs come where nothing is said.
const USUAL: i64 = 1000;

pub(super) async fn search(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let experiments = fields.texts("experiment_ids")?;
    let most = fields.whole("max_results")?.unwrap_or(USUAL);
    if most > page::MOST {
        return Err(ask::wrong("max_results", &json!(most)));
    }
    page::check_most(most)?;
    let orders = fields.texts("order_by")?;
    let query = RunQuery {
        experiments: experiments.iter().map(|id| experiment_id(id)).collect::<Result<_, _>>()?,
        lifecycle: view(fields.text("run_view_type")?),
        parent: Parent::Any,
        filter: Filter::parse(fields.text("filter")?.unwrap_or_default(), &Searchable::RUNS)?,
        order: Order::parse_all(&orders, &Searchable::RUNS)?,
        page: page::page(fields.text("page_token")?, most)?,
        ..RunQuery::default()
    };
    // A list that names no experiment names no runs; to the store it would mean all of them.
    if experiments.is_empty() {
        return Ok(Json::empty());
    }
    let found = house.store.search_runs(&query).await?;
    let (found, next) = page::trimmed(found, query.page);
    let shown: Vec<_> = found.iter().map(show::run).collect();
    Ok(Json::of(&with_next("runs", shown, next)))
}
