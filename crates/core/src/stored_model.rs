//! A model inside another step, as it is stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Catalog, Model, Result, Schema, State};

/// The facts of a model inside another step; its numbers stand among the tensors of that step,
/// where [`State::with_model`] puts them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredModel {
    kind: String,
    input: Schema,
    facts: Value,
}

impl StoredModel {
    /// The facts of `model`.
    pub fn new(model: &dyn Model) -> Self {
        Self {
            kind: model.kind().into(),
            input: model.input().as_ref().clone(),
            facts: model.state().facts,
        }
    }

    /// The model whose numbers stand in `state` under `prefix`.
    ///
    /// # Errors
    /// As [`Catalog::load_model`].
    pub fn load(&self, prefix: &str, state: &State, catalog: &Catalog) -> Result<Box<dyn Model>> {
        let start = format!("{prefix}/");
        let tensors = state
            .tensors
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(&start)?.to_string(), tensor)))
            .map(|(name, tensor)| (name, tensor.clone()))
            .collect();
        let inner = State { facts: self.facts.clone(), tensors };
        catalog.load_model(&self.kind, &inner, &Arc::new(self.input.clone()))
    }
}

impl State {
    /// Adds the numbers of `model` under `prefix`; its facts are those of a [`StoredModel`].
    #[must_use]
    pub fn with_model(mut self, prefix: &str, model: &dyn Model) -> Self {
        let tensors = model.state().tensors.into_iter();
        self.tensors.extend(tensors.map(|(name, tensor)| (format!("{prefix}/{name}"), tensor)));
        self
    }
}
