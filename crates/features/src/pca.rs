//! Principal components: few columns that keep most of the variance of many.
//! Method: eigenvectors of the covariance, Jolliffe, *Principal Component Analysis*, Springer 2002.

use std::sync::Arc;

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};
use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows,
    Schema, Selector, Signature, State, Tensor, TensorData,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
pub use crate::components::Components;
use crate::cross_products::CrossProducts;
use crate::moments;
use crate::taken;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "pca";

/// How many rows are projected at once; few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 512;

/// How many rows are summed at once; few enough for their sums to stay in registers.
const TILE_ROWS: usize = 16;

/// Replaces columns by their projections on the directions of greatest variance,
/// t = (x − μ) W, where the columns of W are eigenvectors of the covariance of the training rows.
///
/// The results are called `pca_1`, `pca_2`, ... by falling variance and stand at the end, in place
/// of the columns taken. The sign of a direction is chosen so that its entry of greatest size is
/// positive, as scikit-learn does. Columns are centred but not scaled: put `standardize` before
/// where their units differ. With `whiten` each result has variance 1 in training.
///
/// # Errors
/// A column that is neither numeric nor boolean; missing values; more components than columns or
/// rows; infinite values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pca {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many results: a count, a share of the variance to keep, or all.
    pub components: Components,
    /// Whether to scale each result to variance 1.
    pub whiten: bool,
    /// What the names of the results start with; `pca` unless said otherwise.
    pub prefix: String,
}

impl Default for Pca {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            components: Components::default(),
            whiten: false,
            prefix: "pca".into(),
        }
    }
}

impl Pca {
    /// This many principal components of all numeric columns.
    pub fn new(components: usize) -> Self {
        Self { components: Components::Count(components), ..Self::default() }
    }

    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        match self.components {
            Components::Count(0) => {
                return Err(Error::setting("components", 0, "at least 1, a share, or all"));
            }
            Components::Share(share) if !(share > 0.0 && share < 1.0) => {
                return Err(Error::setting(
                    "components",
                    share,
                    "a share between 0 and 1, a whole number, or all",
                ));
            }
            _ => {}
        }
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let open = input.fields().iter().any(|f| f.expands);
        match self.components {
            Components::Count(count) if count > positions.len() && !open => {
                Err(too_many(count, positions.len(), "columns"))
            }
            _ => Ok(positions),
        }
    }
}

fn too_many(count: usize, found: usize, of: &str) -> Error {
    Error::setting("components", count, format!("at most {found}, since there are {found} {of}"))
}

impl Learn for Pca {
    type Learner = PcaLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        let made = match self.components {
            Components::Count(count) => taken::numbered(&self.prefix, count),
            _ => vec![Field::number(format!("{}_*", self.prefix)).expanding()],
        };
        taken::replaced(KIND, input, &positions, made)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        Ok(PcaLearner { settings: self.clone(), positions, seen: CrossProducts::default() })
    }
}

/// What a [`Pca`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PcaLearner {
    settings: Pca,
    positions: Vec<usize>,
    seen: CrossProducts,
}

fn refuse_missing(name: &str) -> Error {
    Error::data_hint(
        format!("column `{name}` has missing values, which have no principal components"),
        "put an `impute` step before",
    )
}

