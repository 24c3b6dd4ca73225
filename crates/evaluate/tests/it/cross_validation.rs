//! Cross-validation with a model that a head can follow.

use std::sync::Arc;

use gristmill_core::{
    Estimator, FitContext, Frame, Model, Pipeline, Result, Schema, Scores, Seed, State, Target,
    Task,
};
use gristmill_evaluate::{Fold, Folds, Metric, Split, cross_validate};
use gristmill_testkit::table;

/// Answers every row with the mean of the training target.
#[derive(Debug)]
struct Mean;

#[derive(Debug)]
struct FittedMean(Arc<Schema>, f64);

impl Estimator for Mean {
    fn kind(&self) -> &'static str {
        "mean"
    }

    fn check(&self, _: &Schema, _: Task) -> Result<()> {
        Ok(())
    }

    fn fit(&self, train: &Frame, target: &Target, _: &FitContext<'_>) -> Result<Box<dyn Model>> {
        let Target::Numbers(values) = target else { unreachable!() };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Ok(Box::new(FittedMean(Arc::clone(train.schema()), mean)))
    }
}

impl Model for FittedMean {
    fn kind(&self) -> &'static str {
        "mean"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.0
    }

    fn task(&self) -> Task {
        Task::Regression
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        Ok(Scores::Values(vec![self.1; rows.rows()]))
    }

    fn state(&self) -> State {
        State::default()
    }
}

fn named(names: &[&str]) -> Vec<Metric> {
    names.iter().map(|n| Metric::named(n).unwrap()).collect()
}

#[test] // by hand: tested 1 and 2 against the mean 6, then 5 and 7 against 1.5
fn each_fold_learns_from_its_own_rows_only() {
    let rows = table().numbers("x", [0.0; 4]).numbers("y", [1.0, 2.0, 5.0, 7.0]).target("y");
    let pipeline = Pipeline::new().model(Mean);
    let target = pipeline.target(&rows).unwrap();
    let folds = [
        Fold { train: vec![2, 3], test: vec![0, 1] },
        Fold { train: vec![0, 1], test: vec![2, 3] },
    ];
    let validated =
        cross_validate(&pipeline, &rows, &target, &folds, &named(&["mae", "r2"]), &|_| {}).unwrap();
    let json = serde_json::to_string(&validated.scores["mae"]).unwrap();
    assert_eq!(json, r#"{"mean":4.5,"std":0.0,"folds":[4.5,4.5]}"#);
    let names: Vec<&String> = validated.scores.keys().collect();
    assert_eq!(names, ["mae", "r2"]);
}

#[test]
fn threads_change_no_bit() {
    let values: Vec<f64> = (0..200).map(|i| f64::from(i).sin() * 3.7).collect();
    let rows = table().numbers("x", values.clone()).numbers("y", values).target("y");
    let pipeline = Pipeline::new().model(Mean);
    let target = pipeline.target(&rows).unwrap();
    let folds = Folds::default().parts(&Split::default(), &rows, None, Seed(4)).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            cross_validate(&pipeline, &rows, &target, &folds, &named(&["rmse"]), &|_| {})
        })
    };
    assert_eq!(run(1).unwrap(), run(3).unwrap());
}

#[test]
fn metrics_of_another_task_and_no_folds_are_refused() {
    let rows = table().numbers("x", [0.0; 2]).numbers("y", [1.0, 2.0]).target("y");
    let pipeline = Pipeline::new().model(Mean);
    let target = pipeline.target(&rows).unwrap();
    let folds = [Fold { train: vec![0], test: vec![1] }];
    let run = |folds: &[Fold], names: &[&str]| {
        cross_validate(&pipeline, &rows, &target, folds, &named(names), &|_| {})
            .unwrap_err()
            .to_string()
    };
    assert!(run(&folds, &["roc_auc"]).contains("`roc_auc` scores classes"));
    assert!(run(&[], &["rmse"]).contains("at least one fold"));
}

#[test]
fn a_fold_that_fails_is_named_by_its_number() {
    let rows = table().numbers("x", [0.0; 4]).numbers("y", [1.0, 2.0, 2.0, 2.0]).target("y");
    let pipeline = Pipeline::new().model(Mean);
    let target = pipeline.target(&rows).unwrap();
    let folds = [
        Fold { train: vec![1, 2], test: vec![0, 3] },
        Fold { train: vec![0, 1], test: vec![2, 3] },
    ];
    let error = cross_validate(&pipeline, &rows, &target, &folds, &named(&["r2"]), &|_| {});
    let words = error.unwrap_err().to_string();
    assert!(words.starts_with("fold 2 of 2: metric `r2` has no value"), "{words}");
}

#[test]
fn folds_are_counted_as_they_end() {
    let rows = table().numbers("x", [0.0; 9]).numbers("y", (0..9).map(f64::from)).target("y");
    let pipeline = Pipeline::new().model(Mean);
    let target = pipeline.target(&rows).unwrap();
    let folds = Folds::new(3).parts(&Split::default(), &rows, None, Seed(1)).unwrap();
    let heard = std::sync::Mutex::new(Vec::new());
    let hear = |done: usize| heard.lock().unwrap().push(done);
    cross_validate(&pipeline, &rows, &target, &folds, &named(&["mae"]), &hear).unwrap();
    let mut heard = heard.into_inner().unwrap();
    heard.sort_unstable();
    assert_eq!(heard, [1, 2, 3]);
}
