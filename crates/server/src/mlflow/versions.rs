//! Versions of registered models: made, described, found, moved through stages.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gristmill_track::{
    ModelVersion, NewVersion, Others, RunId, Searchable, Stage, TrackError, VersionQuery,
};
use serde_json::{Value, json};

use super::ask::{Ask, Fields};
use super::error::Refusal;
use super::json::{Json, with_next};
use super::page::{page, trimmed};
use super::source::{self, Source, VersionRef};
use super::{
    Answer, artifacts, filtered, logged_models, model_check as check, model_view as view, models,
    show,
};
use crate::access::Caller;
use crate::house::House;
use crate::ranges::Wish;
use crate::webhook::{Told, is_prompt};

/// How many versions one answer holds when nobody says.
const USUAL: i64 = 10_000;
/// The most versions in one answer.
const MOST: i64 = 200_000;
/// The tag of a logged model that lists the versions registered from it.
const REGISTERED_AS: &str = "mlflow.modelVersions";

pub(super) async fn create(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let name = models::name(fields)?;
    let source = fields.required_text("source")?;
    let text = |name| Ok::<_, Refusal>(fields.text(name)?.filter(|text| !text.is_empty()));
    let tags = check::tags(fields)?;
    let origin = match is_prompt(&tags) {
        true => prompt(source)?,
        false => origin(&house, source, text("run_id")?, text("model_id")?).await?,
    };
    let new = NewVersion {
        run: origin.run,
        source: Some(origin.source),
        run_link: text("run_link")?.map(str::to_string),
        logged_model: origin.logged_model,
        description: fields.text("description")?.unwrap_or_default().into(),
        tags,
        ..NewVersion::new(name, "", origin.place, caller.note(house.now()))
    };
    let version = house.store.create_version(new).await?;
    if let Some(id) = &version.logged_model {
        note_registration(&house, id, &version).await?;
    }
    house.webhooks.tell(Told::version_created(&version)).await;
    Ok(shown(&version))
}

/// Where a version comes from: in the words of whoever registers it, where its files are, and what
/// made it.
struct Origin {
    source: String,
    place: String,
    run: Option<RunId>,
    logged_model: Option<String>,
}

/// The origin of a version of a prompt, which has no files.
fn prompt(source: &str) -> Result<Origin, Refusal> {
    if !matches!(source, "dummy-source" | "prompt-template") {
        return Err(Refusal::invalid(format!(
            "Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder."
        )));
    }
    Ok(Origin { source: source.into(), place: source.into(), run: None, logged_model: None })
}

/// Looks at where a version comes from, and refuses what is not what it says.
async fn origin(
    house: &House,
    text: &str,
    run: Option<&str>,
    model: Option<&str>,
) -> Result<Origin, Refusal> {
    let run: Option<RunId> = match run {
        Some(id) => Some(id.parse().map_err(|_| bad_run(id))?),
        None => None,
    };
    let model = model.map(str::to_string);
    let plain =
        |run, logged_model| Origin { source: text.into(), place: text.into(), run, logged_model };
    match source::read(text).map_err(Refusal::invalid)? {
        Source::Elsewhere => Ok(plain(run, model)),
        Source::Run(id) if run == Some(id) && model.is_none() => Ok(plain(run, None)),
        Source::Run(_) => Err(Refusal::invalid(source::not_of(text, "run_id"))),
        Source::LoggedModel(id) if model.as_ref() == Some(&id) => {
            let logged = source_model(house, &id, text).await?;
            let place = logged_models::artifact_uri(&logged);
            Ok(Origin { source: text.into(), place, run: run.or(logged.run), logged_model: model })
        }
        Source::LoggedModel(_) => Err(Refusal::invalid(source::not_of(text, "model_id"))),
        Source::Version(named) => of_version(house, text, &named, run, model).await,
        Source::Artifacts(place) => {
            within(house, &place, run, model.as_deref()).await?;
            Ok(plain(run, model))
        }
    }
}

fn bad_run(id: &str) -> Refusal {
    Refusal::invalid(format!(
        "Invalid value '{id}' for parameter 'run_id' supplied: a run's id is 32 lower-case hex digits"
    ))
}

