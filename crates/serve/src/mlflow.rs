//! MLflow's scoring protocol: `/invocations`.
//!
//! A body of JSON has rows under one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`,
//! and may have `params`. The answer is `{"predictions": [...]}`: a word or a number a row, or with
//! `{"params": {"probabilities": true}}` an object a row. With `{"params": {"explain": true}}` that object has
//! `base` and `contributions` too, whose sum is the raw score of the model.
//!
//! A `history` beside the rows has those before them, as a list or as a body has rows. What else there is
//! to say of a history stands in `params` (`history`, `history_rows`) or in the query of the address.

use std::borrow::Cow;
use std::fmt;

use gristmill_core::{Cell, Frame, Prediction};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::body::{Body, SHAPES};
use crate::rows::{Params, Reading, Rows, Split};
use crate::{Answers, Explained, Question, Recall, Refusal, Result, RowsFormat, Served, flat};

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    /// The rows.
    pub rows: Question,
    /// What else is asked for than the answers themselves.
    pub more: More,
}

/// What is asked for beside the answers themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// All probabilities.
    pub probabilities: bool,
    /// What each column adds to the answer.
    pub explain: bool,
}

/// Reads a body of JSON.
///
/// # Errors
/// [`Refusal::Bad`] for what is no such body, and for rows that the model does not take, with the row
/// and the column; [`Refusal::TooLarge`] for too many rows.
pub fn read(served: &Served, body: &[u8], recall: Recall) -> Result<Asked> {
    if let Some(rows) = flat::read(served, body) {
        return Ok(Asked { rows: Question::new(rows, recall)?, more: More::default() });
    }
    let mut found = Body::new(served);
    let mut json = serde_json::Deserializer::from_slice(body);
    let params =
        Parts(&mut found).deserialize(&mut json).and_then(|params| json.end().map(|()| params));
    let params = match params {
        Ok(params) => params,
        Err(error) => return Err(found.refusal(&error)),
    };
    let more = More { probabilities: params.probabilities, explain: params.explain };
    let own = Recall { from: params.history, rows: params.history_rows };
    Ok(Asked { rows: found.question(own.or(recall))?, more })
}

/// Reads a body of CSV, with the names of columns in its first line. What is empty is missing.
///
/// # Errors
/// As [`read`].
pub fn read_csv(served: &Served, body: &[u8], recall: Recall) -> Result<Asked> {
    let mut reading = Reading::new(served);
    let mut lines = csv::ReaderBuilder::new().from_reader(body);
    let no_csv =
        |error: csv::Error| Refusal::bad(format!("the body cannot be read as CSV: {error}"));
    let names = lines.headers().map_err(no_csv)?;
    let columns: Vec<Option<usize>> = names.iter().map(|name| served.schema().find(name)).collect();
    let mut line = csv::StringRecord::new();
    while lines.read_record(&mut line).map_err(no_csv)? {
        reading.allow(reading.builder.rows() + 1)?;
        for (text, column) in line.iter().zip(&columns) {
            let cell = if text.is_empty() { Cell::Missing } else { Cell::Text(text.into()) };
            if let Some(column) = column {
                reading.builder.push(*column, cell)?;
            }
        }
        reading.builder.end_row()?;
    }
    let rows = Question::new(reading.builder.finish()?, recall)?;
    Ok(Asked { rows, more: More::default() })
}

/// Reads a body of a format that is read elsewhere.
///
/// # Errors
/// As [`read`].
pub fn read_rows(
    served: &Served,
    body: &[u8],
    format: &dyn RowsFormat,
    recall: Recall,
) -> Result<Asked> {
    let table = format.read(body, served.schema(), served.most_rows())?;
    let rows = Frame::from_table(&table.conform(served.schema())?)?;
    Ok(Asked { rows: Question::new(rows, recall)?, more: More::default() })
}

/// The parts of a body.
struct Parts<'r, 'a>(&'r mut Body<'a>);

