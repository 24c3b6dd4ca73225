//! What steps share that write themselves down as graphs: where their columns stand.

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{FittedTransform, Result};

/// The places of the columns that have a plan.
pub(crate) fn planned<P>(plan: &[Option<P>]) -> Vec<usize> {
    plan.iter().enumerate().filter(|(_, plan)| plan.is_some()).map(|(at, _)| at).collect()
}

/// The columns with those that `make` gives in place of each that has a plan.
pub(crate) fn replaced<P>(
    columns: &[Wire],
    plan: &[Option<P>],
    mut make: impl FnMut(usize, &P, Wire) -> Result<Vec<Wire>>,
) -> Result<Vec<Wire>> {
    let mut made = Vec::with_capacity(columns.len());
    for (at, &column) in columns.iter().enumerate() {
        match plan.get(at) {
            Some(Some(plan)) => made.extend(make(at, plan, column)?),
            _ => made.push(column),
        }
    }
    Ok(made)
}

/// The columns at other places than `positions`, and those of `made` at the end.
pub(crate) fn moved(columns: &[Wire], positions: &[usize], made: Value) -> Vec<Wire> {
    let others = columns.iter().enumerate();
    let others = others.filter(|(at, _)| positions.binary_search(at).is_err());
    others.map(|(_, column)| *column).chain(made.wires()).collect()
}

/// The columns at `positions`, each put through `change` with its plan.
pub(crate) fn each<P>(
    graph: &Graph,
    columns: &[Wire],
    positions: &[usize],
    plans: &[P],
    change: impl Fn(&P, Value) -> Value,
) -> Vec<Wire> {
    let mut columns = columns.to_vec();
    for (&at, plan) in positions.iter().zip(plans) {
        if let Some(column) = columns.get_mut(at) {
            *column = change(plan, graph.single(*column)).wire();
        }
    }
    columns
}

/// The columns that `step` keeps of those that it takes: all but those at `dropped`.
pub(crate) fn kept(step: &dyn FittedTransform, columns: &[Wire], dropped: &[usize]) -> Vec<Wire> {
    let all = columns.iter().take(step.input().len()).enumerate();
    all.filter(|(at, _)| !dropped.contains(at)).map(|(_, column)| *column).collect()
}
