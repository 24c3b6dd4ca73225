//! The fitted models inside another one: how they are stored and read back.

use std::sync::Arc;

use gristmill_core::{Catalog, Error, Model, Result, Schema, State, StoredModel, Task};

/// Fitted models in a fixed order.
#[derive(Debug)]
pub(super) struct Members(pub(super) Vec<Box<dyn Model>>);

impl Members {
    /// The facts of each.
    pub(super) fn facts(&self) -> Vec<StoredModel> {
        self.0.iter().map(|model| StoredModel::new(model.as_ref())).collect()
    }

    /// Adds the numbers of each to `state`.
    pub(super) fn put(&self, mut state: State) -> State {
        for (at, model) in self.0.iter().enumerate() {
            state = state.with_model(&prefix(at), model.as_ref());
        }
        state
    }

    /// The models whose facts are `facts` and whose numbers stand in `state`.
    ///
    /// # Errors
    /// [`Error::Damaged`] when one is, or there is none.
    pub(super) fn load(facts: &[StoredModel], state: &State, catalog: &Catalog) -> Result<Self> {
        if facts.is_empty() {
            return Err(Error::damaged("model of models", "it has no model inside"));
        }
        let load = |(at, stored): (usize, &StoredModel)| {
            stored.load(&prefix(at), state, catalog).map_err(|error| match error {
                Error::UnknownName { .. } => Error::damaged("model of models", error.to_string()),
                other => other,
            })
        };
        facts.iter().enumerate().map(load).collect::<Result<_>>().map(Self)
    }

    /// Whether all take sparse columns.
    pub(super) fn takes_sparse(&self) -> bool {
        self.0.iter().all(|model| model.takes_sparse())
    }
}

/// Refuses a stored model that takes other columns or answers another question.
///
/// # Errors
/// [`Error::Damaged`].
pub(super) fn require(model: &dyn Model, input: &Arc<Schema>, task: Task) -> Result<()> {
    if model.input() != input {
        return Err(Error::damaged(
            format!("model `{}`", model.kind()),
            "it takes other columns than the model around it",
        ));
    }
    if model.task() != task {
        return Err(Error::damaged(
            format!("model `{}`", model.kind()),
            "it answers another question than the model around it",
        ));
    }
    Ok(())
}

fn prefix(at: usize) -> String {
    format!("model {at}")
}
