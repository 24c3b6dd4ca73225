//! What clustering by density learns: the core rows and their clusters.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Wire};
use gristmill_core::{Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use serde::{Deserialize, Serialize};

use super::Dbscan;
use super::center_model::{certain, numbered};
use crate::neighbors::{Algorithm, Search};
use crate::points::{Points, check_stored};

/// The core rows of [`Dbscan`].
#[derive(Clone, Debug)]
pub struct DbscanModel {
    settings: Dbscan,
    input: Arc<Schema>,
    search: Search,
    labels: Vec<u32>,
    clusters: usize,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    settings: Dbscan,
}

impl DbscanModel {
    pub(super) const KIND: &'static str = "dbscan";

    /// A model of core rows that the metric has prepared, with the cluster of each.
    pub(super) fn new(
        settings: &Dbscan,
        input: &Arc<Schema>,
        core: Points,
        labels: Vec<u32>,
    ) -> Self {
        let clusters = labels.iter().max().map_or(0, |&last| last as usize + 1);
        let search = Search::new(core, settings.metric, Algorithm::Auto);
        Self { settings: settings.clone(), input: Arc::clone(input), search, labels, clusters }
    }

    /// How many core rows it holds.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }
}

impl Model for DbscanModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Unsupervised
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let queries = Points::of(Self::KIND, rows, &self.input)?;
        let found = self.search.nearest(&self.settings.metric.prepare(queries)?, 1);
        let labels =
            found.rows.iter().zip(&found.distances).map(|(&row, &distance)| {
                match distance <= self.settings.eps {
                    true => self.labels[row as usize],
                    false => self.clusters as u32,
                }
            });
        Ok(Scores::Probabilities(certain(labels, rows.rows(), self.clusters + 1)))
    }

    fn clusters(&self) -> Option<Vec<String>> {
        let mut names = numbered(self.clusters);
        names.push("noise".into());
        Some(names)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let (distance, place) = self.search.express(graph, graph.matrix(columns), 1);
        let labels: Vec<f64> = self.labels.iter().map(|&label| f64::from(label)).collect();
        let near = graph.at_most(distance, graph.number(self.settings.eps));
        let noise = graph.number(self.clusters as f64);
        let label = graph.choose(near, graph.number_at(&labels, place), noise);
        Ok(Answers::Probabilities(graph.one_hot(label, self.clusters + 1)))
    }

    fn state(&self) -> State {
        State::new(&Facts { settings: self.settings.clone() })
            .with_f64("points", self.search.points().values().to_vec())
            .with_u32("labels", self.labels.clone())
    }
}

impl Load for DbscanModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { settings } = state.facts()?;
        check_stored(Self::KIND, input)?;
        let points = Points::stored("points", state.f64s("points")?, input.len())?;
        let labels = state.u32s("labels")?;
        // Every cluster has a core row.
        let possible = labels.iter().all(|&label| (label as usize) < labels.len());
        if labels.len() != points.len() || !possible || u32::try_from(points.len()).is_err() {
            return Err(Error::damaged("tensor `labels`", "it does not hold one cluster a row"));
        }
        Ok(Self::new(&settings, input, points, labels.to_vec()))
    }
}
