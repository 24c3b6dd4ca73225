//! How much the rows of each class weigh.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much the rows of each class weigh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// All rows weigh the same.
    #[default]
    None,
    /// The rows of each class weigh the same together: each rows / (classes · rows of its class).
    Balanced,
}
