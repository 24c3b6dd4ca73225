//! What is answered to a request for inference.

use gristmill_core::{Contributions, Prediction};
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::datatype::Datatype;
use super::read::{Asked, Output};
use super::{BASE, COLUMNS, CONTRIBUTIONS, PROBABILITIES, binary};
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
    let outputs = asked.outputs.iter().map(|output| tensor(answers, output, &mut behind));
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

fn tensor<'a>(answers: &'a Answers, output: &Output, behind: &mut Vec<u8>) -> Tensor<'a> {
    let values = Values::of(answers, output);
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
    shape: Vec<usize>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Words(Vec<&'a str>),
    Numbers(Vec<f64>),
}

impl<'a> Values<'a> {
    /// Those of this output.
    pub fn of(answers: &'a Answers, output: &Output) -> Self {
        match (&answers.explained, output.name) {
            (Some(explained), CONTRIBUTIONS) => contributions(&explained.contributions),
            (Some(explained), BASE) => {
                let base = explained.contributions.base.clone();
                Self { shape: vec![base.len()], kind: Kind::Numbers(base) }
            }
            (Some(explained), COLUMNS) => {
                let names: Vec<&str> = explained.columns.iter().map(String::as_str).collect();
                Self { shape: vec![names.len()], kind: Kind::Words(names) }
            }
            (_, name) => predicted(&answers.prediction, name),
        }
    }

    /// Their datatype and shape.
    pub fn form(&self) -> (Datatype, Vec<usize>) {
        let datatype = match self.kind {
            Kind::Words(_) => Datatype::Bytes,
            Kind::Numbers(_) => Datatype::Fp64,
        };
        (datatype, self.shape.clone())
    }

    /// The words, where the values are some.
    pub fn words(&self) -> Option<&[&'a str]> {
        match &self.kind {
            Kind::Words(words) => Some(words),
            Kind::Numbers(_) => None,
        }
    }

    /// The numbers; none where the values are words.
    pub fn numbers(&self) -> &[f64] {
        match &self.kind {
            Kind::Words(_) => &[],
            Kind::Numbers(numbers) => numbers,
        }
    }

    /// Appends them as bytes.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        match &self.kind {
            Kind::Words(words) => binary::put_texts(bytes, words.iter().copied()),
            Kind::Numbers(numbers) => binary::put_numbers(bytes, numbers.iter().copied()),
        }
    }
}

fn predicted<'a>(prediction: &'a Prediction, name: &str) -> Values<'a> {
    let rows = prediction.rows();
    match prediction {
        Prediction::Numbers(numbers) => {
            Values { shape: vec![rows], kind: Kind::Numbers(numbers.clone()) }
        }
        Prediction::Classes { probabilities, .. } if name == PROBABILITIES => {
            let classes = probabilities.columns();
            let row = |row| (0..classes).map(move |class| probabilities.get(row, class));
            let numbers = (0..rows).flat_map(row).collect();
            Values { shape: vec![rows, classes], kind: Kind::Numbers(numbers) }
        }
        Prediction::Classes { .. } => {
            let words = prediction.words().unwrap_or_default();
            Values { shape: vec![rows], kind: Kind::Words(words) }
        }
    }
}

/// Row by row, in each class by class where there are several.
fn contributions<'a>(contributions: &Contributions) -> Values<'a> {
    let values = &contributions.values;
    let (rows, columns) = values.first().map_or((0, 0), |one| (one.rows(), one.columns()));
    let of = |row: usize| {
        values.iter().flat_map(move |one| (0..columns).map(move |column| one.get(row, column)))
    };
    let shape = match values.len() {
        1 => vec![rows, columns],
        classes => vec![rows, classes, columns],
    };
    Values { shape, kind: Kind::Numbers((0..rows).flat_map(of).collect()) }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        match &self.kind {
            Kind::Words(words) => words.iter().try_for_each(|word| list.serialize_element(word))?,
            Kind::Numbers(numbers) => {
                numbers.iter().try_for_each(|number| list.serialize_element(number))?;
            }
        }
        list.end()
    }
}
