//! The evaluator: node after node over whole columns. There is no other.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::bind::BoundNode;
use super::functions::Function;
use super::moments::{self, Part, SECOND};
use super::text;
use super::tree::{At, Case, CastTo, Node, Operator};
use super::values::{Cell, Cells, Shared, Value, WordCells, each, each_word};
use crate::table::number_word;
use crate::{Column, Error, Frame, MISSING_TIME, Result, SemanticType, Words};

/// See [`super::BoundExpr::evaluate`].
pub(super) fn evaluate(nodes: &[BoundNode], kind: SemanticType, frame: &Frame) -> Result<Column> {
    let mut evaluator = Evaluator { nodes, frame, values: Vec::with_capacity(nodes.len()) };
    for node in nodes {
        let value = evaluator.node(node)?;
        evaluator.values.push(value);
    }
    let root = evaluator.values.pop().unwrap_or(Value::Null);
    root.into_column(kind, frame.rows())
}

struct Evaluator<'a> {
    nodes: &'a [BoundNode],
    frame: &'a Frame,
    /// The values of the nodes so far; each is taken by its only parent.
    values: Vec<Value<'a>>,
}

type Numbers<'a> = Cells<'a, f64>;

impl<'a> Evaluator<'a> {
    fn take(&mut self, at: At) -> Value<'a> {
        self.values
            .get_mut(at as usize)
            .map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    fn numbers(&mut self, at: At) -> Result<Numbers<'a>> {
        self.take(at).numbers()
    }

    fn words(&mut self, at: At) -> Result<WordCells<'a>> {
        self.take(at).words()
    }

    fn node(&mut self, bound: &BoundNode) -> Result<Value<'a>> {
        let value = match &bound.node {
            Node::Column(_) => return self.column(bound.position),
            Node::Number(value) => Cells::One(*value),
            Node::Boolean(value) => Cells::One(truth(*value)),
            Node::Word(word) => return Ok(Value::Words(WordCells::One(Some(word.clone())))),
            Node::Moment(micros) => return Ok(Value::Times(Cells::One(*micros))),
            Node::Null => return Ok(Value::Null),
            Node::Not(a) => self.numbers(*a)?.map(|v| 1.0 - v),
            Node::Negate(a) => self.numbers(*a)?.map(|v| -v),
            Node::IsNull(a) => is_missing(self.take(*a)),
            Node::Binary(Operator::Concat, a, b) => {
                let words = [self.words(*a)?, self.words(*b)?];
                return self.join(&words, |words| words.iter().all(Option::is_some));
            }
            Node::Binary(operator, a, b) => self.binary(*operator, *a, *b)?,
            Node::In(a, list) => self.is_in(*a, list)?,
            Node::Between(a, low, high) => {
                let value = self.take(*a);
                let (low, high) = (self.take(*low), self.take(*high));
                let above = compare(value.clone(), low, Ordering::is_ge)?;
                above.zip(compare(value, high, Ordering::is_le)?, and)
            }
            Node::Like(a, pattern) => self.like(*a, *pattern, text::like)?,
            Node::Ilike(a, pattern) => self.like(*a, *pattern, |text, pattern| {
                text::like(&text.to_lowercase(), &pattern.to_lowercase())
            })?,
            Node::Case(case) => return self.case(case),
            Node::Cast(a, to) => return self.cast(*a, *to),
            Node::Call(function, arguments) => return self.call(*function, arguments, bound.kind),
            Node::Extract(part, a) => self.take(*a).times()?.map(|t| part.of(t)),
            Node::DateTrunc(part, a) => {
                return Ok(Value::Times(self.take(*a).times()?.map(|t| Part::cut(*part, t))));
            }
        };
        Ok(Value::Numbers(value))
    }

    fn column(&self, position: usize) -> Result<Value<'a>> {
        match self.frame.columns().get(position) {
            Some(Column::Numbers(v)) => Ok(Value::Numbers(Cells::Many(Cow::Borrowed(v)))),
            Some(Column::Times(v)) => Ok(Value::Times(Cells::Many(Cow::Borrowed(v)))),
            Some(Column::Words(v)) => Ok(Value::Words(WordCells::Many(Cow::Borrowed(v)))),
            Some(Column::Sparse(_) | Column::Images(_)) | None => {
                Err(Error::Bug(format!("an expression reads column {position} of a frame")))
            }
        }
    }

    fn binary(&mut self, operator: Operator, a: At, b: At) -> Result<Numbers<'a>> {
        let test: fn(Ordering) -> bool = match operator {
            Operator::Equal => Ordering::is_eq,
            Operator::NotEqual => Ordering::is_ne,
            Operator::Less => Ordering::is_lt,
            Operator::LessOrEqual => Ordering::is_le,
            Operator::Greater => Ordering::is_gt,
            Operator::GreaterOrEqual => Ordering::is_ge,
            _ => return self.arithmetic(operator, a, b),
        };
        compare(self.take(a), self.take(b), test)
    }

    fn arithmetic(&mut self, operator: Operator, a: At, b: At) -> Result<Numbers<'a>> {
        let (a, b) = (self.numbers(a)?, self.numbers(b)?);
        Ok(match operator {
            Operator::Add => a.zip(b, |a, b| finite(a + b)),
            Operator::Subtract => a.zip(b, |a, b| finite(a - b)),
            Operator::Multiply => a.zip(b, |a, b| finite(a * b)),
            Operator::Divide => a.zip(b, |a, b| finite(a / b)),
            Operator::Modulo => a.zip(b, |a, b| finite(a % b)),
            Operator::And => a.zip(b, and),
            Operator::Or => a.zip(b, |a, b| 1.0 - and(1.0 - a, 1.0 - b)),
            other => return Err(Error::Bug(format!("`{}` is no arithmetic", other.symbol()))),
        })
    }

    fn is_in(&mut self, a: At, list: &[At]) -> Result<Numbers<'a>> {
        let value = self.take(a);
        let items: Vec<_> = list.iter().map(|&item| self.take(item)).collect();
        match group(std::iter::once(value).chain(items).collect())? {
            Group::Numbers(cells) => Ok(any_equal(&cells)),
            Group::Times(cells) => Ok(any_equal(&cells)),
            Group::Words(shared) => Ok(any_equal(&shared.columns)),
        }
    }

    fn like(&mut self, a: At, b: At, test: impl Fn(&str, &str) -> bool) -> Result<Numbers<'a>> {
        let words = [self.words(a)?, self.words(b)?];
        each(&words, &[], self.frame.rows(), |words, _| {
            Ok(match words {
                [Some(text), Some(pattern)] => truth(test(text, pattern)),
                _ => f64::NAN,
            })
        })
    }

    /// All words joined where `keep` holds of them, missing elsewhere.
    fn join(
        &self,
        words: &[WordCells<'a>],
        keep: impl Fn(&[Option<&str>]) -> bool,
    ) -> Result<Value<'a>> {
        let joined = each_word(words, &[], self.frame.rows(), |words, _| {
            keep(words).then(|| text::join(words)).transpose()
        })?;
        Ok(Value::Words(joined))
    }

    fn case(&mut self, case: &Case) -> Result<Value<'a>> {
        let operand = case.operand.map(|at| self.take(at));
        let mut conditions = Vec::with_capacity(case.arms.len());
        let mut results = Vec::with_capacity(case.arms.len() + 1);
        for &(when, then) in &case.arms {
            let when = self.take(when);
            conditions.push(match &operand {
                Some(operand) => compare(operand.clone(), when, Ordering::is_eq)?,
                None => when.numbers()?,
            });
            results.push(self.take(then));
        }
        results.push(case.otherwise.map_or(Value::Null, |at| self.take(at)));
        pick(
            results,
            |cells| first_true(&conditions, cells),
            |c| first_true(&conditions, c),
            |c| first_true(&conditions, c),
        )
    }

    fn cast(&mut self, a: At, to: CastTo) -> Result<Value<'a>> {
        let rows = self.frame.rows();
        let read = |words: WordCells<'a>, read: fn(&str) -> f64| -> Result<Value<'a>> {
            let parse = |words: &[Option<&str>], _: &[f64]| Ok(words[0].map_or(f64::NAN, read));
            Ok(Value::Numbers(each(&[words], &[], rows, parse)?))
        };
        Ok(match (self.take(a), to) {
            (Value::Null, _) => Value::Null,
            (Value::Numbers(cells), CastTo::Double) => Value::Numbers(cells),
            (Value::Numbers(cells), CastTo::Bigint) => Value::Numbers(cells.map(f64::trunc)),
            (Value::Numbers(cells), CastTo::Boolean) => {
                Value::Numbers(cells.map(|v| if v.is_nan() { v } else { truth(v != 0.0) }))
            }
            (Value::Words(words), CastTo::Double) => read(words, text::number)?,
            (Value::Words(words), CastTo::Bigint) => read(words, text::integer)?,
            (Value::Words(words), CastTo::Boolean) => read(words, text::boolean)?,
            (Value::Words(words), CastTo::Timestamp) => {
                Value::Times(each(&[words], &[], rows, |words, _| {
                    Ok(words[0].and_then(moments::read).unwrap_or(MISSING_TIME))
                })?)
            }
            (value @ Value::Words(_), CastTo::Varchar) => value,
            (value @ Value::Times(_), CastTo::Timestamp) => value,
            (Value::Times(cells), CastTo::Varchar) => spell(cells, moments::write),
            (Value::Numbers(cells), CastTo::Varchar) if self.is_boolean(a) => {
                spell(cells, |v| if v == 0.0 { "false".into() } else { "true".into() })
            }
            (Value::Numbers(cells), CastTo::Varchar) => spell(cells, number_word),
            (_, to) => return Err(Error::Bug(format!("a cast to {} was not checked", to.name()))),
        })
    }

    fn is_boolean(&self, at: At) -> bool {
        self.nodes.get(at as usize).and_then(|n| n.kind) == Some(SemanticType::Boolean)
    }

    fn call(
        &mut self,
        function: Function,
        arguments: &[At],
        kind: Option<SemanticType>,
    ) -> Result<Value<'a>> {
        use Function as F;
        let mut values: Vec<Value<'a>> = arguments.iter().map(|&at| self.take(at)).collect();
        match function {
            F::Coalesce => return pick(values, coalesce, coalesce, coalesce),
            F::Nullif => return pick(values, nullif, nullif, nullif),
            F::Greatest => return pick(values, greatest, greatest, greatest),
            F::Least => return pick(values, least, least, least),
            F::SecondsBetween => return seconds_between(values),
            _ => {}
        }
        if matches!(kind, Some(SemanticType::Categorical | SemanticType::Text))
            || matches!(function, F::Length | F::StartsWith)
        {
            return self.call_on_words(function, values);
        }
        let second = if values.len() > 1 { values.pop() } else { None };
        let second = second.map(Value::numbers).transpose()?;
        let first = values.pop().unwrap_or(Value::Null).numbers()?;
        Ok(Value::Numbers(arithmetic_call(function, first, second)?))
    }

    fn call_on_words(&self, function: Function, values: Vec<Value<'a>>) -> Result<Value<'a>> {
        use Function as F;
        let rows = self.frame.rows();
        let (texts, numbers) = if function == F::Substr {
            let mut values = values.into_iter();
            let text = values.next().unwrap_or(Value::Null).words()?;
            (vec![text], values.map(Value::numbers).collect::<Result<Vec<_>>>()?)
        } else {
            (values.into_iter().map(Value::words).collect::<Result<Vec<_>>>()?, Vec::new())
        };
        let on_one = |f: fn(&str) -> String| {
            each_word(&texts, &[], rows, |words, _| Ok(words[0].map(f))).map(Value::Words)
        };
        match function {
            F::Lower => on_one(str::to_lowercase),
            F::Upper => on_one(str::to_uppercase),
            F::Trim => on_one(|w| w.trim_matches(' ').into()),
            F::Ltrim => on_one(|w| w.trim_start_matches(' ').into()),
            F::Rtrim => on_one(|w| w.trim_end_matches(' ').into()),
            F::Concat => self.join(&texts, |_| true),
            F::Replace => each_word(&texts, &[], rows, |words, _| match words {
                [Some(text), Some(from), Some(to)] => text::replace(text, from, to).map(Some),
                _ => Ok(None),
            })
            .map(Value::Words),
            F::Substr => each_word(&texts, &numbers, rows, |words, numbers| {
                let start = numbers.first().copied().unwrap_or(f64::NAN);
                Ok(words[0].and_then(|w| text::substr(w, start, numbers.get(1).copied())))
            })
            .map(Value::Words),
            F::Length => each(&texts, &[], rows, |words, _| {
                Ok(words[0].map_or(f64::NAN, |w| w.chars().count() as f64))
            })
            .map(Value::Numbers),
            F::StartsWith => each(&texts, &[], rows, |words, _| {
                Ok(match words {
                    [Some(text), Some(start)] => truth(text.starts_with(start)),
                    _ => f64::NAN,
                })
            })
            .map(Value::Numbers),
            other => Err(Error::Bug(format!("{} was called on words", other.name()))),
        }
    }
}

