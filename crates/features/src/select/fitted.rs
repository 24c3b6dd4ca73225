//! The columns that were chosen.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Catalog, FittedTransform, Frame, Load, LoadWith, Result, Schema, Signature, State,
};
use serde::{Deserialize, Serialize};

use super::KIND;
use crate::columns;
use crate::taken::Taken;
use crate::wires;

/// What [`crate::Select`] learned: how much each column matters, and which are left.
#[derive(Clone, Debug)]
pub struct FittedSelect {
    taken: Taken,
    scores: Vec<f64>,
    dropped: Vec<usize>,
}

impl FittedSelect {
    /// `scores` and `kept` are one for each of `positions`.
    pub(super) fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        scores: Vec<f64>,
        kept: &[bool],
    ) -> Result<Self> {
        let dropped: Vec<usize> =
            positions.iter().zip(kept).filter(|(_, kept)| !**kept).map(|(at, _)| *at).collect();
        let output = columns::spliced(input, |at, field| {
            if dropped.binary_search(&at).is_ok() { Vec::new() } else { vec![field.clone()] }
        })?;
        Ok(Self { taken: Taken::new(KIND, input, positions, output), scores, dropped })
    }

    /// The columns that were chosen from, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// How much each of [`FittedSelect::columns`] matters: its variance, score or importance; with
    /// `recursive` how many columns had been dropped before it.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The columns that are left out, in the order of the input.
    pub fn dropped(&self) -> Vec<String> {
        columns::names(&self.taken.signature.input, &self.dropped)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    dropped: Vec<String>,
}

impl FittedTransform for FittedSelect {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let count = rows.rows();
        let columns = rows.into_columns().into_iter().enumerate();
        let kept = columns.filter(|(at, _)| self.dropped.binary_search(at).is_err());
        let kept = kept.map(|(_, column)| column).collect();
        Frame::new(Arc::clone(&self.taken.signature.output), kept, count)
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, _graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        Ok(wires::kept(self, columns, &self.dropped))
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.taken.columns.clone(), dropped: self.dropped() })
            .with_f64("scores", self.scores.clone())
    }
}

impl Load for FittedSelect {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns: names, dropped } = state.facts()?;
        let positions = columns::stored(KIND, &names, input, |_| Ok(()))?;
        let dropped = columns::stored(KIND, &dropped, input, |_| Ok(()))?;
        let scores = state.f64s("scores")?;
        columns::one_each(KIND, "scores", scores.len(), positions.len())?;
        let kept: Vec<bool> =
            positions.iter().map(|at| dropped.binary_search(at).is_err()).collect();
        let fitted = Self::new(input, positions, scores.to_vec(), &kept)?;
        if fitted.dropped != dropped {
            return Err(fitted.taken.damaged("it drops a column that it did not choose from"));
        }
        Ok(fitted)
    }
}

impl LoadWith for FittedSelect {
    fn load_with(state: &State, input: &Arc<Schema>, _catalog: &Catalog) -> Result<Self> {
        Self::load(state, input)
    }
}
