//! Columns cut into bins: what was learned, and how rows are cut.

use std::collections::HashSet;
use std::sync::Arc;

use gristmill_core::graph::{Bound, Graph, Wire};
use gristmill_core::{Field, FittedTransform, Frame, Load, Result, Schema, Signature, State};
use serde::{Deserialize, Serialize};

use crate::bin::BinOutput;
use crate::columns;
use crate::taken::Taken;
use crate::wires;

pub(crate) const KIND: &str = "bin";

/// What [`crate::Bin`] learned: the edges of the bins of each column.
#[derive(Clone, Debug)]
pub struct FittedBin {
    taken: Taken,
    output: BinOutput,
    edges: Vec<Vec<f64>>,
}

/// Bins with these inner `edges`, rising, for each of `positions`.
pub(crate) fn fitted(
    input: &Arc<Schema>,
    positions: Vec<usize>,
    edges: Vec<Vec<f64>>,
    output: BinOutput,
) -> Result<FittedBin> {
    let schema = match output {
        BinOutput::Ordinal => columns::with_numbers(input, &positions)?,
        BinOutput::OneHot => one_hot(input, &positions, &edges)?,
    };
    Ok(FittedBin { taken: Taken::new(KIND, input, positions, schema), output, edges })
}

fn one_hot(input: &Schema, positions: &[usize], edges: &[Vec<f64>]) -> Result<Schema> {
    let plan = columns::plan(input.len(), positions, edges);
    let kept = input.fields().iter().zip(&plan).filter(|(_, p)| p.is_none());
    let mut taken: HashSet<String> = kept.map(|(f, _)| f.name.clone()).collect();
    columns::spliced(input, |at, field| match plan.get(at) {
        Some(Some(edges)) => (1..=edges.len() + 1)
            .map(|bin| columns::unused(format!("{}_bin_{bin}", field.name), &mut taken))
            .map(|name| Field::number(name).role(field.role))
            .collect(),
        _ => vec![field.clone()],
    })
}

impl FittedBin {
    /// The columns that are cut, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The edges between the bins of each of [`FittedBin::columns`]; one fewer than bins.
    pub fn edges(&self) -> &[Vec<f64>] {
        &self.edges
    }
}

/// The number of the bin that `value` falls into.
fn bin(edges: &[f64], value: f64) -> usize {
    edges.partition_point(|edge| *edge <= value)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    output: BinOutput,
}

impl FittedTransform for FittedBin {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        match self.output {
            BinOutput::Ordinal => self.taken.map(rows, &self.edges, |edges, value| {
                if value.is_nan() { value } else { bin(edges, value) as f64 }
            }),
            BinOutput::OneHot => self.taken.expand(rows, &self.edges, |edges, _, values| {
                let mut columns = vec![vec![0.0; values.len()]; edges.len() + 1];
                for (row, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                    columns[bin(edges, *value)][row] = 1.0;
                }
                Ok(columns)
            }),
        }
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let code = |edges: &[f64], x| {
            let code = graph.count_below(x, edges, Bound::UpTo);
            graph.choose(graph.is_missing(x), x, code)
        };
        let positions = &self.taken.positions;
        if self.output == BinOutput::Ordinal {
            return Ok(wires::each(graph, columns, positions, &self.edges, |e, x| code(e, x)));
        }
        wires::replaced(
            columns,
            &columns::plan(columns.len(), positions, &self.edges),
            |_, e, x| Ok(graph.one_hot(code(e, graph.single(x)), e.len() + 1).wires()),
        )
    }

    fn state(&self) -> State {
        let facts = Facts { columns: self.taken.columns.clone(), output: self.output };
        State::new(&facts)
            .with_u32("counts", self.edges.iter().map(|e| e.len() as u32).collect())
            .with_f64("edges", self.edges.concat())
    }
}

impl Load for FittedBin {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, output } = state.facts()?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        let (counts, mut numbers) = (state.u32s("counts")?, state.f64s("edges")?);
        columns::one_each(KIND, "counts", counts.len(), positions.len())?;
        let damaged = |found: &str| gristmill_core::Error::damaged(format!("step `{KIND}`"), found);
        let mut edges = Vec::with_capacity(counts.len());
        for &count in counts {
            let (own, others) = numbers
                .split_at_checked(count as usize)
                .ok_or_else(|| damaged("it has fewer edges than it counts"))?;
            if own.iter().any(|e| !e.is_finite()) || own.windows(2).any(|w| w[0] >= w[1]) {
                return Err(damaged("the edges of a column do not rise"));
            }
            edges.push(own.to_vec());
            numbers = others;
        }
        if !numbers.is_empty() {
            return Err(damaged("it has more edges than it counts"));
        }
        fitted(input, positions, edges, output)
    }
}
