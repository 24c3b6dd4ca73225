//! Fills missing values with those of the nearest training rows.
//! Method: Troyanskaya et al., *Missing Value Estimation Methods for DNA Microarrays*, 2001.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State,
    Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::filled::{self, Filled};
use crate::moments::Moments;
use crate::taken;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "knn_impute";

/// Fills a missing value with the mean of that column over the nearest training rows that have it.
///
/// Near is meant over the columns taken: d² = (p / q) Σ (xⱼ − yⱼ)² over the q of p columns that both
/// rows have. Where no training row shares a column, the mean of the column is filled in. As
/// scikit-learn's `KNNImputer`. Put `standardize` before where units differ: it leaves missing
/// values missing.
///
/// Unlike other transforms it keeps training rows, and the model with it: at most `max_donors`, drawn
/// by the seed where there are more. A column of which training saw no value is left out, with a
/// note. Boolean columns count as 0 and 1 and become numeric. The columns keep their names and
/// places.
///
/// # Errors
/// No neighbours or no donors; a column that is neither numeric nor boolean; a selector that
/// selects nothing; infinite values, in training and in later rows.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::KnnImputer;
/// # use gristmill_testkit::table;
/// let rows = table()
///     .numbers("x", [Some(1.0), Some(1.1), Some(9.0), Some(1.2)])
///     .numbers("y", [Some(10.0), Some(12.0), Some(90.0), None])
///     .frame();
/// let settings = KnnImputer { neighbors: 2, ..KnnImputer::default() };
/// let notes = Notes::default();
/// let (_, filled) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(filled.numbers(1)?, [10.0, 12.0, 90.0, 11.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KnnImputer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many rows a mean is taken over.
    pub neighbors: usize,
    /// How much each of them counts.
    pub weights: NeighborWeights,
    /// How many training rows are kept at most.
    pub max_donors: usize,
}

impl Default for KnnImputer {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            neighbors: 5,
            weights: NeighborWeights::default(),
            max_donors: 10_000,
        }
    }
}

/// How much a neighbour counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeighborWeights {
    /// As much as any other.
    #[default]
    Uniform,
    /// The inverse of its distance; rows at no distance count alone.
    Distance,
}

impl KnnImputer {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if self.neighbors == 0 {
            return Err(Error::setting("neighbors", 0, "at least 1"));
        }
        if self.max_donors == 0 {
            return Err(Error::setting("max_donors", 0, "at least 1"));
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    /// Which rows are kept, rising.
    fn donors(&self, rows: usize, context: &FitContext<'_>) -> Vec<u32> {
        let mut all: Vec<u32> = (0..rows as u32).collect();
        if rows > self.max_donors {
            context.seed.named("donors").random().shuffle(&mut all);
            all.truncate(self.max_donors);
            all.sort_unstable();
        }
        all
    }
}

impl Transform for KnnImputer {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        filled::announced(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let filled = Filled::learn(KIND, &train, &positions, context.notes)?;
        let means = taken::learn_each(&train, &filled.taken.positions, |field, values| {
            let mean = Moments::of(values).mean;
            if mean.is_finite() { Ok(mean) } else { Err(taken::beyond(field)) }
        })?;
        let kept = self.donors(train.rows(), context);
        let columns = filled.taken.positions.iter().map(|&at| {
            let values = train.numbers(at)?;
            Ok(kept.iter().map(|&row| values[row as usize]).collect())
        });
        let donors = columns.collect::<Result<Vec<Vec<f64>>>>()?;
        let (neighbors, weights) = (self.neighbors, self.weights);
        let fitted = FittedKnnImputer { filled, neighbors, weights, means, donors };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`KnnImputer`] learned: the rows that values come from.
#[derive(Clone, Debug)]
pub struct FittedKnnImputer {
    filled: Filled,
    neighbors: usize,
    weights: NeighborWeights,
    means: Vec<f64>,
    /// The kept rows, column by column.
    donors: Vec<Vec<f64>>,
}

/// Room for the distances to all donors.
#[derive(Default)]
struct Scratch {
    squares: Vec<f64>,
    shared: Vec<f64>,
    nearest: Vec<(f64, usize)>,
}

impl FittedKnnImputer {
    /// The columns that are filled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.filled.taken.columns
    }

