//! What can go wrong between a file and a table, and what the reader of the message can do.

use std::fmt;
use std::path::{Path, PathBuf};

use gristmill_core::ErrorKind;

use crate::Breach;

/// The result of everything in this crate that can be refused.
pub type Result<T, E = IngestError> = std::result::Result<T, E>;

/// Why a source, a query, an expectation or a file to be written was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// No file stands where the source says.
    #[error("`{}` does not exist", .path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
        /// A file beside it whose name is close.
        near: Option<String>,
    },
    /// The operating system refused to read or write.
    #[error("{0}")]
    Io(#[source] std::io::Error),
    /// Something asked for that does not exist, or not yet.
    #[error("{what}")]
    Unsupported {
        /// What was asked for, and that it cannot be had.
        what: String,
        /// What would do.
        hint: String,
    },
    /// A store of objects refused, or was not reached.
    #[error("{what}")]
    Store {
        /// What could not be had, and why.
        what: String,
        /// What would do.
        hint: String,
    },
    /// The content of a file is not what it should be.
    #[error("{at}: {found}")]
    Content {
        /// The file and the line.
        at: Place,
        /// What was found there.
        found: String,
        /// What would do.
        hint: String,
    },
    /// Files of one source do not fit each other.
    #[error("`{}` and `{}` do not fit each other: {found}", .first.display(), .second.display())]
    Mismatch {
        /// The file that came first.
        first: PathBuf,
        /// The file that differs from it.
        second: PathBuf,
        /// How they differ.
        found: String,
    },
    /// A setting has a value that makes no sense.
    #[error("`{name}` is {found}, expected {expected}")]
    Setting {
        /// The setting.
        name: String,
        /// The value that was found.
        found: String,
        /// What would be accepted.
        expected: String,
    },
    /// A query was refused.
    #[error("`sql` cannot run: {message}")]
    Sql {
        /// What the engine said, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The data broke its contract.
    #[error("{}", broken(.breaches))]
    Broken {
        /// Every rule that was broken.
        breaches: Vec<Breach>,
    },
    /// A stored table cannot be read back.
    #[error("`{}` is damaged: {found}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// The table itself was refused.
    #[error("{}{source}", prefix(.path.as_deref()))]
    Table {
        /// The file that it came from, when there is one.
        path: Option<PathBuf>,
        /// Why.
        source: gristmill_core::Error,
    },
}

/// A line of a file, or the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; without it the file as a whole is meant.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path.display())?;
        match self.line {
            Some(line) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}

impl IngestError {
    pub(crate) fn content(path: &Path, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Content {
            at: Place { path: path.into(), line: None },
            found: found.into(),
            hint: hint.into(),
        }
    }

    pub(crate) fn line(
        path: &Path,
        line: usize,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Content {
            at: Place { path: path.into(), line: Some(line) },
            found: found.into(),
            hint: hint.into(),
        }
    }

    pub(crate) fn setting(name: &str, found: impl fmt::Display, expected: &str) -> Self {
        Self::Setting { name: name.into(), found: found.to_string(), expected: expected.into() }
    }

    pub(crate) fn in_file(path: &Path, source: gristmill_core::Error) -> Self {
        Self::Table { path: Some(path.into()), source }
    }

    pub(crate) fn damaged(path: &Path, found: impl fmt::Display) -> Self {
        Self::Damaged { path: path.into(), found: found.to_string() }
    }

    /// What the reader can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } => ErrorKind::Stored,
            Self::Table { source, .. } => source.kind(),
            _ => ErrorKind::Input,
        }
    }

    /// A short remedy, when one is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { near, .. } => near.as_ref().map(|n| format!("did you mean `{n}`?")),
            Self::Unsupported { hint, .. }
            | Self::Store { hint, .. }
            | Self::Content { hint, .. } => Some(hint.clone()),
            Self::Mismatch { .. } => {
                Some("give files of one form, or read them as separate sources".into())
            }
            Self::Sql { hint, .. } => hint.clone(),
            Self::Broken { .. } => {
                Some("correct the data, leave such rows out with `sql`, or change `expect`".into())
            }
            Self::Damaged { .. } => Some("remove it and make it again".into()),
            Self::Table { source, .. } => source.hint(),
            Self::Io(source) => match source.kind() {
                std::io::ErrorKind::PermissionDenied => Some("check its permissions".into()),
                std::io::ErrorKind::StorageFull => Some("free some space".into()),
                _ => None,
            },
            Self::Setting { .. } => None,
        }
    }
}

impl From<std::io::Error> for IngestError {
    fn from(source: std::io::Error) -> Self {
        Self::Io(source)
    }
}

impl From<gristmill_core::Error> for IngestError {
    fn from(source: gristmill_core::Error) -> Self {
        Self::Table { path: None, source }
    }
}

fn prefix(path: Option<&Path>) -> String {
    path.map(|p| format!("`{}`: ", p.display())).unwrap_or_default()
}

fn broken(breaches: &[Breach]) -> String {
    let rules: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    match rules.as_slice() {
        [one] => format!("the data breaks its contract: {one}"),
        many => {
            format!("the data breaks its contract {} times:\n  {}", many.len(), many.join("\n  "))
        }
    }
}
