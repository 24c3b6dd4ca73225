//! What a request for inference says.

use std::borrow::Cow;
use std::fmt;

use gristmill_core::{Cell, Frame};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::datatype::{Datatype, held, word};
use super::{EXPLANATION, PREDICTION, PROBABILITIES, binary};
use crate::rows::{Reading, not_json, unsigned};
use crate::{Answers, HistoryFrom, Question, Recall, Refusal, Result, Served};

/// What a request asks for, beside its rows.
#[derive(Debug)]
pub struct Asked {
    /// By which the asker knows the request, which comes back.
    pub(super) id: Option<String>,
    /// Which outputs, and how.
    pub(super) outputs: Vec<Output>,
}

impl Asked {
    /// The answers, with an explanation where one is asked for.
    ///
    /// # Errors
    /// As [`Served::answer`] and [`Served::explain`].
    pub fn answers(&self, served: &Served, question: Question) -> Result<Answers> {
        answers(served, question, &self.outputs)
    }

    /// Whether an explanation is asked for.
    pub fn explains(&self) -> bool {
        explains(&self.outputs)
    }
}

/// Whether one of these outputs explains the others.
pub(super) fn explains(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| EXPLANATION.contains(&output.name))
}

/// The answers of which these are outputs.
pub(super) fn answers(served: &Served, question: Question, outputs: &[Output]) -> Result<Answers> {
    match explains(outputs) {
        true => served.explain(question),
        false => served.answer(question),
    }
}

/// An output that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub name: &'static str,
    /// Whether it goes behind the JSON.
    pub binary: bool,
}

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(default, borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default)]
    outputs: Vec<Wanted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    binary_data_size: Option<usize>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
    history: Option<HistoryFrom>,
    history_rows: Option<usize>,
    explain: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    shape: Vec<usize>,
    datatype: Datatype,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default, borrow)]
    data: Option<Flat<'a>>,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

/// The rows of a body and what is asked of them. Of the body the first `json` bytes are
/// JSON where it has further ones.
///
/// # Errors
/// As [`crate::mlflow::read`].
pub fn read(served: &Served, body: &[u8], json: Option<usize>) -> Result<(Question, Asked)> {
    let length = json.unwrap_or(body.len());
    let Some((json, mut behind)) = body.split_at_checked(length) else {
        let have = body.len();
        return Err(Refusal::bad(format!(
            "the JSON is said to have {length} bytes, the body has {have}"
        )));
    };
    let request: Request<'_> = serde_json::from_slice(json).map_err(|error| not_json(&error))?;
    let mut tensors = Vec::with_capacity(request.inputs.len());
    for input in request.inputs {
        tensors.push(tensor(input, &mut behind)?);
    }
    if !behind.is_empty() {
        let left = behind.len();
        return Err(Refusal::bad(format!("{left} bytes behind the JSON belong to no input")));
    }
    let usual = request.parameters.binary_data_output.unwrap_or(false);
    let wanted = request
        .outputs
        .iter()
        .map(|wanted| (wanted.name.as_str(), wanted.parameters.binary_data.unwrap_or(usual)));
    let explain = request.parameters.explain.unwrap_or(false);
    let outputs = outputs(served, wanted, Usual { explain, binary: usual })?;
    let recall = Recall { from: request.parameters.history, rows: request.parameters.history_rows };
    let rows = Question::new(rows(served, tensors)?, recall)?;
    Ok((rows, Asked { id: request.id.map(Cow::into_owned), outputs }))
}

/// An input with its values.
pub(super) struct Tensor<'a> {
    name: Cow<'a, str>,
    shape: Vec<usize>,
    cells: Vec<Cell<'a>>,
}

impl<'a> Tensor<'a> {
    /// Values of a shape.
    pub(super) fn new(name: Cow<'a, str>, shape: Vec<usize>, cells: Vec<Cell<'a>>) -> Result<Self> {
        let wanted = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if wanted == Some(cells.len()) {
            return Ok(Self { name, shape, cells });
        }
        let found = cells.len();
        Err(Refusal::bad(format!("input `{name}` has {found} values, and its shape is {shape:?}")))
    }
}

fn tensor<'a>(input: Input<'a>, behind: &mut &'a [u8]) -> Result<Tensor<'a>> {
    let (name, datatype) = (input.name, input.datatype);
    let cells = match (input.data, input.parameters.binary_data_size) {
        (Some(Flat(cells)), None) => held(&name, datatype, cells)?,
        (None, Some(size)) => {
            let Some((own, rest)) = behind.split_at_checked(size) else {
                let have = behind.len();
                return Err(Refusal::bad(format!(
                    "input `{name}` is said to have {size} bytes, and {have} are left behind the JSON"
                )));
            };
            *behind = rest;
            binary::cells(datatype, own).ok_or_else(|| {
                let datatype = word(datatype);
                Refusal::bad(format!("the bytes of input `{name}` are not values of {datatype}"))
            })?
        }
        (None, None) => {
            return Err(Refusal::bad(format!(
                "input `{name}` has neither `data` nor `binary_data_size`"
            )));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::bad(format!(
                "input `{name}` has both `data` and `binary_data_size`; give one"
            )));
        }
    };
    Tensor::new(name, input.shape, cells)
}

