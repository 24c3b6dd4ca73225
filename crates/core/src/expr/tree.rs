//! The tree of an expression, laid out flat: children before their parents, the root last.
//!
//! Flat because a stored tree comes from outside: no walk over it needs more stack than another,
//! however deep someone made it.

use serde::{Deserialize, Serialize};

use super::functions::Function;
use super::moments::Part;

/// More nodes than any expression that a person writes has.
pub(super) const MAX_NODES: usize = 4_096;

/// The position of a node among the nodes.
pub(super) type At = u32;

/// One operation, with its operands as positions of earlier nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Node {
    Column(String),
    Number(f64),
    Word(String),
    Boolean(bool),
    /// Microseconds since 1970-01-01.
    Moment(i64),
    Null,
    Not(At),
    Negate(At),
    IsNull(At),
    Binary(Operator, At, At),
    In(At, Vec<At>),
    /// Value, lower end, upper end.
    Between(At, At, At),
    /// Words, pattern.
    Like(At, At),
    /// Words, pattern; without regard to case.
    Ilike(At, At),
    Case(Case),
    Cast(At, CastTo),
    Call(Function, Vec<At>),
    Extract(Part, At),
    DateTrunc(Part, At),
}

/// `CASE [operand] WHEN .. THEN .. [ELSE ..] END`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operand: Option<At>,
    /// Condition and result.
    pub arms: Vec<(At, At)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<At>,
}

/// What a `CAST` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CastTo {
    Double,
    Bigint,
    Varchar,
    Boolean,
    Timestamp,
}

impl CastTo {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Double => "DOUBLE",
            Self::Bigint => "BIGINT",
            Self::Varchar => "VARCHAR",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Concat,
}

/// Operators that take their operands alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Sum,
    Product,
    Comparison,
    And,
    Or,
    Concat,
}

impl Operator {
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Concat => "||",
        }
    }

    pub const fn family(self) -> Family {
        match self {
            Self::Add | Self::Subtract => Family::Sum,
            Self::Multiply | Self::Divide | Self::Modulo => Family::Product,
            Self::And => Family::And,
            Self::Or => Family::Or,
            Self::Concat => Family::Concat,
            _ => Family::Comparison,
        }
    }
}

impl Node {
    /// The positions of its operands, in order.
    pub fn operands(&self) -> Vec<At> {
        match self {
            Self::Column(_)
            | Self::Number(_)
            | Self::Word(_)
            | Self::Boolean(_)
            | Self::Moment(_)
            | Self::Null => Vec::new(),
            Self::Not(a)
            | Self::Negate(a)
            | Self::IsNull(a)
            | Self::Cast(a, _)
            | Self::Extract(_, a)
            | Self::DateTrunc(_, a) => vec![*a],
            Self::Binary(_, a, b) | Self::Like(a, b) | Self::Ilike(a, b) => vec![*a, *b],
            Self::Between(a, b, c) => vec![*a, *b, *c],
            Self::In(a, list) => std::iter::once(*a).chain(list.iter().copied()).collect(),
            Self::Call(_, arguments) => arguments.clone(),
            Self::Case(case) => case
                .operand
                .into_iter()
                .chain(case.arms.iter().flat_map(|&(when, then)| [when, then]))
                .chain(case.otherwise)
                .collect(),
        }
    }
}

/// Whether `nodes` are one tree: every node but the last is the operand of exactly one later one.
/// Says what is wrong otherwise.
pub(super) fn validate(nodes: &[Node]) -> Result<(), String> {
    if nodes.is_empty() || nodes.len() > MAX_NODES {
        return Err(format!("it has {} nodes, expected 1 to {MAX_NODES}", nodes.len()));
    }
    let mut used = vec![false; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for operand in node.operands() {
            match used.get_mut(operand as usize).filter(|_| (operand as usize) < at) {
                Some(taken) if !*taken => *taken = true,
                _ => return Err(format!("node {at} takes node {operand}, which is not free")),
            }
        }
        validate_node(node).map_err(|problem| format!("node {at} {problem}"))?;
    }
    match used[..nodes.len() - 1].iter().position(|used| !used) {
        Some(idle) => Err(format!("node {idle} is used by none")),
        None => Ok(()),
    }
}

fn validate_node(node: &Node) -> Result<(), String> {
    match node {
        Node::Number(value) if !value.is_finite() => Err("holds no finite number".into()),
        Node::Moment(micros) if *micros == crate::MISSING_TIME => Err("holds no moment".into()),
        Node::In(_, list) if list.is_empty() => Err("has an empty list".into()),
        Node::Case(case) if case.arms.is_empty() => Err("has no arms".into()),
        Node::Call(function, arguments) if !function.takes(arguments.len()) => {
            Err(format!("calls {} with {} arguments", function.name(), arguments.len()))
        }
        Node::DateTrunc(part, _) if !part.truncates() => {
            Err(format!("cuts at {}, which is no unit", part.name()))
        }
        _ => Ok(()),
    }
}
