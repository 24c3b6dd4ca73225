//! The API that MLflow's clients speak, version 2.0, as MLflow 3.17 has it.
//!
//! Each route stands in [`tracking`], [`registry`], [`logged`] or [`artifact_routes`], and is answered
//! under `/api` and `/ajax-api` alike. One file holds one group of them; a handler reads what was asked ([`ask`]),
//! calls the store, and shows what came back ([`show`]).

mod aliases;
mod artifacts;
mod ask;
mod check;
mod download;
mod error;
mod experiments;
mod inputs;
mod json;
mod logged_model_view;
mod logged_models;
mod logging;
mod metrics;
mod model_check;
mod model_view;
mod models;
mod page;
mod parts;
mod presigned;
mod runs;
mod show;
mod source;
mod traces;
mod versions;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, delete, get, patch, post, put};
use gristmill_track::{Filter, Order, Searchable};
use serde_json::json;

use self::ask::Fields;
use crate::house::House;

pub(crate) use ask::{Ask, decoded, encoded, from_query};
pub(crate) use error::{ErrorCode, Refusal};
pub(crate) use json::{Json, object};
pub(crate) use parts::VALID_MICROS as PARTS_WAIT_MICROS;

/// What every handler comes to.
pub(crate) type Answer = Result<Json, Refusal>;

/// Every route of the API.
pub(crate) fn routes() -> Router<Arc<House>> {
    let mut all = Router::new()
        .route("/get-artifact", get(artifacts::get_artifact))
        .route("/model-versions/get-artifact", get(versions::get_artifact));
    for root in ["/api", "/ajax-api"] {
        all = all
            .nest(&format!("{root}/2.0/mlflow"), tracking().merge(registry()).merge(logged()))
            .nest(&format!("{root}/2.0/mlflow-artifacts"), artifact_routes())
            .nest(&format!("{root}/3.0/mlflow"), third());
    }
    all
}

fn tracking() -> Router<Arc<House>> {
    Router::new()
        .route("/experiments/create", post(experiments::create))
        .route("/experiments/get", get(experiments::get))
        .route("/experiments/get-by-name", get(experiments::get_by_name))
        .route("/experiments/search", get(experiments::search).post(experiments::search))
        .route("/experiments/update", post(experiments::update))
        .route("/experiments/delete", post(experiments::delete))
        .route("/experiments/restore", post(experiments::restore))
        .route("/experiments/set-experiment-tag", post(experiments::set_tag))
        .route("/experiments/delete-experiment-tag", post(experiments::delete_tag))
        .route("/experiments/search-datasets", post(inputs::search_datasets))
        .route("/runs/create", post(runs::create))
        .route("/runs/get", get(runs::get))
        .route("/runs/update", post(runs::update))
        .route("/runs/delete", post(runs::delete))
        .route("/runs/restore", post(runs::restore))
        .route("/runs/search", post(runs::search))
        .route("/runs/log-metric", post(logging::metric))
        .route("/runs/log-parameter", post(logging::param))
        .route("/runs/log-batch", post(logging::batch))
        .route("/runs/set-tag", post(logging::set_tag))
        .route("/runs/delete-tag", post(logging::delete_tag))
        .route("/runs/log-model", post(logging::model))
        .route("/runs/log-inputs", post(inputs::log_inputs))
        .route("/runs/outputs", post(inputs::log_outputs))
        .route("/metrics/get-history", get(metrics::history))
        .route("/metrics/get-history-bulk", get(metrics::bulk))
        .route("/metrics/get-history-bulk-interval", get(metrics::interval))
        .route("/artifacts/list", get(artifacts::list_of_run))
        .route("/artifacts/presigned-upload-url", post(artifacts::no_upload_url))
        .route("/artifacts/presigned-download-url", post(artifacts::no_download_url))
        .route("/traces", any(traces::none))
        .route("/traces/{*rest}", any(traces::none))
}

