//! What fitted transforms share that take some columns: their signature, where the columns stand,
//! and the ways in which columns are changed, replaced and added.

use std::borrow::Cow;
use std::sync::Arc;

use gristmill_core::{
    Column, Error, Field, Frame, Result, Schema, Signature, SparseNumbers, State, Tensor,
    TensorData,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::columns;

/// Columns that a fitted transform takes, in the order of its input.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) signature: Signature,
    pub(crate) columns: Vec<String>,
    pub(crate) positions: Vec<usize>,
}

impl Taken {
    /// Columns at `positions`, of which `output` comes.
    pub(crate) fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        positions: Vec<usize>,
        output: Schema,
    ) -> Self {
        let columns = columns::names(input, &positions);
        Self { signature: Signature::new(kind, input, output), columns, positions }
    }

    /// Columns that become numbers and keep their names and places.
    pub(crate) fn numbers(
        kind: &'static str,
        input: &Arc<Schema>,
        positions: Vec<usize>,
    ) -> Result<Self> {
        let output = columns::with_numbers(input, &positions)?;
        Ok(Self::new(kind, input, positions, output))
    }

    /// How many columns are taken.
    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Says that what was stored cannot be read.
    pub(crate) fn damaged(&self, found: impl Into<String>) -> Error {
        Error::damaged(format!("step `{}`", self.signature.kind), found)
    }

    /// The stored numbers called `name`, which must be one for each column.
    pub(crate) fn one_each(&self, state: &State, name: &str) -> Result<Vec<f64>> {
        let numbers = state.f64s(name)?;
        columns::one_each(self.signature.kind, name, numbers.len(), self.len())?;
        Ok(numbers.to_vec())
    }

    /// As [`Taken::one_each`], for numbers that must be finite and above 0.
    pub(crate) fn scales(&self, state: &State, name: &str) -> Result<Vec<f64>> {
        let scales = self.one_each(state, name)?;
        match scales.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(scale) => Err(self.damaged(format!("one of its {name} is {scale}"))),
            None => Ok(scales),
        }
    }

    /// What is planned for the column at `at` of the input, if it is taken.
    fn plan<'p, P>(&self, plans: &'p [P], at: usize) -> Option<&'p P> {
        plans.get(self.positions.binary_search(&at).ok()?)
    }

    /// The rows with `change` applied to each number of the columns, by the plan of its column.
    pub(crate) fn map<P: Sync>(
        &self,
        rows: Frame,
        plans: &[P],
        change: impl Fn(&P, f64) -> f64 + Sync,
    ) -> Result<Frame> {
        self.change(rows, plans, |plan, values| {
            values.iter_mut().for_each(|v| *v = change(plan, *v));
        })
    }

    /// The rows with `change` applied to the numbers of each column; of a sparse one to those that
    /// are kept.
    pub(crate) fn change<P: Sync>(
        &self,
        rows: Frame,
        plans: &[P],
        change: impl Fn(&P, &mut [f64]) + Sync,
    ) -> Result<Frame> {
        self.signature.require(&rows)?;
        let count = rows.rows();
        let parts = columns::map_columns(rows, |at, column| match (self.plan(plans, at), column) {
            (Some(plan), Column::Numbers(mut values)) => {
                change(plan, &mut values);
                Ok(Column::Numbers(values))
            }
            (Some(plan), Column::Sparse(numbers)) => {
                let mut values = numbers.values().to_vec();
                change(plan, &mut values);
                let (rows, len) = (numbers.rows().to_vec(), numbers.len());
                Ok(Column::Sparse(SparseNumbers::new(rows, values, len)?))
            }
            (_, column) => Ok(column),
        });
        let columns = parts.into_iter().collect::<Result<_>>()?;
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    /// The rows with several columns in place of each one that is taken.
    pub(crate) fn expand<P: Sync>(
        &self,
        rows: Frame,
        plans: &[P],
        make: impl Fn(&P, &Field, &[f64]) -> Result<Vec<Vec<f64>>> + Sync,
    ) -> Result<Frame> {
        self.signature.require(&rows)?;
        let count = rows.rows();
        let fields = self.signature.input.fields();
        let parts = columns::map_columns(rows, |at, column| match (self.plan(plans, at), column) {
            (Some(plan), Column::Numbers(values)) => make(plan, &fields[at], &values)
                .map(|made| made.into_iter().map(Column::Numbers).collect()),
            (_, column) => Ok(vec![column]),
        });
        let mut columns = Vec::with_capacity(self.signature.output.len());
        for part in parts {
            columns.extend(part?);
        }
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    /// The rows with `made` at the end, in place of the columns that are taken.
    pub(crate) fn replace(&self, rows: Frame, made: Vec<Vec<f64>>) -> Result<Frame> {
        let count = rows.rows();
        let others = rows.into_columns().into_iter().enumerate();
        let others = others.filter(|(at, _)| self.positions.binary_search(at).is_err());
        let made = made.into_iter().map(Column::Numbers);
        let columns = others.map(|(_, column)| column).chain(made).collect();
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    /// The rows with `made` at the end, beside the columns that are taken.
    pub(crate) fn append(&self, rows: Frame, made: Vec<Vec<f64>>) -> Result<Frame> {
        let count = rows.rows();
        let columns = rows.into_columns().into_iter();
        let columns = columns.chain(made.into_iter().map(Column::Numbers)).collect();
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }
}

/// The facts of a transform that stores nothing but numbers besides the names of its columns.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnFacts {
    columns: Vec<String>,
}

impl ColumnFacts {
    /// The names of the columns that are taken.
    pub(crate) fn of(taken: &Taken) -> Self {
        Self { columns: taken.columns.clone() }
    }

    /// The stored columns, which become numbers and keep their names and places.
    pub(crate) fn taken(kind: &'static str, state: &State, input: &Arc<Schema>) -> Result<Taken> {
        let facts: Self = state.facts()?;
        stored_numbers(kind, &facts.columns, input)
    }
}

/// The stored columns called `names`, which become numbers and keep their names and places.
pub(crate) fn stored_numbers(
    kind: &'static str,
    names: &[String],
    input: &Arc<Schema>,
) -> Result<Taken> {
    let positions = columns::stored(kind, names, input, columns::numeric)?;
    Taken::numbers(kind, input, positions)
}

/// The stored numbers called `name`, row after row, with how many rows and columns there are.
pub(crate) fn matrix<'s>(
    kind: &str,
    state: &'s State,
    name: &str,
) -> Result<(&'s [f64], usize, usize)> {
    let numbers = state.f64s(name)?;
    match state.tensors.get(name).map(|tensor| tensor.shape.as_slice()) {
        Some(&[rows, columns]) if rows.checked_mul(columns) == Some(numbers.len()) => {
            Ok((numbers, rows, columns))
        }
        _ => Err(Error::damaged(
            format!("step `{kind}`"),
            format!("its {name} are not as many as their shape says"),
        )),
    }
}

