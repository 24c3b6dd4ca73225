//! Why a package could not be saved or loaded, and what to do about it.

use std::io;
use std::path::PathBuf;

use gristmill_core::{Error, ErrorKind};

/// The result of saving and loading.
pub type Result<T, E = PackageError> = std::result::Result<T, E>;

/// Why a package could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The file system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the file system said, with the path.
        source: io::Error,
    },
    /// The folder is not there, or is something else.
    #[error("`{}` is no model package: {found}", folder.display())]
    NotAPackage {
        /// The folder.
        folder: PathBuf,
        /// What was found there.
        found: String,
    },
    /// The folder to save to holds something else already.
    #[error("`{}` already holds {found}", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What was found there.
        found: String,
    },
    /// A file is not what it was when the package was saved.
    #[error("`{}` is damaged: {found}", file.display())]
    Damaged {
        /// The file, or the folder when a file too many or too few is the matter.
        file: PathBuf,
        /// What was found there.
        found: String,
    },
    /// A file has a form that only later versions know.
    #[error(
        "`{}` was made by a newer Gristmill ({what} {found}, this one reads up to {known})",
        file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// What has a version.
        what: String,
        /// Its version.
        found: u64,
        /// The latest version that is known here.
        known: u64,
    },
    /// A file is larger than a package may have it.
    #[error("`{}` has {found} bytes, at most {limit} are accepted", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// How many bytes it has.
        found: u64,
        /// How many it may have.
        limit: u64,
    },
    /// A step has a name that the catalog does not know.
    #[error("`{}` names the step `{kind}`, which is not known here", file.display())]
    UnknownStep {
        /// The file.
        file: PathBuf,
        /// The step's name.
        kind: String,
    },
    /// The loaded model does not give the answers that the saved one gave.
    #[error(
        "the model answers `{found}` for golden row {row}, column `{column}` of `{}`, expected `{expected}`",
        file.display()
    )]
    Answers {
        /// The file with the golden rows.
        file: PathBuf,
        /// The row, from 1.
        row: usize,
        /// The column of the answer.
        column: String,
        /// The answer that the package promises.
        expected: String,
        /// The answer of the loaded model.
        found: String,
    },
    /// The pipeline refused the rows that should become golden.
    #[error(transparent)]
    Pipeline(#[from] Error),
}

impl PackageError {
    pub(crate) fn damaged(file: impl Into<PathBuf>, found: impl Into<String>) -> Self {
        Self::Damaged { file: file.into(), found: found.into() }
    }

    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// What the reader can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } | Self::NotAPackage { .. } | Self::Occupied { .. } => ErrorKind::Input,
            Self::Pipeline(error) => error.kind(),
            _ => ErrorKind::Stored,
        }
    }

    /// A short remedy, when one is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { source, .. } => return io_hint(source.kind()).map(Into::into),
            Self::Pipeline(error) => return error.hint(),
            Self::NotAPackage { .. } => "give the folder that holds `model.json`",
            Self::Occupied { .. } => "choose another folder, or move this one away",
            Self::Damaged { .. } => "copy the package again, or train the model again",
            Self::TooLarge { .. } => "train a smaller model",
            Self::Newer { .. } => "upgrade Gristmill",
            Self::UnknownStep { .. } => {
                "upgrade Gristmill, or use the program that has this step of its own"
            }
            Self::Answers { .. } => "train the model again, on this kind of processor",
        };
        Some(hint.into())
    }
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("choose a folder that you may write to, or change its permissions")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space on the disk; nothing was left half-written")
        }
        io::ErrorKind::NotFound => Some("check the path"),
        _ => None,
    }
}
