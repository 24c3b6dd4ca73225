//! A bound expression as a graph of operators: node after node, as the evaluator goes.

use super::bind::BoundNode;
use super::functions::Function;
use super::moments::Part;
use super::tree::{At, Case, CastTo, Node, Operator};
use crate::graph::{Calendar, Graph, Kind, Value, Wire, no_form};
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

struct Writer<'a> {
    nodes: &'a [BoundNode],
    graph: &'a Graph,
    columns: &'a [Wire],
    /// Nothing for what is missing in every row, of whatever kind is wanted.
    values: Vec<Option<Value>>,
}

impl Writer<'_> {
    fn missing(&self, kind: Kind) -> Value {
        match kind {
            Kind::Numbers | Kind::Truths => self.graph.number(f64::NAN),
            Kind::Words => self.graph.word(""),
            Kind::Integers => self.graph.integer(MISSING_TIME),
        }
    }

    fn get(&self, at: At) -> Option<Value> {
        self.values.get(at as usize).copied().flatten()
    }

    fn as_kind(&self, at: At, kind: Kind) -> Value {
        self.get(at).unwrap_or_else(|| self.missing(kind))
    }

    fn numbers(&self, at: At) -> Value {
        self.as_kind(at, Kind::Numbers)
    }

    /// The values at these places, those without a kind as the others.
    fn alike(&self, places: &[At]) -> (Kind, Vec<Value>) {
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
    fn finite(&self, value: Value) -> Value {
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
    fn spelled(&self, at: At, what: &str) -> Result<String> {
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

    fn call(&self, function: Function, arguments: &[At]) -> Result<Option<Value>> {
        use Function as F;
        let g = self.graph;
        if matches!(function, F::Coalesce | F::Nullif | F::Greatest | F::Least) {
            return self.pick(function, arguments);
        }
        let first = arguments[0];
        let of = |f: fn(&Graph, Value) -> Value| f(g, self.numbers(first));
        Ok(Some(match (function, arguments) {
            (F::Abs, _) => of(Graph::absolute),
            (F::Ceil, _) => of(Graph::ceil),
            (F::Floor, _) => of(Graph::floor),
            (F::Sqrt, _) => of(Graph::root),
            (F::Sign, _) => of(Graph::sign),
            (F::Exp, _) => self.finite(of(Graph::exp)),
            (F::Ln, _) => self.finite(of(Graph::ln)),
            (F::Log10, _) => self.logarithm(first, std::f64::consts::LN_10),
            (F::Log2, _) => self.logarithm(first, std::f64::consts::LN_2),
            (F::Round, [a]) => self.rounded(self.numbers(*a)),
            (F::Power, [a, b]) => {
                let (a, b) = (self.numbers(*a), self.numbers(*b));
                let missing = g.either(g.is_missing(a), g.is_missing(b));
                g.choose(missing, g.number(f64::NAN), self.finite(g.power(a, b)))
            }
            (F::SecondsBetween, [a, b]) => {
                let moments = [*a, *b].map(|at| self.as_kind(at, Kind::Integers));
                let missing = g.either(g.is_missing(moments[0]), g.is_missing(moments[1]));
                let seconds = g.to_numbers(g.subtract(moments[1], moments[0]));
                let seconds = g.divide(seconds, g.number(super::moments::SECOND as f64));
                g.choose(missing, g.number(f64::NAN), seconds)
            }
            (F::StartsWith, [a, start]) => {
                let start = self.spelled(*start, "STARTS_WITH of a column")?;
                let text = self.as_kind(*a, Kind::Words);
                let found = g.matches(text, format!("(?s){}.*", escaped(&start)));
                g.choose(g.is_missing(text), g.number(f64::NAN), g.to_numbers(found))
            }
            (F::Concat, _) => {
                let mut words = arguments.iter().map(|&at| self.as_kind(at, Kind::Words));
                let first = words.next().unwrap_or_else(|| g.word(""));
                words.fold(first, |joined, next| g.followed(joined, next))
            }
            (other, _) => {
                let what = format!("{} with such arguments", other.name());
                return Err(no_form(what, "there is no operator for it"));
            }
        }))
    }

    fn logarithm(&self, a: At, base: f64) -> Value {
        let g = self.graph;
        self.finite(g.divide(g.ln(self.numbers(a)), g.number(base)))
    }

    /// Halves go away from zero.
    fn rounded(&self, value: Value) -> Value {
        let g = self.graph;
        let size = g.absolute(value);
        let whole = g.floor(size);
        let up = g.at_most(g.number(0.5), g.subtract(size, whole));
        g.multiply(g.sign(value), g.add(whole, g.to_numbers(up)))
    }

    fn pick(&self, function: Function, arguments: &[At]) -> Result<Option<Value>> {
        let g = self.graph;
        if arguments.iter().all(|&at| self.get(at).is_none()) {
            return Ok(None);
        }
        let (kind, values) = self.alike(arguments);
        if kind == Kind::Words && matches!(function, Function::Greatest | Function::Least) {
            return Err(no_form("the order of words", "operators compare words for equality only"));
        }
        let present = |v: Value| g.not(g.is_missing(v));
        let join = |a: Value, b: Value| match function {
            Function::Coalesce => g.choose(g.is_missing(a), b, a),
            Function::Nullif => g.choose(g.equal(a, b), self.missing(kind), a),
            Function::Greatest => {
                let first = g.both(present(a), g.at_most(b, a));
                g.choose(g.either(g.is_missing(b), first), a, b)
            }
            _ => {
                let first = g.both(present(a), g.at_most(a, b));
                g.choose(g.either(g.is_missing(b), first), a, b)
            }
        };
        Ok(values.into_iter().reduce(join))
    }

    fn extract(&self, part: Part, moments: Value) -> Value {
        let g = self.graph;
        let calendar = Calendar::of(g, moments);
        let of_time = |unit: i64, most: i64| {
            g.remainder(g.divide(calendar.seconds(), g.integer(unit)), g.integer(most))
        };
        let value = match part {
            Part::Year => calendar.year,
            Part::Quarter => calendar.quarter(),
            Part::Month => calendar.month,
            Part::Week => calendar.week(),
            Part::Day => calendar.day,
            Part::Hour => of_time(3_600, 24),
            Part::Minute => of_time(60, 60),
            Part::Second => of_time(1, 60),
            Part::Dow => g.remainder(g.add(calendar.days, g.integer(4)), g.integer(7)),
            Part::Doy => calendar.day_of_year(),
            Part::Epoch => calendar.epoch(),
        };
        g.choose(g.is_missing(moments), g.number(f64::NAN), g.to_numbers(value))
    }

    fn cut(&self, part: Part, moments: Value) -> Value {
        let g = self.graph;
        let calendar = Calendar::of(g, moments);
        let first_of = |month| calendar.moment(calendar.first_of_month(calendar.year, month));
        let cut = match part {
            Part::Hour => calendar.cut_at_seconds(3_600),
            Part::Minute => calendar.cut_at_seconds(60),
            Part::Second => calendar.cut_at_seconds(1),
            Part::Day | Part::Dow | Part::Doy | Part::Epoch => calendar.cut_at_seconds(86_400),
            Part::Week => calendar.moment(g.subtract(calendar.days, calendar.weekday())),
            Part::Month => first_of(calendar.month),
            Part::Quarter => {
                let quarter = g.subtract(calendar.quarter(), g.integer(1));
                first_of(g.add(g.multiply(quarter, g.integer(3)), g.integer(1)))
            }
            Part::Year => first_of(g.integer(1)),
        };
        g.choose(g.is_missing(moments), moments, cut)
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
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
