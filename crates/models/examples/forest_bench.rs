//! Times a random forest on numbers from standard input: CSV with a header, the class (0, 1, ..)
//! in the last column, the last fifth of the rows kept for the test.
//!
//! `cargo run --release -p gristmill-models --example forest_bench -- '{"trees": 100}' SEED < rows.csv`
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Column, Estimator, Field, FitContext, Frame, Labels, Load, Model, Notes, Schema, Scores, Seed,
    Target,
};
use gristmill_models::{FittedForest, RandomForest};

fn main() -> Result<(), Box<dyn Error>> {
    let settings = std::env::args().nth(1).unwrap_or_else(|| "{}".into());
    let forest: RandomForest = serde_json::from_str(&settings)?;
    let seed = Seed(std::env::args().nth(2).map_or(Ok(42), |seed| seed.parse())?);
    let (rows, classes) = read_rows()?;
    let names = (0..=classes.iter().copied().max().unwrap_or(1)).map(|c| c.to_string()).collect();
    let labels = Arc::new(Labels::new(names, None)?);
    let cut = rows.rows() * 4 / 5;
    let target = Target::Classes { codes: classes[..cut].to_vec(), labels };

    let start = Instant::now();
    let notes = Notes::default();
    let model = forest.fit(&rows.slice(0..cut), &target, &FitContext::new(seed, &notes))?;
    println!("fit       {:.3} s", start.elapsed().as_secs_f64());
    if let Some(forest) = model.downcast_ref::<FittedForest>() {
        println!("splits    {}", forest.splits() / forest.trees());
    }

    let test = rows.slice(cut..rows.rows());
    let start = Instant::now();
    let scores = model.predict(&test)?;
    println!("predict   {:.3} s", start.elapsed().as_secs_f64());
    println!("accuracy  {:.5}", accuracy(&scores, &classes[cut..]));

    let start = Instant::now();
    let loaded = FittedForest::load(&model.state(), model.input())?;
    println!("save+load {:.3} s", start.elapsed().as_secs_f64());
    assert!(loaded.predict(&test)? == scores, "a loaded forest gives the same answers");
    Ok(())
}

/// The numbers column by column, and the last column as classes.
fn read_rows() -> Result<(Frame, Vec<u32>), Box<dyn Error>> {
    let mut lines = std::io::stdin().lock().lines();
    let header = lines.next().ok_or("there is no header")??;
    let mut fields: Vec<Field> = header.split(',').map(Field::number).collect();
    fields.pop();
    let mut columns = vec![Vec::new(); fields.len() + 1];
    for line in lines {
        let line = line?;
        for (column, value) in columns.iter_mut().zip(line.split(',')) {
            column.push(value.parse::<f64>()?);
        }
    }
    let classes: Vec<u32> =
        columns.pop().unwrap_or_default().into_iter().map(|c| c as u32).collect();
    let columns = columns.into_iter().map(Column::Numbers).collect();
    Ok((Frame::new(Arc::new(Schema::new(fields)?), columns, classes.len())?, classes))
}

fn accuracy(scores: &Scores, classes: &[u32]) -> f64 {
    let Scores::Probabilities(scores) = scores else { return 0.0 };
    let best = |row: usize| {
        let better =
            |best, class| if scores.get(row, class) > scores.get(row, best) { class } else { best };
        (1..scores.columns()).fold(0, better) as u32
    };
    let right = (0..classes.len()).filter(|&row| best(row) == classes[row]).count();
    right as f64 / classes.len() as f64
}
