//! Experiments.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use gristmill_track::{
    Experiment, ExperimentId, ExperimentQuery, Filter, Lifecycle, MAX_NAME_CHARS, NewExperiment,
    Order, Searchable, TrackError,
};
use serde_json::json;

use super::ask::{Ask, Fields};
use super::error::{ErrorCode, Refusal};
use super::json::Json;
use super::{Answer, check, page, show};
use crate::access::Caller;
use crate::house::House;

pub(super) async fn create(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let name = fields.required_text("name")?;
    check::length("name", name, MAX_NAME_CHARS)?;
    let location = fields.text("artifact_location")?.filter(|location| !location.is_empty());
    if let Some(location) = location {
        check_location(location)?;
    }
    let new = NewExperiment {
        name: name.into(),
        tags: tags(&fields)?,
        artifact_location: location.map(str::to_string),
        created: house.now(),
    };
    let made = house.store.create_experiment(new).await?;
    Ok(Json::of(&json!({"experiment_id": made.id.to_string()})))
}

fn tags(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for (place, item) in fields.items("tags")?.iter().enumerate() {
        let path = format!("tags[{place}].");
        let tag = Fields::within(item, &path)?;
        let (key, value) = (tag.required_text("key")?, tag.text("value")?.unwrap_or_default());
        check::experiment_tag(key, value)?;
        tags.insert(key.into(), value.into());
    }
    Ok(tags)
}

/// Refuses a place for artifacts that would be a folder of some machine: whoever reads or writes
/// them there would do so on a machine of their own.
fn check_location(location: &str) -> Result<(), Refusal> {
    if location.contains(['#', ';']) {
        let message = "'artifact_location' URL can't include fragments or params.";
        return Err(Refusal::invalid(message));
    }
    let scheme = location.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    if scheme == "runs" {
        return Err(Refusal::invalid(format!(
            "Artifact location cannot be a runs:/ URI. Given: '{location}'"
        )));
    }
    let is_plain =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'-');
    let climbs = super::ask::decoded(location).split(['/', '\\']).any(|part| part == "..");
    if scheme.len() < 2 || !is_plain || scheme == "file" || climbs {
        return Err(Refusal::invalid(format!(
            "'artifact_location' is `{location}`, which is no place that all clients share. Leave \
             it out, and the server keeps the artifacts; or name an object store, such as \
             s3://bucket/path."
        )));
    }
    Ok(())
}

pub(super) async fn get(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let found = house.store.experiment(ask.experiment()?).await?;
    Ok(Json::of(&json!({"experiment": show::experiment(&found)})))
}

pub(super) async fn get_by_name(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let name = fields.required_text("experiment_name")?;
    match house.store.experiment_named(name).await? {
        Some(found) => Ok(Json::of(&json!({"experiment": show::experiment(&found)}))),
        None => Err(Refusal::missing(format!("Could not find experiment with name '{name}'"))),
    }
}

pub(super) async fn search(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let most = fields.whole("max_results")?.unwrap_or_default();
    page::check_most(most)?;
    let orders = fields.texts_or_one("order_by")?;
    let query = ExperimentQuery {
        lifecycle: view(fields.text("view_type")?),
        filter: Filter::parse(
            fields.text("filter")?.unwrap_or_default(),
            &Searchable::EXPERIMENTS,
        )?,
        order: Order::parse_all(&orders, &Searchable::EXPERIMENTS)?,
        page: page::page(fields.text("page_token")?, most)?,
    };
    let found = house.store.find_experiments(&query).await?;
    let (mut found, next) = page::trimmed(found, query.page);
    found.retain(|experiment| caller.may_see_experiment(experiment.id));
    let shown: Vec<_> = found.iter().map(show::experiment).collect();
    Ok(Json::of(&super::json::with_next("experiments", shown, next)))
}

/// Which lifecycle a view shows; all of them when it is `None`.
pub(super) fn view(name: Option<&str>) -> Option<Lifecycle> {
    match name {
        Some("ALL" | "3") => None,
        Some("DELETED_ONLY" | "2") => Some(Lifecycle::Deleted),
        _ => Some(Lifecycle::Active),
    }
}

pub(super) async fn update(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.experiment()?;
    let fields = ask.fields();
    let name = fields.required_text("new_name")?;
    check::length("name", name, MAX_NAME_CHARS)?;
    match house.store.rename_experiment(id, name, house.now()).await {
        Err(TrackError::Deleted { .. }) => {
            let message = "Cannot rename a non-active experiment.";
            Err(Refusal::new(ErrorCode::InvalidState, message))
        }
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Json::empty()),
    }
}

pub(super) async fn delete(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    turn(&house, ask.experiment()?, Lifecycle::Active, Lifecycle::Deleted).await
}

pub(super) async fn restore(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    turn(&house, ask.experiment()?, Lifecycle::Deleted, Lifecycle::Active).await
}

/// Turns an experiment from one lifecycle to the other; MLflow sees none that has turned already.
async fn turn(house: &House, id: ExperimentId, from: Lifecycle, to: Lifecycle) -> Answer {
    let Experiment { lifecycle, .. } = house.store.experiment(id).await?;
    if lifecycle != from {
        return Err(TrackError::not_found("experiment", id).into());
    }
    house.store.set_experiment_lifecycle(id, to, house.now()).await?;
    Ok(Json::empty())
}

pub(super) async fn set_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.experiment()?;
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    let value = fields.text("value")?.unwrap_or_default();
    check::experiment_tag(key, value)?;
    let done = house.store.tag_experiment(id, key, value, house.now()).await;
    done.map(|()| Json::empty()).map_err(|error| Refusal::about_experiment(id, error))
}

pub(super) async fn delete_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let id = ask.experiment()?;
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    match house.store.remove_experiment_tag(id, key, house.now()).await {
        Err(TrackError::NotFound { what: "tag", .. }) => {
            Err(Refusal::missing(format!("No tag with name: {key} in experiment with id {id}")))
        }
        Err(error) => Err(Refusal::about_experiment(id, error)),
        Ok(()) => Ok(Json::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(location: &str, accepted: bool) {
        assert_eq!(check_location(location).is_ok(), accepted, "{location}");
    }

    #[test]
    fn artifacts_are_nowhere_but_where_all_clients_find_them() {
        for location in ["s3://bucket/a", "mlflow-artifacts:/a", "gs://b", "abfss://c@d.e/f"] {
            check(location, true);
        }
        for location in [
            "/tmp/a",
            "a",
            "../a",
            "file:///tmp/a",
            "C:/a",
            "file:a",
            "runs:/1/a",
            "s3://b/../a",
            "s3://b/%2e%2e/a",
            "s3://b/#a",
            "mlflow-artifacts:/a;b",
        ] {
            check(location, false);
        }
    }
}
