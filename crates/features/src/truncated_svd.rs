//! Few columns that approximate many, without centring, so that sparse columns stay sparse.
//! Method: Halko, Martinsson and Tropp, *Finding Structure with Randomness: Probabilistic
//! Algorithms for Constructing Approximate Matrix Decompositions*, 2011, algorithms 4.4 and 5.1.

use std::sync::Arc;

use faer::{Mat, MatRef};
use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Seed, Selector, Signature,
    State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::moments::Moments;
use crate::products::{self, Numbers};
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "truncated_svd";
const NO_SINGULAR_VALUES: &str = "which have no singular values";

/// Replaces columns by their projections on the first right singular vectors, t = x V, where
/// X ≈ U Σ Vᵀ is the best approximation of the training rows of that rank. Of word counts this is
/// latent semantic analysis.
///
/// Columns are not centred, so sparse ones are never written out. The results are called `svd_1`,
/// `svd_2`, ... by falling singular value and stand at the end, in place of the columns taken. The
/// sign of a vector is chosen so that its entry of greatest size is positive, as scikit-learn does.
/// The vectors are found in a random subspace that `power_iterations` turn towards them, so they
/// are exact where the subspace is as large as the data, and close to it elsewhere.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; more components
/// than columns or rows; missing or infinite values.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::TruncatedSvd;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [3.0, 0.0]).numbers("y", [0.0, 1.0]).frame();
/// let settings = TruncatedSvd { components: 1, ..TruncatedSvd::default() };
/// let notes = Notes::default();
/// let (_, reduced) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert!((reduced.numbers(0)?[0] - 3.0).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TruncatedSvd {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many results.
    pub components: usize,
    /// How often the random subspace is turned towards the greatest singular values.
    pub power_iterations: usize,
    /// How many dimensions the random subspace has beyond the components.
    pub oversamples: usize,
    /// What the names of the results start with; `svd` unless said otherwise.
    pub prefix: String,
}

impl Default for TruncatedSvd {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            components: 2,
            power_iterations: 5,
            oversamples: 10,
            prefix: "svd".into(),
        }
    }
}

fn too_many(count: usize, found: usize, of: &str) -> Error {
    Error::setting("components", count, format!("at most {found}, since there are {found} {of}"))
}

impl TruncatedSvd {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if self.components == 0 {
            return Err(Error::setting("components", 0, "at least 1"));
        }
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let open = input.fields().iter().any(|f| f.expands);
        if self.components > positions.len() && !open {
            return Err(too_many(self.components, positions.len(), "columns"));
        }
        Ok(positions)
    }

    /// Right singular vectors, one after the other, and singular values.
    fn decompose(&self, numbers: &Numbers<'_>, rows: usize, seed: Seed) -> Result<Decomposition> {
        let width = numbers.width();
        let space = self.components.saturating_add(self.oversamples).min(width).min(rows);
        let mut random = seed.named("subspace").random();
        let start: Vec<f64> = (0..width * space).map(|_| random.normal()).collect();
        let mut basis = orthonormal(&numbers.times(&start, space), space);
        for _ in 0..self.power_iterations {
            let turned = orthonormal(&numbers.transposed_times(&basis, space), space);
            basis = orthonormal(&numbers.times(&turned, space), space);
        }
        let small = numbers.transposed_times(&basis, space);
        let svd = MatRef::from_row_major_slice(&small, width, space).thin_svd().map_err(|_| {
            Error::data("the columns have no singular values that could be computed")
        })?;
        let mut directions = Vec::with_capacity(self.components * width);
        for at in 0..self.components {
            let direction: Vec<f64> = svd.U().col(at).iter().copied().collect();
            let sign = crate::pca::sign(&direction);
            directions.extend(direction.iter().map(|v| v * sign));
        }
        let values = svd.S().column_vector().iter().take(self.components).copied().collect();
        Ok(Decomposition { directions, values })
    }
}

struct Decomposition {
    directions: Vec<f64>,
    values: Vec<f64>,
}

/// An orthonormal basis, row-major, of the columns of a row-major matrix with at least as many rows
/// as its `width`.
fn orthonormal(values: &[f64], width: usize) -> Vec<f64> {
    let rows = values.len() / width.max(1);
    let basis: Mat<f64> = MatRef::from_row_major_slice(values, rows, width).qr().compute_thin_Q();
    let mut out = Vec::with_capacity(rows * width);
    for row in 0..rows {
        out.extend(basis.row(row).iter());
    }
    out
}