    /// The columns that are left out, because training saw no value of them.
    pub fn dropped(&self) -> &[String] {
        &self.filled.dropped
    }

    /// How many training rows are kept.
    pub fn donors(&self) -> usize {
        self.donors.first().map_or(0, Vec::len)
    }

    fn fill(&self, row: &mut [f64], scratch: &mut Scratch) {
        self.measure(row, scratch);
        let missing: Vec<usize> = (0..row.len()).filter(|&at| row[at].is_nan()).collect();
        for at in missing {
            row[at] = self.mean(at, scratch);
        }
    }

    /// Squared distances to all donors; NaN where no column is shared.
    fn measure(&self, row: &[f64], scratch: &mut Scratch) {
        let donors = self.donors();
        scratch.squares.clear();
        scratch.squares.resize(donors, 0.0);
        scratch.shared.clear();
        scratch.shared.resize(donors, 0.0);
        for (&value, column) in row.iter().zip(&self.donors).filter(|(v, _)| !v.is_nan()) {
            let sums = scratch.squares.iter_mut().zip(&mut scratch.shared);
            for (&donor, (square, shared)) in column.iter().zip(sums) {
                let there = if donor.is_nan() { 0.0 } else { 1.0 };
                let difference = if donor.is_nan() { 0.0 } else { value - donor };
                *square += difference * difference;
                *shared += there;
            }
        }
        let width = row.len() as f64;
        for (square, shared) in scratch.squares.iter_mut().zip(&scratch.shared) {
            *square = *square * width / shared;
        }
    }

    /// The squared distance of each row from each donor, NaN where they share no column.
    fn express_distances(&self, graph: &Graph, x: Value) -> Value {
        let zero = graph.number(0.0);
        let (mut squares, mut shared) = (zero, zero);
        for (at, donors) in self.donors.iter().enumerate() {
            let own = graph.columns(x, &[at]);
            let missing = graph.is_missing(own);
            let present = graph.to_numbers(graph.not(missing));
            let there = graph.multiply(present, graph.row(&known(donors)));
            let own = graph.choose(missing, zero, own);
            let difference = graph.subtract(own, graph.row(&or_zero(donors)));
            let difference = graph.multiply(difference, there);
            squares = graph.add(squares, graph.multiply(difference, difference));
            shared = graph.add(shared, there);
        }
        let width = graph.number(self.donors.len() as f64);
        graph.divide(graph.multiply(squares, width), shared)
    }

    /// What a missing value of each column would become.
    fn express_means(&self, graph: &Graph, x: Value) -> Value {
        let squares = self.express_distances(graph, x);
        let (zero, infinite) = (graph.number(0.0), graph.number(f64::INFINITY));
        let columns = self.donors.iter().zip(&self.means).map(|(donors, mean)| {
            let without = graph.equal(graph.row(&known(donors)), zero);
            let far = graph.either(graph.is_missing(squares), without);
            let distances = graph.choose(far, infinite, squares);
            let count = self.neighbors.min(donors.len());
            let (near, places) = graph.least_ones(distances, count);
            let found = graph.to_numbers(graph.less(near, infinite));
            let weights = match self.weights {
                NeighborWeights::Uniform => found,
                NeighborWeights::Distance => {
                    let touches = graph.equal(near, zero);
                    let touching = graph.equal(graph.columns(near, &[0]), zero);
                    let shares = graph.divide(graph.number(1.0), graph.root(near));
                    graph.choose(touching, graph.to_numbers(touches), shares)
                }
            };
            let values = graph.number_at(&or_zero(donors), places);
            let sum = graph.sum(graph.multiply(weights, values));
            let found = graph.divide(sum, graph.sum(weights));
            let finite = graph.at_most(graph.absolute(found), graph.number(f64::MAX));
            graph.choose(finite, found, graph.number(*mean))
        });
        graph.join(&columns.collect::<Vec<_>>())
    }

