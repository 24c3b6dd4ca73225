//! Deployments: pipelines that `up` runs by itself.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A pipeline as it was when it was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its name; deploying under the same name again replaces it.
    pub name: String,
    /// The folder that the snapshot stands in.
    pub folder: String,
    /// The pipeline file in that folder.
    pub file: String,
    /// What was set beside the file.
    pub settings: Value,
    /// The digest of the snapshot.
    pub digest: String,
    /// When it was deployed.
    pub deployed: Timestamp,
    /// When it was taken out of use; nothing while it is in use.
    pub undeployed: Option<Timestamp>,
}

/// The text of a pipeline file as it was deployed: whoever shares the database can run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The hash of the text.
    pub digest: String,
    /// The file with everything that it includes.
    pub text: String,
    /// Since when it is kept.
    pub since: Timestamp,
}

impl Deployment {
    /// A deployment in use, with nothing set beside the file.
    pub fn new(
        name: impl Into<String>,
        folder: impl Into<String>,
        file: impl Into<String>,
        digest: impl Into<String>,
        deployed: Timestamp,
    ) -> Self {
        Self {
            name: name.into(),
            folder: folder.into(),
            file: file.into(),
            settings: Value::Null,
            digest: digest.into(),
            deployed,
            undeployed: None,
        }
    }

    /// Whether it is in use.
    pub fn is_active(&self) -> bool {
        self.undeployed.is_none()
    }
}
