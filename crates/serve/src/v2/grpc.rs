//! The protocol's gRPC form: what each method is sent and answers, as bytes of messages.

use std::borrow::Cow;
use std::collections::HashMap;

use gristmill_core::Cell;
use prost::Message;
use prost::bytes::Bytes;

use super::datatype::{Datatype, held, word};
use super::proto::{
    Answer, Contents, InferRequest, InferResponse, Input, ModelMetadata, ModelRequest,
    Output as Tensor, Parameter, ParameterValue, ServerMetadata, TensorMetadata,
};
use super::read::{self, Output, Usual};
use super::write::Values;
use super::{Metadata, binary};
use crate::{Answers, HistoryFrom, Question, Recall, Refusal, Result, Served};

/// A model that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its version; nothing where the request leaves that open.
    pub version: Option<String>,
}

/// The model that a request for its state or its metadata names.
///
/// # Errors
/// [`Refusal::Bad`] for what is no such message.
pub fn named(message: &[u8]) -> Result<Named> {
    let request = ModelRequest::decode(message).map_err(|error| no_message(&error))?;
    Ok(Named { name: request.name, version: some(request.version) })
}

/// An answer of yes or no.
pub fn answer(yes: bool) -> Vec<u8> {
    Answer { yes }.encode_to_vec()
}

/// What the server is called.
pub fn server(name: &str, version: &str) -> Vec<u8> {
    ServerMetadata { name: name.into(), version: version.into(), extensions: Vec::new() }
        .encode_to_vec()
}

/// The metadata of a model.
pub fn metadata(metadata: &Metadata) -> Vec<u8> {
    let tensors = |tensors: &[super::Tensor]| {
        let tensor = |tensor: &super::Tensor| TensorMetadata {
            name: tensor.name.clone(),
            datatype: word(tensor.datatype).into_owned(),
            shape: tensor.shape.clone(),
        };
        tensors.iter().map(tensor).collect()
    };
    let message = ModelMetadata {
        name: metadata.name.clone(),
        versions: metadata.versions.clone(),
        platform: metadata.platform.into(),
        inputs: tensors(&metadata.inputs),
        outputs: tensors(&metadata.outputs),
    };
    message.encode_to_vec()
}

/// A request for inference, before its model is known.
#[derive(Debug)]
pub struct Request(InferRequest);

/// What a request asks for, beside its rows.
#[derive(Debug)]
pub struct Asked {
    id: String,
    outputs: Vec<Output>,
    raw: bool,
}

impl Asked {
    /// As [`super::Asked::answers`].
    ///
    /// # Errors
    /// As [`super::Asked::answers`].
    pub fn answers(&self, served: &Served, question: Question) -> Result<Answers> {
        read::answers(served, question, &self.outputs)
    }

    /// As [`super::Asked::explains`].
    pub fn explains(&self) -> bool {
        read::explains(&self.outputs)
    }
}

