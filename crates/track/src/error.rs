//! What can go wrong with what is stored, and what the reader of the message can do about it.

use std::io;
use std::path::{Path, PathBuf};

use gristmill_core::{ErrorKind, nearest};

/// The result of everything in this crate that can be refused.
pub type Result<T, E = TrackError> = std::result::Result<T, E>;

/// Why the store refused, or could not do, what was asked. Nothing is half-written when it comes back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrackError {
    /// A named thing is not there.
    #[error("{what} `{name}` not found")]
    NotFound {
        /// A run, an experiment, a model, an alias.
        what: &'static str,
        /// The name or id that was asked for.
        name: String,
        /// Some names that exist, when they are few.
        known: Vec<String>,
    },
    /// A name or id is taken.
    #[error("{what} `{name}` already exists")]
    Exists {
        /// A run, an experiment, a model.
        what: &'static str,
        /// The name or id.
        name: String,
    },
    /// A thing was deleted, so nothing can be added to it.
    #[error("{what} `{name}` is deleted")]
    Deleted {
        /// A run or an experiment.
        what: &'static str,
        /// The name or id.
        name: String,
    },
    /// Somebody else holds the lease on a thing, so what was to be written about it is out of date.
    #[error("another process took over {what} `{name}`")]
    Lost {
        /// A run.
        what: &'static str,
        /// The name or id.
        name: String,
        /// Who holds the lease now, if anybody does.
        holder: Option<String>,
    },
    /// A param was logged before with another value.
    #[error(
        "param `{key}` of run `{run}` is already `{stored}` and never changes; found `{given}`"
    )]
    ParamChanged {
        /// The run.
        run: String,
        /// The param.
        key: String,
        /// What the store holds.
        stored: String,
        /// What was given now.
        given: String,
    },
    /// Whoever laid down the rule of an alias has not approved this move.
    #[error("`{model}@{alias}` needs {needs}; found {found}")]
    NotApproved {
        /// The model.
        model: String,
        /// The alias.
        alias: String,
        /// What its rule asks for.
        needs: String,
        /// Who tried to move it, and where to.
        found: String,
    },
    /// A name, key, value or path cannot be stored as it is.
    #[error("{what} is {found}, expected {expected}")]
    Invalid {
        /// What was checked.
        what: String,
        /// What was found.
        found: String,
        /// What would be accepted.
        expected: String,
    },
    /// The home or something in it cannot be used: read-only, full, locked, not a folder.
    #[error("cannot use `{}`: {found}", .path.display())]
    Home {
        /// The folder or file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do about it.
        hint: String,
    },
    /// The bucket with the artifacts refused, failed or was not reached.
    #[error("{found}")]
    Bucket {
        /// What could not be done with which object, and what the store said.
        found: String,
        /// What to do about it.
        hint: String,
    },
    /// Something stored cannot be read back.
    #[error("`{}` is damaged: {found}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found there.
        found: String,
    },
    /// The home was written by a newer version.
    #[error(
        "`{}` has layout {found}, from a newer gristmill; this one knows layouts up to {known}",
        .path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The layout found.
        found: i64,
        /// The newest layout that this version knows.
        known: i64,
    },
    /// A promise between our own parts was broken.
    #[error("{0}")]
    Bug(String),
}

impl TrackError {
    /// A [`TrackError::NotFound`] without a list of what exists.
    pub fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string(), known: Vec::new() }
    }

    /// A [`TrackError::Invalid`].
    pub fn invalid(
        what: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Invalid { what: what.into(), found: found.into(), expected: expected.into() }
    }

    /// What an input or output error on `path` means to its owner.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => READ_ONLY,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FULL,
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => NOT_A_FOLDER,
            _ => "check that the folder exists and can be written",
        };
        Self::Home { path: path.into(), found: plain_words(error), hint: hint.into() }
    }

    /// What the reader can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } | Self::Newer { .. } => ErrorKind::Stored,
            Self::Bug(_) => ErrorKind::Bug,
            _ => ErrorKind::Input,
        }
    }

    /// A short remedy, when one is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { name, known, .. } => match nearest(name, known) {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if known.is_empty() => None,
                None => Some(format!("known are {}", known.join(", "))),
            },
            Self::Exists { .. } => Some("choose another name".into()),
            Self::Deleted { what, .. } => Some(format!("restore the {what} first")),
            Self::Lost { holder: Some(holder), .. } => {
                Some(format!("leave it to `{holder}`, which goes on with it"))
            }
            Self::Lost { holder: None, .. } => Some("see what became of it meanwhile".into()),
            Self::ParamChanged { .. } => Some("start another run for another value".into()),
            Self::NotApproved { .. } => Some("ask one of those who may approve it".into()),
            Self::Home { hint, .. } | Self::Bucket { hint, .. } => Some(hint.clone()),
            Self::Damaged { .. } => Some("restore it from a backup, or make it again".into()),
            Self::Newer { .. } => Some("upgrade gristmill, or choose another --home".into()),
            Self::Bug(_) => Some("this is a bug in Gristmill; please report it".into()),
            Self::Invalid { .. } => None,
        }
    }
}

pub(crate) const READ_ONLY: &str = "make it writable, or choose another home with --home";
pub(crate) const FULL: &str = "free some space on that disk and run again; nothing is half-written";
const NOT_A_FOLDER: &str = "choose a folder with --home";

/// The system's own words, without the path that `fs_err` puts before them: the message names it already.
fn plain_words(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.source()) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: io::ErrorKind, hint: &str) {
        let error = TrackError::io(Path::new("/home/x"), &kind.into());
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(error.hint().as_deref(), Some(hint));
        assert!(error.to_string().contains("/home/x"), "{error}");
    }

    #[test]
    fn a_full_disk_says_to_free_space() {
        check(io::ErrorKind::StorageFull, FULL);
    }

    #[test]
    fn a_read_only_home_says_to_make_it_writable() {
        check(io::ErrorKind::ReadOnlyFilesystem, READ_ONLY);
        check(io::ErrorKind::PermissionDenied, READ_ONLY);
    }

    #[test]
    fn a_name_that_is_nearly_right_is_suggested() {
        let known = vec!["churn".to_string(), "house".to_string()];
        let error = TrackError::NotFound { what: "model", name: "chrun".into(), known };
        assert_eq!(error.hint().as_deref(), Some("did you mean `churn`?"));
    }
}
