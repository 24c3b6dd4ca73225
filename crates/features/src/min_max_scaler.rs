//! Scales columns into a range.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows, Schema, Selector,
    Signature, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "min_max";

/// Scales each column so that its training rows fill `range`:
/// z = (x − min) / (max − min) · (high − low) + low.
///
/// Missing values are left out of the extremes and stay missing. A column that is constant in
/// training becomes `low` where it has that value: its extent is taken as 1. Values beyond those of
/// training fall outside of the range, unless `clip` moves them to its border. Boolean columns
/// count as 0 and 1. The columns keep their names and places.
///
/// # Errors
/// A range whose first number is not below its second; a column that is neither numeric nor
/// boolean; a selector that selects nothing; infinite values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MinMaxScaler {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// The least and the greatest value of the result.
    pub range: [f64; 2],
    /// Whether later values outside of the training values move to the border of the range.
    pub clip: bool,
}

impl Default for MinMaxScaler {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), range: [0.0, 1.0], clip: false }
    }
}

impl MinMaxScaler {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        check_range(self.range)?;
        columns::taken(&self.columns, input, columns::numeric)
    }
}

fn check_range([low, high]: [f64; 2]) -> Result<()> {
    if low.is_finite() && high.is_finite() && low < high && (high - low).is_finite() {
        return Ok(());
    }
    Err(Error::setting("range", format!("[{low}, {high}]"), "two numbers, the smaller one first"))
}

impl Learn for MinMaxScaler {
    type Learner = MinMaxScalerLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        columns::with_numbers(input, &self.positions(input)?)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = self.positions(input)?;
        let extremes = vec![None; positions.len()];
        Ok(MinMaxScalerLearner { range: self.range, clip: self.clip, positions, extremes })
    }
}

/// What a [`MinMaxScaler`] has learned so far: least and greatest value of each column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MinMaxScalerLearner {
    range: [f64; 2],
    clip: bool,
    positions: Vec<usize>,
    extremes: Vec<Option<(f64, f64)>>,
}

fn extremes(values: &[f64]) -> Option<(f64, f64)> {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
    (low <= high).then_some((low, high))
}

fn wider(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some((low, high)), Some((l, h))) => Some((low.min(l), high.max(h))),
        (one, None) | (None, one) => one,
    }
}

impl Learner for MinMaxScalerLearner {
    type Fitted = FittedMinMaxScaler;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        for (&at, seen) in self.positions.iter().zip(&mut self.extremes) {
            *seen = wider(*seen, extremes(rows.numbers(at)?));
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        for (seen, later) in self.extremes.iter_mut().zip(later.extremes) {
            *seen = wider(*seen, later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, _notes: &Notes) -> Result<Self::Fitted> {
        // -0 and 0 are equal; which of them is met first must not be seen.
        let seen = || self.extremes.iter().map(|e| e.unwrap_or_default());
        let lows: Vec<f64> = seen().map(|(low, _)| low + 0.0).collect();
        let highs: Vec<f64> = seen().map(|(_, high)| high + 0.0).collect();
        let overflown = lows.iter().zip(&highs).position(|(low, high)| !(high - low).is_finite());
        if let Some(&at) = overflown.and_then(|i| self.positions.get(i)) {
            return Err(columns::beyond(input, at));
        }
        let clip = Clip::from(self.clip);
        FittedMinMaxScaler::new(input, self.positions, self.range, clip, lows, highs)
    }
}

/// What happens to values beyond those of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clip {
    Never,
    ToRange,
}

impl From<bool> for Clip {
    fn from(clip: bool) -> Self {
        if clip { Self::ToRange } else { Self::Never }
    }
}

/// What [`MinMaxScaler`] learned: least and greatest value of each column.
#[derive(Clone, Debug)]
pub struct FittedMinMaxScaler {
    signature: Signature,
    columns: Vec<String>,
    range: [f64; 2],
    clip: Clip,
    lows: Vec<f64>,
    highs: Vec<f64>,
    plan: Vec<Option<(f64, f64)>>,
}

impl FittedMinMaxScaler {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        range: [f64; 2],
        clip: Clip,
        lows: Vec<f64>,
        highs: Vec<f64>,
    ) -> Result<Self> {
        let extents = lows.iter().zip(&highs).map(|(&low, &high)| {
            let extent = high - low;
            (low, if extent > 0.0 { extent } else { 1.0 })
        });
        Ok(Self {
            signature: Signature::new(KIND, input, columns::with_numbers(input, &positions)?),
            columns: columns::names(input, &positions),
            plan: columns::plan(input.len(), &positions, extents),
            range,
            clip,
            lows,
            highs,
        })
    }

    /// The columns that are scaled, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The least training value of each of [`FittedMinMaxScaler::columns`]; 0 when all were
    /// missing.
    pub fn lows(&self) -> &[f64] {
        &self.lows
    }

    /// The greatest training value of each of [`FittedMinMaxScaler::columns`]; 0 when all were
    /// missing.
    pub fn highs(&self) -> &[f64] {
        &self.highs
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    range: [f64; 2],
    clip: Clip,
}

impl FittedTransform for FittedMinMaxScaler {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let ([low, high], clip) = (self.range, self.clip == Clip::ToRange);
        columns::map_numbers(rows, &self.signature.output, &self.plan, |(least, extent), value| {
            let scaled = (value - least) / extent * (high - low) + low;
            if clip { scaled.clamp(low, high) } else { scaled }
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let (lows, extents): (Vec<f64>, Vec<f64>) = self.plan.iter().flatten().copied().unzip();
        let [low, high] = self.range;
        let scaled = |x| {
            let share = graph.divide(graph.subtract(x, graph.row(&lows)), graph.row(&extents));
            let stretched = graph.multiply(share, graph.number(high - low));
            let scaled = graph.add(stretched, graph.number(low));
            match self.clip {
                Clip::ToRange => graph.clamp(scaled, graph.number(low), graph.number(high)),
                _ => scaled,
            }
        };
        Ok(graph.changed(columns, &wires::planned(&self.plan), scaled))
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.columns.clone(), range: self.range, clip: self.clip };
        State::new(&facts).with_f64("lows", self.lows.clone()).with_f64("highs", self.highs.clone())
    }
}

impl Load for FittedMinMaxScaler {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let damaged = |found: String| Error::damaged(format!("step `{KIND}`"), found);
        let facts: Facts = state.facts()?;
        // A range out of order would make `clamp` panic.
        check_range(facts.range).map_err(|e| damaged(e.to_string()))?;
        let positions = columns::stored(KIND, &facts.columns, input, columns::numeric)?;
        let (lows, highs) = (state.f64s("lows")?, state.f64s("highs")?);
        columns::one_each(KIND, "least values", lows.len(), positions.len())?;
        columns::one_each(KIND, "greatest values", highs.len(), positions.len())?;
        if lows.iter().zip(highs).any(|(low, high)| !(high - low).is_finite() || low > high) {
            return Err(damaged("a least value is above the greatest".into()));
        }
        Self::new(input, positions, facts.range, facts.clip, lows.to_vec(), highs.to_vec())
    }
}