impl Learner for PcaLearner {
    type Fitted = FittedPca;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let mut columns = Vec::with_capacity(self.positions.len());
        let mut means = Vec::with_capacity(self.positions.len());
        for &at in &self.positions {
            let values = rows.numbers(at)?;
            let mean = moments::full_mean(values);
            let name = || &rows.frame.schema().fields()[at].name;
            means.push(mean.ok_or_else(|| refuse_missing(name()))?);
            columns.push(values);
        }
        let seen = std::mem::take(&mut self.seen);
        self.seen = seen.merged(&CrossProducts::of(&columns, means));
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        let seen = std::mem::take(&mut self.seen);
        self.seen = seen.merged(&later.seen);
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, _notes: &Notes) -> Result<Self::Fitted> {
        let (width, rows) = (self.positions.len(), self.seen.count as usize);
        if rows == 0 {
            return Err(Error::data("there are no rows to find principal components of"));
        }
        let diagonal = self.seen.products.iter().step_by(width + 1);
        if let Some(i) = diagonal.into_iter().position(|v| !v.is_finite()) {
            return Err(columns::beyond(input, self.positions.get(i).copied().unwrap_or(0)));
        }
        let spectrum = Spectrum::of(&self.seen)?;
        let count = match self.settings.components {
            Components::Count(count) if count > rows => return Err(too_many(count, rows, "rows")),
            Components::Count(count) if count > width => {
                return Err(too_many(count, width, "columns"));
            }
            Components::Count(count) => count,
            Components::Share(share) => spectrum.keeping(share),
            Components::All => width.min(rows),
        };
        let variances = spectrum.variances[..count].to_vec();
        let scales = match self.settings.whiten {
            // A direction without variance gives zeros, not infinities.
            true => variances.iter().map(|v| v.sqrt().max(f64::EPSILON)).collect(),
            false => vec![1.0; count],
        };
        let learned = Learned {
            prefix: self.settings.prefix,
            means: self.seen.means,
            directions: spectrum.directions[..count * width].to_vec(),
            scales,
            total: spectrum.variances.iter().sum(),
            variances,
        };
        FittedPca::new(input, self.positions, learned)
    }
}

/// All eigenvectors of a covariance, by falling eigenvalue.
struct Spectrum {
    variances: Vec<f64>,
    /// One direction after the other.
    directions: Vec<f64>,
}

impl Spectrum {
    fn of(seen: &CrossProducts) -> Result<Self> {
        let width = seen.means.len();
        let scale = 1.0 / (seen.count.max(2) - 1) as f64;
        let covariance: Vec<f64> = seen.products.iter().map(|p| p * scale).collect();
        let (values, vectors) = eigen(&covariance, width)?;
        let mut directions = Vec::with_capacity(width * width);
        for at in (0..width).rev() {
            let direction: Vec<f64> = (0..width).map(|row| vectors[(row, at)]).collect();
            let sign = sign(&direction);
            directions.extend(direction.iter().map(|v| v * sign));
        }
        // Rounding can leave a variance of nothing just below 0.
        let variances = values.into_iter().rev().map(|v| v.max(0.0)).collect();
        Ok(Self { variances, directions })
    }

    /// How many directions keep more than `share` of the variance.
    fn keeping(&self, share: f64) -> usize {
        let total: f64 = self.variances.iter().sum();
        let mut kept = 0.0;
        let enough = self.variances.iter().position(|v| {
            kept += v;
            kept > share * total
        });
        enough.map_or(1, |at| at + 1)
    }
}

/// Eigenvalues, rising, and eigenvectors of a symmetric matrix given column by column.
fn eigen(matrix: &[f64], width: usize) -> Result<(Vec<f64>, Mat<f64>)> {
    let mut vectors = Mat::zeros(width, width);
    let mut values = Diag::zeros(width);
    let space = self_adjoint_evd_scratch::<f64>(
        width,
        ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    self_adjoint_evd(
        MatRef::from_column_major_slice(matrix, width, width),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(space)),
        Default::default(),
    )
    .map_err(|_| Error::data("the covariance has no eigenvectors that could be computed"))?;
    Ok((values.column_vector().iter().copied().collect(), vectors))
}

/// The sign that makes the entry of greatest size positive; of entries equal up to rounding, the
/// first.
pub(crate) fn sign(direction: &[f64]) -> f64 {
    let greatest = direction.iter().fold(0.0f64, |greatest, v| greatest.max(v.abs()));
    let first = direction.iter().find(|v| v.abs() >= greatest * (1.0 - 1e-9));
    if first.is_some_and(|v| *v < 0.0) { -1.0 } else { 1.0 }
}

/// The numbers of a [`FittedPca`].
#[derive(Clone, Debug)]
struct Learned {
    prefix: String,
    means: Vec<f64>,
    directions: Vec<f64>,
    scales: Vec<f64>,
    variances: Vec<f64>,
    total: f64,
}

