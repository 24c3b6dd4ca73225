//! What happens to rows that nobody should give: a clear error or a right answer.

use gristmill_core::{
    Catalog, Column, Error, ErrorKind, Estimator, FitContext, Frame, Labels, Model, Notes, Result,
    Scope, Scores, Seed, Target, Transform,
};
use serde_json::Value;

use crate::{TableBuilder, table};

/// Rows with a name that says what is wrong with them.
struct Case {
    name: &'static str,
    rows: TableBuilder,
    count: usize,
    weights: Option<Vec<f64>>,
}

/// How many categories stand in the case of many.
const CATEGORIES: usize = 50_000;
/// How many rows stand in the case of equal ones.
const EQUAL_ROWS: usize = 1_000_000;

/// How many rows are asked for.
const ASKED: usize = 1000;

/// Whether every value of a case is an ordinary number or word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Ordinary,
    Missing,
}

impl Case {
    fn new(name: &'static str, count: usize, rows: TableBuilder) -> Self {
        Self { name, rows, count, weights: None }
    }

    fn weighing(self, weight: impl Fn(usize) -> f64) -> Self {
        let weights = (0..self.count).map(weight).collect();
        Self { weights: Some(weights), ..self }
    }
}

/// Ordinary numbers above 0, which every step takes.
fn wave(row: usize, pace: f64) -> f64 {
    1.5 + (row as f64 * pace).sin()
}

/// Two columns of ordinary numbers.
fn ordinary(count: usize) -> TableBuilder {
    table()
        .numbers("x", (0..count).map(|row| wave(row, 0.7)))
        .numbers("z", (0..count).map(|row| wave(row, 1.9)))
}

fn wide(rows: usize, columns: usize) -> TableBuilder {
    (0..columns).fold(ordinary(rows), |table, at| {
        table.numbers(&format!("c{at}"), (0..rows).map(|row| wave(row * columns + at, 0.37)))
    })
}

/// Cases of numbers that are all there.
fn ordinary_cases() -> Vec<Case> {
    let x = |count: usize| (0..count).map(|row| wave(row, 0.7));
    vec![
        Case::new("one row", 1, ordinary(1)),
        Case::new("two rows", 2, ordinary(2)),
        Case::new("constant columns", 60, {
            table().numbers("x", vec![0.1; 60]).numbers("z", vec![-7e5; 60])
        }),
        Case::new("a million identical rows", EQUAL_ROWS, {
            table().numbers("x", vec![0.1; EQUAL_ROWS]).numbers("z", vec![3.0; EQUAL_ROWS])
        }),
        Case::new("more columns than rows", 12, wide(12, 40)),
        Case::new("collinear columns", 60, {
            let twice = x(60).map(|x| 2.0 * x);
            table().numbers("x", x(60)).numbers("z", twice).numbers("v", x(60).map(|x| 3.0 - x))
        }),
        Case::new("weights of 0", 60, ordinary(60)).weighing(|row| (row % 2) as f64),
        Case::new("weights of very different sizes", 60, ordinary(60))
            .weighing(|row| 10f64.powi(row as i32 % 12 - 6)),
    ]
}

/// Cases in which something is missing, or no number.
fn broken_cases() -> Vec<Case> {
    let x = |count: usize| (0..count).map(|row| wave(row, 0.7));
    let at = |row: usize, value: f64| {
        x(60).enumerate().map(move |(at, x)| if at == row { value } else { x })
    };
    vec![
        Case::new("a missing value", 60, {
            table().numbers("x", at(7, f64::NAN)).numbers("z", x(60))
        }),
        Case::new("an infinite value", 60, {
            table().numbers("x", at(7, f64::INFINITY)).numbers("z", x(60))
        }),
        Case::new("an infinite value below 0", 60, {
            table().numbers("x", at(0, f64::NEG_INFINITY)).numbers("z", x(60))
        }),
        Case::new("nothing but missing values", 60, {
            table().numbers("x", vec![None::<f64>; 60]).numbers("z", vec![None::<f64>; 60])
        }),
        Case::new("numbers whose squares overflow", 60, {
            table().numbers("x", x(60).map(|x| x * 1e300)).numbers("z", x(60))
        }),
    ]
}

/// One column of as many words as there are rows.
fn many_categories() -> TableBuilder {
    let words: Vec<String> = (0..CATEGORIES).map(|row| format!("w{row}")).collect();
    table()
        .words("w", words.iter().map(String::as_str))
        .numbers("x", (0..CATEGORIES).map(|row| wave(row, 0.7)))
}

