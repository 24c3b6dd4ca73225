//! Signals: what one process tells whoever listens, in one order for all.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that was raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Its place among all signals, from 1. A listener that has seen one number misses none by
    /// asking for those after it.
    pub number: u64,
    /// What sort of signal it is.
    pub name: String,
    /// What it says.
    pub payload: Value,
    /// When it was raised.
    pub at: Timestamp,
}
