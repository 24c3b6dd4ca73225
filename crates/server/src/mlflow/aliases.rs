//! Aliases of models.

use std::sync::Arc;

use axum::extract::State;
use gristmill_track::TrackError;
use serde_json::json;

use super::ask::Ask;
use super::error::Refusal;
use super::json::Json;
use super::{Answer, model_check as check, model_view as view, models};
use crate::access::Caller;
use crate::house::House;
use crate::webhook::Told;

pub(super) async fn set(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let (alias, text) = (fields.required_text("alias")?, fields.required_text("version")?);
    let name = models::name(fields)?;
    check::new_alias(alias)?;
    let number = check::version(text, name)?;
    let note = caller.note(house.now());
    match house.store.set_alias(name, alias, number, note).await {
        Err(TrackError::NotFound { .. }) => return Err(check::no_version(name, text)),
        other => other?,
    };
    let model = house.store.model(name).await?;
    house.webhooks.tell(Told::alias(&model, alias, Some(number))).await;
    Ok(Json::empty())
}

pub(super) async fn delete(State(house): State<Arc<House>>, caller: Caller, ask: Ask) -> Answer {
    let fields = ask.fields();
    let (name, alias) = (models::name(fields)?, fields.required_text("alias")?);
    check::alias(alias)?;
    let model = house.store.model(name).await?;
    match house.store.remove_alias(name, alias, caller.note(house.now())).await {
        // MLflow takes away what is not there without a word.
        Ok(()) | Err(TrackError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    house.webhooks.tell(Told::alias(&model, alias, None)).await;
    Ok(Json::empty())
}

pub(super) async fn get(State(house): State<Arc<House>>, ask: Ask) -> Answer {
    let fields = ask.fields();
    let (name, alias) = (models::name(fields)?, fields.required_text("alias")?);
    check::alias(alias)?;
    let model = house.store.model(name).await?;
    let number = match alias.eq_ignore_ascii_case("latest") {
        true => model.newest.ok_or_else(|| {
            Refusal::missing(format!("Latest version not found for model {name}."))
        })?,
        false => *model.aliases.get(alias).ok_or_else(|| {
            Refusal::invalid(format!("Registered model alias {alias} not found."))
        })?,
    };
    let version = house.store.version(name, number).await?;
    Ok(Json::of(&json!({"model_version": view::version(&version)})))
}