impl Transform for TruncatedSvd {
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
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        for (found, of) in [(train.rows(), "rows"), (positions.len(), "columns")] {
            if self.components > found {
                return Err(too_many(self.components, found, of));
            }
        }
        let numbers = Numbers::of(&train, &positions, NO_SINGULAR_VALUES)?;
        let Decomposition { directions, values } =
            self.decompose(&numbers, train.rows(), context.seed)?;
        let total = taken::learn_each(&train, &positions, |field, values| {
            let variance = Moments::of(values).variance();
            if variance.is_finite() { Ok(variance) } else { Err(taken::beyond(field)) }
        })?;
        let prefix = self.prefix.clone();
        let mut fitted = FittedTruncatedSvd::new(&input, positions, prefix, directions)?;
        fitted.singular_values = values;
        fitted.total_variance = total.iter().sum();
        let applied = fitted.apply(train)?;
        let made = applied.schema().len() - self.components..applied.schema().len();
        for at in made {
            fitted.variances.push(Moments::of(applied.numbers(at)?).variance());
        }
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// What [`TruncatedSvd`] learned: right singular vectors and singular values.
#[derive(Clone, Debug)]
pub struct FittedTruncatedSvd {
    taken: Taken,
    prefix: String,
    /// One vector after the other.
    directions: Vec<f64>,
    singular_values: Vec<f64>,
    variances: Vec<f64>,
    total_variance: f64,
    /// The vectors as columns of a row-major matrix `[columns, components]`.
    weights: Vec<f64>,
}

impl FittedTruncatedSvd {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        prefix: String,
        directions: Vec<f64>,
    ) -> Result<Self> {
        let width = positions.len();
        let components = directions.len() / width.max(1);
        let made = taken::numbered(&prefix, components);
        let output = taken::replaced(KIND, input, &positions, made)?;
        let weights = products::to_columns(&directions, width).concat();
        Ok(Self {
            taken: Taken::new(KIND, input, positions, output),
            prefix,
            directions,
            singular_values: Vec::new(),
            variances: Vec::new(),
            total_variance: 0.0,
            weights,
        })
    }

    /// The columns that are projected, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The right singular vectors, each with one entry for each of
    /// [`FittedTruncatedSvd::columns`].
    pub fn directions(&self) -> impl Iterator<Item = &[f64]> {
        self.directions.chunks(self.taken.len().max(1))
    }

    /// The singular values, falling.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// The share of the whole variance that each result has in training; zeros where there is no
    /// variance.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        let total = self.total_variance;
        self.variances.iter().map(|v| if total > 0.0 { v / total } else { 0.0 }).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    prefix: String,
}

impl FittedTransform for FittedTruncatedSvd {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let components = self.weights.len() / self.taken.len().max(1);
        let numbers = Numbers::of(&rows, &self.taken.positions, NO_SINGULAR_VALUES)?;
        let projected = numbers.times(&self.weights, components);
        self.taken.replace(rows, products::to_columns(&projected, components))
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.taken.positions;
        let components = self.weights.len() / self.taken.len().max(1);
        let projected = graph.times(graph.taken(columns, positions), &self.weights, components);
        Ok(wires::moved(columns, positions, projected))
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.taken.columns.clone(), prefix: self.prefix.clone() };
        let mut state = State::new(&facts)
            .with_f64("singular_values", self.singular_values.clone())
            .with_f64("variances", self.variances.clone())
            .with_f64("total_variance", vec![self.total_variance]);
        let directions = self.directions.clone();
        let directions = taken::tensor(directions, self.singular_values.len(), self.taken.len());
        state.tensors.insert("directions".into(), directions);
        state
    }
}

impl Load for FittedTruncatedSvd {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, prefix } = state.facts()?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        let damaged = |found: &str| Error::damaged(format!("step `{KIND}`"), found);
        let (directions, count, width) = taken::matrix(KIND, state, "directions")?;
        let values = state.f64s("singular_values")?;
        let variances = state.f64s("variances")?;
        let [total] = *state.f64s("total_variance")? else {
            return Err(damaged("its whole variance is not one number"));
        };
        let counts = [count, values.len(), variances.len()];
        if count == 0 || counts != [count; 3] || width != positions.len() {
            return Err(damaged("its vectors, values and variances are not equally many"));
        }
        if directions.iter().any(|v| !v.is_finite()) {
            return Err(damaged("a vector is not finite"));
        }
        let mut fitted = Self::new(input, positions, prefix, directions.to_vec())?;
        fitted.singular_values = values.to_vec();
        fitted.variances = variances.to_vec();
        fitted.total_variance = total;
        Ok(fitted)
    }
}
