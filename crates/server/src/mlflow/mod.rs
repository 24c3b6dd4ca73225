//! The API that MLflow's clients speak, version 2.0, as MLflow 3.17 has it.
//!
//! Each route stands in [`tracking`] or [`artifact_routes`], and is answered under `/api` and
//! `/ajax-api` alike. One file holds one group of them; a handler reads what was asked ([`ask`]),
//! calls the store, and shows what came back ([`show`]).

mod artifacts;
mod ask;
mod check;
mod error;
mod experiments;
mod inputs;
mod json;
mod logging;
mod metrics;
mod page;
mod runs;
mod show;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use serde_json::json;

use crate::house::House;

pub(crate) use error::{ErrorCode, Refusal};

/// What every handler comes to.
type Answer = Result<json::Json, Refusal>;

/// Every route of the API.
pub(crate) fn routes() -> Router<Arc<House>> {
    let mut all = Router::new().route("/get-artifact", get(artifacts::get_artifact));
    for root in ["/api", "/ajax-api"] {
        all = all
            .nest(&format!("{root}/2.0/mlflow"), tracking())
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

fn artifact_routes() -> Router<Arc<House>> {
    Router::new()
        .route("/artifacts", get(artifacts::list))
        .route(
            "/artifacts/{*path}",
            get(artifacts::download).put(artifacts::upload).delete(artifacts::delete),
        )
        .route("/mpu/{step}/{*path}", post(artifacts::no_parts))
        .route("/presigned/{*path}", get(artifacts::no_download_url))
}

fn third() -> Router<Arc<House>> {
    Router::new()
        .route("/server-info", get(server_info))
        .route("/traces", any(traces::none))
        .route("/traces/{*rest}", any(traces::none))
}

/// What clients may expect of this server.
async fn server_info() -> json::Json {
    json::Json::of(&json!({
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

/// The answer where there is nothing.
pub(crate) async fn nothing_here() -> Refusal {
    Refusal::new(ErrorCode::EndpointNotFound, "there is nothing here")
}

/// The answer to a method that a route does not take.
pub(crate) async fn other_method() -> Refusal {
    Refusal::new(ErrorCode::MethodNotAllowed, "this is asked in another way")
}
