//! What a command was refused for, in the form in which people and programs read it.

use std::fmt;

use gristmill_core::ErrorKind;
use serde::Serialize;

/// The result of everything that a command does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the reader can do about it; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Correct what was given; exit code 1.
    Input,
    /// Mend or replace what was stored; exit code 1.
    Stored,
    /// It was stopped on request; exit code 1.
    Cancelled,
    /// A gate refused the model; exit code 3.
    Refused,
    /// Report it; exit code 2.
    Bug,
}

impl Kind {
    /// The exit code of a command that fails like this.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Input | Self::Stored | Self::Cancelled => 1,
            Self::Bug => 2,
            Self::Refused => 3,
        }
    }
}

impl From<ErrorKind> for Kind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Input => Self::Input,
            ErrorKind::Stored => Self::Stored,
            _ => Self::Bug,
        }
    }
}

/// One refusal: what was found, what would do, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Error {
    /// What the reader can do.
    pub kind: Kind,
    /// What was found.
    pub message: String,
    /// What would do.
    pub hint: Option<String>,
    /// The file and line, the task or the row.
    pub at: Option<String>,
    /// Several mistakes drawn with their lines, when a file has them; then `message` counts them.
    #[serde(skip)]
    pub drawn: Option<String>,
}

impl Error {
    /// A mistake in what was given.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A mistake of ours.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message).with_hint("this is a bug in Gristmill; please report it")
    }

    /// An error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, at: None, drawn: None }
    }

    /// The error with what would do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error with where it happened, unless that is known already.
    #[must_use]
    pub fn with_place(mut self, at: impl Into<String>) -> Self {
        self.at.get_or_insert_with(|| at.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(drawn) = &self.drawn {
            return f.write_str(drawn.trim_end());
        }
        write!(f, "error: {}", self.message)?;
        if let Some(at) = &self.at {
            write!(f, "\n  at: {at}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

macro_rules! from_library {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self { hint: error.hint(), ..Self::new(error.kind().into(), error.to_string()) }
            }
        }
    )*};
}

from_library!(
    gristmill_core::Error,
    gristmill_ingest::IngestError,
    gristmill_package::PackageError,
    gristmill_track::TrackError,
);

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "check its permissions, or choose another place"
            }
            std::io::ErrorKind::StorageFull => {
                "free some space, or choose another place with --home"
            }
            std::io::ErrorKind::NotFound => "check the path",
            _ => "check the path and its permissions",
        };
        Self::input(error.to_string()).with_hint(hint)
    }
}
