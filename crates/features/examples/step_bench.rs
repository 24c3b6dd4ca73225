//! Times steps of a pipeline on rows that `benches/peers.py` wrote, fold by fold, and keeps what
//! they answer, so that one and the same program scores ours and the peer's.
//!
//! `step_bench FOLDER JOB`, where the folder holds
//!
//! - `head`: JSON, how many rows there are, the kind of the target and the columns;
//! - `columns`: the values, column after column, in little-endian: numbers as 64-bit floats, words
//!   and texts as 32-bit places in the list of the head, sparse numbers as 32-bit rows and then
//!   64-bit floats;
//! - `target` as 64-bit floats, unless the head says that there is none, and `folds`, for each row
//!   the 32-bit number of the fold that it is tested in.
//!
//! A job names transforms, perhaps a model, and the folds to test. A line of JSON a fold tells the
//! seconds; `answers` of the folder holds the answers of all tested rows, fold after fold.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, Estimator, Field, FitContext, FittedTransform, Frame, Labels, Model, Notes,
    PhysicalType, Result, Schema, Scores, Seed, SemanticType, SparseNumbers, Target, Transform,
    Words,
};
use serde::Deserialize;
use serde_json::{Value, json};

type Answer<T> = std::result::Result<T, Box<dyn Error>>;

/// How often one row is asked.
const ASKED: usize = 200;

/// What to measure.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    /// Transforms with their settings, in order.
    steps: Vec<(String, Value)>,
    /// The model behind them.
    model: Option<(String, Value)>,
    /// The folds that are tested, each by what was learned from all other rows.
    folds: Vec<u32>,
}

#[derive(Deserialize)]
struct Head {
    rows: usize,
    target: Kind,
    columns: Vec<Stored>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Absent,
    Numbers,
    Classes,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Stored {
    Number { name: String },
    Word { name: String, words: Vec<String> },
    Text { name: String, words: Vec<String> },
    Sparse { name: String, count: usize },
}

fn main() -> Answer<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, job] = arguments.as_slice() else { return Err("give FOLDER JOB".into()) };
    let folder = PathBuf::from(folder);
    let job: Job = serde_json::from_str(job)?;
    let (rows, target) = read(&folder)?;
    let folds = numbers(&fs_err::read(folder.join("folds"))?, u32::from_le_bytes);
    let plan = Plan::new(&job)?;
    // Threads start before anything is timed, as those of the peers did.
    rayon::broadcast(|_| ());
    let mut answers = std::io::BufWriter::new(fs_err::File::create(folder.join("answers"))?);
    for fold in &job.folds {
        let (test, train): (Vec<u32>, Vec<u32>) =
            (0..rows.rows() as u32).partition(|&row| folds[row as usize] == *fold);
        let notes = Notes::default();
        let known = target.take(&train);
        let context = FitContext::new(Seed(42), &notes).with_target(&known);
        let (timed, answer) = plan.measure(rows.take(&train), &rows.take(&test), &context)?;
        for number in answer {
            answers.write_all(&number.to_le_bytes())?;
        }
        println!("{timed}");
        notes.all().iter().for_each(|note| eprintln!("{note}"));
    }
    Ok(answers.flush()?)
}

struct Plan {
    steps: Vec<Box<dyn Transform>>,
    model: Option<Box<dyn Estimator>>,
}

impl Plan {
    fn new(job: &Job) -> Result<Self> {
        let mut catalog = Catalog::new();
        gristmill_features::register(&mut catalog);
        gristmill_models::register(&mut catalog);
        let steps =
            job.steps.iter().map(|(name, settings)| catalog.build_transform(name, settings));
        let model =
            job.model.as_ref().map(|(name, settings)| catalog.build_estimator(name, settings));
        Ok(Self { steps: steps.collect::<Result<_>>()?, model: model.transpose()? })
    }

    /// Seconds to learn, to answer, microseconds for one row alone; and the answers.
    fn measure(
        &self,
        mut train: Frame,
        test: &Frame,
        context: &FitContext<'_>,
    ) -> Result<(Value, Vec<f64>)> {
        let start = Instant::now();
        let mut fitted = Fitted { steps: Vec::new(), model: None };
        for step in &self.steps {
            let (learned, made) = step.fit_apply(train, context)?;
            fitted.steps.push(learned);
            train = made;
        }
        if let (Some(model), Some(target)) = (&self.model, context.target) {
            fitted.model = Some(model.fit(&train, target, context)?);
        }
        let fit = start.elapsed().as_secs_f64();
        drop(train);
        let asked = test.clone();
        let start = Instant::now();
        let answer = fitted.answer(asked)?;
        let predict = start.elapsed().as_secs_f64();
        let one = test.slice(0..1);
        let start = Instant::now();
        for _ in 0..ASKED {
            fitted.answer(one.clone())?;
        }
        let row = start.elapsed().as_secs_f64() / ASKED as f64 * 1e6;
        let timed = json!({"fit": fit, "predict": predict, "row": row, "rows": test.rows()});
        Ok((timed, answer.numbers()))
    }
}

