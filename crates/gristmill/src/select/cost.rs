//! What trials cost: time and memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::machine;

/// Under which name a trial logs how long its folds took together.
pub(super) const SECONDS: &str = "seconds";

/// What one trial cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Seconds of its folds, which may have run side by side.
    seconds: f64,
    /// The most memory that the process had when one of its folds ended, in bytes.
    memory: u64,
}

impl Cost {
    /// By the names under which a trial logs them.
    pub fn metrics(&self) -> [(&'static str, f64); 2] {
        [(SECONDS, self.seconds), ("memory_mb", self.memory as f64 / 1e6)]
    }
}

/// What all trials of a process cost.
#[derive(Debug, Default)]
pub(super) struct Costs(Mutex<HashMap<usize, Cost>>);

impl Costs {
    pub fn fold(&self, number: usize, seconds: f64) {
        let memory = machine::resident().unwrap_or_default();
        let mut costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = costs.entry(number).or_default();
        cost.seconds += seconds;
        cost.memory = cost.memory.max(memory);
    }

    /// Whether this process worked on that trial.
    pub fn knows(&self, number: usize) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&number)
    }

    pub fn of(&self, number: usize) -> Cost {
        let costs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        costs.get(&number).copied().unwrap_or_default()
    }
}
