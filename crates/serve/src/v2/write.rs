//! What is answered to a request for inference.

use gristmill_core::Prediction;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::datatype::Datatype;
use super::read::{Asked, Output};
use super::{PROBABILITIES, binary};
use crate::{Answers, Refusal, Result, Served};

/// The body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// All of it.
    pub body: Vec<u8>,
    /// How many bytes of it are JSON, where others stand behind them.
    pub json: Option<usize>,
}

#[derive(Serialize)]
struct Response<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: Vec<Tensor<'a>>,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'static str,
    datatype: Datatype,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Values<'a>>,
}

#[derive(Serialize)]
struct Parameters {
    binary_data_size: usize,
}

/// Answers to a request.
///
/// # Errors
/// [`Refusal::Bug`] when they cannot be written.
pub fn write(served: &Served, answers: &Answers, asked: &Asked) -> Result<Written> {
    let mut behind = Vec::new();
    let outputs =
        asked.outputs.iter().map(|output| tensor(&answers.prediction, output, &mut behind));
    let response = Response {
        model_name: served.name(),
        model_version: served.version(),
        id: asked.id.as_deref(),
        outputs: outputs.collect(),
    };
    let mut body =
        serde_json::to_vec(&response).map_err(|error| Refusal::Bug(error.to_string()))?;
    let json = (!behind.is_empty()).then_some(body.len());
    body.append(&mut behind);
    Ok(Written { body, json })
}

fn tensor<'a>(prediction: &'a Prediction, output: &Output, behind: &mut Vec<u8>) -> Tensor<'a> {
    let values = Values::of(prediction, output);
    let (name, (datatype, shape)) = (output.name, values.form());
    if !output.binary {
        return Tensor { name, datatype, shape, parameters: None, data: Some(values) };
    }
    let before = behind.len();
    values.put(behind);
    let parameters = Some(Parameters { binary_data_size: behind.len() - before });
    Tensor { name, datatype, shape, parameters, data: None }
}

/// The values of an output, row by row.
pub(super) struct Values<'a> {
    prediction: &'a Prediction,
    probabilities: bool,
}

impl<'a> Values<'a> {
    /// Those of this output.
    pub fn of(prediction: &'a Prediction, output: &Output) -> Self {
        Self { prediction, probabilities: output.name == PROBABILITIES }
    }

    /// Their datatype and shape.
    pub fn form(&self) -> (Datatype, Vec<usize>) {
        let rows = self.prediction.rows();
        match (self.prediction, self.probabilities) {
            (Prediction::Classes { probabilities, .. }, true) => {
                (Datatype::Fp64, vec![rows, probabilities.columns()])
            }
            (Prediction::Classes { .. }, false) => (Datatype::Bytes, vec![rows]),
            (Prediction::Numbers(_), _) => (Datatype::Fp64, vec![rows]),
        }
    }

    /// The words of classes; nothing where the values are numbers.
    pub fn words(&self) -> Option<Vec<&'a str>> {
        if self.probabilities { None } else { self.prediction.words() }
    }

    /// The numbers, where the values are some.
    pub fn numbers(&self) -> Box<dyn Iterator<Item = f64> + 'a> {
        match self.prediction {
            Prediction::Numbers(numbers) => Box::new(numbers.iter().copied()),
            Prediction::Classes { probabilities, .. } => {
                let classes = probabilities.columns();
                let at = 0..probabilities.rows() * classes;
                Box::new(at.map(move |at| probabilities.get(at / classes, at % classes)))
            }
        }
    }

    /// Appends them as bytes.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        match self.words() {
            Some(words) => binary::put_texts(bytes, words.into_iter()),
            None => binary::put_numbers(bytes, self.numbers()),
        }
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        match self.words() {
            Some(words) => words.iter().try_for_each(|word| list.serialize_element(word))?,
            None => self.numbers().try_for_each(|number| list.serialize_element(&number))?,
        }
        list.end()
    }
}
