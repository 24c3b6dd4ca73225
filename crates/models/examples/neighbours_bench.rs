//! Times an estimator on raw numbers: 64-bit floats, row after row, of a file. With a target the
//! last column is the class (0, 1, ..). The last fifth of the rows is kept for the answers.
//!
//! `cargo run --release -p gristmill-models --example neighbours_bench -- NAME SETTINGS FILE COLUMNS`
//! prints one line of JSON; `benches/neighbours.py` runs it beside scikit-learn.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, Field, FitContext, Frame, Labels, Notes, Schema, Scores, Seed, Target,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, settings, file, columns] = arguments.as_slice() else {
        return Err("give NAME SETTINGS FILE COLUMNS".into());
    };
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    let estimator = catalog.build_estimator(name, &serde_json::from_str(settings)?)?;
    let (rows, target) = read(file, columns.parse()?, estimator.unsupervised())?;
    let cut = rows.rows() * 4 / 5;
    let train: Vec<u32> = (0..cut as u32).collect();
    let test: Vec<u32> = (cut as u32..rows.rows() as u32).collect();
    let (known, truth) = (target.take(&train), target.take(&test));
    let (train, test) = (rows.take(&train), rows.take(&test));

    let notes = Notes::default();
    let start = Instant::now();
    let model = estimator.fit(&train, &known, &FitContext::new(Seed(42), &notes))?;
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let scores = model.predict(&test)?;
    let predict = start.elapsed().as_secs_f64();
    let found = serde_json::json!({
        "fit": fit, "predict": predict, "accuracy": accuracy(&scores, &truth),
        "facts": model.state().facts,
    });
    println!("{found}");
    Ok(())
}

/// The numbers as columns, and the target.
fn read(file: &str, width: usize, all: bool) -> Result<(Frame, Target), Box<dyn Error>> {
    let bytes = fs_err::read(file)?;
    let mut columns = vec![Vec::with_capacity(bytes.len() / 8 / width); width];
    for (at, number) in bytes.chunks_exact(8).enumerate() {
        columns[at % width].push(f64::from_le_bytes(number.try_into()?));
    }
    let rows = columns[0].len();
    let target = if all {
        Target::Absent(rows)
    } else {
        let classes: Vec<u32> =
            columns.pop().unwrap_or_default().into_iter().map(|c| c as u32).collect();
        let names = (0..=classes.iter().copied().max().unwrap_or(1)).map(|c| c.to_string());
        Target::Classes { codes: classes, labels: Arc::new(Labels::new(names.collect(), None)?) }
    };
    let fields = (0..columns.len()).map(|at| Field::number(format!("x{at}"))).collect();
    let columns = columns.into_iter().map(Column::Numbers).collect();
    Ok((Frame::new(Arc::new(Schema::new(fields)?), columns, rows)?, target))
}

/// The share of the rows whose most probable class is theirs; nothing where there are no classes.
fn accuracy(scores: &Scores, truth: &Target) -> Option<f64> {
    let (Scores::Probabilities(scores), Target::Classes { codes, .. }) = (scores, truth) else {
        return None;
    };
    let best = |row: usize| {
        let better =
            |best, class| if scores.get(row, class) > scores.get(row, best) { class } else { best };
        (1..scores.columns()).fold(0, better) as u32
    };
    let right = (0..codes.len()).filter(|&row| best(row) == codes[row]).count();
    Some(right as f64 / codes.len().max(1) as f64)
}
