//! How much a value has changed since earlier rows.

use std::sync::Arc;

use gristmill_core::{
    Column, Depth, Error, FitContext, FittedTransform, Frame, Load, Result, Role, Schema, Scope,
    Selector, Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lag::check_lags;
use super::sequence::{Group, NO_ROW, Sequence, goes_by};
use crate::columns;

pub(crate) const VERSION: u32 = 2;
const KIND: &str = "difference";

/// How much a value has changed since the row k rows before in the same group: x − xₖ, or
/// (x − xₖ) / xₖ, as `<column>_difference_<k>` or `<column>_change_<k>` beside the column. The
/// current row is one of the two.
///
/// Rows are counted, whatever time lies between them, as pandas' `diff` and `pct_change` do.
/// Missing where there are not as many earlier rows or one of the two values is missing, and for a
/// change since 0, which has no share.
///
/// Windowed: rows are sorted by group and order inside, ties keep the order in which they came, and
/// no row sees a later one; a row without a group or a place in the order sees no other row. Learns
/// nothing.
///
/// # Errors
/// A column that is neither numeric nor boolean; no `lags`, one of 0, or one twice; an `order` that
/// is neither moments nor numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Difference {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// Since how many rows before; one column for each.
    pub lags: Vec<usize>,
    /// Whether the change is a difference or a share.
    pub form: DifferenceForm,
    /// The column that orders the rows; the one with the role of time unless said otherwise.
    pub order: Option<String>,
    /// The column that names the groups, or a list of them; the group of the split unless said
    /// otherwise, `[]` for none.
    pub group: Option<Group>,
}

impl Default for Difference {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            lags: vec![1],
            form: DifferenceForm::default(),
            order: None,
            group: None,
        }
    }
}

/// How a change is expressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceForm {
    /// x − xₖ.
    #[default]
    Absolute,
    /// (x − xₖ) / xₖ.
    Relative,
}

impl DifferenceForm {
    fn name(self, column: &str, lag: usize) -> String {
        match self {
            Self::Absolute => format!("{column}_difference_{lag}"),
            Self::Relative => format!("{column}_change_{lag}"),
        }
    }

    fn of(self, now: f64, before: f64) -> f64 {
        match self {
            Self::Absolute => now - before,
            Self::Relative if before == 0.0 => f64::NAN,
            Self::Relative => (now - before) / before,
        }
    }
}

impl Difference {
    fn facts(&self, input: &Schema) -> Result<Facts> {
        check_lags(&self.lags)?;
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let sequence = Sequence::new(self.order.as_deref(), self.group.as_ref(), input)?;
        let columns = columns::names(input, &positions);
        Ok(Facts { columns, lags: self.lags.clone(), form: self.form, sequence })
    }
}

impl Transform for Difference {
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
        let fitted = FittedDifference::new(train.schema(), self.facts(train.schema())?)?;
        fitted.facts.sequence.note(&train, context.notes)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`Difference`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedDifference {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<()>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    lags: Vec<usize>,
    form: DifferenceForm,
    sequence: Sequence,
}

impl Facts {
    /// The positions of the columns that are taken, and the columns in the end.
    fn output(&self, input: &Schema) -> Result<(Vec<usize>, Schema)> {
        let positions = columns::stored(KIND, &self.columns, input, columns::numeric)?;
        let output = columns::spliced(input, |at, field| {
            let lags = if positions.binary_search(&at).is_ok() { &self.lags[..] } else { &[] };
            let changed = lags.iter().map(|&lag| gristmill_core::Field {
                name: self.form.name(&field.name, lag),
                ..columns::number(field).role(Role::Feature).nullable(true)
            });
            [field.clone()].into_iter().chain(changed).collect()
        })?;
        Ok((positions, output))
    }
}

impl FittedDifference {
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

    fn changes(&self, values: &[f64], sources: &[Vec<u32>]) -> Vec<Column> {
        let change = |(&now, &source): (&f64, &u32)| match source {
            NO_ROW => f64::NAN,
            row => self.facts.form.of(now, values[row as usize]),
        };
        let columns = sources.iter().map(|rows| values.iter().zip(rows).map(change).collect());
        columns.map(Column::Numbers).collect()
    }
}

impl FittedTransform for FittedDifference {
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
            let changes = self.changes(&columns::written_out(&column)?, &sources);
            Ok([column].into_iter().chain(changes).collect())
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedDifference {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        Self::new(input, state.facts()?)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
