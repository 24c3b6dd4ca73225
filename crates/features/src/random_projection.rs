//! Few columns that keep the distances of many, by chance.
//! Methods: Dasgupta and Gupta, *An Elementary Proof of a Theorem of Johnson and Lindenstrauss*,
//! 2003 (gaussian); Li, Hastie and Church, *Very Sparse Random Projections*, 2006 (sparse).

use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Seed, Selector, Signature,
    State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::products::{self, Numbers};
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "random_projection";
const NO_PROJECTION: &str = "which have no projection";

/// More numbers than this in the matrix would take 1 GiB.
const MOST_NUMBERS: usize = 1 << 27;

/// Replaces columns by sums of them with random weights, t = x R, which keep distances on average:
/// E‖t‖² = ‖x‖². Nothing is learned from the rows.
///
/// The weights are normal with variance 1 / k for k components (`gaussian`), or ±√(√d / k), each
/// with probability 1 / (2√d) for d columns, and 0 elsewhere (`sparse`, which is faster where there
/// are many columns). They derive from the seed. The results are called `projection_1` and so on
/// and stand at the end, in place of the columns taken. Sparse columns are never written out.
///
/// # Errors
/// No components, or so many that the weights take more than 1 GiB; a column that is neither
/// numeric nor boolean; a selector that selects nothing; missing or infinite values, in training
/// and in later rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomProjection {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many results.
    pub components: usize,
    /// How the weights are drawn.
    pub method: ProjectionMethod,
    /// What the names of the results start with; `projection` unless said otherwise.
    pub prefix: String,
}

impl Default for RandomProjection {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            components: 10,
            method: ProjectionMethod::default(),
            prefix: "projection".into(),
        }
    }
}

/// How random weights are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionMethod {
    /// From a normal distribution.
    #[default]
    Gaussian,
    /// Mostly zeros, and the others of equal size.
    Sparse,
}

impl fmt::Display for ProjectionMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gaussian => "gaussian",
            Self::Sparse => "sparse",
        })
    }
}

impl RandomProjection {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let most = MOST_NUMBERS / positions.len().max(1);
        if self.components == 0 || self.components > most {
            return Err(Error::setting("components", self.components, format!("1 to {most}")));
        }
        Ok(positions)
    }

    /// Weights, row-major of shape `[width, components]`.
    fn weights(&self, width: usize, seed: Seed) -> Vec<f64> {
        let mut random = seed.named("weights").random();
        let (count, components) = (width * self.components, self.components as f64);
        match self.method {
            ProjectionMethod::Gaussian => {
                let scale = components.sqrt().recip();
                (0..count).map(|_| random.normal() * scale).collect()
            }
            ProjectionMethod::Sparse => {
                let root = (width as f64).sqrt();
                let size = (root / components).sqrt();
                let draw = |_| match random.unit() * root {
                    low if low < 0.5 => size,
                    low if low < 1.0 => -size,
                    _ => 0.0,
                };
                (0..count).map(draw).collect()
            }
        }
    }
}

impl Transform for RandomProjection {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        taken::replaced(KIND, input, &positions, taken::numbered(&self.prefix, self.components))
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let weights = self.weights(positions.len(), context.seed);
        let fitted = FittedRandomProjection::new(
            train.schema(),
            positions,
            self.prefix.clone(),
            self.components,
            weights,
        )?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// The weights that a [`RandomProjection`] has drawn.
#[derive(Clone, Debug)]
pub struct FittedRandomProjection {
    taken: Taken,
    prefix: String,
    components: usize,
    weights: Vec<f64>,
}

impl FittedRandomProjection {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        prefix: String,
        components: usize,
        weights: Vec<f64>,
    ) -> Result<Self> {
        let made = taken::numbered(&prefix, components);
        let output = taken::replaced(KIND, input, &positions, made)?;
        Ok(Self { taken: Taken::new(KIND, input, positions, output), prefix, components, weights })
    }

    /// The columns that are projected, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The weights of each of [`FittedRandomProjection::columns`], one for each result.
    pub fn weights(&self) -> impl Iterator<Item = &[f64]> {
        self.weights.chunks(self.components)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    prefix: String,
}

impl FittedTransform for FittedRandomProjection {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let numbers = Numbers::of(&rows, &self.taken.positions, NO_PROJECTION)?;
        let projected = numbers.times(&self.weights, self.components);
        self.taken.replace(rows, products::to_columns(&projected, self.components))
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.taken.positions;
        let x = graph.taken(columns, positions);
        let projected = graph.times(x, &self.weights, self.components);
        Ok(wires::moved(columns, positions, projected))
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.taken.columns.clone(), prefix: self.prefix.clone() };
        let mut state = State::new(&facts);
        let weights = taken::tensor(self.weights.clone(), self.taken.len(), self.components);
        state.tensors.insert("weights".into(), weights);
        state
    }
}

impl Load for FittedRandomProjection {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, prefix } = state.facts()?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        let (weights, rows, components) = taken::matrix(KIND, state, "weights")?;
        if components == 0 || rows != positions.len() || weights.iter().any(|w| !w.is_finite()) {
            let found = "its weights are not equally many for each column, or not finite";
            return Err(Error::damaged(format!("step `{KIND}`"), found));
        }
        Self::new(input, positions, prefix, components, weights.to_vec())
    }
}
