//! What is true of every estimator.

use std::sync::Arc;

use gristmill_core::{
    Catalog, DenseMatrix, Error, ErrorKind, Estimator, Field, FitContext, Frame, Labels, Model,
    Notes, Result, Schema, Scores, Seed, State, Table, Target, TargetSpec, TargetTransform, Task,
    Tensor, TensorData,
};
use serde_json::Value;

/// How many rows are asked for one by one.
const ROWS_ALONE: usize = 40;

/// Holds the estimator called `name` in `catalog`, with these settings, to everything that a
/// pipeline relies on. `table` has a target and columns that the estimator takes; a few hundred
/// rows are enough, more than one chunk (16,384) also tests how chunks are put together.
///
/// - `check` reads no rows, accepts these columns and refuses a table without any;
/// - fitting twice, on 1 thread and on 3, and with weights of 1, gives the same bits;
/// - which class is called positive changes nothing;
/// - no rows cannot be learned from, but can be predicted;
/// - a row alone gets the bits that it gets in a batch;
/// - probabilities lie between 0 and 1 and sum to 1, values are finite;
/// - importances, where there are any, are one a column and sum to 1;
/// - what is stored loads as the same model; what is damaged, or meant for other columns, is
///   refused and never panics;
/// - rows that lack a column are refused.
///
/// # Panics
/// When one of these does not hold.
#[track_caller]
pub fn estimator(catalog: &Catalog, name: &str, settings: &Value, table: &Table) {
    let case = Case::new(catalog, name, settings, table);
    let model = case.fit(1);
    positive_does_not_matter(&case, model.as_ref());
    keeps_the_other_promises(&case, model.as_ref());
}

/// As [`estimator`], for settings that serve the positive class, so that it matters which one is.
///
/// # Panics
/// As [`estimator`].
#[track_caller]
pub fn estimator_for_the_positive(catalog: &Catalog, name: &str, settings: &Value, table: &Table) {
    let case = Case::new(catalog, name, settings, table);
    keeps_the_other_promises(&case, case.fit(1).as_ref());
}

#[track_caller]
fn keeps_the_other_promises(case: &Case<'_>, model: &dyn Model) {
    check_refuses_no_columns(case);
    fitting_is_repeatable(case, model);
    no_rows_can_be_predicted_but_not_learned(case, model);
    rows_alone_get_the_bits_of_a_batch(case, model);
    answers_are_in_range(case, model);
    importances_sum_to_one(case, model);
    stored_models_load(case, model);
    damaged_models_are_refused(case, model);
    other_columns_are_refused(case, model);
}

struct Case<'a> {
    catalog: &'a Catalog,
    name: &'a str,
    estimator: Box<dyn Estimator>,
    rows: Frame,
    target: Target,
}

impl<'a> Case<'a> {
    #[track_caller]
    fn new(catalog: &'a Catalog, name: &'a str, settings: &Value, table: &Table) -> Self {
        let estimator = catalog.build_estimator(name, settings).expect("the settings are known");
        assert_eq!(estimator.kind(), name, "an estimator is called as its catalog calls it");
        let spec = if estimator.unsupervised() {
            TargetSpec::absent()
        } else {
            TargetSpec::learn(table, None, TargetTransform::None).expect("a target")
        };
        let target = spec.apply(table).expect("answers");
        let rows = Frame::from_table(table).expect("a frame").features();
        estimator.check(rows.schema(), target.task()).expect("`check` takes the table");
        Self { catalog, name, estimator, rows, target }
    }

    fn fit(&self, threads: usize) -> Box<dyn Model> {
        let notes = Notes::default();
        let context = FitContext::new(Seed(7), &notes);
        self.fit_to(&self.rows, &self.target, &context, threads).expect("a model")
    }

    fn fit_to(
        &self,
        rows: &Frame,
        target: &Target,
        context: &FitContext<'_>,
        threads: usize,
    ) -> Result<Box<dyn Model>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| self.estimator.fit(rows, target, &context.with_target(target)))
    }

    fn load(&self, state: &State, input: &Arc<Schema>) -> Result<Box<dyn Model>> {
        self.catalog.load_model(self.name, state, input)
    }
}

/// Every bit of a state as text: floats are printed so that different bits look different, and
/// NaN equals itself.
fn bits(state: &State) -> String {
    format!("{state:?}")
}

#[track_caller]
fn check_refuses_no_columns(case: &Case<'_>) {
    let empty = Schema::default();
    let answer = case.estimator.check(&empty, case.target.task());
    assert!(answer.is_err(), "`check` accepts a table without columns");
}