struct Fitted {
    steps: Vec<Box<dyn FittedTransform>>,
    model: Option<Box<dyn Model>>,
}

enum Answered {
    Rows(Frame),
    Scores(Scores),
}

impl Fitted {
    fn answer(&self, rows: Frame) -> Result<Answered> {
        let made = self.steps.iter().try_fold(rows, |rows, step| step.apply(rows))?;
        match &self.model {
            Some(model) => Ok(Answered::Scores(model.predict(&made)?)),
            None => Ok(Answered::Rows(made)),
        }
    }
}

impl Answered {
    /// All numbers, column after column.
    fn numbers(self) -> Vec<f64> {
        match self {
            Self::Scores(Scores::Values(values)) => values,
            Self::Scores(Scores::Probabilities(matrix)) => matrix.values().to_vec(),
            Self::Rows(rows) => rows.columns().iter().flat_map(column_numbers).collect(),
        }
    }
}

fn column_numbers(column: &Column) -> Vec<f64> {
    match column {
        Column::Numbers(values) => values.clone(),
        Column::Sparse(values) => values.to_dense(),
        Column::Words(words) => words.codes.iter().map(|code| f64::from(*code)).collect(),
        _ => Vec::new(),
    }
}

fn read(folder: &Path) -> Answer<(Frame, Target)> {
    let head: Head = serde_json::from_slice(&fs_err::read(folder.join("head"))?)?;
    let bytes = fs_err::read(folder.join("columns"))?;
    let mut left = bytes.as_slice();
    let mut fields = Vec::with_capacity(head.columns.len());
    let mut columns = Vec::with_capacity(head.columns.len());
    for stored in head.columns {
        let (field, column) = stored.read(head.rows, &mut left)?;
        fields.push(field);
        columns.push(column);
    }
    let frame = Frame::new(Arc::new(Schema::new(fields)?), columns, head.rows)?;
    let known = |name| Answer::Ok(numbers(&fs_err::read(folder.join(name))?, f64::from_le_bytes));
    let target = match head.target {
        Kind::Absent => Target::Absent(head.rows),
        Kind::Numbers => Target::Numbers(known("target")?),
        Kind::Classes => classes(&known("target")?)?,
    };
    Ok((frame, target))
}

impl Stored {
    fn read(self, rows: usize, left: &mut &[u8]) -> Answer<(Field, Column)> {
        Ok(match self {
            Self::Number { name } => {
                let values = numbers(cut(left, rows * 8)?, f64::from_le_bytes);
                (Field::number(name).nullable(true), Column::Numbers(values))
            }
            Self::Word { name, words } => {
                let field = Field::new(name, PhysicalType::Utf8).nullable(true);
                (field, coded(words, cut(left, rows * 4)?))
            }
            Self::Text { name, words } => {
                let field = Field::new(name, PhysicalType::Utf8).meaning(SemanticType::Text);
                (field, coded(words, cut(left, rows * 4)?))
            }
            Self::Sparse { name, count } => {
                let places = numbers(cut(left, count * 4)?, u32::from_le_bytes);
                let values = numbers(cut(left, count * 8)?, f64::from_le_bytes);
                (Field::number(name), Column::Sparse(SparseNumbers::new(places, values, rows)?))
            }
        })
    }
}

fn coded(words: Vec<String>, bytes: &[u8]) -> Column {
    let codes = numbers(bytes, u32::from_le_bytes);
    Column::Words(Words { codes, dictionary: Arc::new(words) })
}

fn classes(target: &[f64]) -> Answer<Target> {
    let codes: Vec<u32> = target.iter().map(|class| *class as u32).collect();
    let count = codes.iter().max().map_or(0, |most| most + 1);
    let names = (0..count).map(|class| class.to_string()).collect();
    Ok(Target::Classes { codes, labels: Arc::new(Labels::in_order(names)?) })
}

fn cut<'a>(left: &mut &'a [u8], bytes: usize) -> Answer<&'a [u8]> {
    let (taken, rest) = left.split_at_checked(bytes).ok_or("the columns end too early")?;
    *left = rest;
    Ok(taken)
}

fn numbers<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|chunk| read(*chunk)).collect()
}