/// Holds the estimator called `name`, with these settings, to what is promised for rows that
/// nobody should give: no rows, one row, one class, constant columns, missing and infinite values,
/// a million identical rows, 50,000 categories, weights that are 0 or negative, more columns than
/// rows, collinear columns. Each is answered in range or refused as the user's mistake to mend,
/// with words; nothing panics, hangs, or answers with what is no number.
///
/// # Panics
/// When that is not so.
#[track_caller]
pub fn estimator_on_bad_input(catalog: &Catalog, name: &str, settings: &Value) {
    let estimator = catalog.build_estimator(name, settings).expect("the settings are known");
    let targets = targets(estimator.as_ref());
    assert!(!targets.is_empty(), "{name} takes no target");
    for target in targets {
        let tried = Tried { name, estimator: estimator.as_ref(), target };
        if matches!(target, Kind::OneClass | Kind::OneNumber) {
            tried.check(Case::new("ordinary rows", 60, ordinary(60)));
            continue;
        }
        tried.fit(&ordinary(60).frame(), None).expect("ordinary rows are learned from");
        ordinary_cases().into_iter().chain(broken_cases()).for_each(|case| tried.check(case));
        tried.check(Case::new("50,000 categories", CATEGORIES, many_categories()));
        tried.refuses("no rows", ordinary(0), 0, None);
        tried.refuses("negative weights", ordinary(60), 60, Some(vec![-1.0; 60]));
        tried.refuses("nothing but weights of 0", ordinary(60), 60, Some(vec![0.0; 60]));
        tried.refuses("a missing weight", ordinary(60), 60, Some(vec![f64::NAN; 60]));
    }
}

/// What a target can be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Classes,
    OneClass,
    Numbers,
    OneNumber,
    None,
}

/// The targets that the estimator takes, of ordinary rows.
fn targets(estimator: &dyn Estimator) -> Vec<Kind> {
    if estimator.unsupervised() {
        return vec![Kind::None];
    }
    let input = Frame::from_table(&ordinary(3).build()).expect("a frame");
    let all = [Kind::Classes, Kind::OneClass, Kind::Numbers, Kind::OneNumber];
    let taken = all
        .into_iter()
        .filter(|kind| estimator.check(input.schema(), answers(*kind, 3).task()).is_ok());
    taken.collect()
}

fn answers(kind: Kind, count: usize) -> Target {
    let rows = 0..count as u32;
    match kind {
        Kind::None => Target::Absent(count),
        Kind::Numbers => Target::Numbers(rows.map(|row| 1.0 + f64::from(row % 5)).collect()),
        Kind::OneNumber => Target::Numbers(vec![2.0; count]),
        Kind::Classes | Kind::OneClass => {
            let names = ["no", "yes"].map(String::from).to_vec();
            let labels = Labels::new(names, Some("yes")).expect("two classes").into();
            let class = |row| if kind == Kind::Classes { row % 2 } else { 0 };
            Target::Classes { codes: rows.map(class).collect(), labels }
        }
    }
}

struct Tried<'a> {
    name: &'a str,
    estimator: &'a dyn Estimator,
    target: Kind,
}

impl Tried<'_> {
    fn fit(&self, rows: &Frame, weights: Option<&[f64]>) -> Result<Box<dyn Model>> {
        let target = answers(self.target, rows.rows());
        self.estimator.check(rows.schema(), target.task())?;
        let notes = Notes::default();
        let context = FitContext { weights, ..FitContext::new(Seed(7), &notes) };
        self.estimator.fit(rows, &target, &context.with_target(&target))
    }

    fn check(&self, case: Case) {
        let what = format!("{} of {:?} with {}", self.name, self.target, case.name);
        let rows = case.rows.frame();
        match self.fit(&rows, case.weights.as_deref()) {
            Err(error) => is_for_the_user(&error, &what),
            Ok(model) => {
                let first = rows.slice(0..rows.rows().min(ASKED));
                self.answers(model.as_ref(), &first, &what);
                for value in [f64::NAN, f64::INFINITY, -1e308] {
                    let odd = with_numbers(&rows.slice(0..1), value);
                    self.answers(model.as_ref(), &odd, &format!("{what}, asked about {value}"));
                }
            }
        }
    }

    /// Answers are in range, or refused.
    fn answers(&self, model: &dyn Model, rows: &Frame, what: &str) {
        match model.predict(rows) {
            Err(error) => is_for_the_user(&error, what),
            Ok(Scores::Values(values)) => {
                let bad = values.iter().find(|v| !v.is_finite());
                assert_eq!((values.len(), bad), (rows.rows(), None), "{what}");
            }
            Ok(Scores::Probabilities(p)) => {
                let outside = p.values().iter().find(|v| !(0.0..=1.0).contains(*v));
                assert_eq!((p.rows(), outside), (rows.rows(), None), "{what}");
            }
        }
    }

    fn refuses(&self, name: &str, rows: TableBuilder, count: usize, weights: Option<Vec<f64>>) {
        let what = format!("{} of {:?} with {name}", self.name, self.target);
        let rows = rows.frame();
        assert_eq!(rows.rows(), count);
        match self.fit(&rows, weights.as_deref()) {
            Err(error) => is_for_the_user(&error, &what),
            Ok(_) => panic!("{what}: a model was learned"),
        }
    }
}