/// The tensor of such numbers.
pub(crate) fn tensor(numbers: Vec<f64>, rows: usize, columns: usize) -> Tensor {
    Tensor { shape: vec![rows, columns], data: TensorData::F64(numbers) }
}

/// `input` with `made` at the end, in place of the columns at `positions`.
pub(crate) fn replaced(
    kind: &str,
    input: &Schema,
    positions: &[usize],
    made: Vec<Field>,
) -> Result<Schema> {
    let others = (0..input.len()).filter(|at| positions.binary_search(at).is_err());
    let mut fields: Vec<Field> = others.filter_map(|at| input.fields().get(at)).cloned().collect();
    if let Some(clash) = made.iter().find(|m| fields.iter().any(|f| f.name == m.name)) {
        return Err(Error::data_hint(
            format!("there is a column `{}` already", clash.name),
            format!("give the results of `{kind}` another `prefix`"),
        ));
    }
    fields.extend(made);
    Schema::new(fields)
}

/// `count` numeric columns called `prefix_1`, `prefix_2` and so on.
pub(crate) fn numbered(prefix: &str, count: usize) -> Vec<Field> {
    (1..=count).map(|i| Field::number(format!("{prefix}_{i}"))).collect()
}

/// The numbers of a dense or sparse column, zeros written out.
pub(crate) fn written_out(rows: &Frame, at: usize) -> Result<Cow<'_, [f64]>> {
    match rows.columns().get(at) {
        Some(Column::Sparse(numbers)) => Ok(Cow::Owned(numbers.to_dense())),
        _ => rows.numbers(at).map(Cow::Borrowed),
    }
}

/// What `learn` makes of the numbers of each column, in parallel and in order.
pub(crate) fn learn_each<T: Send>(
    rows: &Frame,
    positions: &[usize],
    learn: impl Fn(&Field, &[f64]) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let fields = rows.schema().fields();
    positions.par_iter().map(|&at| learn(&fields[at], &written_out(rows, at)?)).collect()
}

/// Says that `field` has missing values, which `what` cannot have.
pub(crate) fn missing(field: &Field, what: &str) -> Error {
    Error::data_hint(
        format!("column `{}` has missing values, {what}", field.name),
        "put an `impute` step before",
    )
}

/// Refuses infinite values.
pub(crate) fn finite(field: &Field, values: &[f64]) -> Result<()> {
    if values.iter().any(|v| v.is_infinite()) { Err(beyond(field)) } else { Ok(()) }
}

/// Says that the numbers of `field` are too large to compute with.
pub(crate) fn beyond(field: &Field) -> Error {
    Error::data_hint(
        format!("column `{}` has an infinite value, or values too large to add up", field.name),
        "leave those rows out with `sql`, or scale the column down with `derive`",
    )
}
