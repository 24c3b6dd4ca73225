//! Why a request has no answer.

/// A result whose error is a [`Refusal`].
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request says something that the protocol or the model does not take.
    #[error("{0}")]
    Bad(String),
    /// The request asks for more than one request may.
    #[error("{0}")]
    TooLarge(String),
    /// The model failed where it should not.
    #[error("{0}")]
    Bug(String),
}

impl Refusal {
    /// A request that cannot be understood.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::Bad(message.into())
    }
}

impl From<gristmill_core::Error> for Refusal {
    fn from(error: gristmill_core::Error) -> Self {
        use gristmill_core::ErrorKind;
        match error.kind() {
            ErrorKind::Bug => Self::Bug(error.to_string()),
            _ => Self::Bad(match error.hint() {
                Some(hint) => format!("{error}: {hint}"),
                None => error.to_string(),
            }),
        }
    }
}