#[track_caller]
fn fitting_is_repeatable(case: &Case<'_>, model: &dyn Model) {
    let first = bits(&model.state());
    assert_eq!(first, bits(&case.fit(1).state()), "fitting twice differs");
    assert_eq!(first, bits(&case.fit(3).state()), "1 and 3 threads differ");
    let notes = Notes::default();
    let ones = vec![1.0; case.rows.rows()];
    let context = FitContext { weights: Some(&ones), ..FitContext::new(Seed(7), &notes) };
    let weighted = case.fit_to(&case.rows, &case.target, &context, 1).expect("a model");
    assert_eq!(first, bits(&weighted.state()), "weights of 1 change the model");
    assert_eq!(model.kind(), case.name, "a model is called as its estimator");
    assert_eq!(model.task(), case.target.task(), "the model answers another question");
    assert_eq!(model.input(), case.rows.schema(), "the model takes other columns");
}

#[track_caller]
fn positive_does_not_matter(case: &Case<'_>, model: &dyn Model) {
    let Target::Classes { codes, labels } = &case.target else { return };
    for word in labels.names() {
        let labels = Labels::new(labels.names().to_vec(), Some(word)).expect("labels");
        let target = Target::Classes { codes: codes.clone(), labels: Arc::new(labels) };
        let notes = Notes::default();
        let context = FitContext::new(Seed(7), &notes);
        let other = case.fit_to(&case.rows, &target, &context, 2).expect("a model");
        assert_eq!(bits(&model.state()), bits(&other.state()), "`{word}` as positive differs");
    }
}

#[track_caller]
fn no_rows_can_be_predicted_but_not_learned(case: &Case<'_>, model: &dyn Model) {
    let none = case.rows.slice(0..0);
    assert_eq!(model.predict(&none).expect("an empty answer").rows(), 0);
    let notes = Notes::default();
    let context = FitContext::new(Seed(7), &notes);
    let refused = case.fit_to(&none, &case.target.take(&[]), &context, 1);
    assert!(refused.is_err(), "a model was learned from no rows");
}

#[track_caller]
fn rows_alone_get_the_bits_of_a_batch(case: &Case<'_>, model: &dyn Model) {
    let all = model.predict(&case.rows).expect("answers");
    assert_eq!(all.rows(), case.rows.rows(), "an answer for each row");
    for row in 0..case.rows.rows().min(ROWS_ALONE) {
        let alone = model.predict(&case.rows.slice(row..row + 1)).expect("an answer");
        assert_eq!(row_bits(&all, row), row_bits(&alone, 0), "row {row} alone differs");
    }
    let odd: Vec<u32> = (0..case.rows.rows() as u32).filter(|r| r % 3 == 1).collect();
    let some = model.predict(&case.rows.take(&odd)).expect("answers");
    for (at, &row) in odd.iter().enumerate() {
        let (batch, smaller) = (row_bits(&all, row as usize), row_bits(&some, at));
        assert_eq!(batch, smaller, "row {row} differs in a smaller batch");
    }
}

fn row_bits(scores: &Scores, row: usize) -> Vec<u64> {
    match scores {
        Scores::Values(values) => vec![values[row].to_bits()],
        Scores::Probabilities(p) => (0..p.columns()).map(|c| p.get(row, c).to_bits()).collect(),
    }
}

#[track_caller]
fn answers_are_in_range(case: &Case<'_>, model: &dyn Model) {
    match (model.predict(&case.rows).expect("answers"), case.target.task()) {
        (Scores::Values(values), Task::Regression) => {
            assert!(values.iter().all(|v| v.is_finite()), "an answer is not a finite number");
        }
        (Scores::Probabilities(p), Task::Classification { classes }) => {
            assert_eq!(p.columns(), classes, "a probability for each class");
            assert!(p.values().iter().all(|v| (0.0..=1.0).contains(v)), "a probability beyond 1");
            (0..p.rows()).for_each(|row| sums_to_one(&p, row));
        }
        (Scores::Values(values), Task::Unsupervised) => {
            assert!(model.clusters().is_none(), "a model of clusters gives probabilities");
            assert!(values.iter().all(|v| v.is_finite()), "a score is not a finite number");
        }
        (Scores::Probabilities(p), Task::Unsupervised) => {
            let clusters = model.clusters().expect("the clusters have names");
            assert_eq!(p.columns(), clusters.len(), "a probability for each cluster");
            (0..p.rows()).for_each(|row| sums_to_one(&p, row));
        }
        (other, task) => panic!("{task:?} was answered with {other:?}"),
    }
}

#[track_caller]
fn sums_to_one(probabilities: &DenseMatrix, row: usize) {
    let sum: f64 = (0..probabilities.columns()).map(|c| probabilities.get(row, c)).sum();
    assert!((sum - 1.0).abs() < 1e-9, "the probabilities of row {row} sum to {sum}");
}