const fn truth(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

/// What is no finite number is missing.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// Three-valued: false with anything is false, missing with true is missing.
fn and(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn is_missing(value: Value<'_>) -> Numbers<'_> {
    match value {
        Value::Null => Cells::One(1.0),
        Value::Numbers(cells) => cells.map(|v| truth(v.is_missing())),
        Value::Times(cells) => cells.map(|v| truth(v.is_missing())),
        Value::Words(WordCells::One(word)) => Cells::One(truth(word.is_none())),
        Value::Words(WordCells::Many(words)) => {
            let known = words.dictionary.len();
            Cells::Many(words.codes.iter().map(|&c| truth(c as usize >= known)).collect())
        }
    }
}

/// Values of one kind, as cells that compare.
enum Group<'a> {
    Numbers(Vec<Cells<'a, f64>>),
    Times(Vec<Cells<'a, i64>>),
    Words(Shared<'a>),
}

fn group(values: Vec<Value<'_>>) -> Result<Group<'_>> {
    Ok(match values.iter().find(|v| !matches!(v, Value::Null)) {
        Some(Value::Words(_)) => {
            let words = values.into_iter().map(Value::words).collect::<Result<Vec<_>>>()?;
            Group::Words(Shared::new(&words))
        }
        Some(Value::Times(_)) => {
            Group::Times(values.into_iter().map(Value::times).collect::<Result<_>>()?)
        }
        _ => Group::Numbers(values.into_iter().map(Value::numbers).collect::<Result<_>>()?),
    })
}

fn compare<'a>(a: Value<'a>, b: Value<'a>, test: fn(Ordering) -> bool) -> Result<Numbers<'a>> {
    Ok(match group(vec![a, b])? {
        Group::Numbers(cells) => compare_cells(cells, test),
        Group::Times(cells) => compare_cells(cells, test),
        Group::Words(shared) => compare_cells(shared.columns, test),
    })
}

fn compare_cells<'a, T: Cell>(pair: Vec<Cells<'a, T>>, test: fn(Ordering) -> bool) -> Numbers<'a> {
    let mut pair = pair.into_iter();
    match (pair.next(), pair.next()) {
        (Some(a), Some(b)) => a.zip(b, |a, b| {
            if a.is_missing() || b.is_missing() {
                return f64::NAN;
            }
            a.partial_cmp(&b).map_or(f64::NAN, |order| truth(test(order)))
        }),
        _ => Cells::One(f64::NAN),
    }
}

/// Whether the first equals any of the others: true if one does, else missing if one is.
fn any_equal<'a, T: Cell>(cells: &[Cells<'a, T>]) -> Numbers<'a> {
    let Some((first, others)) = cells.split_first() else { return Cells::One(f64::NAN) };
    let mut constants = Vec::new();
    let mut columns = Vec::new();
    for other in others {
        match other {
            Cells::One(value) => constants.push(*value),
            Cells::Many(_) => columns.push(other.clone()),
        }
    }
    let unknown = constants.iter().any(|c| c.is_missing());
    let among = first.clone().map(|v| {
        if !v.is_missing() && constants.contains(&v) {
            1.0
        } else if v.is_missing() || unknown {
            f64::NAN
        } else {
            0.0
        }
    });
    columns.into_iter().fold(among, |found, column| {
        let equal = compare_cells(vec![first.clone(), column], Ordering::is_eq);
        found.zip(equal, |a, b| 1.0 - and(1.0 - a, 1.0 - b))
    })
}

/// One of the values for each row, chosen by the function for their kind.
fn pick<'a>(
    values: Vec<Value<'a>>,
    numbers: impl Fn(Vec<Cells<'a, f64>>) -> Cells<'a, f64>,
    times: impl Fn(Vec<Cells<'a, i64>>) -> Cells<'a, i64>,
    words: impl Fn(Vec<Cells<'a, u32>>) -> Cells<'a, u32>,
) -> Result<Value<'a>> {
    if values.iter().all(|v| matches!(v, Value::Null)) {
        return Ok(Value::Null);
    }
    Ok(match group(values)? {
        Group::Numbers(cells) => Value::Numbers(numbers(cells)),
        Group::Times(cells) => Value::Times(times(cells)),
        Group::Words(mut shared) => {
            let chosen = words(std::mem::take(&mut shared.columns));
            Value::Words(shared.words(chosen))
        }
    })
}

/// The result of the first condition that is true; the last result when none is.
fn first_true<'a, T: Cell>(
    conditions: &[Numbers<'a>],
    mut results: Vec<Cells<'a, T>>,
) -> Cells<'a, T> {
    let otherwise = results.pop().unwrap_or(Cells::One(T::MISSING));
    conditions
        .iter()
        .zip(&results)
        .rev()
        .fold(otherwise, |rest, (condition, then)| condition.choose(|c| c == 1.0, then, &rest))
}

fn fold<'a, T: Cell>(cells: Vec<Cells<'a, T>>, f: impl Fn(T, T) -> T) -> Cells<'a, T> {
    cells.into_iter().reduce(|a, b| a.zip(b, &f)).unwrap_or(Cells::One(T::MISSING))
}

