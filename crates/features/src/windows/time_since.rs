//! How long ago the row before was, or the last row in which something held.

use std::sync::Arc;

use gristmill_core::expr::{BoundExpr, Expr};
use gristmill_core::{
    Column, Depth, Error, Field, FitContext, FittedTransform, Frame, Load, Result, Role, Schema,
    Scope, SemanticType, Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rolling::{Current, Window};
use super::sequence::{Group, Sequence, Sorted, goes_by};
use crate::columns;

pub(crate) const VERSION: u32 = 2;
const KIND: &str = "time_since";

/// How long ago the row before it in its group was, or, with a `condition`, the latest row for
/// which the condition held; a column `name` at the end.
///
/// The condition is an expression of [`gristmill_core::expr`] that is true or false, such as
/// `rain_1h > 0`; where it is unknown it does not hold. With `current: included` the current row
/// counts: where the condition holds, the time is 0. Without a condition the current row is never
/// the one that is looked for. Times are in `unit`, seconds unless said otherwise; where a number
/// orders the rows they are in its own units. Missing where there was no such row yet, or none
/// `within` so many rows or such a time before.
///
/// Windowed: rows are sorted by group and order inside, ties keep the order in which they came, and
/// no row sees a later one; a row without a group or a place in the order sees no row at all.
/// Learns nothing.
///
/// # Errors
/// A condition that cannot be read, or is neither true nor false; a `unit`, or a time in `within`,
/// where a number orders the rows; a `within` of no rows; a `name` that is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSince {
    /// What the new column is called.
    pub name: String,
    /// What must have held; without it any earlier row counts.
    pub condition: Option<String>,
    /// Whether the condition may hold in the current row itself.
    pub current: Current,
    /// In what moments are counted.
    pub unit: Option<TimeUnit>,
    /// How far back to look: a number of rows, or a length of time such as 30d. Without it a
    /// condition is looked for in all earlier rows of the group, and whoever asks the model for a
    /// row must give them all.
    pub within: Option<Window>,
    /// The column that orders the rows; the one with the role of time unless said otherwise.
    pub order: Option<String>,
    /// The column that names the groups, or a list of them; the group of the split unless said
    /// otherwise, `[]` for none.
    pub group: Option<Group>,
}

impl Default for TimeSince {
    fn default() -> Self {
        Self {
            name: KIND.into(),
            condition: None,
            current: Current::default(),
            unit: None,
            within: None,
            order: None,
            group: None,
        }
    }
}

/// In what time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants are their units")]
pub enum TimeUnit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl TimeUnit {
    fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Minutes => 60.0,
            Self::Hours => 3_600.0,
            Self::Days => 86_400.0,
        }
    }
}

impl TimeSince {
    fn facts(&self, input: &Schema) -> Result<Facts> {
        let condition = self.condition.as_deref().map(Expr::parse).transpose();
        Ok(Facts {
            name: self.name.clone(),
            condition: condition.map_err(of_condition)?,
            current: self.current,
            unit: self.unit,
            within: self.within,
            sequence: Sequence::new(self.order.as_deref(), self.group.as_ref(), input)?,
        })
    }
}

/// Says that it is the condition in which something is wrong.
fn of_condition(error: Error) -> Error {
    match error {
        Error::Data { message, hint } => {
            Error::Data { message: format!("`condition`: {message}"), hint }
        }
        other => other,
    }
}

impl Transform for TimeSince {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let facts = self.facts(input)?;
        facts.bind(input)?;
        facts.output(input)
    }

    fn goes_by(&self) -> Vec<Role> {
        goes_by(self.order.as_deref(), self.group.as_ref())
    }

    fn fit_apply(
        &self,
        train: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let fitted = FittedTimeSince::new(train.schema(), self.facts(train.schema())?)?;
        fitted.facts.sequence.note(&train, context.notes)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// [`TimeSince`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedTimeSince {
    signature: Signature,
    facts: Facts,
    condition: Option<BoundExpr>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    name: String,
    condition: Option<Expr>,
    current: Current,
    unit: Option<TimeUnit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Window>,
    sequence: Sequence,
}

