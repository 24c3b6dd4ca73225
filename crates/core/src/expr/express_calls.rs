//! The functions of an expression, and the parts of its moments, as a graph of operators.

use super::express::{Writer, escaped};
use super::functions::Function;
use super::moments::{Part, SECOND};
use super::tree::At;
use crate::Result;
use crate::graph::{Calendar, Graph, Kind, Value, no_form};

impl Writer<'_> {
    pub(super) fn call(&self, function: Function, arguments: &[At]) -> Result<Option<Value>> {
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
                let seconds = g.divide(seconds, g.number(SECOND as f64));
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

    pub(super) fn extract(&self, part: Part, moments: Value) -> Value {
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

    pub(super) fn cut(&self, part: Part, moments: Value) -> Value {
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
