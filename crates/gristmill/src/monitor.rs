//! The `monitor:` section of a pipeline file.

use gristmill_monitor::DriftSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tag of a run that keeps the section as it was, as JSON.
pub(crate) const TAG: &str = "gristmill.monitor";

/// How a model is watched once it answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSection {
    /// When rows count as drifted: what `gristmill drift` goes by where it is not told otherwise.
    pub drift: DriftSettings,
}

impl MonitorSection {
    /// The section as a tag of the run that makes the model.
    pub(crate) fn tag(&self) -> Option<(String, String)> {
        // Settings that were read from a file can be written.
        Some((TAG.into(), serde_json::to_string(self).ok()?))
    }
}
