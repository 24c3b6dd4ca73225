//! Refusals as MLflow's clients read them: a code, a message, a status.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gristmill_track::{ExperimentId, FilterError, TrackError};
use serde_json::json;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: ErrorCode,
    message: String,
}

/// MLflow's codes, as far as they are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    InvalidParameterValue,
    BadRequest,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    EndpointNotFound,
    Unauthenticated,
    PermissionDenied,
    RequestLimitExceeded,
    InvalidState,
    InternalError,
    NotImplemented,
    TemporarilyUnavailable,
    /// Not MLflow's: a body longer than is taken.
    TooLong,
    /// Not MLflow's: another method is asked for.
    MethodNotAllowed,
}

impl ErrorCode {
    /// The word for it, and the status that MLflow answers with it.
    fn parts(self) -> (&'static str, StatusCode) {
        match self {
            Self::InvalidParameterValue => ("INVALID_PARAMETER_VALUE", StatusCode::BAD_REQUEST),
            Self::BadRequest => ("BAD_REQUEST", StatusCode::BAD_REQUEST),
            Self::ResourceAlreadyExists => ("RESOURCE_ALREADY_EXISTS", StatusCode::BAD_REQUEST),
            Self::ResourceDoesNotExist => ("RESOURCE_DOES_NOT_EXIST", StatusCode::NOT_FOUND),
            Self::EndpointNotFound => ("ENDPOINT_NOT_FOUND", StatusCode::NOT_FOUND),
            Self::Unauthenticated => ("UNAUTHENTICATED", StatusCode::UNAUTHORIZED),
            Self::PermissionDenied => ("PERMISSION_DENIED", StatusCode::FORBIDDEN),
            Self::RequestLimitExceeded => ("REQUEST_LIMIT_EXCEEDED", StatusCode::TOO_MANY_REQUESTS),
            Self::InvalidState => ("INVALID_STATE", StatusCode::INTERNAL_SERVER_ERROR),
            Self::InternalError => ("INTERNAL_ERROR", StatusCode::INTERNAL_SERVER_ERROR),
            Self::NotImplemented => ("NOT_IMPLEMENTED", StatusCode::NOT_IMPLEMENTED),
            Self::TemporarilyUnavailable => {
                ("TEMPORARILY_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::TooLong => ("BAD_REQUEST", StatusCode::PAYLOAD_TOO_LARGE),
            Self::MethodNotAllowed => ("BAD_REQUEST", StatusCode::METHOD_NOT_ALLOWED),
        }
    }
}

impl Refusal {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What was sent makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    /// What was asked for is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceDoesNotExist, message)
    }

    #[cfg(test)]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the store said about this experiment.
    pub fn about_experiment(id: ExperimentId, error: TrackError) -> Self {
        match error {
            TrackError::Deleted { what: "experiment", .. } => Self::invalid(format!(
                "The experiment {id} must be in the 'active' state. Current state is deleted."
            )),
            other => other.into(),
        }
    }
}

impl From<TrackError> for Refusal {
    fn from(error: TrackError) -> Self {
        match &error {
            TrackError::NotFound { what, name, .. } => {
                not_found(what, name).unwrap_or_else(|| Self::missing(error.to_string()))
            }
            TrackError::Deleted { what, name } => Self::invalid(format!(
                "The {what} {name} must be in the 'active' state. Current state is deleted."
            )),
            TrackError::Exists { what, name } => {
                let message = match *what {
                    "experiment" => format!("Experiment(name={name}) already exists."),
                    "model" => format!("Registered Model (name={name}) already exists."),
                    _ => error.to_string(),
                };
                Self::new(ErrorCode::ResourceAlreadyExists, message)
            }
            TrackError::NotApproved { .. } => {
                Self::new(ErrorCode::PermissionDenied, error.to_string())
            }
            TrackError::ParamChanged { run, key, stored, given } => Self::invalid(format!(
                "Changing param values is not allowed. Param with key='{key}' was already logged \
                 with value='{stored}' for run ID='{run}'. Attempted logging new value '{given}'."
            )),
            TrackError::Invalid { .. } | TrackError::Lost { .. } => {
                Self::invalid(error.to_string())
            }
            // Paths and addresses are nothing that callers need to know.
            TrackError::Home { found, .. } => Self::new(
                ErrorCode::TemporarilyUnavailable,
                format!("the store cannot be used now: {found}"),
            ),
            // Nor are buckets and keys: whoever runs the server reads them.
            TrackError::Bucket { .. } => {
                eprintln!("artifacts: {error}");
                let message = "the place of the artifacts cannot be used now";
                Self::new(ErrorCode::TemporarilyUnavailable, message)
            }
            TrackError::Damaged { found, .. } => {
                Self::new(ErrorCode::InternalError, format!("the store is damaged: {found}"))
            }
            _ => Self::new(ErrorCode::InternalError, "the store failed, which is a bug of ours"),
        }
    }
}

/// MLflow's words for a thing that is not there, where it has some.
fn not_found(what: &str, name: &str) -> Option<Refusal> {
    Some(match what {
        "run" => Refusal::missing(format!("Run with id={name} not found")),
        "experiment" => Refusal::missing(format!("No Experiment with id={name} exists")),
        "model" => Refusal::missing(format!("Registered Model with name={name} not found")),
        "version" => {
            let (model, version) = name.rsplit_once('/').unwrap_or((name, ""));
            Refusal::missing(format!("Model Version (name={model}, version={version}) not found"))
        }
        "alias" => {
            let alias = name.rsplit_once('@').map_or(name, |(_, alias)| alias);
            Refusal::invalid(format!("Registered model alias {alias} not found."))
        }
        "logged model" => Refusal::missing(format!("Logged model with ID '{name}' not found.")),
        "webhook" => Refusal::missing(format!("Webhook with ID {name} not found.")),
        _ => return None,
    })
}

impl From<FilterError> for Refusal {
    fn from(error: FilterError) -> Self {
        Self::invalid(error.message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, status) = self.code.parts();
        let mut body = json!({"error_code": code, "message": self.message});
        let class = match self.code {
            ErrorCode::InvalidParameterValue => Some(("INVALID_PARAMETER_VALUE", "KAM00")),
            ErrorCode::ResourceDoesNotExist => Some(("RESOURCE_NOT_FOUND", "KAM00")),
            ErrorCode::ResourceAlreadyExists => Some(("RESOURCE_ALREADY_EXISTS", "KAM00")),
            _ => None,
        };
        if let (Some((class, state)), Some(fields)) = (class, body.as_object_mut()) {
            fields.insert("sqlstate".into(), state.into());
            fields.insert("error_class".into(), class.into());
        }
        let kind = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (status, kind, body.to_string()).into_response();
        if self.code == ErrorCode::RequestLimitExceeded {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
