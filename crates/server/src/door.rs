//! What every request passes on its way to its route, and every answer on its way back.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access;
use crate::gate;
use crate::house::House;
use crate::ticket::UnderWay;

/// Gives a request its ticket, holds it against the gate and hands it to the guard. One layer for all of it: each
/// costs every request a copy of the routes and a few allocations.
pub(crate) async fn enter(
    State(house): State<Arc<House>>,
    mut request: Request,
    next: Next,
) -> Response {
    let under_way = UnderWay::begin(&house, &mut request);
    let mut response = match house.gate.admit(&request) {
        Ok(()) => access::guard(&house, request, next).await,
        Err(refusal) => refusal.into_response(),
    };
    gate::protect(&mut response);
    under_way.end(&house, &mut response);
    response
}