    /// The mean of the column at `at` over the nearest donors that have it.
    fn mean(&self, at: usize, scratch: &mut Scratch) -> f64 {
        let Scratch { squares, nearest, .. } = scratch;
        let donors = &self.donors[at];
        nearest.clear();
        let known = squares.iter().copied().zip(0..);
        nearest.extend(known.filter(|&(d, row)| !d.is_nan() && !donors[row].is_nan()));
        let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if nearest.len() > self.neighbors {
            nearest.select_nth_unstable_by(self.neighbors - 1, order);
            nearest.truncate(self.neighbors);
        }
        nearest.sort_unstable_by(order);
        let touching = nearest.first().is_some_and(|n| n.0 == 0.0);
        let weight = |square: f64| match self.weights {
            NeighborWeights::Uniform => 1.0,
            NeighborWeights::Distance if touching => f64::from(u8::from(square == 0.0)),
            NeighborWeights::Distance => square.sqrt().recip(),
        };
        let total: f64 = nearest.iter().map(|n| weight(n.0)).sum();
        let sum: f64 = nearest.iter().map(|n| weight(n.0) * donors[n.1]).sum();
        let mean = sum / total;
        if mean.is_finite() { mean } else { self.means[at] }
    }
}

/// 1 for each number, 0 for each missing one.
fn known(numbers: &[f64]) -> Vec<f64> {
    numbers.iter().map(|v| f64::from(u8::from(!v.is_nan()))).collect()
}

/// The numbers, 0 for missing ones.
fn or_zero(numbers: &[f64]) -> Vec<f64> {
    numbers.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    dropped: Vec<String>,
    neighbors: usize,
    weights: NeighborWeights,
}

impl FittedTransform for FittedKnnImputer {
    fn signature(&self) -> &Signature {
        &self.filled.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.filled.apply(rows, Scratch::default, |row, scratch| self.fill(row, scratch))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.filled.taken.positions;
        let x = graph.taken(columns, positions);
        let filled = match self.donors() {
            0 => graph.row(&self.means),
            _ => self.express_means(graph, x),
        };
        let filled = graph.choose(graph.is_missing(x), filled, x);
        Ok(self.filled.express(&graph.changed(columns, positions, |_| filled)))
    }

    fn state(&self) -> State {
        let facts = Facts {
            columns: self.filled.taken.columns.clone(),
            dropped: self.filled.dropped.clone(),
            neighbors: self.neighbors,
            weights: self.weights,
        };
        let mut state = State::new(&facts).with_f64("means", self.means.clone());
        let donors = taken::tensor(self.donors.concat(), self.donors.len(), self.donors());
        state.tensors.insert("donors".into(), donors);
        state
    }
}

impl Load for FittedKnnImputer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, dropped, neighbors, weights } = state.facts()?;
        let filled = Filled::load(KIND, &columns, &dropped, input)?;
        let means = filled.finite(state, "means")?;
        let (numbers, width, count) = taken::matrix(KIND, state, "donors")?;
        if width != columns.len() || neighbors == 0 {
            let found = "its rows are not whole, or it takes no neighbours";
            return Err(filled.taken.damaged(found));
        }
        if numbers.iter().any(|v| v.is_infinite()) {
            return Err(filled.taken.damaged("a row has an infinite value"));
        }
        let donors = match count {
            0 => vec![Vec::new(); width],
            _ => numbers.chunks(count).map(<[f64]>::to_vec).collect(),
        };
        Ok(Self { filled, neighbors, weights, means, donors })
    }
}
