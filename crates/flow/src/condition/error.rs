//! Why a condition cannot be read, or has no answer.

use std::fmt;

use crate::nearest::{list, nearest};

/// Why a condition cannot be read, or has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConditionError {
    /// The text is no condition.
    Syntax {
        /// Where, in characters from 1.
        column: usize,
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: String,
        /// What to write instead, where that is plain.
        hint: Option<String>,
    },
    /// A path names nothing.
    Absent {
        /// The path as the condition spells it.
        path: String,
        /// The longest part of the path that names something; empty when none does.
        within: String,
        /// The part of the path that is missing there.
        missing: String,
        /// What could have been named instead.
        known: Vec<String>,
    },
    /// A value is there and cannot be asked this.
    WrongType {
        /// The path or the value as the condition spells it.
        path: String,
        /// What it is: `the text 'high'`.
        found: String,
        /// What it would have to be.
        expected: String,
    },
}

impl ConditionError {
    /// The same error, knowing which first names a path may have: of use where a path's first
    /// name is the missing one, and without effect elsewhere.
    #[must_use]
    pub fn knowing<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        if let Self::Absent { within, known, .. } = &mut self
            && within.is_empty()
        {
            *known = names.into_iter().map(str::to_owned).collect();
        }
        self
    }

    /// What to do about it, if that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::Absent { path, missing, known, .. } => {
                match nearest(missing, known.iter().map(String::as_str)) {
                    Some(meant) => Some(format!("did you mean `{meant}`?")),
                    None => Some(format!("`{path} != null` asks whether it is there")),
                }
            }
            Self::WrongType { .. } => None,
        }
    }

    pub(super) fn syntax(column: usize, found: impl Into<String>, expected: &str) -> Self {
        let expected = expected.to_owned();
        Self::Syntax { column, found: found.into(), expected, hint: None }
    }

    pub(super) fn with_hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Syntax { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { column, found, expected, .. } => {
                write!(f, "found {found} in column {column}, expected {expected}")
            }
            Self::Absent { path, within, known, .. } => {
                write!(f, "`{path}` is not there")?;
                match (within.is_empty(), known.is_empty()) {
                    (_, true) => Ok(()),
                    (true, false) => write!(f, "; known are {}", names(known)),
                    (false, false) => write!(f, "; `{within}` has {}", names(known)),
                }
            }
            Self::WrongType { path, found, expected } => {
                write!(f, "`{path}` is {found}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for ConditionError {}

fn names(known: &[String]) -> String {
    list(known.iter().map(String::as_str), "and")
}
