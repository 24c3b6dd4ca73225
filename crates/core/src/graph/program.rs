//! A graph that is finished, as plain data.

use super::Kind;

/// What was written down: operations in an order in which each stands after those it needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// What is asked about, one column each.
    pub inputs: Vec<Port>,
    /// What is answered.
    pub outputs: Vec<Port>,
    /// Learned numbers and words, by name.
    pub constants: Vec<(String, Constant)>,
    /// What is done.
    pub operations: Vec<Operation>,
}

/// A table that goes in or comes out, `[rows, width]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What its elements are.
    pub kind: Kind,
    /// How many columns it has.
    pub width: usize,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Unique; says which step it belongs to.
    pub name: String,
    /// What is done, as the domain calls it.
    pub operator: &'static str,
    /// Where the operator is defined.
    pub domain: Domain,
    /// The names of its operands.
    pub inputs: Vec<String>,
    /// The names of its results.
    pub outputs: Vec<String>,
    /// Settings by name.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A set of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// `ai.onnx`.
    Tensors,
    /// `ai.onnx.ml`.
    Learning,
}

/// A setting of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// A word.
    Word(String),
    /// Words.
    Words(Vec<String>),
    /// Numbers with a shape.
    Constant(Constant),
}

/// Numbers or words with a shape, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The length of each dimension; none for a single element.
    pub shape: Vec<usize>,
    /// As many as the product of `shape`.
    pub numbers: Numbers,
}

/// The elements of a [`Constant`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are their types")]
pub enum Numbers {
    F64(Vec<f64>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    Words(Vec<String>),
}

impl Constant {
    /// `numbers` in one dimension.
    pub fn list(numbers: Numbers) -> Self {
        Self { shape: vec![numbers.len()], numbers }
    }
}

impl Numbers {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::Words(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