/// The rows that the tensors are.
pub(super) fn rows(served: &Served, tensors: Vec<Tensor<'_>>) -> Result<Frame> {
    if tensors.is_empty() {
        return Err(Refusal::bad("there are no inputs; give a tensor for each column"));
    }
    let mut reading = Reading::new(served);
    let columns = served.schema().len();
    if let [tensor] = tensors.as_slice()
        && let [rows, width] = *tensor.shape.as_slice()
        && served.schema().find(&tensor.name).is_none()
    {
        if width != columns {
            return Err(Refusal::bad(format!(
                "input `{}` is no column, and of shape [{rows}, {width}]; whole rows have {columns} \
                 values: {}",
                tensor.name,
                served.schema().names().join(", ")
            )));
        }
        reading.allow(rows)?;
        for (at, cell) in tensor.cells.iter().enumerate() {
            reading.builder.push(at % columns, cell.clone())?;
        }
        return Ok(reading.builder.finish()?);
    }
    if !tensors.iter().any(|tensor| served.schema().find(&tensor.name).is_some()) {
        return Err(Refusal::bad(format!(
            "none of the inputs is a column of the model, which takes {}",
            served.schema().names().join(", ")
        )));
    }
    for tensor in tensors {
        let Some(column) = served.schema().find(&tensor.name) else { continue };
        let ([rows] | [rows, 1]) = *tensor.shape.as_slice() else {
            let (name, shape) = (tensor.name, tensor.shape);
            return Err(Refusal::bad(format!(
                "input `{name}` is a column, and of shape {shape:?}; give [rows] or [rows, 1]"
            )));
        };
        if reading.builder.len_of(column) > 0 {
            return Err(Refusal::bad(format!("input `{}` stands there twice", tensor.name)));
        }
        reading.allow(rows)?;
        for cell in tensor.cells {
            reading.builder.push(column, cell)?;
        }
    }
    Ok(reading.builder.finish()?)
}

/// What is answered where a request names no output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// Whether the explanation is.
    pub explain: bool,
    /// Whether all of it goes behind the JSON.
    pub binary: bool,
}

/// The outputs that are wanted, each with whether it is wanted as bytes; the usual ones where none is.
pub(super) fn outputs<'w>(
    served: &Served,
    wanted: impl ExactSizeIterator<Item = (&'w str, bool)>,
    usual: Usual,
) -> Result<Vec<Output>> {
    let classes = served.labels().map(|_| PROBABILITIES);
    let answers = [PREDICTION].into_iter().chain(classes);
    let known: Vec<&'static str> = answers.clone().chain(EXPLANATION).collect();
    if wanted.len() == 0 {
        let explained = EXPLANATION.into_iter().filter(|_| usual.explain);
        let outputs = answers.chain(explained).map(|name| Output { name, binary: usual.binary });
        return Ok(outputs.collect());
    }
    let outputs = wanted.map(|(wanted, binary)| {
        let name = known.iter().find(|name| **name == wanted).ok_or_else(|| {
            let known = known.join(", ");
            Refusal::bad(format!("output `{wanted}` is unknown; the model answers {known}"))
        })?;
        Ok(Output { name, binary })
    });
    outputs.collect()
}

/// The values of a list, however deep they stand in it.
#[derive(Debug, Default)]
struct Flat<'a>(Vec<Cell<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Flat<'a> {
    fn deserialize<D: Deserializer<'de>>(given: D) -> Result<Self, D::Error> {
        let mut cells = Vec::new();
        given.deserialize_seq(Within(&mut cells))?;
        Ok(Self(cells))
    }
}

/// A value or a list of some, which go to the end of these.
struct Within<'v, 'a>(&'v mut Vec<Cell<'a>>);

impl<'de: 'a, 'a> serde::de::DeserializeSeed<'de> for Within<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Within<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers, texts, true, false, or lists of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Within(self.0))?.is_some() {}
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(Cell::Missing);
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.push(Cell::Boolean(value));
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.push(Cell::Whole(value));
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.push(unsigned(value));
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.push(Cell::Number(value));
        Ok(())
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.0.push(Cell::Text(Cow::Borrowed(value)));
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.push(Cell::Text(Cow::Owned(value.to_owned())));
        Ok(())
    }
}