/// What [`Pca`] learned: means, directions and their variances.
#[derive(Clone, Debug)]
pub struct FittedPca {
    signature: Signature,
    columns: Vec<String>,
    positions: Vec<usize>,
    learned: Learned,
}

impl FittedPca {
    fn new(input: &Arc<Schema>, positions: Vec<usize>, learned: Learned) -> Result<Self> {
        let made = taken::numbered(&learned.prefix, learned.variances.len());
        Ok(Self {
            signature: Signature::new(KIND, input, taken::replaced(KIND, input, &positions, made)?),
            columns: columns::names(input, &positions),
            positions,
            learned,
        })
    }

    /// The columns that are projected, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The directions, by falling variance, each with one entry for each of
    /// [`FittedPca::columns`].
    pub fn directions(&self) -> impl Iterator<Item = &[f64]> {
        self.learned.directions.chunks(self.positions.len().max(1))
    }

    /// The variance (over n − 1) of the training rows along each direction.
    pub fn explained_variance(&self) -> &[f64] {
        &self.learned.variances
    }

    /// The share of the whole variance along each direction; zeros where there is no variance.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        let total = self.learned.total;
        let share = |v: &f64| if total > 0.0 { v / total } else { 0.0 };
        self.learned.variances.iter().map(share).collect()
    }

    fn project(&self, rows: &Frame) -> Result<Vec<Column>> {
        let columns: Vec<&[f64]> =
            self.positions.iter().map(|&at| rows.numbers(at)).collect::<Result<_>>()?;
        let mut projected = vec![vec![0.0; rows.rows()]; self.learned.variances.len()];
        let blocks = by_block(&mut projected);
        let project = |(block, sums)| self.project_block(block * BLOCK_ROWS, &columns, sums);
        if blocks.len() > 1 {
            blocks.into_par_iter().enumerate().for_each(project);
        } else {
            blocks.into_iter().enumerate().for_each(project);
        }
        // A missing value reaches every direction, so it is enough to look at one.
        if projected.first().is_some_and(|p| p.iter().any(|v| v.is_nan()))
            && let Some(at) = columns.iter().position(|c| c.iter().any(|v| v.is_nan()))
        {
            return Err(refuse_missing(&self.columns[at]));
        }
        Ok(projected.into_iter().map(Column::Numbers).collect())
    }

    /// Fills `sums`, one slice for each direction, with the rows from `start` on. Each row is
    /// summed in the order of the columns, whatever rows stand beside it: wider registers hold more
    /// rows, and change no bit.
    fn project_block(&self, start: usize, columns: &[&[f64]], sums: Vec<&mut [f64]>) {
        pulp::Arch::new().dispatch(Project { learned: &self.learned, start, columns, sums });
    }
}

struct Project<'a> {
    learned: &'a Learned,
    start: usize,
    columns: &'a [&'a [f64]],
    sums: Vec<&'a mut [f64]>,
}

impl pulp::WithSimd for Project<'_> {
    type Output = ();

    // Code that is not inlined is compiled for the narrowest registers.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(mut self, _: S) {
        let rows = self.sums.first().map_or(0, |s| s.len());
        let mut centred = vec![[0.0; TILE_ROWS]; self.columns.len()];
        for from in (0..rows).step_by(TILE_ROWS) {
            let to = (from + TILE_ROWS).min(rows);
            let columns = self.columns.iter().zip(&self.learned.means);
            for (tile, (values, mean)) in centred.iter_mut().zip(columns) {
                center(&values[self.start + from..self.start + to], *mean, tile);
            }
            let directions = self.learned.directions.chunks(centred.len().max(1));
            let directions = directions.zip(&self.learned.scales);
            for (sums, (direction, scale)) in self.sums.iter_mut().zip(directions) {
                let tile = times(&centred, direction);
                sums[from..to].iter_mut().zip(tile).for_each(|(sum, t)| *sum = t / scale);
            }
        }
    }
}

