//! Typing: which kind of values each node gives, decided before any row is read.

use super::functions::Function;
use super::moments;
use super::tree::{At, Case, CastTo, Family, Node, Operator};
use super::{Expr, evaluate, express};
use crate::graph::{Graph, Wire};
use crate::{Column, Error, Field, Frame, PhysicalType, Result, Schema, SemanticType, nearest};

/// An [`Expr`] whose columns are positions in the schema that it was bound to.
#[derive(Clone, Debug)]
pub struct BoundExpr {
    pub(super) nodes: Vec<BoundNode>,
    kind: SemanticType,
    nullable: bool,
}

/// A node with what is known of it before rows are.
#[derive(Clone, Debug)]
pub(super) struct BoundNode {
    pub node: Node,
    /// Nothing for what is always missing.
    pub kind: Option<SemanticType>,
    /// The position of a column.
    pub position: usize,
    nullable: bool,
}

impl BoundExpr {
    /// The kind of values it gives: numeric, boolean, categorical, text or datetime.
    pub fn kind(&self) -> SemanticType {
        self.kind
    }

    /// A field called `name` for what it gives. It is nullable when the schema allows the
    /// expression to have no value: an operand may be missing, or an operation such as `/` or
    /// `LN` may have no answer. An overflow is missing too, but is not foreseen here.
    pub fn field(&self, name: &str) -> Field {
        let physical = match self.kind {
            SemanticType::Boolean => PhysicalType::Boolean,
            SemanticType::Datetime => PhysicalType::Timestamp,
            SemanticType::Categorical | SemanticType::Text => PhysicalType::Utf8,
            _ => PhysicalType::Float64,
        };
        Field::new(name, physical).meaning(self.kind).nullable(self.nullable)
    }

    /// A value for each row of `frame`, which must have the schema that the expression was bound
    /// to. A row alone gives the same bits as in any batch.
    ///
    /// # Errors
    /// [`Error::Data`] when a word grows beyond 1 MiB; [`Error::Bug`] when `frame` has another
    /// schema.
    pub fn evaluate(&self, frame: &Frame) -> Result<Column> {
        evaluate::evaluate(&self.nodes, self.kind, frame)
    }

    /// What [`BoundExpr::evaluate`] does, added to `graph`.
    ///
    /// # Errors
    /// [`Error::NoForm`] naming the function or the cast for which there is no operator.
    pub fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Wire> {
        express::express(&self.nodes, self.kind, graph, columns)
    }
}

/// See [`Expr::bind`].
pub(super) fn bind(expr: &Expr, schema: &Schema) -> Result<BoundExpr> {
    let mut binder = Binder { expr, schema, nodes: Vec::with_capacity(expr.nodes.len()) };
    for (at, node) in expr.nodes.iter().enumerate() {
        let bound = binder.bind(at, node)?;
        binder.nodes.push(bound);
    }
    let last = expr.nodes.len().saturating_sub(1);
    let Some(root) = binder.nodes.last() else {
        return Err(Error::Bug("an expression without nodes".into()));
    };
    let Some(kind) = root.kind else {
        let hint = "give it one, as in CAST(NULL AS double)";
        return Err(expr.refuse(last, "a missing value alone has no kind", Some(hint.into())));
    };
    let nullable = root.nullable;
    Ok(BoundExpr { nodes: binder.nodes, kind, nullable })
}

struct Binder<'a> {
    expr: &'a Expr,
    schema: &'a Schema,
    nodes: Vec<BoundNode>,
}

/// What an operand may be.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Number,
    Boolean,
    Words,
    Moment,
}

impl Wanted {
    fn accepts(self, kind: Option<SemanticType>) -> bool {
        kind.is_none_or(|kind| match self {
            Self::Number => kind == SemanticType::Numeric,
            Self::Boolean => kind == SemanticType::Boolean,
            Self::Words => is_words(kind),
            Self::Moment => kind == SemanticType::Datetime,
        })
    }

    fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Words => "words",
            Self::Moment => "a moment",
        }
    }

    /// The cast that would make `found` fit, where there is one.
    fn cast(self, found: Option<SemanticType>) -> Option<String> {
        let to = match self {
            Self::Number if found == Some(SemanticType::Datetime) => {
                return Some("use EXTRACT, or SECONDS_BETWEEN for a difference".into());
            }
            Self::Number => "double",
            Self::Boolean => return Some("compare it with something, as in `x > 0`".into()),
            Self::Words => "varchar",
            Self::Moment => "timestamp",
        };
        Some(format!("convert it with CAST(.. AS {to})"))
    }
}

fn is_words(kind: SemanticType) -> bool {
    matches!(kind, SemanticType::Categorical | SemanticType::Text)
}

fn same(a: SemanticType, b: SemanticType) -> bool {
    a == b || (is_words(a) && is_words(b))
}

/// The kind of two kinds of words: text when one of them is to be read.
fn wider(a: SemanticType, b: SemanticType) -> SemanticType {
    if a == SemanticType::Text { a } else { b }
}

const NUMBER: Option<SemanticType> = Some(SemanticType::Numeric);
const BOOLEAN: Option<SemanticType> = Some(SemanticType::Boolean);
const MOMENT: Option<SemanticType> = Some(SemanticType::Datetime);