fn registry() -> Router<Arc<House>> {
    Router::new()
        .route("/registered-models/create", post(models::create))
        .route("/registered-models/get", get(models::get))
        .route("/registered-models/search", get(models::search))
        .route("/registered-models/update", patch(models::update))
        .route("/registered-models/rename", post(models::rename))
        .route("/registered-models/delete", delete(models::delete))
        .route(
            "/registered-models/get-latest-versions",
            get(models::latest_versions).post(models::latest_versions),
        )
        .route("/registered-models/set-tag", post(models::set_tag))
        .route("/registered-models/delete-tag", delete(models::delete_tag))
        .route(
            "/registered-models/alias",
            get(aliases::get).post(aliases::set).delete(aliases::delete),
        )
        .route("/model-versions/create", post(versions::create))
        .route("/model-versions/get", get(versions::get))
        .route("/model-versions/get-download-uri", get(versions::download_uri))
        .route("/model-versions/search", get(versions::search))
        .route("/model-versions/update", patch(versions::update))
        .route("/model-versions/transition-stage", post(versions::transition_stage))
        .route("/model-versions/delete", delete(versions::delete))
        .route("/model-versions/set-tag", post(versions::set_tag))
        .route("/model-versions/delete-tag", delete(versions::delete_tag))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route(
            "/webhooks/{id}",
            get(webhooks::get).patch(webhooks::update).delete(webhooks::delete),
        )
        .route("/webhooks/{id}/test", post(webhooks::test))
}

fn logged() -> Router<Arc<House>> {
    Router::new()
        .route("/logged-models", post(logged_models::create))
        .route("/logged-models/search", post(logged_models::search))
        .route(
            "/logged-models/{id}",
            get(logged_models::get).patch(logged_models::finalize).delete(logged_models::delete),
        )
        .route("/logged-models/{id}/params", post(logged_models::log_params))
        .route("/logged-models/{id}/tags", patch(logged_models::set_tags))
        .route("/logged-models/{id}/tags/{key}", delete(logged_models::delete_tag))
        .route("/logged-models/{id}/artifacts/directories", get(logged_models::list_artifacts))
        .route("/logged-models/{id}/artifacts/files", get(logged_models::get_artifact))
}

fn artifact_routes() -> Router<Arc<House>> {
    Router::new()
        .route("/artifacts", get(artifacts::list))
        .route(
            "/artifacts/{*path}",
            get(artifacts::download).put(artifacts::upload).delete(artifacts::delete),
        )
        .route("/mpu/create/{*path}", post(parts::create))
        .route("/mpu/part/{upload}/{number}", put(parts::part))
        .route("/mpu/complete/{*path}", post(parts::complete))
        .route("/mpu/abort/{*path}", post(parts::abort))
        .route("/presigned/{*path}", get(presigned::download))
}

fn third() -> Router<Arc<House>> {
    Router::new()
        .route("/server-info", get(server_info))
        .route("/traces", any(traces::none))
        .route("/traces/{*rest}", any(traces::none))
}

/// What clients may expect of this server. They send and fetch files in parts when they are told to,
/// and not by themselves: one request is simpler, and proxies change addresses.
async fn server_info() -> Json {
    Json::of(&json!({
        "store_type": "SqlStore",
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
        "presigned_upload_run_id_supported": false,
        "presigned_upload_model_id_supported": false,
        "features_enabled": {"gateway": false},
    }))
}

/// What a search is narrowed and sorted by, in the language of `searchable`.
fn filtered(fields: Fields<'_>, searchable: &Searchable) -> Result<(Filter, Vec<Order>), Refusal> {
    let filter = Filter::parse(fields.text("filter")?.unwrap_or_default(), searchable)?;
    Ok((filter, Order::parse_all(&fields.texts_or_one("order_by")?, searchable)?))
}

/// The answer where there is nothing.
pub(crate) async fn nothing_here() -> Refusal {
    Refusal::new(ErrorCode::EndpointNotFound, "there is nothing here")
}

/// The answer to a method that a route does not take.
pub(crate) async fn other_method() -> Refusal {
    Refusal::new(ErrorCode::MethodNotAllowed, "this is asked in another way")
}
