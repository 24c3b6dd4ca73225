//! Moves values beyond bounds to the bounds.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State,
    Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::order;
use crate::taken::{self, ColumnFacts, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "clip";

/// Moves each value below `lower` to it and each above `upper` to that: z = min(max(x, lower),
/// upper). The bounds are given, or are two quantiles of each column in training (winsorizing).
///
/// Missing values are left out of the quantiles and stay missing; infinite ones are moved to a
/// bound as any others. A column of which training saw no value is not bounded by quantiles.
/// Boolean columns count as 0 and 1. The columns keep their names and places. With quantiles,
/// which lie linearly between neighbours, learning needs all rows at once.
///
/// # Errors
/// Neither bounds nor quantiles, or both; bounds or quantiles out of order; a column that is
/// neither numeric nor boolean; a selector that selects nothing; an infinite quantile.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Clip;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [-5.0, 0.5, 9.0]).frame();
/// let settings = Clip { lower: Some(0.0), upper: Some(1.0), ..Clip::default() };
/// let notes = Notes::default();
/// let (_, clipped) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(clipped.numbers(0)?, [0.0, 0.5, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Clip {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// The least value of the result.
    pub lower: Option<f64>,
    /// The greatest value of the result.
    pub upper: Option<f64>,
    /// The two shares of the training values, such as `[0.01, 0.99]`, whose quantiles are the
    /// bounds.
    pub quantiles: Option<[f64; 2]>,
}

impl Default for Clip {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), lower: None, upper: None, quantiles: None }
    }
}

impl Clip {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        match (self.quantiles, self.lower, self.upper) {
            (None, None, None) => {
                let wanted = "a number for it or for `upper`, or `quantiles`";
                return Err(Error::setting("lower", "absent", wanted));
            }
            (Some([low, high]), None, None) => {
                if !(0.0 <= low && low < high && high <= 1.0) {
                    return Err(Error::setting(
                        "quantiles",
                        format!("[{low}, {high}]"),
                        "two shares from 0 to 1, the smaller one first",
                    ));
                }
            }
            (Some(_), _, _) => {
                let wanted = "none of it beside `lower` and `upper`";
                return Err(Error::setting("quantiles", "given", wanted));
            }
            (None, lower, upper) => {
                let (low, high) = bounds(lower, upper);
                if low.is_nan() || high.is_nan() || low > high {
                    let found = format!("{low} and `upper` is {high}");
                    return Err(Error::setting("lower", found, "at most `upper`"));
                }
            }
        }
        columns::taken(&self.columns, input, columns::numeric)
    }

    fn learn(&self, values: &[f64]) -> (f64, f64) {
        match self.quantiles.map(|shares| order::few_quantiles(values, &shares)) {
            None => bounds(self.lower, self.upper),
            Some(Some(quantiles)) => (quantiles[0], quantiles[1]),
            Some(None) => bounds(None, None),
        }
    }
}

fn bounds(lower: Option<f64>, upper: Option<f64>) -> (f64, f64) {
    (lower.unwrap_or(f64::NEG_INFINITY), upper.unwrap_or(f64::INFINITY))
}

impl Transform for Clip {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        columns::with_numbers(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        let bounds = taken::learn_each(&train, &positions, |field, values| {
            let (low, high) = self.learn(values);
            // Infinite values may leave a quantile between them that is no number.
            let learned = self.quantiles.is_some() && values.iter().any(|v| !v.is_nan());
            if low.is_nan() || high.is_nan() || learned && !(low.is_finite() && high.is_finite()) {
                return Err(taken::beyond(field));
            }
            Ok((low, high))
        })?;
        let fitted = FittedClip { taken: Taken::numbers(KIND, &input, positions)?, bounds };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`Clip`] learned: two bounds for each column.
#[derive(Clone, Debug)]
pub struct FittedClip {
    taken: Taken,
    bounds: Vec<(f64, f64)>,
}

impl FittedClip {
    /// The columns that are clipped, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The bounds of each of [`FittedClip::columns`], infinite where there is none.
    pub fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }
}

impl FittedTransform for FittedClip {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.map(rows, &self.bounds, |(low, high), value| value.clamp(*low, *high))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let (lower, upper): (Vec<f64>, Vec<f64>) = self.bounds.iter().copied().unzip();
        let clipped = |x| graph.clamp(x, graph.row(&lower), graph.row(&upper));
        Ok(graph.changed(columns, &self.taken.positions, clipped))
    }

    fn state(&self) -> State {
        let (lower, upper) = self.bounds.iter().copied().unzip();
        State::new(&ColumnFacts::of(&self.taken)).with_f64("lower", lower).with_f64("upper", upper)
    }
}

impl Load for FittedClip {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let taken = ColumnFacts::taken(KIND, state, input)?;
        let lower = taken.one_each(state, "lower")?;
        let bounds: Vec<(f64, f64)> =
            lower.into_iter().zip(taken.one_each(state, "upper")?).collect();
        // Bounds out of order would make `clamp` panic.
        if bounds.iter().any(|(low, high)| low.is_nan() || high.is_nan() || low > high) {
            return Err(taken.damaged("a lower bound is above the upper one"));
        }
        Ok(Self { taken, bounds })
    }
}
