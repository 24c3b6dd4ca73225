//! Registered models: their names, descriptions and tags.

use std::sync::Arc;

use axum::extract::State;
use gristmill_track::{Model, ModelQuery, ModelVersion, NewModel, Searchable, Stage, TrackError};
use serde_json::{Value, json};

use super::ask::{Ask, Fields, wrong};
use super::error::{ErrorCode, Refusal};
use super::json::{Json, with_next};
use super::page::{page, trimmed};
use super::{Answer, filtered, model_check as check, model_view as view};
use crate::access::Caller;
use crate::house::House;
use crate::webhook::{Told, is_prompt};

/// How many models one answer holds when nobody says.
const USUAL: i64 = 100;
/// The most models in one answer.
const MOST: i64 = 1_000;

pub(super) async fn create(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let name = fields.required_text("name")?;
    check::model_name(name, "name")?;
    let new = NewModel {
        name: name.into(),
        description: fields.text("description")?.unwrap_or_default().into(),
        tags: check::tags(fields)?,
        note: caller.note(house.now()),
    };
    let is_new_prompt = is_prompt(&new.tags);
    match house.store.create_model(new).await {
        Ok(model) => {
            house.webhooks.tell(Told::model_created(&model)).await;
            shown(&house, &model).await
        }
        Err(TrackError::Exists { .. }) => Err(taken(&house, name, is_new_prompt).await?),
        Err(error) => Err(error.into()),
    }
}

/// The refusal of a name that stands for a model or a prompt already.
async fn taken(house: &House, name: &str, is_new_prompt: bool) -> Result<Refusal, Refusal> {
    let word = |is_prompt| if is_prompt { "Prompt" } else { "Registered Model" };
    let there = word(is_prompt(&house.store.model(name).await?.tags));
    let new = word(is_new_prompt);
    let message = match there == new {
        true => format!("{new} (name={name}) already exists."),
        false => format!(
            "Tried to create a {} with name '{name}', but the name is already taken by a {}. \
             MLflow does not allow creating a model and a prompt with the same name.",
            new.to_lowercase(),
            there.to_lowercase()
        ),
    };
    Ok(Refusal::new(ErrorCode::ResourceAlreadyExists, message))
}

pub(super) async fn get(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let model = house.store.model(name(ask.fields())?).await?;
    shown(&house, &model).await
}

pub(super) async fn update(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let name = name(ask.fields())?;
    let description = ask.fields().text("description")?.unwrap_or_default();
    house.store.describe_model(name, description, house.now()).await?;
    shown(&house, &house.store.model(name).await?).await
}

pub(super) async fn rename(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let name = name(ask.fields())?;
    let new_name = ask.fields().required_text("new_name")?;
    check::model_name(new_name, "new_name")?;
    let model = match name == new_name {
        true => house.store.model(name).await?,
        false => house.store.rename_model(name, new_name, caller.note(house.now())).await?,
    };
    shown(&house, &model).await
}

pub(super) async fn delete(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    house.store.delete_model(name(ask.fields())?).await?;
    Ok(Json::empty())
}

pub(super) async fn search(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let page = page(fields.text("page_token")?, limit(fields, USUAL, MOST)?)?;
    let (filter, order) = filtered(fields, &Searchable::MODELS)?;
    let found = house.store.search_models(&ModelQuery { filter, order, page }).await?;
    let (mut found, next) = trimmed(found, page);
    found.retain(|model| caller.may_see_model(&model.name));
    let names: Vec<String> = found.iter().map(|model| model.name.clone()).collect();
    let newest = house.store.newest_in_stages(&names).await?;
    let models: Vec<_> = found.iter().map(|model| view::model(model, &newest)).collect();
    Ok(Json::of(&with_next("registered_models", models, next)))
}

pub(super) async fn latest_versions(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let name = name(ask.fields())?;
    let stages = ask.fields().texts_or_one("stages")?;
    let stages: Vec<Stage> = stages.iter().map(|text| stage(text)).collect::<Result<_, _>>()?;
    house.store.model(name).await?;
    let mut newest = house.store.newest_in_stages(&[name.to_string()]).await?;
    newest.retain(|version| stages.is_empty() || stages.contains(&version.stage));
    let versions: Vec<_> = newest.iter().map(view::version).collect();
    Ok(Json::of(&with_next("model_versions", versions, None)))
}

pub(super) async fn set_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let name = name(ask.fields())?;
    let key = ask.fields().required_text("key")?;
    let value = ask.fields().text("value")?.unwrap_or_default();
    check::tag(key, value)?;
    house.store.tag_model(name, key, value, house.now()).await?;
    tell_of_tag(&house, name, key, Some(value)).await?;
    Ok(Json::empty())
}

pub(super) async fn delete_tag(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let name = name(ask.fields())?;
    let key = ask.fields().required_text("key")?;
    super::check::name(key, "key")?;
    house.store.untag_model(name, key, house.now()).await?;
    tell_of_tag(&house, name, key, None).await?;
    Ok(Json::empty())
}

async fn tell_of_tag(
    house: &House,
    name: &str,
    key: &str,
    value: Option<&str>,
) -> Result<(), Refusal> {
    let model = house.store.model(name).await?;
    if let Some(told) = Told::model_tag(&model, key, value) {
        house.webhooks.tell(told).await;
    }
    Ok(())
}

/// The name of the model that is asked about.
pub(super) fn name<'a>(fields: Fields<'a>) -> Result<&'a str, Refusal> {
    let name = fields.required_text("name")?;
    check::model_name(name, "name")?;
    Ok(name)
}

/// The stage that a text names, whatever the case of its letters.
pub(super) fn stage(text: &str) -> Result<Stage, Refusal> {
    let stages = [Stage::None, Stage::Staging, Stage::Production, Stage::Archived];
    stages.into_iter().find(|stage| stage.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        Refusal::invalid(format!(
            "Invalid Model Version stage: {text}. Value must be one of None, Staging, Production, \
             Archived."
        ))
    })
}

/// How many things one answer may hold: what was asked for, up to `most`.
pub(super) fn limit(fields: Fields<'_>, usual: i64, most: i64) -> Result<i64, Refusal> {
    match fields.whole("max_results")? {
        None => Ok(usual),
        Some(found) if found > most => {
            let sent = fields.object("max_results").unwrap_or(&Value::Null);
            Err(wrong("max_results", sent))
        }
        Some(found) if found < 1 => Err(Refusal::invalid(format!(
            "Invalid value for max_results. It must be a positive integer, but got {found}"
        ))),
        Some(found) => Ok(found),
    }
}

async fn shown(house: &House, model: &Model) -> Answer {
    let newest: Vec<ModelVersion> =
        house.store.newest_in_stages(std::slice::from_ref(&model.name)).await?;
    Ok(Json::of(&json!({"registered_model": view::model(model, &newest)})))
}