impl Binder<'_> {
    fn bind(&mut self, at: usize, node: &Node) -> Result<BoundNode> {
        let mut position = 0;
        let any_null = node.operands().iter().any(|&a| self.nullable(a));
        let (kind, nullable) = match node {
            Node::Column(name) => {
                let (found, field) = self.column(at, name)?;
                position = found;
                (Some(field.semantic), field.nullable)
            }
            Node::Number(_) => (NUMBER, false),
            Node::Word(_) => (Some(SemanticType::Categorical), false),
            Node::Boolean(_) => (BOOLEAN, false),
            Node::Moment(_) => (MOMENT, false),
            Node::Null => (None, true),
            Node::Not(a) => {
                self.want("NOT", *a, Wanted::Boolean)?;
                (BOOLEAN, any_null)
            }
            Node::Negate(a) => {
                self.want("-", *a, Wanted::Number)?;
                (NUMBER, any_null)
            }
            Node::IsNull(_) => (BOOLEAN, false),
            Node::Binary(operator, a, b) => self.binary(at, *operator, *a, *b)?,
            Node::In(a, list) => {
                let operands: Vec<At> = std::iter::once(*a).chain(list.iter().copied()).collect();
                self.alike(at, "IN", &operands)?;
                (BOOLEAN, any_null)
            }
            Node::Between(a, low, high) => {
                self.alike(at, "BETWEEN", &[*a, *low, *high])?;
                (BOOLEAN, any_null)
            }
            Node::Like(a, pattern) | Node::Ilike(a, pattern) => {
                self.want("LIKE", *a, Wanted::Words)?;
                self.want("LIKE", *pattern, Wanted::Words)?;
                (BOOLEAN, any_null)
            }
            Node::Case(case) => self.case(at, case)?,
            Node::Cast(a, to) => self.cast(at, *a, *to)?,
            Node::Call(function, arguments) => self.call(at, *function, arguments)?,
            Node::Extract(_, a) => {
                self.want("EXTRACT", *a, Wanted::Moment)?;
                (NUMBER, any_null)
            }
            Node::DateTrunc(_, a) => {
                self.want("DATE_TRUNC", *a, Wanted::Moment)?;
                (MOMENT, any_null)
            }
        };
        Ok(BoundNode { node: node.clone(), kind, position, nullable })
    }

    fn get(&self, at: At) -> Option<&BoundNode> {
        self.nodes.get(at as usize)
    }

    fn kind(&self, at: At) -> Option<SemanticType> {
        self.get(at).and_then(|n| n.kind)
    }

    fn nullable(&self, at: At) -> bool {
        self.get(at).is_none_or(|n| n.nullable)
    }

    fn column(&self, at: usize, name: &str) -> Result<(usize, &Field)> {
        let Some(position) = self.schema.find(name) else {
            let known = self.schema.names();
            let hint = match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("words stand in single quotes; the columns are {}", some(&known)),
            };
            let problem = format!("column `{name}` not found");
            return Err(self.expr.refuse(at, &problem, Some(hint)));
        };
        let field = &self.schema.fields()[position];
        if matches!(field.semantic, SemanticType::Id | SemanticType::Image) {
            let problem =
                format!("column `{name}` is {}, which has no values here", field.semantic);
            let hint = "give it another type with `types:`, or use `sql:`";
            return Err(self.expr.refuse(at, &problem, Some(hint.into())));
        }
        if field.expands {
            let problem = format!("column `{name}` was encoded by an earlier step");
            return Err(self.expr.refuse(at, &problem, Some("derive before encoding".into())));
        }
        Ok((position, field))
    }

    fn want(&self, what: &str, at: At, wanted: Wanted) -> Result<()> {
        let kind = self.kind(at);
        if wanted.accepts(kind) {
            return Ok(());
        }
        let problem = format!("`{what}` takes {}, found {}", wanted.words(), self.describe(at));
        Err(self.expr.refuse(at as usize, &problem, wanted.cast(kind)))
    }

    /// What stands at a node, for a message.
    fn describe(&self, at: At) -> String {
        let kind = self.kind(at).map_or("a missing value", SemanticType::word);
        match self.get(at).map(|n| &n.node) {
            Some(Node::Column(name)) => format!("`{name}`, which is {kind}"),
            _ => format!("what is {kind}"),
        }
    }

    /// The kind that all of `operands` share. Words become moments where a moment is among them.
    fn alike(&mut self, at: usize, what: &str, operands: &[At]) -> Result<Option<SemanticType>> {
        if operands.iter().any(|&a| self.kind(a) == MOMENT) {
            operands.iter().try_for_each(|&a| self.read_moment(a))?;
        }
        let mut shared: Option<(SemanticType, At)> = None;
        for &operand in operands {
            let Some(kind) = self.kind(operand) else { continue };
            match shared {
                None => shared = Some((kind, operand)),
                Some((before, first)) if same(before, kind) => {
                    shared = Some((wider(before, kind), first));
                }
                Some((_, first)) => {
                    let (a, b) = (self.describe(first), self.describe(operand));
                    let problem = format!("`{what}` meets {a} and {b}");
                    let hint = "convert one of them with CAST(.. AS ..)";
                    return Err(self.expr.refuse(at, &problem, Some(hint.into())));
                }
            }
        }
        Ok(shared.map(|(kind, _)| kind))
    }

    /// A literal of words that spells a moment, as that moment.
    fn read_moment(&mut self, at: At) -> Result<()> {
        let Some(Node::Word(word)) = self.get(at).map(|n| &n.node) else { return Ok(()) };
        let Some(micros) = moments::read(word) else {
            let problem = format!("`{word}` is no moment");
            let hint = "write '2024-05-01' or '2024-05-01 12:30:00'";
            return Err(self.expr.refuse(at as usize, &problem, Some(hint.into())));
        };
        if let Some(bound) = self.nodes.get_mut(at as usize) {
            (bound.node, bound.kind) = (Node::Moment(micros), MOMENT);
        }
        Ok(())
    }

    fn binary(&mut self, at: usize, operator: Operator, a: At, b: At) -> Result<Typed> {
        let symbol = operator.symbol();
        let any_null = self.nullable(a) || self.nullable(b);
        let both = |wanted| {
            self.want(symbol, a, wanted)?;
            self.want(symbol, b, wanted)
        };
        Ok(match operator.family() {
            Family::Sum => {
                both(Wanted::Number)?;
                (NUMBER, any_null)
            }
            Family::Product => {
                both(Wanted::Number)?;
                let by_zero = operator != Operator::Multiply && !self.is_nonzero(b);
                (NUMBER, any_null || by_zero)
            }
            Family::And | Family::Or => {
                both(Wanted::Boolean)?;
                (BOOLEAN, any_null)
            }
            Family::Concat => {
                both(Wanted::Words)?;
                (self.words_kind(&[a, b]), any_null)
            }
            Family::Comparison => {
                self.alike(at, symbol, &[a, b])?;
                (BOOLEAN, any_null)
            }
        })
    }

    fn is_nonzero(&self, at: At) -> bool {
        matches!(self.get(at).map(|n| &n.node), Some(Node::Number(value)) if *value != 0.0)
    }

    fn words_kind(&self, operands: &[At]) -> Option<SemanticType> {
        let kinds = operands.iter().filter_map(|&a| self.kind(a));
        Some(kinds.fold(SemanticType::Categorical, wider))
    }

    fn case(&mut self, at: usize, case: &Case) -> Result<Typed> {
        let conditions: Vec<At> = case.arms.iter().map(|arm| arm.0).collect();
        match case.operand {
            Some(operand) => {
                let compared: Vec<At> = std::iter::once(operand).chain(conditions).collect();
                self.alike(at, "CASE", &compared)?;
            }
            None => {
                for condition in conditions {
                    self.want("WHEN", condition, Wanted::Boolean)?;
                }
            }
        }
        let results: Vec<At> = case.arms.iter().map(|arm| arm.1).chain(case.otherwise).collect();
        let kind = self.alike(at, "CASE", &results)?;
        let nullable = case.otherwise.is_none() || results.iter().any(|&a| self.nullable(a));
        Ok((kind, nullable))
    }

    fn cast(&self, at: usize, a: At, to: CastTo) -> Result<Typed> {
        let from = self.kind(a);
        let target = match to {
            CastTo::Double | CastTo::Bigint => SemanticType::Numeric,
            CastTo::Varchar => SemanticType::Categorical,
            CastTo::Boolean => SemanticType::Boolean,
            CastTo::Timestamp => SemanticType::Datetime,
        };
        let is_moment = from == MOMENT;
        let to_moment = to == CastTo::Timestamp;
        let possible = match from {
            None => true,
            Some(kind) if is_words(kind) => true,
            Some(_) if is_moment => to_moment || to == CastTo::Varchar,
            Some(_) => !to_moment,
        };
        if !possible {
            let problem = format!("cannot cast {} to {}", self.describe(a), to.name());
            return Err(self.expr.refuse(at, &problem, Wanted::Number.cast(from)));
        }
        let parses = from.is_some_and(is_words) && to != CastTo::Varchar;
        let kind = from.filter(|&k| is_words(k) && to == CastTo::Varchar).unwrap_or(target);
        Ok((Some(kind), self.nullable(a) || parses))
    }

    fn call(&mut self, at: usize, function: Function, arguments: &[At]) -> Result<Typed> {
        use Function as F;
        let name = function.name();
        let any_null = arguments.iter().any(|&a| self.nullable(a));
        let all_null = arguments.iter().all(|&a| self.nullable(a));
        let each = |binder: &Self, wanted: &[Wanted]| {
            arguments.iter().zip(wanted).try_for_each(|(&a, &w)| binder.want(name, a, w))
        };
        let (number, words) = (Wanted::Number, Wanted::Words);
        Ok(match function {
            F::Abs | F::Ceil | F::Floor | F::Exp | F::Sign | F::Round | F::Power => {
                each(self, &[number, number])?;
                (NUMBER, any_null || function == F::Power)
            }
            F::Sqrt | F::Ln | F::Log10 | F::Log2 => {
                each(self, &[number])?;
                (NUMBER, true)
            }
            F::Coalesce | F::Greatest | F::Least => (self.alike(at, name, arguments)?, all_null),
            F::Nullif => (self.alike(at, name, arguments)?, true),
            F::Length => {
                each(self, &[words])?;
                (NUMBER, any_null)
            }
            F::Lower | F::Upper | F::Trim | F::Ltrim | F::Rtrim | F::Replace => {
                each(self, &[words; 3])?;
                (self.words_kind(arguments), any_null)
            }
            F::Substr => {
                each(self, &[words, number, number])?;
                (self.words_kind(&arguments[..1]), any_null || arguments.len() > 2)
            }
            F::Concat => {
                arguments.iter().try_for_each(|&a| self.want(name, a, words))?;
                (self.words_kind(arguments), false)
            }
            F::StartsWith => {
                each(self, &[words, words])?;
                (BOOLEAN, any_null)
            }
            F::SecondsBetween => {
                self.alike(at, name, arguments)?;
                each(self, &[Wanted::Moment; 2])?;
                (NUMBER, any_null)
            }
        })
    }
}

/// The kind of what a node gives, and whether it may be missing.
type Typed = (Option<SemanticType>, bool);

/// Names in a row, cut where a person would stop reading.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ..") } else { shown }
}
