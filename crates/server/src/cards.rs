//! Model cards: made by whoever knows what a model is, and handed out as text that nothing runs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::house::House;
use crate::mlflow::{ErrorCode, Refusal};

/// Makes model cards.
pub trait Cards: Send + Sync {
    /// The card of a version that is there, as Markdown, in which whatever came from others stands as
    /// plain text; or what keeps it from being made. It is called where it may take its time.
    fn card(&self, model: &str, version: u32) -> Result<String, String>;
}

/// `GET /api/v1/models/{name}/versions/{version}/card`
pub(crate) async fn card(
    State(house): State<Arc<House>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let number: u32 = version.parse().map_err(|_| {
        Refusal::invalid(format!("the version is `{version}`, expected a number such as 3"))
    })?;
    house.store.version(&name, number).await?;
    let Some(cards) = house.cards.clone() else {
        let message = "no model cards are made here";
        return Err(Refusal::new(ErrorCode::NotImplemented, message));
    };
    let made = tokio::task::spawn_blocking(move || cards.card(&name, number)).await;
    let made = made.map_err(|error| Refusal::new(ErrorCode::InternalError, error.to_string()))?;
    let card = made.map_err(|said| Refusal::new(ErrorCode::InternalError, said))?;
    let headers = [
        (header::CONTENT_TYPE, "text/markdown; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
    ];
    Ok((headers, card).into_response())
}