/// A version that is registered again, under another name perhaps: it keeps the run and the logged
/// model that it came from.
async fn of_version(
    house: &House,
    text: &str,
    named: &VersionRef,
    run: Option<RunId>,
    model: Option<String>,
) -> Result<Origin, Refusal> {
    let first = referred(house, named).await?;
    let other_run = run.is_some() && run != first.run;
    let other_model = model.is_some() && model != first.logged_model;
    if is_prompt(&first.tags) {
        return Err(Refusal::invalid(format!(
            "Invalid model version source: '{text}'. Prompt versions cannot be used as model \
             version sources."
        )));
    }
    if other_run || other_model {
        return Err(Refusal::invalid(format!(
            "Invalid model version source: '{text}'. The run_id and model_id request parameters \
             must match the referenced model version."
        )));
    }
    Ok(Origin {
        source: format!("models:/{}/{}", first.model, first.version),
        place: place(house, &first).await?,
        run: first.run,
        logged_model: first.logged_model,
    })
}

async fn referred(house: &House, named: &VersionRef) -> Result<ModelVersion, Refusal> {
    Ok(match named {
        VersionRef::Number(name, number) => house.store.version(name, *number).await?,
        VersionRef::Alias(name, alias) => house.store.aliased(name, alias).await?,
        VersionRef::Newest(name) => house.store.newest_version(name).await?,
        VersionRef::Stage(name, text) => {
            let stage = models::stage(text)?;
            let newest = house.store.newest_in_stages(std::slice::from_ref(name)).await?;
            let found = newest.into_iter().find(|version| version.stage == stage);
            found.ok_or_else(|| {
                Refusal::missing(format!("No versions of model `{name}` in stage '{stage}' found"))
            })?
        }
    })
}

/// Refuses a place among our artifacts that does not belong to the run or the model that is named.
async fn within(
    house: &House,
    place: &str,
    run: Option<RunId>,
    model: Option<&str>,
) -> Result<(), Refusal> {
    let (root, parameter) = match (model, run) {
        (Some(id), _) => {
            (logged_models::artifact_uri(&source_model(house, id, place).await?), "model_id")
        }
        (None, Some(id)) => match house.store.run(id).await {
            Ok(run) => (show::artifact_uri(&run.info), "run_id"),
            Err(TrackError::NotFound { .. }) => (String::new(), "run_id"),
            Err(error) => return Err(error.into()),
        },
        (None, None) => (String::new(), "run_id"),
    };
    match source::is_within(place, &root) {
        true => Ok(()),
        false => Err(Refusal::invalid(source::not_of(place, parameter))),
    }
}

