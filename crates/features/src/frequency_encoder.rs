//! Categories as how often training saw them.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Column, FittedTransform, Frame, Learn, Learner, Load, Notes, Result, Rows, Schema, Selector,
    Signature, State,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::{Counts, Lookup};
use crate::columns;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "frequency_encode";

/// Turns each category of a column into how often training saw it: nᵢ / n, or nᵢ.
///
/// Missing is a category of its own. A category that training never saw becomes 0. The columns keep
/// their names and places; numeric and boolean columns may be named too. Two categories that are
/// equally frequent come out alike.
///
/// # Errors
/// A column of text or moments; a selector that selects nothing.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::FrequencyEncoder;
/// # use gristmill_testkit::table;
/// let rows = table().words("plan", ["a", "b", "a", "a"]).frame();
/// let notes = Notes::default();
/// let (_, encoded) =
///     FrequencyEncoder::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(encoded.numbers(0)?, [0.75, 0.25, 0.75, 0.75]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrequencyEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// What the number is.
    pub measure: Measure,
}

impl Default for FrequencyEncoder {
    fn default() -> Self {
        Self { columns: Selector::word("categorical"), measure: Measure::default() }
    }
}

/// What a frequency is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// As a share of the training rows.
    #[default]
    Share,
    /// As a count of training rows.
    Count,
}

impl Learn for FrequencyEncoder {
    type Learner = FrequencyLearner;

    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        output(input, &columns::taken(&self.columns, input, columns::categorical)?)
    }

    fn learner(&self, input: &Schema) -> Result<Self::Learner> {
        let positions = columns::taken(&self.columns, input, columns::categorical)?;
        let counts = vec![Counts::default(); positions.len()];
        Ok(FrequencyLearner { measure: self.measure, rows: 0, positions, counts })
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// No value is missing afterwards.
fn output(input: &Schema, positions: &[usize]) -> Result<Schema> {
    columns::spliced(input, |at, field| {
        let taken = positions.binary_search(&at).is_ok();
        vec![if taken { columns::number(field).nullable(false) } else { field.clone() }]
    })
}

/// What a [`FrequencyEncoder`] has learned so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FrequencyLearner {
    measure: Measure,
    rows: u64,
    positions: Vec<usize>,
    counts: Vec<Counts>,
}

impl Learner for FrequencyLearner {
    type Fitted = FittedFrequencyEncoder;

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        self.rows += rows.len() as u64;
        for (&at, counts) in self.positions.iter().zip(&mut self.counts) {
            counts.merge(Counts::of(rows, at)?);
        }
        Ok(())
    }

    fn merge(&mut self, later: Self) -> Result<()> {
        self.rows += later.rows;
        for (counts, later) in self.counts.iter_mut().zip(later.counts) {
            counts.merge(later);
        }
        Ok(())
    }

    fn finish(self, input: &Arc<Schema>, _notes: &Notes) -> Result<Self::Fitted> {
        let names = columns::names(input, &self.positions);
        let columns = names.into_iter().zip(&self.counts).map(|(column, counts)| {
            let categories = counts.ordered();
            let of = |word: &String| counts.words.get(word).copied().unwrap_or_default();
            let mut seen: Vec<u64> = categories.iter().map(of).collect();
            seen.push(counts.missing);
            Frequencies { column, categories, counts: seen }
        });
        FittedFrequencyEncoder::new(input, columns.collect(), self.rows, self.measure)
    }
}

/// The categories of one column and how often each was seen, missing last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frequencies {
    column: String,
    categories: Vec<String>,
    counts: Vec<u64>,
}

/// What [`FrequencyEncoder`] learned: how often each category was seen.
#[derive(Clone, Debug)]
pub struct FittedFrequencyEncoder {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<Encoder>>,
}

#[derive(Clone, Debug)]
struct Encoder {
    lookup: Lookup,
    /// The number for each category, missing last.
    numbers: Vec<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    measure: Measure,
    rows: u64,
    columns: Vec<Frequencies>,
}

impl FittedFrequencyEncoder {
    fn new(
        input: &Arc<Schema>,
        columns: Vec<Frequencies>,
        rows: u64,
        measure: Measure,
    ) -> Result<Self> {
        let names = columns.iter().map(|c| &c.column);
        let positions = columns::stored(KIND, names, input, columns::categorical)?;
        let number = |count: u64| match measure {
            Measure::Count => count as f64,
            Measure::Share => count as f64 / rows.max(1) as f64,
        };
        let encoder = |column: &Frequencies| {
            columns::one_each(KIND, "counts", column.counts.len(), column.categories.len() + 1)?;
            Ok(Encoder {
                lookup: Lookup::new(column.categories.iter().zip(0u32..))?,
                numbers: column.counts.iter().map(|&count| number(count)).collect(),
            })
        };
        let encoders: Vec<Encoder> = columns.iter().map(encoder).collect::<Result<_>>()?;
        let output = output(input, &positions)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, encoders),
            facts: Facts { measure, rows, columns },
        })
    }

    /// The categories of `column` in order and how often each was seen, if it is encoded.
    pub fn counts(&self, column: &str) -> Option<impl Iterator<Item = (&str, u64)>> {
        let found = self.facts.columns.iter().find(|c| c.column == column)?;
        Some(found.categories.iter().map(String::as_str).zip(found.counts.iter().copied()))
    }
}

impl Encoder {
    fn encode(&self, column: &Column) -> Column {
        let missing = self.numbers.len() as u32 - 1;
        let codes = self.lookup.codes(column, missing);
        let number = |code: u32| self.numbers.get(code as usize).copied().unwrap_or(0.0);
        Column::Numbers(codes.into_iter().map(number).collect())
    }
}

impl FittedTransform for FittedFrequencyEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        columns::replaced(rows, &self.signature.output, |at, column| match self.plan.get(at) {
            Some(Some(encoder)) => Ok(vec![encoder.encode(&column)]),
            _ => Ok(vec![column]),
        })
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        wires::replaced(columns, &self.plan, |_, Encoder { lookup, numbers }, column| {
            let number = |code: u32| numbers.get(code as usize).copied().unwrap_or(0.0);
            let missing = numbers.last().copied().unwrap_or(0.0);
            Ok(lookup.express(graph, column, number, [missing, 0.0])?.wires())
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedFrequencyEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(input, facts.columns, facts.rows, facts.measure)
    }
}
