//! Times an estimator of this crate on a CSV and prints one line of JSON: seconds to fit and to
//! predict, microseconds for one row, and the area under the ROC curve.
//!
//! The last column holds the class, 0 or 1; the last fifth of the rows is the test. A column of
//! numbers (or nothing, for missing) is numeric, any other is categorical.
//!
//! `cargo run --release -p gristmill-models --example boosting_bench -- rows.csv gradient_boosting '{"trees": 100}'`
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, Field, FitContext, Frame, Labels, Model, Notes, PhysicalType, Schema, Scores,
    Seed, Target, Words,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let path = words.next().ok_or("name a CSV file")?;
    let name = words.next().unwrap_or_else(|| "gradient_boosting".into());
    let settings = serde_json::from_str(&words.next().unwrap_or_else(|| "{}".into()))?;
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    let estimator = catalog.build_estimator(&name, &settings)?;

    let (rows, classes) = read_rows(&fs_err::read_to_string(path)?)?;
    let labels = Arc::new(Labels::new(vec!["0".into(), "1".into()], None)?);
    let cut = rows.rows() * 4 / 5;
    let target = Target::Classes { codes: classes[..cut].to_vec(), labels };
    let (train, test) = (rows.slice(0..cut), rows.slice(cut..rows.rows()));

    let notes = Notes::default();
    let start = Instant::now();
    let model = estimator.fit(&train, &target, &FitContext::new(Seed(42), &notes))?;
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let scores = model.predict(&test)?;
    let predict = start.elapsed().as_secs_f64();
    let answer = serde_json::json!({
        "fit": fit,
        "predict": predict,
        "row_microseconds": time_one_row(model.as_ref(), &test)?,
        "auc": auc(&scores, &classes[cut..]),
    });
    println!("{answer}");
    Ok(())
}

fn time_one_row(model: &dyn Model, test: &Frame) -> Result<f64, Box<dyn Error>> {
    let rows: Vec<Frame> = (0..test.rows().min(1000)).map(|r| test.slice(r..r + 1)).collect();
    let start = Instant::now();
    for row in &rows {
        model.predict(row)?;
    }
    Ok(start.elapsed().as_secs_f64() / rows.len() as f64 * 1e6)
}

fn read_rows(text: &str) -> Result<(Frame, Vec<u32>), Box<dyn Error>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("there is no header")?.split(',').collect();
    let mut cells = vec![Vec::new(); names.len()];
    for line in lines {
        cells.iter_mut().zip(line.split(',')).for_each(|(column, cell)| column.push(cell));
    }
    let classes = cells.pop().ok_or("there is no column")?;
    let classes: Vec<u32> = classes.iter().map(|c| c.parse()).collect::<Result<_, _>>()?;
    let (fields, columns) =
        names.iter().zip(&cells).map(|(name, cells)| column(name, cells)).unzip();
    Ok((Frame::new(Arc::new(Schema::new(fields)?), columns, classes.len())?, classes))
}

fn column(name: &str, cells: &[&str]) -> (Field, Column) {
    let number = |cell: &&str| match cell.is_empty() {
        true => Some(f64::NAN),
        false => cell.parse().ok(),
    };
    match cells.iter().map(number).collect::<Option<Vec<f64>>>() {
        Some(numbers) => (Field::number(name).nullable(true), Column::Numbers(numbers)),
        None => {
            let words = cells.iter().map(|&cell| Some(cell).filter(|c| !c.is_empty()));
            let field = Field::new(name, PhysicalType::Utf8).nullable(true);
            (field, Column::Words(Words::new(words)))
        }
    }
}

/// The share of pairs of one row of each class that are in the right order.
fn auc(scores: &Scores, classes: &[u32]) -> f64 {
    let Scores::Probabilities(scores) = scores else { return f64::NAN };
    let scores = scores.column(1);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut pairs) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let ones = tied.iter().filter(|&&row| classes[row] == 1).count() as f64;
        let zeros = tied.len() as f64 - ones;
        pairs += ones * (below + zeros / 2.0);
        below += zeros;
    }
    pairs / (below * (classes.len() as f64 - below))
}
