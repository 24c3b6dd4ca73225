//! The Open Inference Protocol, version 2: metadata of a model, and inference over tensors.
//!
//! A model takes one tensor a column, of shape `[rows]` or `[rows, 1]`, or one tensor of any other name of
//! shape `[rows, columns]`, which is whole rows in the order of the columns. It answers `prediction`
//! (`BYTES` for classes, `FP64` for numbers) and, for classes, `probabilities` of shape `[rows, classes]`.
//! With the parameter `explain` it answers `contributions` too, of shape `[rows, columns]` (`[rows, classes, columns]`
//! where each class has a raw score of its own), `base` of shape `[1]` or `[classes]`, and their names,
//! `contribution_columns`.
//! Tensors may stand behind the JSON as bytes (the extension for binary data, which Triton's clients use).

mod binary;
mod datatype;
pub mod grpc;
mod proto;
mod read;
mod write;

pub use self::datatype::Datatype;
pub use self::read::{Asked, read};
pub use self::write::{Written, write};

use gristmill_core::PhysicalType;
use serde::Serialize;

use crate::Served;

/// What a model is called, takes and answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metadata {
    name: String,
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

/// A tensor that a model takes or answers; -1 is any number of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Tensor {
    name: String,
    datatype: Datatype,
    shape: Vec<i64>,
}

impl Metadata {
    /// The metadata of a model of which these versions are there.
    pub fn of(served: &Served, versions: Vec<String>) -> Self {
        let inputs = served.schema().fields().iter().map(|field| Tensor {
            name: field.name.clone(),
            datatype: match field.physical {
                PhysicalType::Boolean => Datatype::Bool,
                PhysicalType::Int64 => Datatype::Int64,
                PhysicalType::Float64 => Datatype::Fp64,
                PhysicalType::Utf8
                | PhysicalType::Date
                | PhysicalType::Timestamp
                | PhysicalType::Binary => Datatype::Bytes,
            },
            shape: vec![-1],
        });
        let outputs = match served.labels() {
            None => vec![tensor(PREDICTION, Datatype::Fp64, vec![-1])],
            Some(labels) => vec![
                tensor(PREDICTION, Datatype::Bytes, vec![-1]),
                tensor(PROBABILITIES, Datatype::Fp64, vec![-1, labels.len() as i64]),
            ],
        };
        let name = served.name().to_owned();
        Self { name, versions, platform: "gristmill", inputs: inputs.collect(), outputs }
    }
}

fn tensor(name: &str, datatype: Datatype, shape: Vec<i64>) -> Tensor {
    Tensor { name: name.into(), datatype, shape }
}

/// The answer itself.
const PREDICTION: &str = "prediction";
/// The probability of every class.
const PROBABILITIES: &str = "probabilities";
/// What each column adds to the raw score of each row.
const CONTRIBUTIONS: &str = "contributions";
/// The raw score of which nothing is known.
const BASE: &str = "base";
/// What the columns of the contributions are called.
const COLUMNS: &str = "contribution_columns";
/// What is answered where an explanation is asked for.
const EXPLANATION: [&str; 3] = [CONTRIBUTIONS, BASE, COLUMNS];
