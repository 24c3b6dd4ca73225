//! What a filter says, once it has been read.

words! {
    /// What sort of thing a clause is about.
    FieldKind {
        /// A property of the searched thing itself.
        Attribute = "attribute",
        /// The latest value of a metric.
        Metric = "metric",
        /// A param.
        Param = "parameter",
        /// A tag.
        Tag = "tag",
        /// A property of a dataset that was used.
        Dataset = "dataset",
    }
}

words! {
    /// How a field is compared.
    Operator {
        /// They are equal.
        Equal = "=",
        /// They differ; a field that is not there does not.
        NotEqual = "!=",
        /// The field is smaller.
        Less = "<",
        /// The field is smaller or equal.
        AtMost = "<=",
        /// The field is greater.
        Greater = ">",
        /// The field is greater or equal.
        AtLeast = ">=",
        /// The field matches a pattern of `%` and `_`, letter by letter.
        Like = "LIKE",
        /// The same, whatever the case of its ASCII letters.
        ILike = "ILIKE",
        /// The field is one of a list.
        In = "IN",
        /// The field is there and none of a list.
        NotIn = "NOT IN",
        /// There is no such field.
        IsNull = "IS NULL",
        /// There is such a field.
        IsNotNull = "IS NOT NULL",
    }
}

/// What must hold of whatever is found: all clauses. Without clauses everything is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The clauses, in their order.
    pub clauses: Vec<Clause>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// What is compared.
    pub field: Field,
    /// How.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
}

/// Something that can be compared or sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What sort of thing it is.
    pub kind: FieldKind,
    /// Its name; of an attribute the one that others stand for.
    pub key: String,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Nothing: whether the field is there.
    Nothing,
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(String),
    /// Some texts, at least one.
    List(Vec<String>),
}

/// Why a filter or a sort key cannot be understood, in MLflow's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// What was found, and what would be understood.
    pub message: String,
}

impl FilterError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
