//! A bound expression as a graph of operators: node after node, as the evaluator goes.

use super::bind::BoundNode;
use super::tree::{At, Case, CastTo, Node, Operator};
use crate::graph::{Graph, Kind, Value, Wire, no_form};
use crate::{Error, MISSING_TIME, Result, SemanticType};

/// See [`super::BoundExpr::express`].
pub(super) fn express(
    nodes: &[BoundNode],
    kind: SemanticType,
    graph: &Graph,
    columns: &[Wire],
) -> Result<Wire> {
    let mut writer = Writer { nodes, graph, columns, values: Vec::with_capacity(nodes.len()) };
    for node in nodes {
        let value = writer.node(node)?;
        writer.values.push(value);
    }
    let root = writer.values.pop().flatten();
    let root = root.map_or_else(|| Ok(writer.missing(Kind::of(kind)?)), Ok::<_, Error>)?;
    Ok(graph.spread(root).wire())
}

pub(super) struct Writer<'a> {
    nodes: &'a [BoundNode],
    pub(super) graph: &'a Graph,
    columns: &'a [Wire],
    /// Nothing for what is missing in every row, of whatever kind is wanted.
    values: Vec<Option<Value>>,
}

impl Writer<'_> {
    pub(super) fn missing(&self, kind: Kind) -> Value {
        match kind {
            Kind::Numbers | Kind::Truths => self.graph.number(f64::NAN),
            Kind::Words => self.graph.word(""),
            Kind::Integers => self.graph.integer(MISSING_TIME),
        }
    }

    pub(super) fn get(&self, at: At) -> Option<Value> {
        self.values.get(at as usize).copied().flatten()
    }

    pub(super) fn as_kind(&self, at: At, kind: Kind) -> Value {
        self.get(at).unwrap_or_else(|| self.missing(kind))
    }

    pub(super) fn numbers(&self, at: At) -> Value {
        self.as_kind(at, Kind::Numbers)
    }

    /// The values at these places, those without a kind as the others.
    pub(super) fn alike(&self, places: &[At]) -> (Kind, Vec<Value>) {
        let known = places.iter().find_map(|&at| self.get(at));
        let kind = known.map_or(Kind::Numbers, Value::kind);
        (kind, places.iter().map(|&at| self.as_kind(at, kind)).collect())
    }

    fn node(&self, bound: &BoundNode) -> Result<Option<Value>> {
        let g = self.graph;
        Ok(Some(match &bound.node {
            Node::Column(name) => {
                let wire = self.columns.get(bound.position).copied().ok_or_else(|| {
                    Error::Bug(format!("an expression reads column `{name}` of a graph"))
                })?;
                g.single(wire)
            }
            Node::Number(number) => g.number(*number),
            Node::Word(word) if word.is_empty() => {
                return Err(no_form("the word ''", "the empty word means a missing one"));
            }
            Node::Word(word) => g.word(word),
            Node::Boolean(truth) => g.number(f64::from(u8::from(*truth))),
            Node::Moment(micros) => g.integer(*micros),
            Node::Null => return Ok(None),
            Node::Not(a) => g.subtract(g.number(1.0), self.numbers(*a)),
            Node::Negate(a) => g.negate(self.numbers(*a)),
            Node::IsNull(a) => match self.get(*a) {
                None => g.number(1.0),
                Some(value) => g.to_numbers(g.is_missing(value)),
            },
            Node::Binary(operator, a, b) => self.binary(*operator, *a, *b)?,
            Node::In(a, list) => self.is_in(*a, list)?,
            Node::Between(a, low, high) => {
                let above = self.compare(Operator::GreaterOrEqual, *a, *low)?;
                self.both(above, self.compare(Operator::LessOrEqual, *a, *high)?)
            }
            Node::Like(a, pattern) => self.like(*a, *pattern)?,
            Node::Ilike(..) => return Err(no_form("ILIKE", "letters of all scripts change case")),
            Node::Case(case) => return self.case(case),
            Node::Cast(a, to) => return self.cast(*a, *to),
            Node::Call(function, arguments) => return self.call(*function, arguments),
            Node::Extract(part, a) => self.extract(*part, self.as_kind(*a, Kind::Integers)),
            Node::DateTrunc(part, a) => self.cut(*part, self.as_kind(*a, Kind::Integers)),
        }))
    }

    /// What is no finite number is missing.
    pub(super) fn finite(&self, value: Value) -> Value {
        let g = self.graph;
        let finite = g.at_most(g.absolute(value), g.number(f64::MAX));
        g.choose(finite, value, g.number(f64::NAN))
    }

    /// Three-valued: false with anything is false, missing with true is missing.
    fn both(&self, a: Value, b: Value) -> Value {
        let g = self.graph;
        let no = g.number(0.0);
        let refuted = g.either(g.equal(a, no), g.equal(b, no));
        g.choose(refuted, no, g.multiply(a, b))
    }

    fn either(&self, a: Value, b: Value) -> Value {
        let not = |v| self.graph.subtract(self.graph.number(1.0), v);
        not(self.both(not(a), not(b)))
    }

    fn binary(&self, operator: Operator, a: At, b: At) -> Result<Value> {
        let g = self.graph;
        if operator == Operator::Concat {
            let (a, b) = (self.as_kind(a, Kind::Words), self.as_kind(b, Kind::Words));
            let missing = g.either(g.is_missing(a), g.is_missing(b));
            return Ok(g.choose(missing, g.word(""), g.followed(a, b)));
        }
        let pair = || (self.numbers(a), self.numbers(b));
        let of = |f: fn(&Graph, Value, Value) -> Value| {
            let (a, b) = pair();
            self.finite(f(g, a, b))
        };
        Ok(match operator {
            Operator::Add => of(Graph::add),
            Operator::Subtract => of(Graph::subtract),
            Operator::Multiply => of(Graph::multiply),
            Operator::Divide => of(Graph::divide),
            Operator::Modulo => of(Graph::remainder),
            Operator::And => self.both(self.numbers(a), self.numbers(b)),
            Operator::Or => self.either(self.numbers(a), self.numbers(b)),
            _ => return self.compare(operator, a, b),
        })
    }

    fn compare(&self, operator: Operator, a: At, b: At) -> Result<Value> {
        let (kind, values) = self.alike(&[a, b]);
        self.compared(operator, kind, values[0], values[1])
    }

    fn compared(&self, operator: Operator, kind: Kind, a: Value, b: Value) -> Result<Value> {
        let g = self.graph;
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if kind == Kind::Words && ordered {
            return Err(no_form("the order of words", "operators compare words for equality only"));
        }
        let found = match operator {
            Operator::Less => g.less(a, b),
            Operator::LessOrEqual => g.at_most(a, b),
            Operator::Greater => g.less(b, a),
            Operator::GreaterOrEqual => g.at_most(b, a),
            Operator::NotEqual => g.not(g.equal(a, b)),
            _ => g.equal(a, b),
        };
        let missing = g.either(g.is_missing(a), g.is_missing(b));
        Ok(g.choose(missing, g.number(f64::NAN), g.to_numbers(found)))
    }

    /// True if one of the list is equal, else missing if one is missing.
    fn is_in(&self, a: At, list: &[At]) -> Result<Value> {
        let places: Vec<At> = std::iter::once(a).chain(list.iter().copied()).collect();
        let (kind, values) = self.alike(&places);
        let first = values[0];
        let equal = values[1..].iter().map(|v| self.compared(Operator::Equal, kind, first, *v));
        let mut equal = equal.collect::<Result<Vec<_>>>()?.into_iter();
        let found = equal.next().unwrap_or_else(|| self.graph.number(f64::NAN));
        Ok(equal.fold(found, |found, next| self.either(found, next)))
    }

    fn like(&self, a: At, pattern: At) -> Result<Value> {
        let g = self.graph;
        let pattern = self.spelled(pattern, "LIKE with a pattern from a column")?;
        let text = self.as_kind(a, Kind::Words);
        let found = g.matches(text, format!("(?s){}", regular(&pattern)));
        Ok(g.choose(g.is_missing(text), g.number(f64::NAN), g.to_numbers(found)))
    }

    /// The word that stands in the expression itself.
    pub(super) fn spelled(&self, at: At, what: &str) -> Result<String> {
        match self.nodes.get(at as usize).map(|bound| &bound.node) {
            Some(Node::Word(word)) => Ok(word.clone()),
            _ => Err(no_form(what, "operators take it as a setting; write it into the expression")),
        }
    }

    fn case(&self, case: &Case) -> Result<Option<Value>> {
        let results: Vec<At> = case.arms.iter().map(|arm| arm.1).chain(case.otherwise).collect();
        if results.iter().all(|&at| self.get(at).is_none()) {
            return Ok(None);
        }
        let (kind, _) = self.alike(&results);
        let mut chosen =
            case.otherwise.map_or_else(|| self.missing(kind), |at| self.as_kind(at, kind));
        for &(when, then) in case.arms.iter().rev() {
            let condition = match case.operand {
                Some(operand) => self.compare(Operator::Equal, operand, when)?,
                None => self.numbers(when),
            };
            let holds = self.graph.equal(condition, self.graph.number(1.0));
            chosen = self.graph.choose(holds, self.as_kind(then, kind), chosen);
        }
        Ok(Some(chosen))
    }

    fn cast(&self, a: At, to: CastTo) -> Result<Option<Value>> {
        let g = self.graph;
        let Some(value) = self.get(a) else { return Ok(None) };
        let boolean =
            self.nodes.get(a as usize).and_then(|n| n.kind) == Some(SemanticType::Boolean);
        Ok(Some(match (value.kind(), to) {
            (Kind::Numbers, CastTo::Double) => value,
            (Kind::Numbers, CastTo::Bigint) => {
                g.multiply(g.sign(value), g.floor(g.absolute(value)))
            }
            (Kind::Numbers, CastTo::Boolean) => {
                let truth = g.to_numbers(g.not(g.equal(value, g.number(0.0))));
                g.choose(g.is_missing(value), value, truth)
            }
            (Kind::Numbers, CastTo::Varchar) if boolean => {
                let word = g.choose(g.equal(value, g.number(0.0)), g.word("false"), g.word("true"));
                g.choose(g.is_missing(value), g.word(""), word)
            }
            (Kind::Words, CastTo::Varchar) | (Kind::Integers, CastTo::Timestamp) => value,
            (_, to) => {
                let what = format!("CAST(.. AS {}) of such values", to.name());
                return Err(no_form(
                    what,
                    "runtimes spell and read numbers and moments each in its way",
                ));
            }
        }))
    }
}

/// The regular expression of a LIKE pattern: `%` any text, `_` any letter, `\` before either.
fn regular(pattern: &str) -> String {
    let mut regular = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => regular.push_str(".*"),
            '_' => regular.push('.'),
            '\\' => regular.push_str(&escaped(&letters.next().unwrap_or('\\').to_string())),
            other => regular.push_str(&escaped(&other.to_string())),
        }
    }
    regular
}

/// Letters that mean themselves in a regular expression.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