/// Fills the tile with the values less their mean; places beyond the values stay as they are.
#[inline(always)]
fn center(values: &[f64], mean: f64, tile: &mut [f64; TILE_ROWS]) {
    match <&[f64; TILE_ROWS]>::try_from(values) {
        Ok(values) => *tile = values.map(|value| value - mean),
        Err(_) => tile.iter_mut().zip(values).for_each(|(c, value)| *c = value - mean),
    }
}

/// The sum of some rows' columns, each times its weight.
#[inline(always)]
fn times(columns: &[[f64; TILE_ROWS]], weights: &[f64]) -> [f64; TILE_ROWS] {
    let mut sums = [0.0; TILE_ROWS];
    for (values, weight) in columns.iter().zip(weights) {
        for row in 0..TILE_ROWS {
            sums[row] += values[row] * weight;
        }
    }
    sums
}

/// For each block of rows its part of every column.
fn by_block(columns: &mut [Vec<f64>]) -> Vec<Vec<&mut [f64]>> {
    let mut blocks: Vec<Vec<&mut [f64]>> = Vec::new();
    for column in columns {
        for (at, part) in column.chunks_mut(BLOCK_ROWS).enumerate() {
            match blocks.get_mut(at) {
                Some(block) => block.push(part),
                None => blocks.push(vec![part]),
            }
        }
    }
    blocks
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    prefix: String,
}

impl FittedTransform for FittedPca {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let projected = self.project(&rows)?;
        let count = rows.rows();
        let kept = rows.into_columns().into_iter().enumerate();
        let kept = kept.filter(|(at, _)| self.positions.binary_search(at).is_err());
        let columns = kept.map(|(_, column)| column).chain(projected).collect();
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let learned = &self.learned;
        let centred = graph.taken(columns, &self.positions);
        let centred = graph.subtract(centred, graph.row(&learned.means));
        let directions: Vec<&[f64]> = self.directions().collect();
        let by_column: Vec<f64> = (0..self.positions.len())
            .flat_map(|at| directions.iter().map(move |direction| direction[at]))
            .collect();
        let projected = graph.times(centred, &by_column, directions.len());
        let scaled = graph.divide(projected, graph.row(&learned.scales));
        Ok(wires::moved(columns, &self.positions, scaled))
    }

    fn state(&self) -> State {
        let learned = &self.learned;
        let facts = Facts { columns: self.columns.clone(), prefix: learned.prefix.clone() };
        let mut state = State::new(&facts)
            .with_f64("means", learned.means.clone())
            .with_f64("scales", learned.scales.clone())
            .with_f64("variances", learned.variances.clone())
            .with_f64("total_variance", vec![learned.total]);
        let directions = Tensor {
            shape: vec![learned.variances.len(), learned.means.len()],
            data: TensorData::F64(learned.directions.clone()),
        };
        state.tensors.insert("directions".into(), directions);
        state
    }
}

impl Load for FittedPca {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let damaged = |found: &str| Error::damaged(format!("step `{KIND}`"), found);
        let facts: Facts = state.facts()?;
        let positions = columns::stored(KIND, &facts.columns, input, columns::numeric)?;
        let (means, scales) = (state.f64s("means")?, state.f64s("scales")?);
        let (variances, directions) = (state.f64s("variances")?, state.f64s("directions")?);
        columns::one_each(KIND, "means", means.len(), positions.len())?;
        let count = variances.len();
        let shape = state.tensors.get("directions").map(|t| t.shape.as_slice());
        if scales.len() != count
            || shape != Some(&[count, means.len()])
            || count.checked_mul(means.len()) != Some(directions.len())
        {
            return Err(damaged("its directions, scales and variances are not equally many"));
        }
        if scales.iter().any(|s| !(s.is_finite() && *s > 0.0)) {
            return Err(damaged("a scale is not above 0"));
        }
        let [total] = *state.f64s("total_variance")? else {
            return Err(damaged("its whole variance is not one number"));
        };
        let learned = Learned {
            prefix: facts.prefix,
            means: means.to_vec(),
            directions: directions.to_vec(),
            scales: scales.to_vec(),
            variances: variances.to_vec(),
            total,
        };
        Self::new(input, positions, learned)
    }
}
