//! Categories as the mean of the target in their rows: what was learned, and how rows are encoded.

use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Column, Error, Field, FittedTransform, Frame, Load, Result, Schema, Signature, State,
};
use serde::{Deserialize, Serialize};

use crate::categories::{Lookup, UNKNOWN};
use crate::columns;
use crate::wires;

pub(crate) const KIND: &str = "target_encode";

/// The categories of a column and what each is encoded as.
#[derive(Clone, Debug)]
pub(crate) struct ColumnCategories {
    pub(crate) column: String,
    pub(crate) categories: Vec<String>,
    /// For each output one number for each category and one for missing values, the last.
    pub(crate) encodings: Vec<Vec<f64>>,
}

/// What [`crate::TargetEncoder`] learned: a number for each category of each column, and for each
/// class of the target where there are more than two.
#[derive(Clone, Debug)]
pub struct FittedTargetEncoder {
    signature: Signature,
    columns: Vec<ColumnCategories>,
    classes: Option<Vec<String>>,
    /// The mean of each output, for categories that training never saw.
    means: Vec<f64>,
    /// For each column of the input the place in `columns` and how to find categories.
    plan: Vec<Option<(usize, Lookup)>>,
}

impl FittedTargetEncoder {
    /// `columns` stand in the order of `input`, and each has one list of encodings for each mean.
    pub(crate) fn new(
        input: &Arc<Schema>,
        columns: Vec<ColumnCategories>,
        classes: Option<Vec<String>>,
        means: &[f64],
    ) -> Result<Self> {
        let names = columns.iter().map(|c| &c.column);
        let positions = columns::stored(KIND, names, input, columns::categorical)?;
        let lookups: Vec<(usize, Lookup)> = columns
            .iter()
            .enumerate()
            .map(|(at, c)| Ok((at, Lookup::new(c.categories.iter().zip(0u32..))?)))
            .collect::<Result<_>>()?;
        let output = output(input, &positions, classes.as_deref())?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, lookups),
            columns,
            classes,
            means: means.to_vec(),
        })
    }

    /// The categories of `column` in order and what each becomes, if it is encoded; for a target of
    /// more than two classes, what `class` makes of them.
    pub fn encodings(&self, column: &str, class: usize) -> Option<(&[String], &[f64])> {
        let found = self.columns.iter().find(|c| c.column == column)?;
        let values = found.encodings.get(class)?.get(..found.categories.len())?;
        Some((&found.categories, values))
    }

    /// The mean of the target, of each class where there are more than two.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// `rows` with `encoded` in place of the columns that are taken, in their order.
    pub(crate) fn replaced(&self, rows: Frame, encoded: Vec<Column>) -> Result<Frame> {
        let count = rows.rows();
        let mut encoded = encoded.into_iter();
        let mut columns = Vec::with_capacity(self.signature.output.len());
        for (column, plan) in rows.into_columns().into_iter().zip(&self.plan) {
            match plan {
                Some(_) => columns.extend(encoded.by_ref().take(self.means.len())),
                None => columns.push(column),
            }
        }
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    fn encode(&self, at: usize, lookup: &Lookup, column: &Column) -> Vec<Column> {
        let known = &self.columns[at];
        let codes = lookup.codes(column, known.categories.len() as u32);
        let outputs = known.encodings.iter().zip(&self.means);
        let value = |encodings: &[f64], mean: f64, code: u32| {
            if code == UNKNOWN { mean } else { encodings[code as usize] }
        };
        outputs
            .map(|(encodings, &mean)| codes.iter().map(|&c| value(encodings, mean, c)).collect())
            .map(Column::Numbers)
            .collect()
    }
}

fn output(input: &Schema, positions: &[usize], classes: Option<&[String]>) -> Result<Schema> {
    let mut taken = columns::untouched(input, positions);
    columns::spliced(input, |at, field| {
        let names = match classes {
            _ if positions.binary_search(&at).is_err() => return vec![field.clone()],
            None => vec![field.name.clone()],
            Some(classes) => classes.iter().map(|c| format!("{}_{c}", field.name)).collect(),
        };
        names
            .into_iter()
            .map(|name| Field::number(columns::unused(name, &mut taken)).role(field.role))
            .collect()
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<Categories>,
    classes: Option<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    column: String,
    categories: Vec<String>,
}

impl FittedTransform for FittedTargetEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        columns::replaced(rows, &self.signature.output, |at, column| match self.plan.get(at) {
            Some(Some((place, lookup))) => Ok(self.encode(*place, lookup, &column)),
            _ => Ok(vec![column]),
        })
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        wires::replaced(columns, &self.plan, |_, (place, lookup), column| {
            let known = &self.columns[*place];
            let missing = known.categories.len();
            let ends = [missing as f64, (missing + 1) as f64];
            let codes = graph.to_integers(lookup.express(graph, column, f64::from, ends)?);
            let rows = (0..=missing).flat_map(|code| known.encodings.iter().map(move |e| e[code]));
            let table: Vec<f64> = rows.chain(self.means.iter().copied()).collect();
            Ok(graph.row_at(&table, self.means.len(), codes).wires())
        })
    }

    fn state(&self) -> State {
        let columns = self
            .columns
            .iter()
            .map(|c| Categories { column: c.column.clone(), categories: c.categories.clone() });
        let encodings = self.columns.iter().flat_map(|c| c.encodings.iter().flatten().copied());
        State::new(&Facts { columns: columns.collect(), classes: self.classes.clone() })
            .with_f64("encodings", encodings.collect())
            .with_f64("means", self.means.clone())
    }
}

impl Load for FittedTargetEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let (encodings, means) = (state.f64s("encodings")?, state.f64s("means")?);
        let outputs = facts.classes.as_ref().map_or(1, Vec::len);
        columns::one_each(KIND, "means", means.len(), outputs)?;
        let wanted: usize =
            facts.columns.iter().map(|c| (c.categories.len() + 1).saturating_mul(outputs)).sum();
        if encodings.len() != wanted {
            return Err(Error::damaged(
                format!("step `{KIND}`"),
                format!("it has {} encodings for {wanted} categories", encodings.len()),
            ));
        }
        let mut left = encodings;
        let columns = facts.columns.into_iter().map(|c| {
            let lists = (0..outputs).map(|_| {
                let (own, rest) = left.split_at(c.categories.len() + 1);
                left = rest;
                own.to_vec()
            });
            let encodings = lists.collect();
            ColumnCategories { column: c.column, categories: c.categories, encodings }
        });
        let columns = columns.collect();
        Self::new(input, columns, facts.classes, means)
    }
}
