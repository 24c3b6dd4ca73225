//! Figures over the latest rows.

use std::sync::Arc;

use gristmill_core::{
    Column, Depth, Error, Field, FitContext, FittedTransform, Frame, Load, Result, Role, Schema,
    Scope, Selector, Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;
use super::figures::figures;
use super::sequence::{Group, Sequence, goes_by};
use crate::columns;

pub(crate) const VERSION: u32 = 2;
const KIND: &str = "rolling";

/// Figures over a window of the latest rows of the same group, as `<column>_<function>_<window>`
/// beside the column: `temp_mean_24`, `temp_max_7d`.
///
/// A window is a number of rows, or a length of time d: the rows later than d before the current
/// one. The current row is in the window unless `current` is `excluded`; then a window of rows is
/// the rows before. Missing values are left out; with fewer than `min_periods` others the figure is
/// missing, save `count`. The figures are those of pandas' `rolling`:
///
/// - `mean`, `sum`, `min`, `max`, `median`, `count`;
/// - `std` is √(Σ (x − mean)² / (n − 1)), missing for one value;
/// - `slope` is the least-squares rise of the values per unit of the order: per second for moments,
///   per 1 for numbers; missing where all of the window have the same place in the order.
///
/// Windowed: rows are sorted by group and order inside, ties keep the order in which they came, and
/// no row sees a later one; a row without a group or a place in the order sees no row, not even
/// itself. Each figure depends on the values in its window alone, to the last bit. Learns nothing.
///
/// # Errors
/// A column that is neither numeric nor boolean, or infinite in training; a window of no rows, or
/// of time where a number orders the rows; no function, or one twice; a `min_periods` of 0, or
/// beyond the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rolling {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How far back: a number of rows, or a length of time such as 24h.
    pub window: Window,
    /// Which figures; one column for each.
    pub functions: Vec<RollingFunction>,
    /// Whether the current row is in the window.
    pub current: Current,
    /// Of how many values a figure may be made at least.
    pub min_periods: usize,
    /// The column that orders the rows; the one with the role of time unless said otherwise.
    pub order: Option<String>,
    /// The column that names the groups, or a list of them; the group of the split unless said
    /// otherwise, `[]` for none.
    pub group: Option<Group>,
}

impl Default for Rolling {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            window: Window::Rows(7),
            functions: vec![RollingFunction::Mean],
            current: Current::default(),
            min_periods: 1,
            order: None,
            group: None,
        }
    }
}

/// How far back a figure looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number of rows or a length of time, such as 24 or 24h")]
pub enum Window {
    /// At this many rows.
    Rows(usize),
    /// At the rows of this length of time.
    Time(Duration),
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Time(duration) => write!(f, "{duration}"),
        }
    }
}

/// A figure over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants are their figures")]
pub enum RollingFunction {
    Mean,
    Std,
    Min,
    Max,
    Sum,
    Median,
    Count,
    Slope,
}

impl RollingFunction {
    /// How a pipeline file spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Median => "median",
            Self::Count => "count",
            Self::Slope => "slope",
        }
    }
}

/// Whether the current row is in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Current {
    /// It is.
    #[default]
    Included,
    /// Only rows before it are.
    Excluded,
}

impl Rolling {
    fn facts(&self, input: &Schema) -> Result<Facts> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let facts = Facts {
            columns: columns::names(input, &positions),
            window: self.window,
            functions: self.functions.clone(),
            current: self.current,
            min_periods: self.min_periods,
            sequence: Sequence::new(self.order.as_deref(), self.group.as_ref(), input)?,
        };
        facts.check(input)?;
        Ok(facts)
    }
}

impl Transform for Rolling {
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
        let fitted = FittedRolling::new(train.schema(), self.facts(train.schema())?)?;
        fitted.refuse_infinite(&train)?;
        fitted.facts.sequence.note(&train, context.notes)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`Rolling`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedRolling {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<()>>,
}

/// What there is to compute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    columns: Vec<String>,
    pub(super) window: Window,
    pub(super) functions: Vec<RollingFunction>,
    pub(super) current: Current,
    pub(super) min_periods: usize,
    sequence: Sequence,
}

impl Facts {
    fn check(&self, input: &Schema) -> Result<()> {
        self.sequence.check(input)?;
        let functions = &self.functions;
        if functions.is_empty() {
            return Err(Error::setting("functions", "empty", "one figure or more, such as mean"));
        }
        let twice = functions.iter().enumerate().find(|(at, f)| functions[..*at].contains(f));
        if let Some((_, function)) = twice {
            let found = format!("`{}` twice", function.word());
            return Err(Error::setting("functions", found, "each figure once"));
        }
        match self.window {
            Window::Rows(0) => Err(Error::setting("window", 0, "1 row or more")),
            Window::Rows(rows) if self.min_periods > rows => Err(Error::setting(
                "min_periods",
                self.min_periods,
                format!("at most the {rows} rows of the window"),
            )),
            Window::Time(duration) if !self.sequence.is_temporal(input) => Err(Error::setting(
                "window",
                duration,
                format!("a number of rows, since `{}` holds no moments", self.sequence.order),
            )),
            _ if self.min_periods == 0 => Err(Error::setting("min_periods", 0, "1 or more")),
            _ => Ok(()),
        }
    }

    /// The positions of the columns that are taken, and the columns in the end.
    fn output(&self, input: &Schema) -> Result<(Vec<usize>, Schema)> {
        let positions = columns::stored(KIND, &self.columns, input, columns::numeric)?;
        let output = columns::spliced(input, |at, field| {
            let taken = positions.binary_search(&at).is_ok();
            let functions = if taken { &self.functions[..] } else { &[] };
            let made = functions.iter().map(|function| Field {
                name: format!("{}_{}_{}", field.name, function.word(), self.window),
                ..columns::number(field).role(Role::Feature).nullable(true)
            });
            [field.clone()].into_iter().chain(made).collect()
        })?;
        Ok((positions, output))
    }
}

impl FittedRolling {
    fn new(input: &Arc<Schema>, facts: Facts) -> Result<Self> {
        facts.check(input)?;
        let (positions, output) = facts.output(input)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, positions.iter().map(|_| ())),
            facts,
        })
    }

    fn refuse_infinite(&self, rows: &Frame) -> Result<()> {
        for (at, column) in rows.columns().iter().enumerate() {
            if matches!(self.plan.get(at), Some(Some(())))
                && columns::written_out(column)?.iter().any(|v| v.is_infinite())
            {
                return Err(columns::beyond(&self.signature.input, at));
            }
        }
        Ok(())
    }
}

impl FittedTransform for FittedRolling {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    /// A window of time may hold any number of rows, so its bound is the time.
    fn scope(&self) -> Scope {
        self.facts.sequence.scope(match (self.facts.window, self.facts.current) {
            (Window::Rows(rows), Current::Included) => Depth::Rows(rows - 1),
            (Window::Rows(rows), Current::Excluded) => Depth::Rows(rows),
            (Window::Time(duration), _) => Depth::Time(duration.micros()),
        })
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let sorted = self.facts.sequence.sort(&rows)?;
        let windows = sorted.windows(self.facts.window, self.facts.current);
        columns::replaced(rows, &self.signature.output, |at, column| {
            let Some(Some(())) = self.plan.get(at) else { return Ok(vec![column]) };
            let values = sorted.gather(&columns::written_out(&column)?);
            let made = figures(&self.facts, &values, &sorted, &windows);
            let made = made.into_iter().map(|figure| Column::Numbers(sorted.scatter(figure)));
            Ok([column].into_iter().chain(made).collect())
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedRolling {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        Self::new(input, state.facts()?)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
