//! What the imputers share that look at other columns: which columns they can fill, and how rows
//! are put back.

use std::sync::Arc;

use gristmill_core::graph::Wire;
use gristmill_core::{Column, Frame, Notes, Result, Schema, State};
use rayon::prelude::*;

use crate::columns;
use crate::taken::{self, Taken};

/// From how many rows with missing values on they are filled by several threads.
const PARALLEL_ROWS: usize = 64;

/// Columns that are filled, and those that are left out because training saw no value of them.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    /// The columns that are filled.
    pub(crate) taken: Taken,
    /// The names of the columns that are left out, in the order of the input.
    pub(crate) dropped: Vec<String>,
}

/// The columns at `positions` as numbers without missing values.
pub(crate) fn announced(input: &Schema, positions: &[usize]) -> Result<Schema> {
    output(input, positions, &[])
}

fn output(input: &Schema, positions: &[usize], dropped: &[usize]) -> Result<Schema> {
    columns::spliced(input, |at, field| {
        if dropped.binary_search(&at).is_ok() {
            return Vec::new();
        }
        let taken = positions.binary_search(&at).is_ok();
        vec![if taken { columns::number(field).nullable(false) } else { field.clone() }]
    })
}

impl Filled {
    /// The columns at `positions` of which `train` has a value; says in `notes` which have none.
    /// Refuses infinite values.
    pub(crate) fn learn(
        kind: &'static str,
        train: &Frame,
        positions: &[usize],
        notes: &Notes,
    ) -> Result<Self> {
        let present = taken::learn_each(train, positions, |field, values| {
            taken::finite(field, values)?;
            Ok(values.iter().any(|v| !v.is_nan()))
        })?;
        let having = |has: bool| {
            let pairs = positions.iter().zip(&present);
            pairs.filter(|(_, p)| **p == has).map(|(at, _)| *at).collect::<Vec<usize>>()
        };
        let (filled, dropped) = (having(true), having(false));
        for name in columns::names(train.schema(), &dropped) {
            notes.add(format!("column `{name}` is left out: training saw no value of it"));
        }
        Self::new(kind, train.schema(), filled, &dropped)
    }

    /// The stored columns.
    pub(crate) fn load(
        kind: &'static str,
        filled: &[String],
        dropped: &[String],
        input: &Arc<Schema>,
    ) -> Result<Self> {
        let filled = columns::stored(kind, filled, input, columns::numeric)?;
        let dropped = columns::stored(kind, dropped, input, columns::numeric)?;
        Self::new(kind, input, filled, &dropped)
    }

    fn new(
        kind: &'static str,
        input: &Arc<Schema>,
        positions: Vec<usize>,
        dropped: &[usize],
    ) -> Result<Self> {
        let output = output(input, &positions, dropped)?;
        let dropped = columns::names(input, dropped);
        Ok(Self { taken: Taken::new(kind, input, positions, output), dropped })
    }

    /// The rows with each row that lacks a value put through `fill`, which is given the row's
    /// values of the columns and writes the missing ones.
    pub(crate) fn apply<S>(
        &self,
        rows: Frame,
        scratch: impl Fn() -> S + Sync,
        fill: impl Fn(&mut [f64], &mut S) + Sync,
    ) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let columns: Vec<&[f64]> =
            self.taken.positions.iter().map(|&at| rows.numbers(at)).collect::<Result<_>>()?;
        taken::learn_each(&rows, &self.taken.positions, taken::finite)?;
        let lacking: Vec<usize> =
            (0..rows.rows()).filter(|&row| columns.iter().any(|c| c[row].is_nan())).collect();
        let filled = |scratch: &mut S, row: usize| {
            let mut values: Vec<f64> = columns.iter().map(|c| c[row]).collect();
            fill(&mut values, scratch);
            values
        };
        let filled: Vec<Vec<f64>> = if lacking.len() < PARALLEL_ROWS {
            let mut scratch = scratch();
            lacking.iter().map(|&row| filled(&mut scratch, row)).collect()
        } else {
            lacking.par_iter().map_init(&scratch, |scratch, &row| filled(scratch, row)).collect()
        };
        self.put_back(rows, &lacking, &filled)
    }

    fn put_back(&self, rows: Frame, lacking: &[usize], filled: &[Vec<f64>]) -> Result<Frame> {
        let count = rows.rows();
        let mut columns = Vec::with_capacity(self.taken.signature.output.len());
        for (field, mut column) in
            self.taken.signature.input.fields().iter().zip(rows.into_columns())
        {
            if let Column::Numbers(values) = &mut column
                && let Some(at) = self.taken.columns.iter().position(|c| *c == field.name)
            {
                lacking.iter().zip(filled).for_each(|(&row, filled)| values[row] = filled[at]);
            }
            if !self.dropped.contains(&field.name) {
                columns.push(column);
            }
        }
        Frame::new(Arc::clone(&self.taken.signature.output), columns, count)
    }

    /// The columns that are left of those of a graph that were filled.
    pub(crate) fn express(&self, columns: &[Wire]) -> Vec<Wire> {
        let fields = self.taken.signature.input.fields().iter().zip(columns);
        let kept = fields.filter(|(field, _)| !self.dropped.contains(&field.name));
        kept.map(|(_, column)| *column).collect()
    }

    /// The stored numbers called `name`, which must be one finite one for each column.
    pub(crate) fn finite(&self, state: &State, name: &str) -> Result<Vec<f64>> {
        let numbers = self.taken.one_each(state, name)?;
        if numbers.iter().all(|v| v.is_finite()) {
            return Ok(numbers);
        }
        Err(self.taken.damaged(format!("one of its {name} is not finite")))
    }
}
