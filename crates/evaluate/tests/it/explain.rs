//! Explanations of a model that a head can follow: 3 a + 0.5 for `red`, and nothing of `b`.

use std::sync::Arc;

use gristmill_core::{
    Contributions, DenseMatrix, Estimator, FitContext, FittedPipeline, Frame, Model, Pipeline,
    Result, Schema, Scores, Seed, State, Target, Task,
};
use gristmill_evaluate::Metric;
use gristmill_evaluate::explain::{DependenceSettings, GridValue, Permutation, ShapSummary};
use gristmill_testkit::table;

#[derive(Debug)]
struct Formula;

#[derive(Debug)]
struct FittedFormula(Arc<Schema>);

impl Estimator for Formula {
    fn kind(&self) -> &'static str {
        "formula"
    }

    fn check(&self, _: &Schema, _: Task) -> Result<()> {
        Ok(())
    }

    fn fit(&self, train: &Frame, _: &Target, _: &FitContext<'_>) -> Result<Box<dyn Model>> {
        Ok(Box::new(FittedFormula(Arc::clone(train.schema()))))
    }
}

impl FittedFormula {
    /// What `a` and `colour` add to a row.
    fn parts(&self, rows: &Frame) -> Result<Vec<(f64, f64)>> {
        let (a, colour) = (rows.numbers(0)?, rows.words(2)?);
        let red = |row| if colour.get(row) == Some("red") { 0.5 } else { 0.0 };
        Ok(a.iter().enumerate().map(|(row, a)| (3.0 * a, red(row))).collect())
    }
}

impl Model for FittedFormula {
    fn kind(&self) -> &'static str {
        "formula"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.0
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        Ok(Scores::Values(self.parts(rows)?.iter().map(|(a, colour)| a + colour).collect()))
    }

    fn explain(&self, rows: &Frame) -> Option<Result<Contributions>> {
        Some(self.parts(rows).and_then(|parts| {
            let a = parts.iter().map(|(a, _)| *a);
            let none = parts.iter().map(|_| 0.0);
            let colour = parts.iter().map(|(_, colour)| *colour);
            let values = a.chain(none).chain(colour).collect();
            let values = vec![DenseMatrix::from_columns(parts.len(), 3, values)?];
            Ok(Contributions { base: vec![0.0], values })
        }))
    }

    fn state(&self) -> State {
        State::default()
    }
}

fn rows() -> gristmill_core::Table {
    let mut random = Seed(5).random();
    let a: Vec<f64> = (0..200).map(|_| random.normal()).collect();
    let b: Vec<f64> = (0..200).map(|_| random.normal()).collect();
    let colours: Vec<&str> = (0..200).map(|i| if i % 4 == 0 { "red" } else { "blue" }).collect();
    let y: Vec<f64> = (0..200).map(|i| 3.0 * a[i] + if i % 4 == 0 { 0.5 } else { 0.0 }).collect();
    table().numbers("a", a).numbers("b", b).words("colour", colours).numbers("y", y).target("y")
}

fn fitted() -> FittedPipeline {
    Pipeline::new().model(Formula).fit(&rows()).unwrap()
}

#[test]
fn what_the_model_uses_most_is_most_important() {
    let (fitted, rows) = (fitted(), rows());
    let run = |metric: &str| {
        let metric = Metric::named(metric).unwrap();
        Permutation::default().importances(&fitted, &rows, metric, Seed(1)).unwrap()
    };
    for metric in ["r2", "rmse"] {
        let found = run(metric);
        let names: Vec<&str> = found.columns.iter().map(|c| c.column.as_str()).collect();
        assert_eq!(names, ["a", "colour", "b"], "{metric}");
        assert!(found.columns[0].importance.mean > 1.0);
        assert_eq!(found.columns[2].importance.mean, 0.0);
        assert_eq!(found.columns[0].importance.folds.len(), 5);
    }
}

#[test] // the expected loss of r2 is twice the variance of 3 a over that of y, which is nearly all
fn threads_change_no_importance() {
    let (fitted, rows, metric) = (fitted(), rows(), Metric::named("mae").unwrap());
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Permutation::default().importances(&fitted, &rows, metric, Seed(1)))
    };
    assert_eq!(with(1).unwrap(), with(3).unwrap());
    let settings = Permutation { repeats: 0, ..Permutation::default() };
    assert!(settings.importances(&fitted, &rows, metric, Seed(1)).is_err());
    let other = Metric::named("accuracy").unwrap();
    assert!(Permutation::default().importances(&fitted, &rows, other, Seed(1)).is_err());
}

#[test] // by hand: 3 a and a quarter of 0.5; red adds 0.5 to each row
fn dependence_follows_the_formula() {
    let (fitted, rows) = (fitted(), rows());
    let settings = DependenceSettings { grid: 10, rows: 1_000, lines: 3 };
    let found = settings.dependence(&fitted, &rows, "a", Seed(0)).unwrap();
    assert_eq!((found.grid.len(), found.curves.len()), (10, 1));
    for (value, mean) in found.grid.iter().zip(&found.curves[0].mean) {
        let GridValue::Number(value) = value else { panic!("{value:?}") };
        assert!((mean - (3.0 * value + 0.125)).abs() < 1e-9);
    }
    assert_eq!((found.curves[0].lines.len(), found.curves[0].lines[0].len()), (3, 10));

    let found = settings.dependence(&fitted, &rows, "colour", Seed(0)).unwrap();
    assert_eq!(found.grid, [GridValue::Word("blue".into()), GridValue::Word("red".into())]);
    let mean = &found.curves[0].mean;
    assert!((mean[1] - mean[0] - 0.5).abs() < 1e-9);
}

#[test]
fn dependence_refuses_what_it_cannot_vary() {
    let (fitted, rows) = (fitted(), rows());
    let settings = DependenceSettings::default();
    assert!(settings.dependence(&fitted, &rows, "y", Seed(0)).is_err());
    let coarse = DependenceSettings { grid: 1, ..settings };
    let error = coarse.dependence(&fitted, &rows, "a", Seed(0)).unwrap_err();
    assert_eq!(error.to_string(), "`grid` is 1, expected at least 2");
    let none = rows.slice(0, 0);
    assert!(settings.dependence(&fitted, &none, "a", Seed(0)).is_err());
}

#[test] // by hand: a quarter of the rows is red, and red adds 0.5
fn contributions_are_summed_up_by_column() {
    let (fitted, rows) = (fitted(), rows());
    let found = ShapSummary::new(&fitted, &rows, 1_000, Seed(0)).unwrap().unwrap();
    let names: Vec<&str> = found.columns.iter().map(|c| c.column.as_str()).collect();
    assert_eq!(names, ["a", "colour", "b"]);
    assert_eq!(found.columns[1].size, [0.125]);
    assert_eq!(found.columns, found.sources);
    assert!(ShapSummary::new(&fitted, &rows.slice(0, 0), 9, Seed(0)).is_err());
}
