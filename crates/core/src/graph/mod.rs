//! What a fitted pipeline computes, written down as a graph of operators that other runtimes know:
//! those of ONNX, by their names in `ai.onnx` (opset 21) and `ai.onnx.ml` (opset 5).
//!
//! A step writes itself down in [`crate::FittedTransform::express`] and [`crate::Model::express`]:
//! it is given the columns that it would be given as rows, and gives those that it would give. The
//! graph is typed by [`Kind`] and by width, and knows no file format; the crate `onnx` turns it
//! into one.
//!
//! Columns come as a [`Frame`](crate::Frame) has them: numbers as 64-bit floats with NaN for
//! missing, words as strings with the empty one for missing, moments as integers with
//! [`crate::MISSING_TIME`] for missing. Where a step would refuse a value, the graph has nobody to
//! refuse it to: there its answer is NaN, or means nothing.

mod arithmetic;
mod build;
mod calendar;
mod distances;
mod lookups;
mod program;
mod selections;
mod trees;
mod wires;

pub use build::Graph;
pub use calendar::Calendar;
pub use distances::Measure;
pub use program::{Attribute, Constant, Domain, Numbers, Operation, Port, Program};
pub use selections::Bound;
pub use trees::{Branch, Child, Split, Trees};

use crate::{Error, SemanticType};

/// What the elements of a [`Value`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit floats; NaN is missing.
    Numbers,
    /// 64-bit integers: moments, positions.
    Integers,
    /// Strings; the empty one is missing.
    Words,
    /// True or false.
    Truths,
}

impl Kind {
    /// The kind of a column of this meaning in a frame.
    ///
    /// # Errors
    /// [`Error::Bug`] for ids and images, which no operator takes.
    pub fn of(semantic: SemanticType) -> crate::Result<Self> {
        Ok(match semantic {
            SemanticType::Numeric | SemanticType::Boolean => Self::Numbers,
            SemanticType::Categorical | SemanticType::Text => Self::Words,
            SemanticType::Datetime => Self::Integers,
            SemanticType::Id | SemanticType::Image => {
                return Err(Error::Bug(format!("{semantic} columns have no place in a graph")));
            }
        })
    }
}

/// A table in the graph: as many rows as are asked about, or one for all of them, and `width`
/// columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    id: u32,
    kind: Kind,
    width: usize,
    rows: RowCount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowCount {
    One,
    All,
}

impl RowCount {
    /// Of a result whose operands have these.
    fn with(self, other: Self) -> Self {
        if self == Self::One { other } else { self }
    }
}

impl Value {
    /// What its elements are.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// How many columns it has.
    pub fn width(self) -> usize {
        self.width
    }

    /// Its columns in order.
    pub fn wires(self) -> Vec<Wire> {
        (0..self.width).map(|at| Wire { value: self, at }).collect()
    }

    /// Its first column.
    pub fn wire(self) -> Wire {
        Wire { value: self, at: 0 }
    }
}

/// One column of a frame: that at `at` of `value`. Columns that a step makes together stay
/// together until someone asks for one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    value: Value,
    at: usize,
}

impl Wire {
    /// What its elements are.
    pub fn kind(self) -> Kind {
        self.value.kind
    }
}

/// The answers of a model in a graph, as [`crate::Scores`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// A column for each class.
    Probabilities(Value),
    /// One column.
    Values(Value),
}

impl Answers {
    /// The table of the answers, whichever they are.
    pub fn value(self) -> Value {
        match self {
            Self::Probabilities(value) | Self::Values(value) => value,
        }
    }
}

/// Says why `what` cannot be written down.
pub fn no_form(what: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::NoForm { what: what.into(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
