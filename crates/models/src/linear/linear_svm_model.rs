//! What linear support vector machines learn: a model of classes or one of numbers.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{Contributions, Frame, Load, Model, Result, Schema, Scores, State, Task};

use super::logistic_model::LogisticModel;
use super::regression_model::LinearModel;

/// What [`super::LinearSvm`] learns.
#[derive(Clone, Debug)]
pub enum LinearSvmModel {
    /// For a target of classes.
    Classes(LogisticModel),
    /// For a number.
    Numbers(LinearModel),
}

impl LinearSvmModel {
    fn inner(&self) -> &dyn Model {
        match self {
            Self::Classes(model) => model,
            Self::Numbers(model) => model,
        }
    }
}

impl Model for LinearSvmModel {
    fn kind(&self) -> &'static str {
        self.inner().kind()
    }

    fn input(&self) -> &Arc<Schema> {
        self.inner().input()
    }

    fn task(&self) -> Task {
        self.inner().task()
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        self.inner().predict(rows)
    }

    fn importances(&self) -> Option<Vec<f64>> {
        self.inner().importances()
    }

    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        self.inner().explain(rows)
    }

    fn takes_sparse(&self) -> bool {
        self.inner().takes_sparse()
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        self.inner().express(graph, columns)
    }

    fn state(&self) -> State {
        self.inner().state()
    }
}

impl Load for LinearSvmModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        if state.facts.get("classes").is_some() {
            return LogisticModel::load(state, input).map(Self::Classes);
        }
        LinearModel::load(state, input).map(Self::Numbers)
    }
}
