//! What clustering by centers learns.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Measure, Wire};
use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::centers::{CHUNK, Centers};
use crate::distance::{Scale, Squared};
use crate::points::{Points, check_stored};

/// The centers of [`crate::KMeans`] and [`crate::MiniBatchKMeans`].
#[derive(Clone, Debug)]
pub struct CenterModel {
    kind: &'static str,
    input: Arc<Schema>,
    centers: Centers,
    scale: Scale,
    inertia: f64,
}

/// What is stored of it besides numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    kind: String,
    clusters: usize,
    inertia: f64,
}

impl CenterModel {
    pub(super) const K_MEANS: &'static str = "k_means";
    pub(super) const MINI_BATCH: &'static str = "mini_batch_k_means";

    pub(super) fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        centers: Points,
        inertia: f64,
    ) -> Self {
        let scale = Scale::of(&centers);
        let centers = Centers::new(&scale, centers);
        Self { kind, input: Arc::clone(input), centers, scale, inertia }
    }

    /// The centers, `[clusters, columns]` row after row.
    pub fn centers(&self) -> &[f64] {
        self.centers.points().values()
    }

    /// Σ weight · squared distance from the nearest center over the training rows.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }
}

impl Model for CenterModel {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Unsupervised
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let points = Points::of(self.kind, rows, &self.input)?;
        let small = self.scale.shrink::<Squared>(&points);
        let all: Vec<u32> = (0..points.len() as u32).collect();
        let placed: Vec<_> = all
            .par_chunks(CHUNK)
            .flat_map_iter(|wanted| self.centers.place(&points, &small, wanted))
            .collect();
        let labels = placed.into_iter().map(|placed| placed.center);
        Ok(Scores::Probabilities(certain(labels, rows.rows(), self.centers.points().len())))
    }

    fn clusters(&self) -> Option<Vec<String>> {
        Some(numbered(self.centers.points().len()))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let distances = graph.distances(graph.matrix(columns), self.centers(), Measure::Squares);
        let clusters = self.centers.points().len();
        let nearest = graph.place_of_least(distances);
        Ok(Answers::Probabilities(graph.one_hot(nearest, clusters)))
    }

    fn state(&self) -> State {
        State::new(&Facts {
            kind: self.kind.into(),
            clusters: self.centers.points().len(),
            inertia: self.inertia,
        })
        .with_f64("centers", self.centers().to_vec())
    }
}

impl Load for CenterModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let kind = [Self::K_MEANS, Self::MINI_BATCH]
            .into_iter()
            .find(|kind| *kind == facts.kind)
            .ok_or_else(|| {
            Error::damaged("model of centers", format!("it is `{}`", facts.kind))
        })?;
        check_stored(kind, input)?;
        let centers = Points::stored("centers", state.f64s("centers")?, input.len())?;
        if centers.len() != facts.clusters {
            return Err(Error::damaged("tensor `centers`", "it holds another number of centers"));
        }
        Ok(Self::new(kind, input, centers, facts.inertia))
    }
}

/// The names of clusters: `0`, `1`, ...
pub(super) fn numbered(clusters: usize) -> Vec<String> {
    (0..clusters).map(|cluster| cluster.to_string()).collect()
}

/// Probability 1 for the cluster of each row.
pub(super) fn certain(
    labels: impl Iterator<Item = u32>,
    rows: usize,
    clusters: usize,
) -> DenseMatrix {
    let mut probabilities = DenseMatrix::zeros(rows, clusters);
    for (row, label) in labels.enumerate() {
        probabilities.set(row, label as usize, 1.0);
    }
    probabilities
}
