//! Times answers of a whole fitted pipeline: impute, standardize, one_hot and gradient_boosting, from
//! Arrow columns to probabilities. `benches/predict.py` runs it beside scikit-learn.
//!
//!     pipeline_bench NUMBERS CATEGORIES TRAIN < VALUES
//!
//! VALUES are 64-bit floats, little-endian, column after column: so many numbers (NaN is missing),
//! so many categories as codes, and the class, 0 or 1. The first TRAIN rows are learned from, all
//! are answered. Prints one line of JSON: microseconds for one row, seconds for all, and the area
//! under the ROC curve of all.
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

use gristmill_core::{
    Catalog, FittedPipeline, Pipeline, Prediction, Table, TargetSpec, TargetTransform,
};
use gristmill_testkit::table;
use serde_json::json;

/// How many rows are asked for one at a time, and how often all of them.
const SINGLE_ROWS: usize = 1000;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [numbers, categories, train] = arguments.as_slice() else {
        return Err("expected NUMBERS CATEGORIES TRAIN".into());
    };
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let values: Vec<f64> = bytes.as_chunks().0.iter().map(|v| f64::from_le_bytes(*v)).collect();
    drop(bytes);
    let (rows, truth) = rows(&values, *numbers, *categories)?;

    let fitted = fit(&rows.slice(0, *train))?;
    let questions = rows.without(&["label".into()])?;
    let single: Vec<Table> = (0..SINGLE_ROWS).map(|row| questions.slice(row, 1)).collect();
    let mut microseconds = f64::INFINITY;
    let mut seconds = f64::INFINITY;
    let mut answers = fitted.predict(&questions)?;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for row in &single {
            black_box(fitted.predict(row)?);
        }
        microseconds = microseconds.min(start.elapsed().as_secs_f64() / SINGLE_ROWS as f64 * 1e6);
        let start = Instant::now();
        answers = black_box(fitted.predict(&questions)?);
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let chances = chances(&answers)?;
    for (row, one) in single.iter().enumerate() {
        let alone = fitted.predict(one)?;
        assert!(self::chances(&alone)? == [chances[row]], "one row and many differ");
    }
    let auc = auc(chances, &truth);
    println!("{}", json!({"row_microseconds": microseconds, "seconds": seconds, "auc": auc}));
    Ok(())
}

fn fit(train: &Table) -> Result<FittedPipeline, Box<dyn Error>> {
    let mut catalog = Catalog::new();
    gristmill_features::register(&mut catalog);
    gristmill_models::register(&mut catalog);
    let mut pipeline = Pipeline::new();
    for (kind, settings) in [
        ("impute", json!({"columns": "numeric", "strategy": "median"})),
        ("standardize", json!({"columns": "numeric"})),
        ("one_hot", json!({"columns": "categorical"})),
    ] {
        pipeline = pipeline.then_boxed(catalog.build_transform(kind, &settings)?);
    }
    let boosting = json!({"trees": 100, "leaves": 31});
    let pipeline = pipeline.model_boxed(catalog.build_estimator("gradient_boosting", &boosting)?);
    let target = TargetSpec::learn(train, Some("1"), TargetTransform::default())?;
    Ok(pipeline.fit_target(train, target, &Default::default())?)
}

/// The table, and which rows are of class 1.
fn rows(
    values: &[f64],
    numbers: usize,
    categories: usize,
) -> Result<(Table, Vec<bool>), Box<dyn Error>> {
    let count = values.len() / (numbers + categories + 1);
    let mut columns = values.chunks_exact(count);
    let mut rows = table();
    for (at, column) in columns.by_ref().take(numbers).enumerate() {
        rows = rows.numbers(&format!("number_{at}"), column.iter().copied());
    }
    for (at, column) in columns.by_ref().take(categories).enumerate() {
        let words: Vec<String> = column.iter().map(|code| format!("category {code}")).collect();
        rows = rows.words(&format!("words_{at}"), words.iter().map(String::as_str));
    }
    let label = columns.next().ok_or("there is no class")?;
    let rows = rows.words("label", label.iter().map(|&one| if one == 1.0 { "1" } else { "0" }));
    Ok((rows.target("label"), label.iter().map(|&one| one == 1.0).collect()))
}

/// The probability of class 1.
fn chances(answers: &Prediction) -> Result<&[f64], &'static str> {
    match answers {
        Prediction::Classes { probabilities, .. } => Ok(probabilities.column(1)),
        Prediction::Numbers(_) => Err("the answers are no classes"),
    }
}

/// The share of pairs of one row of each class that are in the right order.
fn auc(chances: &[f64], truth: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|&a, &b| chances[a].total_cmp(&chances[b]));
    let (mut below, mut pairs) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| chances[a] == chances[b]) {
        let ones = tied.iter().filter(|&&row| truth[row]).count() as f64;
        let zeros = tied.len() as f64 - ones;
        pairs += ones * (below + zeros / 2.0);
        below += zeros;
    }
    pairs / (below * (chances.len() as f64 - below))
}
