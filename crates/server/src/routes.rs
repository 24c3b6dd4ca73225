//! What is answered where.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::house::House;
use crate::{Serves, door, hooks, inference, memory, mlflow, monitors, plain, sent, traffic};

/// All routes, behind the door.
pub(crate) fn router(house: Arc<House>, serves: Serves) -> Router {
    let models = Router::new()
        .route("/health", get(plain::health))
        .route("/version", get(plain::version))
        .merge(inference::routes());
    let all = match serves {
        Serves::Models => models,
        Serves::Everything => models
            .route("/api/v1/hooks/{name}", hooks::route())
            .merge(memory::routes())
            .merge(monitors::routes())
            .merge(traffic::routes())
            .merge(sent::routes())
            .merge(mlflow::routes()),
    };
    all.fallback(mlflow::nothing_here)
        .method_not_allowed_fallback(mlflow::other_method)
        .layer(from_fn_with_state(Arc::clone(&house), door::enter))
        .with_state(house)
}
