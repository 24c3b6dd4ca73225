//! Why a schedule cannot be kept.

use std::fmt;

/// A setting of a schedule that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    /// The setting: `cron`, `timezone`, ...
    pub setting: &'static str,
    /// What was found there.
    pub found: String,
    /// What would be accepted.
    pub expected: String,
    /// What to write instead, where that is plain.
    pub hint: Option<String>,
}

impl ScheduleError {
    pub(super) fn new(
        setting: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self { setting, found: found.into(), expected: expected.into(), hint: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint: hint.or(self.hint), ..self }
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has {}, expected {}", self.setting, self.found, self.expected)
    }
}

impl std::error::Error for ScheduleError {}
