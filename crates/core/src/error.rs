//! What can go wrong inside a pipeline, and what the reader of the message can do about it.

use crate::SemanticType;

/// The result of everything in this crate that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the reader of an error can do. Few on purpose: one for each remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Correct the pipeline file, the settings or the data, then run again.
    Input,
    /// What was stored is damaged or from a newer version: restore it, or upgrade.
    Stored,
    /// Report it: this is a mistake of Gristmill's.
    Bug,
}

/// Why a schema, a setting, a table or a stored model was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A named column is not there.
    #[error("column `{name}` not found; the table has {}", list(.known))]
    MissingColumn {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Two columns share a name.
    #[error("column `{name}` appears twice")]
    DuplicateColumn {
        /// The shared name.
        name: String,
    },
    /// A column has a type that the step cannot use.
    #[error("column `{name}` is {found}, expected {expected}")]
    WrongType {
        /// The column.
        name: String,
        /// What it is.
        found: SemanticType,
        /// What would be accepted.
        expected: &'static str,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A selector or a list of columns matched nothing.
    #[error("{selector} matches no column; the table has {}", list(.known))]
    NothingSelected {
        /// The selector as it was written.
        selector: String,
        /// The columns that exist.
        known: Vec<String>,
    },
    /// A name that no catalog knows.
    #[error("unknown {what} `{name}`")]
    UnknownName {
        /// What was looked up: a transform, an estimator, a metric.
        what: &'static str,
        /// The name that was written.
        name: String,
        /// The names that exist.
        known: Vec<String>,
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
    /// The rows do not allow what was asked.
    #[error("{message}")]
    Data {
        /// What was found.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Something stored cannot be read back.
    #[error("{what} is damaged: {found}")]
    Damaged {
        /// Which part.
        what: String,
        /// What was found there.
        found: String,
    },
    /// What has no form as a graph of operators.
    #[error("{what} has no form in ONNX: {reason}")]
    NoForm {
        /// A step, or a part of one.
        what: String,
        /// Why, or what would have one.
        reason: String,
    },
    /// A promise between our own parts was broken.
    #[error("{0}")]
    Bug(String),
    /// The error of one step of a pipeline.
    #[error("step `{step}` cannot run: {source}")]
    Step {
        /// The step's name in the pipeline.
        step: String,
        /// What went wrong in it.
        source: Box<Error>,
    },
    /// The error of one fold of a cross-validation.
    #[error("fold {fold} of {folds}: {source}")]
    Fold {
        /// Which fold, from 1 on.
        fold: usize,
        /// How many there are.
        folds: usize,
        /// What went wrong in it.
        source: Box<Error>,
    },
}

impl Error {
    /// An [`Error::Data`] without a hint.
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data { message: message.into(), hint: None }
    }

    /// An [`Error::Data`] with what to do about it.
    pub fn data_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Data { message: message.into(), hint: Some(hint.into()) }
    }

    /// An [`Error::Setting`].
    pub fn setting(name: &str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), found: found.to_string(), expected: expected.into() }
    }

    /// An [`Error::Damaged`].
    pub fn damaged(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), found: found.into() }
    }

    /// The same error with the name of the step in which it happened.
    #[must_use]
    pub fn in_step(self, step: &str) -> Self {
        match self {
            Self::Step { .. } => self,
            other => Self::Step { step: step.into(), source: Box::new(other) },
        }
    }

    /// What the reader can do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } => ErrorKind::Stored,
            Self::Bug(_) => ErrorKind::Bug,
            Self::Step { source, .. } | Self::Fold { source, .. } => source.kind(),
            _ => ErrorKind::Input,
        }
    }

    /// A short remedy, when one is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MissingColumn { name, known } | Self::UnknownName { name, known, .. } => {
                nearest(name, known).map(|near| format!("did you mean `{near}`?")).or_else(|| {
                    match self {
                        Self::UnknownName { .. } => Some(format!("known are {}", list(known))),
                        _ => None,
                    }
                })
            }
            Self::WrongType { hint, .. } | Self::Data { hint, .. } => hint.clone(),
            Self::Damaged { .. } => Some("restore it from a backup, or make it again".into()),
            Self::Bug(_) => Some("this is a bug in Gristmill; please report it".into()),
            Self::Step { source, .. } | Self::Fold { source, .. } => source.hint(),
            _ => None,
        }
    }
}

/// The name among `known` that `name` was probably meant to be, if one is close enough.
///
/// ```
/// # use gristmill_core::nearest;
/// assert_eq!(nearest("tenur", &["age", "tenure"]), Some("tenure"));
/// assert_eq!(nearest("zebra", &["age", "tenure"]), None);
/// ```
pub fn nearest<'a, S: AsRef<str>>(name: &str, known: &'a [S]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&wanted, &k.as_ref().to_lowercase()), k.as_ref()))
        .filter(|(distance, k)| *distance <= 1 + k.chars().count().min(name.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Names in a row, cut where a person would stop reading.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    if text.is_empty() { "no columns".into() } else { text }
}
