//! Traces, which this server keeps none of.

use super::error::{ErrorCode, Refusal};

/// The answer to whatever is asked about traces.
pub(super) async fn none() -> Refusal {
    let message = "this server keeps runs and models, and no traces: turn tracing off in the \
                   client with mlflow.tracing.disable()";
    Refusal::new(ErrorCode::NotImplemented, message)
}
