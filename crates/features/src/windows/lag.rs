//! Values of earlier rows.

use std::sync::Arc;

use gristmill_core::{
    Column, Depth, Error, FitContext, FittedTransform, Frame, Load, MISSING_CODE, MISSING_TIME,
    Result, Role, Schema, Scope, Selector, Signature, State, Transform, Words,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sequence::{Group, NO_ROW, Sequence, goes_by, made};
use crate::columns;

pub(crate) const VERSION: u32 = 2;
const KIND: &str = "lag";

/// Brings values of earlier rows into each row: with lag k, the value k rows before in the same
/// group, as `<column>_lag_<k>` beside the column. The current row is not looked at.
///
/// Rows are counted, whatever time lies between them, as pandas' `shift` does. Where there are not
/// as many earlier rows the value is missing. Columns of any type may be taken.
///
/// Windowed: rows are sorted by group and order inside, ties keep the order in which they came, and
/// no row sees a later one; a row without a group or a place in the order sees no other row. Learns
/// nothing.
///
/// # Errors
/// A column that does not exist; no `lags`, one of 0, or one twice; an `order` that is neither
/// moments nor numbers.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Lag;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("day", [2.0, 1.0, 3.0]).numbers("sold", [5.0, 4.0, 6.0]).frame();
/// let lag = Lag { columns: "sold".into(), order: Some("day".into()), ..Lag::default() };
/// let notes = Notes::default();
/// let (_, lagged) = lag.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(lagged.schema().names(), ["day", "sold", "sold_lag_1"]);
/// assert_eq!(lagged.numbers(2)?[0], 4.0);
/// assert!(lagged.numbers(2)?[1].is_nan());
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lag {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many rows before; one column for each.
    pub lags: Vec<usize>,
    /// The column that orders the rows; the one with the role of time unless said otherwise.
    pub order: Option<String>,
    /// The column that names the groups, or a list of them; the group of the split unless said
    /// otherwise, `[]` for none.
    pub group: Option<Group>,
}

impl Default for Lag {
    fn default() -> Self {
        Self { columns: Selector::word("numeric"), lags: vec![1], order: None, group: None }
    }
}

/// Refuses lags that make no sense.
pub(crate) fn check_lags(lags: &[usize]) -> Result<()> {
    let wanted = "numbers of rows from 1 on, each once";
    let twice = lags.iter().enumerate().find(|(at, lag)| **lag == 0 || lags[..*at].contains(lag));
    match twice {
        Some((_, 0)) => Err(Error::setting("lags", 0, wanted)),
        Some((_, lag)) => Err(Error::setting("lags", format!("{lag} twice"), wanted)),
        None if lags.is_empty() => Err(Error::setting("lags", "empty", wanted)),
        None => Ok(()),
    }
}

impl Lag {
    fn facts(&self, input: &Schema) -> Result<Facts> {
        check_lags(&self.lags)?;
        let positions = columns::taken(&self.columns, input, |_| Ok(()))?;
        let sequence = Sequence::new(self.order.as_deref(), self.group.as_ref(), input)?;
        Ok(Facts { columns: columns::names(input, &positions), lags: self.lags.clone(), sequence })
    }
}

impl Transform for Lag {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.facts(input)?.output(input).map(|(_, output)| output)
    }

    fn goes_by(&self) -> Vec<Role> {
        goes_by(self.order.as_deref(), self.group.as_ref())
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let fitted = FittedLag::new(train.schema(), self.facts(train.schema())?)?;
        fitted.facts.sequence.note(&train, context.notes)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`Lag`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedLag {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<()>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    lags: Vec<usize>,
    sequence: Sequence,
}

impl Facts {
    /// The positions of the columns that are taken, and the columns in the end.
    fn output(&self, input: &Schema) -> Result<(Vec<usize>, Schema)> {
        let positions = columns::stored(KIND, &self.columns, input, |_| Ok(()))?;
        let output = columns::spliced(input, |at, field| {
            let lags = if positions.binary_search(&at).is_ok() { &self.lags[..] } else { &[] };
            let lagged = lags.iter().map(|lag| made(field, format!("{}_lag_{lag}", field.name)));
            [field.clone()].into_iter().chain(lagged).collect()
        })?;
        Ok((positions, output))
    }
}

impl FittedLag {
    fn new(input: &Arc<Schema>, facts: Facts) -> Result<Self> {
        check_lags(&facts.lags)?;
        facts.sequence.check(input)?;
        let (positions, output) = facts.output(input)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, positions.iter().map(|_| ())),
            facts,
        })
    }
}

/// The values at `rows`; missing where there is no row.
fn picked(column: &Column, rows: &[u32]) -> Column {
    fn pick<T: Copy>(values: &[T], rows: &[u32], missing: T) -> Vec<T> {
        rows.iter().map(|&r| if r == NO_ROW { missing } else { values[r as usize] }).collect()
    }
    match column {
        Column::Numbers(values) => Column::Numbers(pick(values, rows, f64::NAN)),
        Column::Sparse(values) => Column::Numbers(pick(&values.to_dense(), rows, f64::NAN)),
        Column::Times(times) => Column::Times(pick(times, rows, MISSING_TIME)),
        Column::Words(words) => Column::Words(Words {
            codes: pick(&words.codes, rows, MISSING_CODE),
            dictionary: Arc::clone(&words.dictionary),
        }),
        Column::Images(images) => Column::Images(
            rows.iter().map(|&r| images.get(r as usize).cloned().flatten()).collect(),
        ),
    }
}

impl FittedTransform for FittedLag {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn scope(&self) -> Scope {
        let furthest = self.facts.lags.iter().copied().max().unwrap_or_default();
        self.facts.sequence.scope(Depth::Rows(furthest))
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let sorted = self.facts.sequence.sort(&rows)?;
        let sources: Vec<Vec<u32>> =
            self.facts.lags.iter().map(|&lag| sorted.earlier(lag)).collect();
        columns::replaced(rows, &self.signature.output, |at, column| {
            let Some(Some(())) = self.plan.get(at) else { return Ok(vec![column]) };
            let mut made = Vec::with_capacity(1 + sources.len());
            made.extend(sources.iter().map(|rows| picked(&column, rows)));
            made.insert(0, column);
            Ok(made)
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedLag {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        Self::new(input, state.facts()?)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