impl<'de> DeserializeSeed<'de> for Parts<'_, '_> {
    type Value = Params;

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<Params, D::Error> {
        given.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_, '_> {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with rows under one of {}", SHAPES.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Params, A::Error> {
        let mut params = Params::default();
        let mut shape: Option<String> = None;
        while let Some(key) = parts.next_key::<Cow<'_, str>>()? {
            if SHAPES.contains(&key.as_ref())
                && let Some(first) = shape.replace(key.as_ref().to_owned())
            {
                return Err(A::Error::custom(format!(
                    "rows stand under `{first}` and under `{key}`"
                )));
            }
            match key.as_ref() {
                "dataframe_split" => parts.next_value_seed(Split(&mut self.0.rows))?,
                "dataframe_records" | "instances" | "inputs" => {
                    parts.next_value_seed(Rows(&mut self.0.rows))?
                }
                "history" => parts.next_value_seed(self.0.history()?)?,
                "params" => params = parts.next_value::<Option<Params>>()?.unwrap_or_default(),
                // As TensorFlow's clients say it; there is one signature.
                "signature_name" => drop(parts.next_value::<serde::de::IgnoredAny>()?),
                other => {
                    return Err(A::Error::custom(format!(
                        "`{other}` is unknown; rows stand under one of {}",
                        SHAPES.join(", ")
                    )));
                }
            }
        }
        match shape {
            Some(_) => Ok(params),
            // Rows to be kept, without a question.
            None if self.0.has_history() => Ok(params),
            None => Err(A::Error::custom(format!(
                "there are no rows; they stand under one of {}",
                SHAPES.join(", ")
            ))),
        }
    }
}

/// What the model answers to the rows.
///
/// # Errors
/// As [`Served::answer`] and [`Served::explain`].
pub fn answer(served: &Served, rows: Question, more: More) -> Result<Answers> {
    match more.explain {
        true => served.explain(rows),
        false => served.answer(rows),
    }
}

/// The body of an answer.
///
/// # Errors
/// [`Refusal::Bug`] when it cannot be written.
pub fn write(answers: &Answers, more: More) -> Result<Vec<u8>> {
    let predictions = Predictions { answers, more };
    serde_json::to_vec(&Written { predictions }).map_err(|error| Refusal::Bug(error.to_string()))
}

#[derive(serde::Serialize)]
struct Written<'a> {
    predictions: Predictions<'a>,
}

struct Predictions<'a> {
    answers: &'a Answers,
    more: More,
}

impl Serialize for Predictions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.answers.rows()))?;
        let plain = self.more == More::default();
        for row in 0..self.answers.rows() {
            let row = Row { answers: self.answers, row, more: self.more };
            if plain { list.serialize_element(&Plain(row))? } else { list.serialize_element(&row)? }
        }
        list.end()
    }
}

/// All that is answered to a row, under the names that `predict` writes.
struct Row<'a> {
    answers: &'a Answers,
    row: usize,
    more: More,
}

/// A word or a number.
struct Plain<'a>(Row<'a>);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0.answers.prediction {
            Prediction::Numbers(numbers) => numbers.get(self.0.row).serialize(to),
            Prediction::Classes { codes, labels, .. } => {
                let code = codes.get(self.0.row).map_or(usize::MAX, |code| *code as usize);
                labels.names().get(code).serialize(to)
            }
        }
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { answers, row, more } = *self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("prediction", &Plain(Row { ..*self }))?;
        if let Prediction::Classes { labels, probabilities, .. } = &answers.prediction
            && more.probabilities
        {
            for (class, name) in labels.names().iter().enumerate() {
                map.serialize_entry(
                    &format!("probability_{name}"),
                    &probabilities.get(row, class),
                )?;
            }
        }
        if let Some(explained) = &answers.explained {
            let (base, columns) = (&explained.contributions.base, Columns { explained, row });
            match base.as_slice() {
                [one] => map.serialize_entry("base", one)?,
                many => map.serialize_entry("base", many)?,
            }
            map.serialize_entry("contributions", &columns)?;
        }
        map.end()
    }
}

/// What each column adds to the answer for a row: a number, or one for each class.
struct Columns<'a> {
    explained: &'a Explained,
    row: usize,
}

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let values = &self.explained.contributions.values;
        let mut map = to.serialize_map(Some(self.explained.columns.len()))?;
        for (column, name) in self.explained.columns.iter().enumerate() {
            match values.as_slice() {
                [one] => map.serialize_entry(name, &one.get(self.row, column))?,
                many => {
                    let each: Vec<f64> = many.iter().map(|one| one.get(self.row, column)).collect();
                    map.serialize_entry(name, &each)?;
                }
            }
        }
        map.end()
    }
}
