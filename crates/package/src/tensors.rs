//! `tensors.safetensors`: the learned numbers of all steps, little-endian, with names such as
//! `steps.0.mean`.
//! Format: <https://github.com/huggingface/safetensors>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};

use gristmill_core::{Error, State, Tensor, TensorData};

use crate::{PackageError, Result};

/// All tensors of a package by their full name.
pub(crate) type Tensors = BTreeMap<String, Tensor>;

/// Adds the tensors of a step under `prefix`.
pub(crate) fn put(tensors: &mut Tensors, prefix: &str, state: &State) -> Result<()> {
    for (name, tensor) in &state.tensors {
        if length(&tensor.shape) != Some(tensor.data.len()) {
            return Err(Error::Bug(format!(
                "tensor `{prefix}.{name}` has {} numbers and the shape {:?}",
                tensor.data.len(),
                tensor.shape
            ))
            .into());
        }
        tensors.insert(format!("{prefix}.{name}"), tensor.clone());
    }
    Ok(())
}

/// Takes the tensors under `prefix`, by the names that the step gave them.
pub(crate) fn take(tensors: &mut Tensors, prefix: &str) -> Tensors {
    let prefix = format!("{prefix}.");
    let mut later = tensors.split_off(&prefix);
    let mut taken = Tensors::new();
    while let Some(entry) = later.first_entry() {
        match entry.key().strip_prefix(&prefix).map(str::to_string) {
            Some(name) => taken.insert(name, entry.remove()),
            None => break,
        };
    }
    tensors.append(&mut later);
    taken
}

/// The stored form.
pub(crate) fn to_bytes(tensors: &Tensors) -> Result<Vec<u8>> {
    let views = tensors.iter().map(|(name, tensor)| (name.as_str(), Stored(tensor)));
    let bytes =
        safetensors::serialize(views, None).map_err(|e| Error::Bug(format!("tensors: {e}")))?;
    Ok(bytes)
}

/// What [`to_bytes`] wrote, found in `file`.
pub(crate) fn from_bytes(bytes: &[u8], file: &Path) -> Result<Tensors> {
    let damaged = |found: String| PackageError::damaged(file, found);
    let stored = SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
    stored
        .iter()
        .map(|(name, view)| {
            let data = numbers(&view).ok_or_else(|| {
                damaged(format!("tensor `{}` holds {:?}", name.escape_debug(), view.dtype()))
            })?;
            if length(view.shape()) != Some(data.len()) {
                return Err(damaged(format!(
                    "tensor `{}` has {} numbers and the shape {:?}",
                    name.escape_debug(),
                    data.len(),
                    view.shape()
                )));
            }
            Ok((name.to_string(), Tensor { shape: view.shape().to_vec(), data }))
        })
        .collect()
}

fn length(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))
}

/// A tensor as the format sees it.
struct Stored<'a>(&'a Tensor);

macro_rules! each_type {
    ($($variant:ident $type:ty;)*) => {
        impl View for Stored<'_> {
            fn dtype(&self) -> Dtype {
                match &self.0.data {
                    $(TensorData::$variant(_) => Dtype::$variant,)*
                }
            }

            fn shape(&self) -> &[usize] {
                &self.0.shape
            }

            fn data(&self) -> Cow<'_, [u8]> {
                match &self.0.data {
                    $(TensorData::$variant(values) => {
                        values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into()
                    })*
                }
            }

            fn data_len(&self) -> usize {
                match &self.0.data {
                    $(TensorData::$variant(values) => size_of::<$type>() * values.len(),)*
                }
            }
        }

        /// The numbers of a tensor, unless they are of a type that no step stores.
        fn numbers(view: &TensorView<'_>) -> Option<TensorData> {
            match view.dtype() {
                $(Dtype::$variant => {
                    let (numbers, rest) = view.data().as_chunks::<{ size_of::<$type>() }>();
                    let numbers = numbers.iter().map(|b| <$type>::from_le_bytes(*b)).collect();
                    rest.is_empty().then_some(TensorData::$variant(numbers))
                })*
                _ => None,
            }
        }
    };
}

each_type! {
    F64 f64;
    F32 f32;
    I64 i64;
    U32 u32;
    U16 u16;
    U8 u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(&())
            .with_f64("mean", vec![0.1, f64::NAN, -0.0])
            .with_f32("slope", vec![1.5])
            .with_i64("when", vec![i64::MIN])
            .with_u32("codes", vec![7, u32::MAX])
            .with_u16("bins", vec![3])
            .with_u8("flags", vec![]);
        let data = TensorData::F64(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        state.tensors.insert("weights.first".into(), Tensor { shape: vec![2, 3], data });
        state
    }

    fn bytes() -> Vec<u8> {
        let mut tensors = Tensors::new();
        put(&mut tensors, "steps.1", &state()).unwrap();
        put(&mut tensors, "steps.10", &state()).unwrap();
        to_bytes(&tensors).unwrap()
    }

    #[test]
    fn tensors_come_back_bit_for_bit_under_their_prefix() {
        let mut tensors = from_bytes(&bytes(), Path::new("t")).unwrap();
        let first = take(&mut tensors, "steps.1");
        assert_eq!(format!("{first:?}"), format!("{:?}", state().tensors));
        assert_eq!(tensors.len(), first.len());
        assert_eq!(take(&mut tensors, "steps.10").len(), first.len());
        assert!(tensors.is_empty() && take(&mut tensors, "model").is_empty());
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let mut state = state();
        let data = TensorData::U8(vec![1, 2, 3]);
        state.tensors.insert("bad".into(), Tensor { shape: vec![2, 2], data });
        assert!(put(&mut Tensors::new(), "model", &state).is_err());
    }

    #[test]
    fn bytes_that_are_no_tensors_never_panic() {
        let bytes = bytes();
        for cut in 0..bytes.len() {
            assert!(from_bytes(&bytes[..cut], Path::new("t")).is_err());
        }
        for at in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let _ = from_bytes(&changed, Path::new("t"));
            }
        }
    }
}
