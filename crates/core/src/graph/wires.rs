//! Columns side by side: taken out of tables, put together into others.

use super::build::Given;
use super::program::{Attribute, Domain, Numbers};
use super::{Graph, Kind, RowCount, Value, Wire};

impl Graph {
    /// One column as a table of its own.
    pub fn single(&self, wire: Wire) -> Value {
        self.columns(wire.value, &[wire.at])
    }

    /// The columns of `value` at these places.
    pub fn columns(&self, value: Value, places: &[usize]) -> Value {
        if places.iter().copied().eq(0..value.width) {
            return value;
        }
        if let Some(beyond) = places.iter().find(|at| **at >= value.width) {
            self.mistaken(|| format!("column {beyond} was taken out of {value:?}"));
        }
        let indices = places.iter().map(|&at| at as i64).collect();
        let indices = self.constant(Numbers::I64(indices), &[places.len()]);
        let axis = vec![("axis", Attribute::Integer(1))];
        let given = Given { kind: value.kind, width: places.len(), rows: value.rows };
        self.operation((Domain::Tensors, "Gather"), &[value, indices], axis, given)
    }

    /// Columns of one kind as one table; neighbours that were made together stay together.
    pub fn matrix(&self, wires: &[Wire]) -> Value {
        let parts: Vec<Value> = wires
            .chunk_by(|a, b| a.value == b.value)
            .map(|run| {
                let places: Vec<usize> = run.iter().map(|wire| wire.at).collect();
                self.columns(run[0].value, &places)
            })
            .collect();
        self.join(&parts)
    }

    /// Tables of one kind side by side.
    pub fn join(&self, parts: &[Value]) -> Value {
        let Some(first) = parts.first().copied() else {
            self.mistaken(|| "no columns were put together".into());
            return self.number(0.0);
        };
        if parts.len() == 1 {
            return first;
        }
        if parts.iter().any(|part| part.kind != first.kind) {
            self.mistaken(|| format!("tables of several kinds were put together: {parts:?}"));
        }
        let alike = parts.iter().all(|part| Self::is_one_row(*part));
        let parts: Vec<Value> =
            parts.iter().map(|&part| if alike { part } else { self.spread(part) }).collect();
        let rows = if alike { RowCount::One } else { RowCount::All };
        let given =
            Given { kind: first.kind, width: parts.iter().map(|part| part.width).sum(), rows };
        let axis = vec![("axis", Attribute::Integer(1))];
        self.operation((Domain::Tensors, "Concat"), &parts, axis, given)
    }

    /// `columns` with those at `places`, which are numbers, changed all at once; `change` gives as
    /// many as it takes.
    pub fn changed(
        &self,
        columns: &[Wire],
        places: &[usize],
        change: impl FnOnce(Value) -> Value,
    ) -> Vec<Wire> {
        let mut columns = columns.to_vec();
        if places.is_empty() {
            return columns;
        }
        let changed = change(self.taken(&columns, places));
        if changed.width != places.len() || changed.kind != Kind::Numbers {
            self.mistaken(|| format!("{} columns were changed into {changed:?}", places.len()));
        }
        for (wire, &at) in changed.wires().into_iter().zip(places) {
            columns[at] = wire;
        }
        columns
    }

    /// The columns at `places` as one table.
    pub fn taken(&self, columns: &[Wire], places: &[usize]) -> Value {
        let taken: Vec<Wire> = places.iter().filter_map(|&at| columns.get(at)).copied().collect();
        if taken.len() != places.len() {
            self.mistaken(|| format!("a step of {places:?} was given {} columns", columns.len()));
        }
        self.matrix(&taken)
    }
}
