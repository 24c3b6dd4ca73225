//! TensorFlow Serving's REST protocol: `/v1/models/NAME:predict`.
//!
//! A body has rows under `instances` (a list) or columns under `inputs` (an object). The answer to the
//! first is `{"predictions": [...]}`, to the second `{"outputs": ...}`: numbers where the model answers with
//! numbers, and for classes `prediction` and `probabilities`. A `history` beside the rows has those before
//! them, as in [`crate::mlflow`].

use std::borrow::Cow;
use std::fmt;

use gristmill_core::Prediction;
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::body::Body;
use crate::rows::Rows;
use crate::{Answers, Question, Recall, Refusal, Result, Served};

/// In which form rows come and answers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One entry a row.
    Instances,
    /// One list a column.
    Inputs,
}

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    /// The rows.
    pub rows: Question,
    /// In which form they came.
    pub form: Form,
}

/// Reads a body.
///
/// # Errors
/// As [`crate::mlflow::read`].
pub fn read(served: &Served, body: &[u8], recall: Recall) -> Result<Asked> {
    let mut found = Body::new(served);
    let mut json = serde_json::Deserializer::from_slice(body);
    let form = Parts(&mut found).deserialize(&mut json).and_then(|form| json.end().map(|()| form));
    match form {
        Ok(form) => Ok(Asked { rows: found.question(recall)?, form }),
        Err(error) => Err(found.refusal(&error)),
    }
}

/// The parts of a body.
struct Parts<'r, 'a>(&'r mut Body<'a>);

impl<'de> DeserializeSeed<'de> for Parts<'_, '_> {
    type Value = Form;

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<Form, D::Error> {
        given.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_, '_> {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `instances` or `inputs`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Form, A::Error> {
        let mut found = None;
        while let Some(key) = parts.next_key::<Cow<'_, str>>()? {
            let form = match key.as_ref() {
                "instances" => Form::Instances,
                "inputs" => Form::Inputs,
                "signature_name" => {
                    parts.next_value::<IgnoredAny>()?;
                    continue;
                }
                "history" => {
                    parts.next_value_seed(self.0.history()?)?;
                    continue;
                }
                other => {
                    let message = format!("`{other}` is unknown; give `instances` or `inputs`");
                    return Err(A::Error::custom(message));
                }
            };
            if found.replace(form).is_some() {
                return Err(A::Error::custom(
                    "rows stand there twice; give `instances` or `inputs`",
                ));
            }
            parts.next_value_seed(Rows(&mut self.0.rows))?;
        }
        found.ok_or_else(|| A::Error::custom("there are no rows; give `instances` or `inputs`"))
    }
}

/// The body of an answer.
///
/// # Errors
/// [`Refusal::Bug`] when it cannot be written.
pub fn write(answers: &Answers, form: Form) -> Result<Vec<u8>> {
    let json = match (form, &answers.prediction) {
        (Form::Instances, Prediction::Numbers(numbers)) => {
            serde_json::to_vec(&Instances { predictions: numbers.iter().collect() })
        }
        (Form::Instances, Prediction::Classes { .. }) => {
            let rows = (0..answers.rows()).filter_map(|row| Classes::of(&answers.prediction, row));
            serde_json::to_vec(&Instances { predictions: rows.collect() })
        }
        (Form::Inputs, Prediction::Numbers(numbers)) => {
            serde_json::to_vec(&Outputs { outputs: numbers })
        }
        (Form::Inputs, Prediction::Classes { .. }) => {
            let rows = (0..answers.rows()).filter_map(|row| Classes::of(&answers.prediction, row));
            let (prediction, probabilities) =
                rows.map(|row| (row.prediction, row.probabilities)).unzip();
            serde_json::to_vec(&Outputs { outputs: Columns { prediction, probabilities } })
        }
    };
    json.map_err(|error| Refusal::Bug(error.to_string()))
}

#[derive(Serialize)]
struct Instances<T> {
    predictions: Vec<T>,
}

#[derive(Serialize)]
struct Outputs<T> {
    outputs: T,
}

#[derive(Serialize)]
struct Classes<'a> {
    prediction: &'a str,
    probabilities: Vec<f64>,
}

impl<'a> Classes<'a> {
    fn of(prediction: &'a Prediction, row: usize) -> Option<Self> {
        let Prediction::Classes { codes, probabilities, labels } = prediction else { return None };
        let prediction = labels.names().get(*codes.get(row)? as usize)?;
        let all = (0..probabilities.columns()).map(|class| probabilities.get(row, class));
        Some(Self { prediction, probabilities: all.collect() })
    }
}

#[derive(Serialize)]
struct Columns<'a> {
    prediction: Vec<&'a str>,
    probabilities: Vec<Vec<f64>>,
}