async fn source_model(
    house: &House,
    id: &str,
    source: &str,
) -> Result<gristmill_track::LoggedModel, Refusal> {
    match house.store.logged_model(id).await {
        Ok(model) => Ok(model),
        Err(TrackError::NotFound { .. }) => {
            Err(Refusal::invalid(source::not_of(source, "model_id")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets a logged model remember under which names it was registered.
async fn note_registration(house: &House, id: &str, version: &ModelVersion) -> Result<(), Refusal> {
    let logged = match house.store.logged_model(id).await {
        Ok(logged) => logged,
        // It was registered from elsewhere, and names a model that this store does not have.
        Err(TrackError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let known = logged.tags.get(REGISTERED_AS).and_then(|text| serde_json::from_str(text).ok());
    let mut known: Vec<Value> = known.unwrap_or_default();
    let new = json!({"name": version.model, "version": version.version});
    if !known.contains(&new) {
        known.push(new);
        let tags = [(REGISTERED_AS.to_string(), Value::Array(known).to_string())].into();
        house.store.tag_logged_model(id, tags).await?;
    }
    Ok(())
}

pub(super) async fn get(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    Ok(shown(&asked(&house, ask.fields()).await?))
}

pub(super) async fn update(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let version = asked(&house, ask.fields()).await?;
    let description = ask.fields().text("description")?.unwrap_or_default();
    let (name, number) = (&version.model, version.version);
    house.store.describe_version(name, number, description, house.now()).await?;
    Ok(shown(&house.store.version(name, number).await?))
}

pub(super) async fn delete(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let version = asked(&house, ask.fields()).await?;
    let note = caller.note(house.now());
    house.store.delete_version(&version.model, version.version, note).await?;
    Ok(Json::empty())
}

pub(super) async fn transition_stage(
    State(house): State<Arc<House>>,
    caller: Caller,
    ask: Ask,
) -> Answer {
    let fields = ask.fields();
    let text = fields.required_text("stage")?;
    let stage = models::stage(text)?;
    let others = match fields.truth("archive_existing_versions")? {
        Some(true) => Others::Archived,
        _ => Others::Stay,
    };
    if others == Others::Archived && !matches!(stage, Stage::Staging | Stage::Production) {
        return Err(Refusal::invalid(format!(
            "Model version transition cannot archive existing model versions because '{text}' is \
             not an Active stage. Valid stages are ['Staging', 'Production']"
        )));
    }
    let version = asked(&house, fields).await?;
    let note = caller.note(house.now());
    let (name, number) = (&version.model, version.version);
    Ok(shown(&house.store.set_stage(name, number, stage, others, note).await?))
}

pub(super) async fn download_uri(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let version = asked(&house, ask.fields()).await?;
    Ok(Json::of(&json!({"artifact_uri": place(&house, &version).await?})))
}

/// A file of a version.
pub(super) async fn get_artifact(
    State(house): State<Arc<House>>,
    wish: Wish,
    ask: Ask,
) -> Result<Response, Refusal> {
    let path = ask.fields().required_text("path")?;
    let version = asked(&house, ask.fields()).await?;
    artifacts::send_below(&house, &place(&house, &version).await?, path, &wish).await
}

/// Where the files of a version are, as clients can reach them.
async fn place(house: &House, version: &ModelVersion) -> Result<String, Refusal> {
    match (&version.source, version.run) {
        (None, Some(run)) => {
            let run = house.store.run(run).await?;
            Ok(format!("{}/model", show::artifact_uri(&run.info)))
        }
        _ => Ok(version.path.clone()),
    }
}

pub(super) async fn search(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let limit = models::limit(fields, USUAL, MOST)?;
    let page = page(fields.text("page_token")?, limit)?;
    let (filter, mut order) = filtered(fields, &Searchable::VERSIONS)?;
    if order.is_empty() {
        let newest = "last_updated_timestamp DESC";
        order = vec![gristmill_track::Order::parse(newest, &Searchable::VERSIONS)?];
    }
    let found = house.store.search_versions(&VersionQuery { filter, order, page }).await?;
    let (mut found, next) = trimmed(found, page);
    found.retain(|version| caller.may_see_model(&version.model));
    let versions: Vec<_> = found.iter().map(view::listed).collect();
    Ok(Json::of(&with_next("model_versions", versions, next)))
}

pub(super) async fn set_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let (key, value) = (fields.required_text("key")?, fields.text("value")?.unwrap_or_default());
    let version = asked(&house, fields).await?;
    check::tag(key, value)?;
    let (name, number) = (&version.model, version.version);
    house.store.tag_version(name, number, key, value).await?;
    let model = house.store.model(name).await?;
    house.webhooks.tell(Told::version_tag(&model, number, key, Some(value))).await;
    Ok(Json::empty())
}

pub(super) async fn delete_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let key = fields.required_text("key")?;
    let version = asked(&house, fields).await?;
    super::check::name(key, "key")?;
    let (name, number) = (&version.model, version.version);
    house.store.untag_version(name, number, key).await?;
    let model = house.store.model(name).await?;
    house.webhooks.tell(Told::version_tag(&model, number, key, None)).await;
    Ok(Json::empty())
}

/// The version that is asked about; where there is no such model, there is no such version.
async fn asked(house: &House, fields: Fields<'_>) -> Result<ModelVersion, Refusal> {
    let name = fields.required_text("name")?;
    let text = fields.required_text("version")?;
    check::model_name(name, "name")?;
    let number = check::version(text, name)?;
    match house.store.version(name, number).await {
        Ok(version) => Ok(version),
        Err(TrackError::NotFound { .. }) => Err(check::no_version(name, text)),
        Err(error) => Err(error.into()),
    }
}

fn shown(version: &ModelVersion) -> Json {
    Json::of(&json!({"model_version": view::version(version)}))
}
