//! Rows that a model was tested on, kept by its run so that a server can learn from them how good answers are.
//!
//! Of a classifier the truth and the probabilities are kept. Of a regression the truth, the answer and the columns
//! that trees can ask; no text, picture or id.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::Float64Type;
use gristmill_core::{
    DenseMatrix, Field, FittedPipeline, Frame, Labels, PhysicalType, Prediction, Schema, Seed,
    Table, Target,
};
use gristmill_ingest::{BodyLimits, read_parquet_body};
use gristmill_track::RunId;

use super::losses::{ANSWER, asked, input_name};
use crate::keeper::Keeper;
use crate::{Error, Kind, Result, trials};

/// What it is called among the artifacts of a run, and in the folder of a stage.
pub(crate) const NAME: &str = "monitor/held_out.parquet";
/// How many rows are kept at most.
const MOST: usize = 10_000;
/// The most bytes that it takes in memory.
const BYTES: u64 = 1 << 30;
const TRUTH: &str = "truth";

/// Rows that a version did not learn from, with what it answered to them.
#[derive(Clone, Debug)]
pub(crate) enum HeldOut {
    /// Of a classifier.
    Classes {
        truth: Vec<u32>,
        probabilities: DenseMatrix,
        /// The class of which metrics speak, where there is one.
        positive: Option<usize>,
    },
    /// Of a regression, on the scale of the data.
    Numbers { truth: Vec<f64>, answers: Vec<f64>, columns: Frame },
}

/// Some of these rows of a table with what a pipeline answers to them, as they are kept.
///
/// # Errors
/// When the pipeline refuses them.
pub(crate) fn draw(
    fitted: &FittedPipeline,
    table: &Table,
    rows: &[u32],
    seed: Seed,
) -> Result<Table> {
    let mut drawn = rows.to_vec();
    if drawn.len() > MOST {
        seed.named("held out").random().shuffle(&mut drawn);
        drawn.truncate(MOST);
        drawn.sort_unstable();
    }
    let asked_rows = table.take(&drawn)?;
    let truth = fitted.target().apply(&asked_rows)?;
    let answers = fitted.predict_rows(table, &drawn)?;
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    match (&truth, &answers) {
        (Target::Classes { codes, labels }, Prediction::Classes { probabilities, .. }) => {
            fields.push(Field::new(TRUTH, PhysicalType::Utf8));
            let words = codes.iter().map(|code| Some(labels.names()[*code as usize].as_str()));
            columns.push(Arc::new(words.collect::<StringArray>()));
            for (class, name) in labels.names().iter().enumerate() {
                fields.push(Field::number(probability(name)));
                columns.push(Arc::new(Float64Array::from(probabilities.column(class).to_vec())));
            }
        }
        (Target::Numbers(truth), Prediction::Numbers(answers)) => {
            let truth = truth.iter().map(|value| fitted.target().restore(*value));
            fields.extend([Field::number(TRUTH), Field::number(ANSWER)]);
            columns.push(Arc::new(Float64Array::from_iter_values(truth)));
            columns.push(Arc::new(Float64Array::from(answers.clone())));
            let input = asked_rows.conform(fitted.input())?;
            for field in asked(fitted.input()) {
                fields.push(kept(field));
                columns.push(Arc::clone(input.column_named(&field.name)?));
            }
        }
        _ => return Err(Error::bug("a truth is of another kind than its answer")),
    }
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

fn probability(class: &str) -> String {
    format!("probability_{class}")
}

fn kept(field: &Field) -> Field {
    Field::new(input_name(&field.name), field.physical).meaning(field.semantic).nullable(true)
}

/// What the run of a version that takes `input` kept; nothing where it kept none.
///
/// # Errors
/// When the store cannot be asked, or what was kept is damaged.
pub(crate) fn of_run(
    keeper: &Keeper,
    run: RunId,
    input: &Schema,
    labels: Option<&Labels>,
) -> Result<Option<HeldOut>> {
    let bytes = trials::artifact(keeper, run, NAME)?;
    bytes.map(|bytes| HeldOut::read(&bytes, input, labels)).transpose()
}

impl HeldOut {
    /// Reads what [`draw`] made, once it was written as Parquet.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(bytes: &[u8], input: &Schema, labels: Option<&Labels>) -> Result<Self> {
        let mut fields = match labels {
            Some(labels) => {
                let said = labels.names().iter().map(|name| Field::number(probability(name)));
                [Field::new(TRUTH, PhysicalType::Utf8)].into_iter().chain(said).collect()
            }
            None => vec![Field::number(TRUTH), Field::number(ANSWER)],
        };
        if labels.is_none() {
            fields.extend(asked(input).map(kept));
        }
        let wanted = Schema::new(fields)?;
        let limits = BodyLimits { rows: MOST, bytes: BYTES };
        let table = read_parquet_body(bytes, &wanted, limits)
            .map_err(|error| damaged(&error.to_string()))?
            .conform(&wanted)
            .map_err(|error| damaged(&error.to_string()))?;
        match labels {
            Some(labels) => Self::classes(&table, labels),
            None => Self::numbers(&table, input),
        }
    }

    fn classes(table: &Table, labels: &Labels) -> Result<Self> {
        let words = table.column(0).as_string_opt::<i32>();
        let words = words.ok_or_else(|| damaged("its truth is no words"))?;
        let code = |word: Option<&str>| {
            let at = labels.names().iter().position(|name| Some(name.as_str()) == word);
            at.map(|at| at as u32).ok_or_else(|| damaged("it has a truth that is no class"))
        };
        let truth = words.iter().map(code).collect::<Result<Vec<_>>>()?;
        let said = (1..=labels.len()).map(|at| numbers(table, at)).collect::<Result<Vec<_>>>()?;
        let probabilities = DenseMatrix::from_columns(truth.len(), labels.len(), said.concat())?;
        Ok(Self::Classes { truth, probabilities, positive: labels.positive() })
    }

    fn numbers(table: &Table, input: &Schema) -> Result<Self> {
        let (truth, answers) = (numbers(table, 0)?, numbers(table, 1)?);
        let positions: Vec<usize> = (2..table.schema().len()).collect();
        let columns = Frame::from_table(&table.select(&positions))?;
        // Under the names that requests have them.
        let fields = asked(input).map(|field| field.clone().nullable(true)).collect();
        let (schema, rows) = (Arc::new(Schema::new(fields)?), columns.rows());
        let columns = Frame::new(schema, columns.into_columns(), rows)?;
        Ok(Self::Numbers { truth, answers, columns })
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes { truth, .. } => truth.len(),
            Self::Numbers { truth, .. } => truth.len(),
        }
    }
}

fn numbers(table: &Table, at: usize) -> Result<Vec<f64>> {
    let values = table.column(at).as_primitive_opt::<Float64Type>();
    let values = values.filter(|values| values.null_count() == 0);
    values.map(|values| values.values().to_vec()).ok_or_else(|| damaged("a number is missing"))
}

fn damaged(why: &str) -> Error {
    Error::new(Kind::Stored, format!("`{NAME}` of the run is damaged: {why}"))
        .with_hint("run the pipeline again")
}
