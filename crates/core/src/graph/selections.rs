//! Places in a row: the greatest, the least, and what stands there.

use super::build::Given;
use super::program::{Attribute, Domain, Numbers};
use super::{Graph, Kind, Value};

impl Graph {
    /// Where the greatest number of each row stands; the first of equal ones.
    pub fn place_of_greatest(&self, a: Value) -> Value {
        self.place("ArgMax", a)
    }

    /// Where the least number of each row stands; the first of equal ones.
    pub fn place_of_least(&self, a: Value) -> Value {
        self.place("ArgMin", a)
    }

    fn place(&self, operator: &'static str, a: Value) -> Value {
        let attributes = vec![("axis", Attribute::Integer(1)), ("keepdims", Attribute::Integer(1))];
        let given = Given { kind: Kind::Integers, width: 1, rows: a.rows };
        self.operation((Domain::Tensors, operator), &[a], attributes, given)
    }

    /// The `count` least numbers of each row in rising order, the first of equal ones first, and
    /// their places.
    pub fn least_ones(&self, a: Value, count: usize) -> (Value, Value) {
        let wanted = self.constant(Numbers::I64(vec![count as i64]), &[1]);
        let attributes = vec![
            ("axis", Attribute::Integer(1)),
            ("largest", Attribute::Integer(0)),
            ("sorted", Attribute::Integer(1)),
        ];
        let given = |kind| Given { kind, width: count, rows: a.rows };
        let both = vec![given(a.kind), given(Kind::Integers)];
        let found = self.operations((Domain::Tensors, "TopK"), &[a, wanted], attributes, both);
        (found[0], found[1])
    }

    /// The element of each row at its place.
    pub fn element_at(&self, a: Value, places: Value) -> Value {
        let axis = vec![("axis", Attribute::Integer(1))];
        let given = Given { kind: a.kind, width: places.width, rows: a.rows.with(places.rows) };
        let a = if Self::is_one_row(places) { a } else { self.spread(a) };
        self.operation((Domain::Tensors, "GatherElements"), &[a, places], axis, given)
    }

    /// For each row a column for each of `count` places: 1 where it is that of the row, else 0.
    pub fn one_hot(&self, places: Value, count: usize) -> Value {
        let all: Vec<f64> = (0..count).map(|at| at as f64).collect();
        self.to_numbers(self.equal(self.to_numbers(places), self.row(&all)))
    }

    /// How many of `borders` are below each number, or also those that are equal to it.
    pub fn count_below(&self, a: Value, borders: &[f64], bound: Bound) -> Value {
        if borders.is_empty() {
            return self.number(0.0);
        }
        let borders = self.row(borders);
        let below = match bound {
            Bound::Below => self.less(borders, a),
            Bound::UpTo => self.at_most(borders, a),
        };
        self.sum(self.to_numbers(below))
    }
}

/// Whether what is equal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It does not.
    Below,
    /// It does.
    UpTo,
}