#[track_caller]
fn importances_sum_to_one(case: &Case<'_>, model: &dyn Model) {
    let Some(importances) = model.importances() else { return };
    assert_eq!(importances.len(), case.rows.schema().len(), "an importance for each column");
    assert!(importances.iter().all(|i| *i >= 0.0), "an importance is negative");
    let sum: f64 = importances.iter().sum();
    assert!((sum - 1.0).abs() < 1e-9, "importances sum to {sum}");
}

#[track_caller]
fn stored_models_load(case: &Case<'_>, model: &dyn Model) {
    let state = model.state();
    for (name, tensor) in &state.tensors {
        let size: usize = tensor.shape.iter().product();
        assert_eq!(size, tensor.data.len(), "the shape of tensor `{name}` lies");
    }
    let words = serde_json::to_string(&state.facts).expect("facts are JSON");
    let facts = serde_json::from_str(&words).expect("facts come back");
    let stored = State { facts, tensors: state.tensors.clone() };
    let loaded = case.load(&stored, case.rows.schema()).expect("a stored model loads");
    assert_eq!(bits(&state), bits(&loaded.state()), "loading changes the model");
    assert_eq!(loaded.kind(), model.kind());
    assert_eq!(loaded.task(), model.task());
    assert_eq!(loaded.input(), model.input());
    let (before, after) = (model.predict(&case.rows), loaded.predict(&case.rows));
    let (before, after) = (before.expect("answers"), after.expect("answers"));
    for row in 0..before.rows() {
        assert_eq!(row_bits(&before, row), row_bits(&after, row), "row {row} differs when loaded");
    }
}

#[track_caller]
fn damaged_models_are_refused(case: &Case<'_>, model: &dyn Model) {
    let state = model.state();
    let without_facts = State { facts: Value::Null, tensors: state.tensors.clone() };
    refused_as_damaged(case, &without_facts, "without facts");
    for (name, tensor) in &state.tensors {
        let mut damaged = state.clone();
        damaged.tensors.remove(name);
        refused_as_damaged(case, &damaged, &format!("without tensor `{name}`"));
        if !tensor.data.is_empty() {
            let mut damaged = state.clone();
            damaged.tensors.insert(name.clone(), shorter(tensor));
            refused_as_damaged(case, &damaged, &format!("with tensor `{name}` cut short"));
        }
        let mut damaged = state.clone();
        damaged.tensors.insert(name.clone(), overwritten(tensor));
        // Some numbers have no wrong value; none may make a model that panics or never ends.
        if let Ok(model) = case.load(&damaged, case.rows.schema()) {
            let _ = model.predict(&case.rows);
        }
    }
}

#[track_caller]
fn refused_as_damaged(case: &Case<'_>, state: &State, how: &str) {
    match case.load(state, case.rows.schema()) {
        Ok(_) => panic!("a model {how} was loaded"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Stored, "a model {how} is refused by {error}");
        }
    }
}

fn shorter(tensor: &Tensor) -> Tensor {
    fn cut<T: Clone>(values: &[T]) -> Vec<T> {
        values[..values.len() - 1].to_vec()
    }
    let data = match &tensor.data {
        TensorData::F64(v) => TensorData::F64(cut(v)),
        TensorData::F32(v) => TensorData::F32(cut(v)),
        TensorData::I64(v) => TensorData::I64(cut(v)),
        TensorData::U32(v) => TensorData::U32(cut(v)),
        TensorData::U16(v) => TensorData::U16(cut(v)),
        TensorData::U8(v) => TensorData::U8(cut(v)),
    };
    Tensor { shape: vec![data.len()], data }
}

fn overwritten(tensor: &Tensor) -> Tensor {
    let n = tensor.data.len();
    let data = match &tensor.data {
        TensorData::F64(_) => TensorData::F64(vec![f64::MAX; n]),
        TensorData::F32(_) => TensorData::F32(vec![f32::MAX; n]),
        TensorData::I64(_) => TensorData::I64(vec![i64::MAX; n]),
        TensorData::U32(_) => TensorData::U32(vec![u32::MAX; n]),
        TensorData::U16(_) => TensorData::U16(vec![u16::MAX; n]),
        TensorData::U8(_) => TensorData::U8(vec![u8::MAX; n]),
    };
    Tensor { shape: tensor.shape.clone(), data }
}

#[track_caller]
fn other_columns_are_refused(case: &Case<'_>, model: &dyn Model) {
    let kept: Vec<usize> = (1..case.rows.schema().len()).collect();
    let narrower = case.rows.select(&kept);
    assert!(model.predict(&narrower).is_err(), "rows that lack a column were predicted");

    let mut fields = case.rows.schema().fields().to_vec();
    fields.push(Field::number("a column that training never saw"));
    let wider = Arc::new(Schema::new(fields).expect("names differ"));
    let answer = case.load(&model.state(), &wider);
    assert!(matches!(answer, Err(Error::Damaged { .. })), "a model loads for other columns");
}
