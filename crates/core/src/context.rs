//! What fitting is told besides the rows.

use std::sync::Mutex;

use crate::{Seed, Target, Validation};

/// What a step may use while it is fitted. Chance comes from `seed`; nothing else does.
#[derive(Clone, Copy, Debug)]
pub struct FitContext<'a> {
    /// The root of this step's random choices.
    pub seed: Seed,
    /// The known answers of the training rows, for steps that learn from them.
    pub target: Option<&'a Target>,
    /// The weight of each training row; without it all weigh 1.
    pub weights: Option<&'a [f64]>,
    /// Rows that no step has learned from, as the transforms before leave them, for estimators
    /// that asked for them by [`crate::Estimator::validation_share`] or that a split provides.
    pub validation: Option<&'a Validation>,
    /// Where to say what a person should know.
    pub notes: &'a Notes,
}

impl<'a> FitContext<'a> {
    /// A context with this seed and nothing else.
    pub fn new(seed: Seed, notes: &'a Notes) -> Self {
        Self { seed, target: None, weights: None, validation: None, notes }
    }

    /// The same context for a step called `name`.
    #[must_use]
    pub fn for_step(self, name: &str) -> Self {
        Self { seed: self.seed.named(name), ..self }
    }

    /// The same context with the answers of the training rows.
    #[must_use]
    pub fn with_target(self, target: &'a Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The same context with the weights of the training rows.
    #[must_use]
    pub fn with_weights(self, weights: Option<&'a [f64]>) -> Self {
        Self { weights, ..self }
    }

    /// The same context with rows that no step has learned from.
    #[must_use]
    pub fn with_validation(self, validation: Option<&'a Validation>) -> Self {
        Self { validation, ..self }
    }
}

/// Things a person should know that are no errors: a dropped column, grouped categories.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// Adds a note, once.
    pub fn add(&self, note: impl Into<String>) {
        let note = note.into();
        let mut notes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// All notes so far, in order.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
