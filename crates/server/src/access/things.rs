//! Which experiments and models a request is about.

use gristmill_track::{ExperimentId, RunId, ThingKind, TrackError};
use serde_json::{Map, Value};

use super::need::route;
use crate::house::House;
use crate::mlflow::decoded;

/// An experiment by its number, or a model by its name.
pub(super) type Thing = (ThingKind, String);

/// What a request with these fields is about. Whatever is not there is about nothing: the route
/// itself will say so.
pub(super) async fn things(
    house: &House,
    path: &str,
    fields: &Map<String, Value>,
) -> Result<Vec<Thing>, TrackError> {
    let route = route(path);
    let mut things = Vec::new();
    match route.as_slice() {
        ["registered-models" | "model-versions", ..] => {
            let names = texts(fields, "name").chain(texts(fields, "new_name"));
            things.extend(names.map(|name| (ThingKind::Model, name.to_string())));
        }
        ["v1", "models", asked, ..] => {
            let name = decoded(asked);
            let name = name.split_once(':').map_or(name.as_str(), |(name, _)| name);
            things.push((ThingKind::Model, name.to_string()));
        }
        ["models", name, ..] | ["v2", "models", name, ..] => {
            things.push((ThingKind::Model, decoded(name)))
        }
        ["runs", id, rest @ ..] => {
            things.extend(of_run(house, id).await?);
            if rest.first() == Some(&"model") {
                things.extend(texts(fields, "model").map(|name| (ThingKind::Model, name.into())));
            }
        }
        ["logged-models", id, ..] if *id != "search" => {
            things.extend(of_logged_model(house, &decoded(id)).await?);
        }
        ["artifacts" | "presigned", number, ..]
        | ["mpu", "create" | "complete" | "abort", number, ..] => {
            things.extend(experiment(&decoded(number)));
        }
        _ => {}
    }
    for name in ["experiment_id", "experiment_ids"] {
        things.extend(texts(fields, name).filter_map(experiment));
    }
    for name in texts(fields, "experiment_name") {
        let found = house.store.experiment_named(name).await?;
        things.extend(found.map(|found| of_experiment(found.id)));
    }
    // The root of all artifacts is listed by a path that begins with an experiment's number.
    if route.first() == Some(&"artifacts") {
        let first = texts(fields, "path").filter_map(|path| path.split('/').next());
        things.extend(first.filter_map(experiment));
    }
    for name in ["run_id", "run_uuid", "run_ids", "source_run_id"] {
        for id in texts(fields, name) {
            things.extend(of_run(house, id).await?);
        }
    }
    Ok(things)
}

/// The texts under a name, one or many.
fn texts<'a>(fields: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a str> {
    let (one, many) = match fields.get(name) {
        Some(Value::Array(items)) => (None, items.as_slice()),
        Some(other) => (Some(other), &[][..]),
        None => (None, &[][..]),
    };
    one.into_iter().chain(many).filter_map(Value::as_str)
}

fn experiment(text: &str) -> Option<Thing> {
    text.trim().parse::<ExperimentId>().ok().map(of_experiment)
}

fn of_experiment(id: ExperimentId) -> Thing {
    (ThingKind::Experiment, id.to_string())
}

async fn of_run(house: &House, id: &str) -> Result<Option<Thing>, TrackError> {
    let Ok(id) = id.parse::<RunId>() else { return Ok(None) };
    match house.store.run(id).await {
        Ok(run) => Ok(Some(of_experiment(run.info.experiment))),
        Err(TrackError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_logged_model(house: &House, id: &str) -> Result<Option<Thing>, TrackError> {
    match house.store.logged_model(id).await {
        Ok(model) => Ok(Some(of_experiment(model.experiment))),
        Err(TrackError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_text_and_many_are_read_alike() {
        let Value::Object(fields) = json!({"a": "1", "b": ["2", 3, "4"], "c": 5, "d": null}) else {
            panic!("no object")
        };
        let read = |name| texts(&fields, name).collect::<Vec<_>>();
        assert_eq!((read("a"), read("b")), (vec!["1"], vec!["2", "4"]));
        assert!(read("c").is_empty() && read("d").is_empty() && read("e").is_empty());
    }
}
