//! Scales each row to length 1.

use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State, Transform,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::taken::{self, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "normalize";

/// Norms outside of this range are computed again, so that squares neither overflow nor vanish.
const SAFE: std::ops::Range<f64> = 1e-140..1e140;

/// How many rows are measured at once; few enough to stay in a processor's cache.
const BLOCK_ROWS: usize = 1_024;

/// Divides each row by its norm over the columns taken, so that only directions differ:
/// z = x / ‖x‖, with ‖x‖ = √Σ xⱼ² (`l2`), Σ |xⱼ| (`l1`) or max |xⱼ| (`max`).
///
/// Nothing is learned. A row of zeros stays as it is. Boolean columns count as 0 and 1. The columns
/// keep their names and places.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; missing and
/// infinite values, in training and in later rows.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Normalizer;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [3.0]).numbers("y", [-4.0]).frame();
/// let notes = Notes::default();
/// let (_, scaled) = Normalizer::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!((scaled.numbers(0)?, scaled.numbers(1)?), (&[0.6][..], &[-0.8][..]));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Normalizer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How the length of a row is measured.
    pub norm: Norm,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), norm: Norm::default() }
    }
}

/// How the length of a row is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// The sum of the absolute values.
    L1,
    /// The root of the sum of squares.
    #[default]
    L2,
    /// The greatest absolute value.
    Max,
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Max => "max",
        })
    }
}

impl Norm {
    /// What `sum` becomes with one more value of the row.
    fn add(self, sum: f64, value: f64) -> f64 {
        match self {
            Self::L1 => sum + value.abs(),
            Self::L2 => sum + value * value,
            Self::Max => sum.max(value.abs()),
        }
    }

    fn finish(self, sum: f64) -> f64 {
        if self == Self::L2 { sum.sqrt() } else { sum }
    }

    /// The norms of some rows, given by columns; each row is summed in the order of the columns.
    fn of(self, columns: &[&[f64]], rows: usize) -> Vec<f64> {
        let mut norms = vec![0.0; rows];
        norms.par_chunks_mut(BLOCK_ROWS).enumerate().for_each(|(block, norms)| {
            self.fill(columns, block * BLOCK_ROWS, norms);
        });
        norms
    }

    /// Fills `norms` with those of the rows from `start` on.
    fn fill(self, columns: &[&[f64]], start: usize, norms: &mut [f64]) {
        for column in columns {
            for (sum, &value) in norms.iter_mut().zip(&column[start..]) {
                *sum = self.add(*sum, value);
            }
        }
        for (norm, row) in norms.iter_mut().zip(start..) {
            *norm = self.finish(*norm);
            if !norm.is_nan() && !SAFE.contains(norm) {
                *norm = self.careful(columns.iter().map(|c| c[row]));
            }
        }
    }

    /// The norm of one row whose squares may be beyond 64-bit floats.
    fn careful(self, row: impl Iterator<Item = f64> + Clone) -> f64 {
        let most = row.clone().fold(0.0f64, |most, v| most.max(v.abs()));
        if most == 0.0 || !most.is_finite() {
            return most;
        }
        self.finish(row.fold(0.0, |sum, v| self.add(sum, v / most))) * most
    }
}

impl Transform for Normalizer {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        columns::with_numbers(input, &positions)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = columns::taken(&self.columns, &input, columns::numeric)?;
        let taken = Taken::numbers(KIND, &input, positions)?;
        let fitted = FittedNormalizer { taken, norm: self.norm };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// A [`Normalizer`] that knows its columns.
#[derive(Clone, Debug)]
pub struct FittedNormalizer {
    taken: Taken,
    norm: Norm,
}

impl FittedNormalizer {
    /// Why a row has no norm.
    fn refuse(&self, columns: &[&[f64]]) -> gristmill_core::Error {
        let fields = self.taken.signature.input.fields();
        let at = |wrong: fn(&f64) -> bool| {
            let column = columns.iter().position(|c| c.iter().any(wrong))?;
            self.taken.positions.get(column).and_then(|&at| fields.get(at))
        };
        match at(|v| v.is_nan()) {
            Some(field) => taken::missing(field, "so its rows have no length"),
            None => taken::beyond(at(|v| v.is_infinite()).unwrap_or(&fields[0])),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    norm: Norm,
}

impl FittedTransform for FittedNormalizer {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let columns: Vec<&[f64]> =
            self.taken.positions.iter().map(|&at| rows.numbers(at)).collect::<Result<_>>()?;
        let norms = self.norm.of(&columns, rows.rows());
        // Sums of missing values are missing, but the greatest ignores them.
        let hidden = |c: &&[f64]| self.norm == Norm::Max && c.iter().any(|v| v.is_nan());
        if norms.iter().any(|n| !n.is_finite()) || columns.iter().any(hidden) {
            return Err(self.refuse(&columns));
        }
        let plans = vec![(); self.taken.len()];
        self.taken.change(rows, &plans, |(), values| {
            for (value, norm) in values.iter_mut().zip(&norms) {
                *value = if *norm > 0.0 { *value / norm } else { *value };
            }
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let scaled = |x| {
            let sizes = graph.absolute(x);
            let most = graph.greatest(sizes);
            let nothing = graph.equal(most, graph.number(0.0));
            let unit = graph.choose(nothing, graph.number(1.0), most);
            // By the greatest first: squares of very small and very large numbers are lost.
            let shares = graph.divide(x, unit);
            let norm = match self.norm {
                Norm::L1 => graph.sum(graph.absolute(shares)),
                Norm::L2 => graph.root(graph.sum(graph.multiply(shares, shares))),
                Norm::Max => graph.number(1.0),
            };
            graph.choose(nothing, x, graph.divide(shares, norm))
        };
        Ok(graph.changed(columns, &self.taken.positions, scaled))
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.taken.columns.clone(), norm: self.norm })
    }
}

impl Load for FittedNormalizer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, norm } = state.facts()?;
        Ok(Self { taken: taken::stored_numbers(KIND, &columns, input)?, norm })
    }
}
