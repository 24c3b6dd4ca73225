//! Takes logarithms of columns.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature,
    State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::taken::{self, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "log";

/// Takes the natural logarithm of each value: z = ln(x + `offset`).
///
/// With the usual offset of 1, zero stays zero and small values keep all their digits; an offset
/// of 0 takes plain logarithms. Nothing is learned. Missing values stay missing. Boolean columns
/// count as 0 and 1. The columns keep their names and places.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; a value that the
/// offset does not lift above 0, and an infinite one, in training and in later rows.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Log;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, std::f64::consts::E - 1.0]).frame();
/// let notes = Notes::default();
/// let (_, logs) = Log::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(logs.numbers(0)?, [0.0, 1.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// What is added before; every value must be above 0 with it.
    pub offset: f64,
}

impl Default for Log {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), offset: 1.0 }
    }
}

impl Log {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        check_offset(self.offset)?;
        columns::taken(&self.columns, input, columns::numeric)
    }
}

fn check_offset(offset: f64) -> Result<()> {
    if offset.is_finite() {
        return Ok(());
    }
    Err(Error::setting("offset", offset, "a finite number"))
}

impl Transform for Log {
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
        let taken = Taken::numbers(KIND, &input, self.positions(&input)?)?;
        let fitted = FittedLog { taken, offset: self.offset };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// A [`Log`] that knows its columns.
#[derive(Clone, Debug)]
pub struct FittedLog {
    taken: Taken,
    offset: f64,
}

impl FittedLog {
    fn refuse_without(&self, field: &Field, values: &[f64]) -> Result<()> {
        let offset = self.offset;
        let wrong = |v: &f64| v + offset <= 0.0 || v.is_infinite();
        let Some(value) = values.iter().copied().find(wrong) else { return Ok(()) };
        let with = if offset == 0.0 { String::new() } else { format!(" with the offset {offset}") };
        Err(Error::data_hint(
            format!("column `{}` has the value {value}, which has no logarithm{with}", field.name),
            "give a greater `offset`, or move such values with `clip` before",
        ))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    offset: f64,
}

impl FittedTransform for FittedLog {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        taken::learn_each(&rows, &self.taken.positions, |f, v| self.refuse_without(f, v))?;
        let plans = vec![self.offset; self.taken.len()];
        self.taken.map(rows, &plans, |&offset, value| match offset {
            1.0 => value.ln_1p(),
            _ => (value + offset).ln(),
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let logarithm = |x| match self.offset {
            1.0 => graph.ln_1p(x),
            offset => graph.ln(graph.add(x, graph.number(offset))),
        };
        Ok(graph.changed(columns, &self.taken.positions, logarithm))
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.taken.columns.clone(), offset: self.offset })
    }
}

impl Load for FittedLog {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, offset } = state.facts()?;
        let taken = taken::stored_numbers(KIND, &columns, input)?;
        check_offset(offset).map_err(|e| taken.damaged(e.to_string()))?;
        Ok(Self { taken, offset })
    }
}