impl Facts {
    fn output(&self, input: &Schema) -> Result<Schema> {
        self.sequence.check(input)?;
        if self.unit.is_some() && !self.sequence.is_temporal(input) {
            let wanted = format!("no unit, since `{}` holds no moments", self.sequence.order);
            return Err(Error::setting("unit", "given", wanted));
        }
        match self.within {
            Some(Window::Rows(0)) => {
                return Err(Error::setting("within", 0, "1 row or more"));
            }
            Some(Window::Time(time)) if !self.sequence.is_temporal(input) => {
                let wanted =
                    format!("a number of rows, since `{}` holds no moments", self.sequence.order);
                return Err(Error::setting("within", time, wanted));
            }
            _ => {}
        }
        let made = Field::number(&self.name).nullable(true);
        Schema::new(input.fields().iter().cloned().chain([made]).collect())
    }

    fn bind(&self, input: &Schema) -> Result<Option<BoundExpr>> {
        let Some(condition) = &self.condition else { return Ok(None) };
        let bound = condition.bind(input).map_err(of_condition)?;
        if bound.kind() != SemanticType::Boolean {
            let found = format!("{}", bound.kind());
            return Err(Error::setting(
                "condition",
                found,
                "something true or false, such as `x > 0`",
            ));
        }
        Ok(Some(bound))
    }
}

impl FittedTimeSince {
    fn new(input: &Arc<Schema>, facts: Facts) -> Result<Self> {
        let condition = facts.bind(input)?;
        let signature = Signature::new(KIND, input, facts.output(input)?);
        Ok(Self { signature, facts, condition })
    }

    /// Place by place, how far behind the one that is looked for lies.
    fn since(&self, rows: &Frame, sorted: &Sorted) -> Result<Vec<f64>> {
        let held = match &self.condition {
            None => None,
            Some(condition) => {
                let truths = condition.evaluate(rows).map_err(of_condition)?;
                Some(sorted.gather(&columns::written_out(&truths)?))
            }
        };
        let unit = self.facts.unit.map_or(1.0, TimeUnit::seconds);
        let holds = |place: usize| held.as_ref().is_none_or(|held| held[place] == 1.0);
        let current = self.facts.current == Current::Included && held.is_some();
        let mut last: Option<usize> = None;
        let mut since = Vec::with_capacity(sorted.rows.len());
        for (place, &start) in sorted.starts.iter().enumerate() {
            last = last.filter(|&l| l >= start as usize);
            if current && holds(place) {
                last = Some(place);
            }
            last = last.filter(|&l| self.is_near(sorted, l, place));
            since.push(last.map_or(f64::NAN, |last| sorted.distance(last, place) / unit));
            if holds(place) {
                last = Some(place);
            }
        }
        Ok(since)
    }
}

impl FittedTimeSince {
    /// Whether an earlier place is not too far back.
    fn is_near(&self, sorted: &Sorted, earlier: usize, place: usize) -> bool {
        match self.facts.within {
            None => true,
            Some(Window::Rows(rows)) => place - earlier <= rows,
            Some(Window::Time(time)) => sorted.distance(earlier, place) <= time.seconds(),
        }
    }
}

impl FittedTransform for FittedTimeSince {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Without a bound a condition may have held any number of rows ago.
    fn scope(&self) -> Scope {
        self.facts.sequence.scope(match (&self.condition, self.facts.within) {
            (None, _) => Depth::Rows(1),
            (Some(_), Some(Window::Rows(rows))) => Depth::Rows(rows),
            (Some(_), Some(Window::Time(time))) => Depth::Time(time.micros()),
            (Some(_), None) => Depth::All,
        })
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let sorted = self.facts.sequence.sort(&rows)?;
        let since = sorted.scatter(self.since(&rows, &sorted)?);
        let count = rows.rows();
        let columns = rows.into_columns().into_iter().chain([Column::Numbers(since)]).collect();
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedTimeSince {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        Self::new(input, state.facts()?)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
