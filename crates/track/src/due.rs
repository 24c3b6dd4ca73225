//! Dues: occasions for a deployment to run, each taken up once.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RunId;

/// An occasion that somebody has taken up, and the run that comes of it.
///
/// Claiming comes first and the run second, so whoever dies in between leaves a due without a run:
/// [`Store::open_dues`](crate::Store::open_dues) finds it, and the run keeps the id chosen here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Due {
    /// The deployment that is to run.
    pub deployment: String,
    /// What sort of occasion it is: `schedule`, `webhook`, or a word of the caller's.
    pub trigger: String,
    /// Which occasion it is: the planned moment, a file's digest, the run that succeeded.
    pub key: String,
    /// When the run was meant to start.
    pub due: Timestamp,
    /// The run that it becomes.
    pub run: RunId,
    /// When it was claimed.
    pub claimed: Timestamp,
    /// What came with it, such as the body of a webhook.
    pub payload: Value,
}
