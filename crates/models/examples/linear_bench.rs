//! Times one estimator on rows that `benches/linear.py` wrote, and says what it answers.
//!
//! `linear_bench FOLDER NAME SETTINGS`: the folder holds `head`, `values`, `answers` and for sparse
//! rows `starts` and `rows`.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, Field, FitContext, Frame, Labels, Notes, Schema, Scores, Seed, SparseNumbers,
    Target,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("no {what} was given"));
    let (folder, name, settings) = (next("folder")?, next("name")?, next("settings")?);
    let (rows, target, answers) = read(Path::new(&folder))?;
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    let estimator = catalog.build_estimator(&name, &serde_json::from_str(&settings)?)?;
    let notes = Notes::default();

    let start = Instant::now();
    let model = estimator.fit(&rows, &target, &FitContext::new(Seed(42), &notes))?;
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let scores = model.predict(&rows)?;
    let predict = start.elapsed().as_secs_f64();
    let score = score(&scores, &answers);
    println!("{{\"fit\": {fit}, \"predict\": {predict}, \"score\": {score}}}");
    notes.all().iter().for_each(|note| eprintln!("{note}"));
    Ok(())
}

fn read(folder: &Path) -> Result<(Frame, Target, Vec<f64>), Box<dyn Error>> {
    let head = fs_err::read_to_string(folder.join("head"))?;
    let words: Vec<&str> = head.split(' ').collect();
    let [rows, columns, kind, task] = words[..] else { return Err("the head is damaged".into()) };
    let (rows, columns): (usize, usize) = (rows.parse()?, columns.parse()?);
    let read = |name: &str| fs_err::read(folder.join(name));
    let values: Vec<f64> = numbers(&read("values")?, f64::from_le_bytes);
    let fields = (0..columns).map(|at| Field::number(format!("x{at}"))).collect();
    let columns: Vec<Column> = if kind == "sparse" {
        let starts = numbers(&read("starts")?, u64::from_le_bytes);
        let places = numbers(&read("rows")?, u32::from_le_bytes);
        let column = |pair: &[u64]| {
            let range = pair[0] as usize..pair[1] as usize;
            SparseNumbers::new(places[range.clone()].to_vec(), values[range].to_vec(), rows)
        };
        starts.windows(2).map(|pair| column(pair).map(Column::Sparse)).collect::<Result<_, _>>()?
    } else {
        values.chunks(rows).map(|column| Column::Numbers(column.to_vec())).collect()
    };
    let frame = Frame::new(Arc::new(Schema::new(fields)?), columns, rows)?;
    let answers: Vec<f64> = numbers(&read("answers")?, f64::from_le_bytes);
    if task == "numbers" {
        return Ok((frame, Target::Numbers(answers.clone()), answers));
    }
    let codes: Vec<u32> = answers.iter().map(|class| *class as u32).collect();
    let count = codes.iter().max().map_or(0, |most| most + 1);
    let labels = Arc::new(Labels::new((0..count).map(|class| class.to_string()).collect(), None)?);
    Ok((frame, Target::Classes { codes, labels }, answers))
}

fn numbers<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| read(*chunk)).collect()
}

/// The share of right answers, or the mean squared error.
fn score(scores: &Scores, answers: &[f64]) -> f64 {
    let sum: f64 = match scores {
        Scores::Values(values) => {
            values.iter().zip(answers).map(|(found, y)| (found - y) * (found - y)).sum()
        }
        Scores::Probabilities(p) => {
            let best = |row: usize| {
                let better =
                    |best, class| if p.get(row, class) > p.get(row, best) { class } else { best };
                (1..p.columns()).fold(0, better)
            };
            let right = answers.iter().enumerate().filter(|(row, y)| best(*row) == **y as usize);
            right.count() as f64
        }
    };
    sum / answers.len() as f64
}
