//! Scales columns by their greatest absolute value.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::taken::{self, ColumnFacts, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "max_abs";

/// Divides each column by its greatest absolute value in training: z = x / max |x|.
///
/// Zeros stay zeros, so sparse columns stay sparse. Missing values are left out of the greatest and
/// stay missing. A column of zeros stays as it is. Boolean columns count as 0 and 1. The columns
/// keep their names and places.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; infinite values.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::MaxAbsScaler;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, -4.0]).frame();
/// let notes = Notes::default();
/// let (_, scaled) = MaxAbsScaler::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(scaled.numbers(0)?, [0.25, -1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaxAbsScaler {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
}

impl Default for MaxAbsScaler {
    fn default() -> Self {
        Self { columns: Selector::word("numeric") }
    }
}

impl Transform for MaxAbsScaler {
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
        let scales = taken::learn_each(&train, &positions, |field, values| {
            let greatest = values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            match greatest {
                0.0 => Ok(1.0),
                _ if greatest.is_finite() => Ok(greatest),
                _ => Err(taken::beyond(field)),
            }
        })?;
        let fitted = FittedMaxAbsScaler { taken: Taken::numbers(KIND, &input, positions)?, scales };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// What [`MaxAbsScaler`] learned: the greatest absolute value of each column.
#[derive(Clone, Debug)]
pub struct FittedMaxAbsScaler {
    taken: Taken,
    scales: Vec<f64>,
}

impl FittedMaxAbsScaler {
    /// The columns that are scaled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// What each of [`FittedMaxAbsScaler::columns`] is divided by.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }
}

impl FittedTransform for FittedMaxAbsScaler {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.map(rows, &self.scales, |scale, value| value / scale)
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let scaled = |x| graph.divide(x, graph.row(&self.scales));
        Ok(graph.changed(columns, &self.taken.positions, scaled))
    }

    fn state(&self) -> State {
        State::new(&ColumnFacts::of(&self.taken)).with_f64("scales", self.scales.clone())
    }
}

impl Load for FittedMaxAbsScaler {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let taken = ColumnFacts::taken(KIND, state, input)?;
        let scales = taken.scales(state, "scales")?;
        Ok(Self { taken, scales })
    }
}