/// An error that the user can mend names what is wrong.
#[track_caller]
fn is_for_the_user(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Input, "{what}: {error}");
    assert!(error.to_string().len() > 10, "{what}: {error}");
}

/// Holds the transform called `name`, with these settings, to what is promised for rows that
/// nobody should give, as [`estimator_on_bad_input`] does. Columns are the numbers `x` and `z` and
/// in some cases more, `w` (words), `g` (a group of words) and `t` (moments, in no order); the
/// target has two classes. What comes out of ordinary rows is finite, but for what looks back
/// beyond the first row.
///
/// # Panics
/// When that is not so.
#[track_caller]
pub fn transform_on_bad_input(catalog: &Catalog, name: &str, settings: &Value) {
    let transform = catalog.build_transform(name, settings).expect("the settings are known");
    let tried = TriedTransform { name, transform: transform.as_ref() };
    let usual = with_others(Case::new("ordinary rows", 60, ordinary(60)));
    transform.check(usual.rows.frame().schema()).expect("the settings fit the columns");
    ordinary_cases().into_iter().for_each(|case| tried.check(with_others(case), Values::Ordinary));
    broken_cases().into_iter().for_each(|case| tried.check(with_others(case), Values::Missing));
    let few = with_others(Case::new("negative weights", 60, ordinary(60)));
    tried.check(few.weighing(|_| -1.0), Values::Missing);
    tried.check(with_others(Case::new("no rows", 0, ordinary(0))), Values::Ordinary);
    let many = with_order(Case::new("50,000 categories", CATEGORIES, many_categories()));
    tried.check(many, Values::Ordinary);
}

/// The case with words, and what orders and groups its rows.
fn with_others(case: Case) -> Case {
    let words = (0..case.count).map(|row| ["red", "green", "blue"][row % 3]);
    with_order(Case { rows: case.rows.words("w", words), ..case })
}

fn with_order(case: Case) -> Case {
    let groups = (0..case.count).map(|row| ["one", "two"][row % 2]);
    let moments = (0..case.count as i64).map(|row| (row * 7919) % 10_007 * 1_000_000);
    Case { rows: case.rows.words("g", groups).times("t", moments), ..case }
}

struct TriedTransform<'a> {
    name: &'a str,
    transform: &'a dyn Transform,
}

impl TriedTransform<'_> {
    fn check(&self, case: Case, values: Values) {
        let what = format!("{} with {}", self.name, case.name);
        let rows = case.rows.frame();
        if let Err(error) = self.transform.check(rows.schema()) {
            return is_for_the_user(&error, &what);
        }
        let target = answers(Kind::Classes, rows.rows());
        let notes = Notes::default();
        let weights = case.weights.as_deref();
        let context = FitContext { weights, ..FitContext::new(Seed(7), &notes) };
        let fitted = self.transform.fit_apply(rows.clone(), &context.with_target(&target));
        let (fitted, trained) = match fitted {
            Err(error) => return is_for_the_user(&error, &what),
            Ok(fitted) => fitted,
        };
        let windowed = matches!(fitted.scope(), Scope::Windowed { .. });
        if values == Values::Ordinary && !windowed {
            finite(&trained, &what);
        }
        for value in [f64::NAN, f64::INFINITY, -1e308] {
            let odd = with_numbers(&rows.slice(0..rows.rows().min(1)), value);
            if let Err(error) = fitted.apply(odd) {
                is_for_the_user(&error, &format!("{what}, asked about {value}"));
            }
        }
    }
}

#[track_caller]
fn finite(rows: &Frame, what: &str) {
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let bad = match column {
            Column::Numbers(numbers) => numbers.iter().position(|x| !x.is_finite()),
            Column::Sparse(numbers) => numbers.values().iter().position(|x| !x.is_finite()),
            Column::Words(_) | Column::Times(_) | Column::Images(_) => None,
        };
        assert_eq!(bad, None, "{what}: `{}` has no number there", field.name);
    }
}

/// The rows with this value in every column of numbers.
fn with_numbers(rows: &Frame, value: f64) -> Frame {
    let columns = rows.columns().iter().map(|column| match column {
        Column::Numbers(numbers) => Column::Numbers(vec![value; numbers.len()]),
        other => other.clone(),
    });
    Frame::new(rows.schema().clone(), columns.collect(), rows.rows()).expect("columns fit")
}
