//! Distances to the centres of clusters as columns.
//! Method: the centres of k-means, [`crate::lloyd`].

use std::sync::Arc;

use gristmill_core::graph::{Graph, Measure, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State,
    Transform,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::lloyd::{self, Points, Search};
use crate::products::{self, Numbers};
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "cluster_distance";
const NO_DISTANCE: &str = "which have no distance to a centre";

/// How many rows are measured at once.
const BLOCK_ROWS: usize = 1_024;

/// Replaces columns by the distances of each row to the centres of clusters, dⱼ = ‖x − cⱼ‖.
///
/// The centres are those of k-means over the training rows, started by k-means++ from the seed;
/// row weights count. The results are called `cluster_1`, `cluster_2`, ... by falling number of
/// training rows for which a centre is the nearest, and stand at the end, in place of the columns
/// taken. Put `standardize` before where units differ.
///
/// # Errors
/// No clusters; fewer different rows than clusters; a column that is neither numeric nor boolean; a
/// selector that selects nothing; missing or infinite values, in training and in later rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterDistance {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many clusters.
    pub clusters: usize,
    /// How often centres are moved at most.
    pub max_iter: usize,
    /// Centres are at rest when they move by less than this share of the mean variance.
    pub tolerance: f64,
    /// What the names of the results start with; `cluster` unless said otherwise.
    pub prefix: String,
}

impl Default for ClusterDistance {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            clusters: 8,
            max_iter: 300,
            tolerance: 1e-4,
            prefix: "cluster".into(),
        }
    }
}

impl ClusterDistance {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if self.clusters == 0 || u32::try_from(self.clusters).is_err() {
            return Err(Error::setting("clusters", self.clusters, "at least 1"));
        }
        if self.max_iter == 0 {
            return Err(Error::setting("max_iter", 0, "at least 1"));
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::setting("tolerance", self.tolerance, "0 or more"));
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    fn centres(
        &self,
        numbers: &Numbers<'_>,
        rows: usize,
        context: &FitContext<'_>,
    ) -> Result<Vec<f64>> {
        if rows < self.clusters {
            let wanted = format!("at most {rows}, since there are {rows} rows");
            return Err(Error::setting("clusters", self.clusters, wanted));
        }
        let values = numbers.by_rows();
        let points = Points { values: &values, width: numbers.width(), weights: context.weights };
        let (clusters, max_iter, tolerance) = (self.clusters, self.max_iter, self.tolerance);
        let search = Search { clusters, max_iter, tolerance };
        let found = lloyd::centres(points, search, context.seed).map_err(|few| {
            let wanted = format!("at most {0}, since rows have {0} different values", few.found);
            Error::setting("clusters", clusters, wanted)
        })?;
        if !found.settled {
            context.notes.add(format!(
                "the centres of `{KIND}` had not come to rest after {max_iter} iterations"
            ));
        }
        if found.values.iter().any(|v| !v.is_finite()) {
            return Err(Error::data_hint(
                "the values are too large to add up",
                "put `standardize` before",
            ));
        }
        Ok(by_size(found.values, &values, numbers.width()))
    }
}

/// The centres by falling number of the points that are nearest to them.
fn by_size(centres: Vec<f64>, points: &[f64], width: usize) -> Vec<f64> {
    let count = centres.len() / width;
    let mut sizes = vec![0usize; count];
    let nearest: Vec<usize> =
        points.par_chunks(width).map(|row| lloyd::nearest_centre(row, &centres)).collect();
    nearest.into_iter().for_each(|at| sizes[at] += 1);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(sizes[at]));
    order.iter().flat_map(|&at| &centres[at * width..][..width]).copied().collect()
}

impl Transform for ClusterDistance {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        taken::replaced(KIND, input, &positions, taken::numbered(&self.prefix, self.clusters))
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let numbers = Numbers::of(&train, &positions, NO_DISTANCE)?;
        let centres = self.centres(&numbers, train.rows(), context)?;
        let prefix = self.prefix.clone();
        let fitted = FittedClusterDistance::new(train.schema(), positions, prefix, centres)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`ClusterDistance`] learned: the centres.
#[derive(Clone, Debug)]
pub struct FittedClusterDistance {
    taken: Taken,
    prefix: String,
    /// One centre after the other.
    centres: Vec<f64>,
}

impl FittedClusterDistance {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        prefix: String,
        centres: Vec<f64>,
    ) -> Result<Self> {
        let made = taken::numbered(&prefix, centres.len() / positions.len().max(1));
        let output = taken::replaced(KIND, input, &positions, made)?;
        Ok(Self { taken: Taken::new(KIND, input, positions, output), prefix, centres })
    }

    /// The columns that distances are measured over, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The centres, each with one entry for each of [`FittedClusterDistance::columns`].
    pub fn centres(&self) -> impl Iterator<Item = &[f64]> {
        self.centres.chunks(self.taken.len().max(1))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    prefix: String,
}

impl FittedTransform for FittedClusterDistance {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let numbers = Numbers::of(&rows, &self.taken.positions, NO_DISTANCE)?;
        let (values, width) = (numbers.by_rows(), self.taken.len());
        let clusters = self.centres.len() / width;
        let mut distances = vec![0.0; rows.rows() * clusters];
        distances
            .par_chunks_mut(BLOCK_ROWS * clusters)
            .zip(values.par_chunks(BLOCK_ROWS * width))
            .for_each(|(distances, rows)| {
                for (distances, row) in distances.chunks_mut(clusters).zip(rows.chunks(width)) {
                    for (distance, centre) in distances.iter_mut().zip(self.centres()) {
                        *distance = lloyd::squared(row, centre).sqrt();
                    }
                }
            });
        self.taken.replace(rows, products::to_columns(&distances, clusters))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.taken.positions;
        let x = graph.taken(columns, positions);
        let distances = graph.root(graph.distances(x, &self.centres, Measure::Squares));
        Ok(wires::moved(columns, positions, distances))
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.taken.columns.clone(), prefix: self.prefix.clone() };
        let mut state = State::new(&facts);
        let width = self.taken.len();
        let clusters = self.centres.len() / width.max(1);
        let centres = taken::tensor(self.centres.clone(), clusters, width);
        state.tensors.insert("centres".into(), centres);
        state
    }
}

impl Load for FittedClusterDistance {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, prefix } = state.facts()?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        let (centres, _, width) = taken::matrix(KIND, state, "centres")?;
        let whole = !centres.is_empty() && width == positions.len();
        if !whole || centres.iter().any(|v| !v.is_finite()) {
            let found = "its centres are not whole, or not finite";
            return Err(Error::damaged(format!("step `{KIND}`"), found));
        }
        Self::new(input, positions, prefix, centres.to_vec())
    }
}