fn coalesce<T: Cell>(cells: Vec<Cells<'_, T>>) -> Cells<'_, T> {
    fold(cells, |a, b| if a.is_missing() { b } else { a })
}

fn nullif<T: Cell>(cells: Vec<Cells<'_, T>>) -> Cells<'_, T> {
    fold(cells, |a, b| if a == b { T::MISSING } else { a })
}

fn greatest<T: Cell>(cells: Vec<Cells<'_, T>>) -> Cells<'_, T> {
    fold(cells, |a, b| if b.is_missing() || (!a.is_missing() && a >= b) { a } else { b })
}

fn least<T: Cell>(cells: Vec<Cells<'_, T>>) -> Cells<'_, T> {
    fold(cells, |a, b| if b.is_missing() || (!a.is_missing() && a <= b) { a } else { b })
}

/// How many seconds the second moment comes after the first.
fn seconds_between(values: Vec<Value<'_>>) -> Result<Value<'_>> {
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(Value::Null).times();
    let (earlier, later) = (next()?, next()?);
    Ok(Value::Numbers(earlier.zip(later, |earlier, later| {
        if earlier.is_missing() || later.is_missing() {
            return f64::NAN;
        }
        (i128::from(later) - i128::from(earlier)) as f64 / SECOND as f64
    })))
}

fn arithmetic_call<'a>(
    function: Function,
    x: Numbers<'a>,
    second: Option<Numbers<'a>>,
) -> Result<Numbers<'a>> {
    use Function as F;
    Ok(match (function, second) {
        (F::Abs, None) => x.map(f64::abs),
        (F::Ceil, None) => x.map(f64::ceil),
        (F::Floor, None) => x.map(f64::floor),
        (F::Round, None) => x.map(f64::round),
        (F::Round, Some(digits)) => x.zip(digits, round),
        (F::Sqrt, None) => x.map(f64::sqrt),
        (F::Exp, None) => x.map(|v| finite(v.exp())),
        (F::Ln, None) => x.map(|v| finite(v.ln())),
        (F::Log10, None) => x.map(|v| finite(v.log10())),
        (F::Log2, None) => x.map(|v| finite(v.log2())),
        (F::Sign, None) => x.map(|v| if v == 0.0 { 0.0 } else { v.signum() }),
        (F::Power, Some(exponent)) => x.zip(exponent, power),
        (other, _) => return Err(Error::Bug(format!("{} was called on numbers", other.name()))),
    })
}

/// Missing when either is: for `powf` a NaN to the power of 0 would be 1.
fn power(base: f64, exponent: f64) -> f64 {
    if base.is_nan() || exponent.is_nan() { f64::NAN } else { finite(base.powf(exponent)) }
}

/// Halves go away from zero; digits below zero round before the point.
fn round(value: f64, digits: f64) -> f64 {
    let factor = 10_f64.powi(digits.trunc() as i32);
    let rounded = (value * factor).round() / factor;
    if digits.is_nan() {
        f64::NAN
    } else if rounded.is_finite() {
        rounded
    } else if digits > 0.0 {
        value
    } else {
        value * 0.0
    }
}

/// Each value in words.
fn spell<'a, T: Cell>(cells: Cells<'a, T>, word: fn(T) -> String) -> Value<'a> {
    let spelled = |v: T| (!v.is_missing()).then(|| word(v));
    Value::Words(match cells {
        Cells::One(value) => WordCells::One(spelled(value)),
        Cells::Many(values) => {
            let words: Vec<_> = values.iter().map(|&v| spelled(v)).collect();
            WordCells::Many(Cow::Owned(Words::new(words.iter().map(Option::as_deref))))
        }
    })
}