impl Request {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Refusal::Bad`] for what is no such message.
    pub fn read(message: Bytes) -> Result<Self> {
        InferRequest::decode(message).map(Self).map_err(|error| no_message(&error))
    }

    /// The model that is asked.
    pub fn model(&self) -> Named {
        Named { name: self.0.model_name.clone(), version: some(self.0.model_version.clone()) }
    }

    /// The rows that the model is asked about, and what of them.
    ///
    /// # Errors
    /// As [`crate::mlflow::read`].
    pub fn rows(&self, served: &Served) -> Result<(Question, Asked)> {
        let raw = &self.0.raw_input_contents;
        if !raw.is_empty() && raw.len() != self.0.inputs.len() {
            let (raw, inputs) = (raw.len(), self.0.inputs.len());
            return Err(Refusal::bad(format!("there are {inputs} inputs and {raw} raw contents")));
        }
        let inputs = self.0.inputs.iter().enumerate();
        let tensors =
            inputs.map(|(at, input)| tensor(input, raw.get(at))).collect::<Result<_>>()?;
        let rows = Question::new(read::rows(served, tensors)?, recall(&self.0.parameters)?)?;
        let wanted = self.0.outputs.iter().map(|output| (output.name.as_str(), false));
        let explain = explain(&self.0.parameters)?;
        let outputs = read::outputs(served, wanted, Usual { explain, binary: false })?;
        Ok((rows, Asked { id: self.0.id.clone(), outputs, raw: !raw.is_empty() }))
    }
}

/// Answers to a request; they are raw where its inputs were.
pub fn write(served: &Served, answers: &Answers, asked: &Asked) -> Vec<u8> {
    let mut message = InferResponse {
        model_name: served.name().into(),
        model_version: served.version().into(),
        id: asked.id.clone(),
        outputs: Vec::new(),
        raw_output_contents: Vec::new(),
    };
    for output in &asked.outputs {
        let values = Values::of(answers, output);
        let (datatype, shape) = values.form();
        let contents = match asked.raw {
            false => Some(contents(&values)),
            true => {
                let mut bytes = Vec::new();
                values.put(&mut bytes);
                message.raw_output_contents.push(bytes.into());
                None
            }
        };
        message.outputs.push(Tensor {
            name: output.name.into(),
            datatype: word(datatype).into_owned(),
            shape: shape.into_iter().map(|size| size as i64).collect(),
            contents,
        });
    }
    message.encode_to_vec()
}

fn contents(values: &Values<'_>) -> Contents {
    match values.words() {
        Some(words) => {
            let texts = words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes()));
            Contents { texts: texts.collect(), ..Contents::default() }
        }
        None => Contents { doubles: values.numbers().to_vec(), ..Contents::default() },
    }
}

fn tensor<'a>(input: &'a Input, raw: Option<&'a Bytes>) -> Result<read::Tensor<'a>> {
    let name = input.name.as_str();
    let datatype = Datatype::named(&input.datatype).ok_or_else(|| {
        Refusal::bad(format!(
            "the datatype of input `{name}` is `{}`, which is none",
            input.datatype
        ))
    })?;
    let cells = match (raw, &input.contents) {
        (Some(_), Some(_)) => {
            return Err(Refusal::bad(format!(
                "input `{name}` has contents and raw contents; give one"
            )));
        }
        (Some(raw), None) => {
            binary::cells(datatype, raw).ok_or_else(|| no_values(name, datatype))?
        }
        (None, contents) => {
            let contents = contents.as_ref().map(|contents| given(contents, datatype));
            held(name, datatype, contents.transpose()?.unwrap_or_default())?
        }
    };
    let shape = input.shape.iter().map(|size| usize::try_from(*size)).collect::<Result<_, _>>();
    let shape: Vec<usize> = shape.map_err(|_| {
        Refusal::bad(format!(
            "the shape of input `{name}` is {:?}; sizes are 0 or more",
            input.shape
        ))
    })?;
    read::Tensor::new(Cow::Borrowed(name), shape, cells)
}

fn given(contents: &Contents, datatype: Datatype) -> Result<Vec<Cell<'_>>> {
    use Datatype as D;
    Ok(match datatype {
        D::Bool => contents.bools.iter().map(|yes| Cell::Boolean(*yes)).collect(),
        D::Int8 | D::Int16 | D::Int32 => {
            contents.ints.iter().map(|whole| Cell::Whole((*whole).into())).collect()
        }
        D::Int64 => contents.longs.iter().map(|whole| Cell::Whole(*whole)).collect(),
        D::Uint8 | D::Uint16 | D::Uint32 => {
            contents.uints.iter().map(|whole| Cell::Whole((*whole).into())).collect()
        }
        D::Uint64 => contents.ulongs.iter().map(|whole| crate::rows::unsigned(*whole)).collect(),
        D::Fp16 | D::Fp32 => {
            contents.floats.iter().map(|number| Cell::Number((*number).into())).collect()
        }
        D::Fp64 => contents.doubles.iter().map(|number| Cell::Number(*number)).collect(),
        D::Bytes => {
            let values = contents.texts.iter();
            values.map(|value| binary::text_or_bytes(Cow::Borrowed(value))).collect()
        }
    })
}

/// Whether the parameters of a request ask for an explanation.
fn explain(parameters: &HashMap<String, Parameter>) -> Result<bool> {
    match parameters.get("explain").and_then(|parameter| parameter.value.as_ref()) {
        None => Ok(false),
        Some(ParameterValue::Bool(yes)) => Ok(*yes),
        Some(other) => {
            Err(Refusal::bad(format!("the parameter `explain` is {other:?}; it is true or false")))
        }
    }
}

/// What the parameters of a request say of its history.
fn recall(parameters: &HashMap<String, Parameter>) -> Result<Recall> {
    let value = |name: &str| parameters.get(name).and_then(|parameter| parameter.value.as_ref());
    let from = match value("history") {
        None => None,
        Some(ParameterValue::Text(text)) if text == "buffer" => Some(HistoryFrom::Buffer),
        Some(ParameterValue::Text(text)) if text == "request" => Some(HistoryFrom::Request),
        Some(other) => {
            let message =
                format!("the parameter `history` is {other:?}; give `buffer` or `request`");
            return Err(Refusal::bad(message));
        }
    };
    let rows = match value("history_rows") {
        None => None,
        Some(ParameterValue::Whole(rows)) if *rows >= 0 => Some(*rows as usize),
        Some(ParameterValue::Unsigned(rows)) => Some(*rows as usize),
        Some(other) => {
            let message = format!("the parameter `history_rows` is {other:?}; it counts rows");
            return Err(Refusal::bad(message));
        }
    };
    Ok(Recall { from, rows })
}

fn no_values(name: &str, datatype: Datatype) -> Refusal {
    let datatype = word(datatype);
    Refusal::bad(format!("the bytes of input `{name}` are not values of {datatype}"))
}

fn no_message(error: &prost::DecodeError) -> Refusal {
    Refusal::Bad(format!("the message cannot be read: {error}"))
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
