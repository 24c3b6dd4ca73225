//! What a fitted step hands over to be stored: words as JSON, learned numbers as tensors.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The stored form of a fitted step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Everything that is not a learned number: settings, names, categories.
    pub facts: serde_json::Value,
    /// The learned numbers by name.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Numbers with a shape, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The length of each dimension.
    pub shape: Vec<usize>,
    /// The numbers; as many as the product of `shape`.
    pub data: TensorData,
}

/// The numbers of a [`Tensor`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are their types")]
pub enum TensorData {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    U16(Vec<u16>),
    U8(Vec<u8>),
}

impl TensorData {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! tensor_access {
    ($($put:ident $get:ident $type:ty, $variant:ident;)*) => {$(
        #[doc = concat!("Adds a one-dimensional tensor of `", stringify!($type), "`.")]
        #[must_use]
        pub fn $put(mut self, name: &str, values: Vec<$type>) -> Self {
            let shape = vec![values.len()];
            self.tensors.insert(name.into(), Tensor { shape, data: TensorData::$variant(values) });
            self
        }

        #[doc = concat!("The numbers of the tensor `name`, which must be `", stringify!($type), "`.")]
        ///
        /// # Errors
        /// [`Error::Damaged`] when it is absent or of another type.
        pub fn $get(&self, name: &str) -> Result<&[$type]> {
            match self.tensors.get(name).map(|t| &t.data) {
                Some(TensorData::$variant(values)) => Ok(values),
                Some(_) => Err(Error::damaged(format!("tensor `{name}`"), "it holds another type of number")),
                None => Err(Error::damaged(format!("tensor `{name}`"), "it is missing")),
            }
        }
    )*};
}

impl State {
    /// A state with these facts and no tensors yet.
    pub fn new(facts: &impl Serialize) -> Self {
        let facts = serde_json::to_value(facts).unwrap_or_default();
        Self { facts, tensors: BTreeMap::new() }
    }

    /// The facts as the type that wrote them.
    ///
    /// # Errors
    /// [`Error::Damaged`] when they do not have that form.
    pub fn facts<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.facts).map_err(|e| Error::damaged("stored step", e.to_string()))
    }

    tensor_access! {
        with_f64 f64s f64, F64;
        with_f32 f32s f32, F32;
        with_i64 i64s i64, I64;
        with_u32 u32s u32, U32;
        with_u16 u16s u16, U16;
        with_u8 u8s u8, U8;
    }
}
