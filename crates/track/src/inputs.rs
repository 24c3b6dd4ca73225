//! What a run stands on and what came of it: datasets and logged models.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ExperimentId;

/// Some data, known by its name and a digest of its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// What tells its content from another.
    pub digest: String,
    /// What sort of source it came from.
    pub source_type: String,
    /// The source, as the client wrote it down.
    pub source: String,
    /// Its columns, as the client wrote them down.
    pub schema: Option<String>,
    /// What is known of its values, as the client wrote it down.
    pub profile: Option<String>,
}

/// A dataset as one run used it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInput {
    /// The dataset.
    pub dataset: Dataset,
    /// What this use was for; the first use of a run is the one that counts.
    pub tags: BTreeMap<String, String>,
}

/// A dataset that runs of an experiment used for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSummary {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The dataset's name.
    pub name: String,
    /// The dataset's digest.
    pub digest: String,
    /// What for, when it was said.
    pub context: Option<String>,
}

words! {
    /// What a logged model is to a run.
    ModelRole {
        /// The run used it.
        Input = "input",
        /// The run made it.
        Output = "output",
    }
}

/// A logged model that a run used or made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelLink {
    /// What it is to the run.
    pub role: ModelRole,
    /// The model's id.
    pub model: String,
    /// The step at which it was made.
    pub step: i64,
}
