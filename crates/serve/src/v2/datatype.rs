//! The datatypes of tensors, and which values each has.

use std::borrow::Cow;

use gristmill_core::Cell;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use crate::{Refusal, Result};

/// The datatype of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the protocol's own names say it")]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            name.into_deserializer();
        Self::deserialize(name).ok()
    }

    /// How many bytes a value has; nothing where each has its own length.
    pub fn width(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::Uint8 | Self::Int8 => 1,
            Self::Uint16 | Self::Int16 | Self::Fp16 => 2,
            Self::Uint32 | Self::Int32 | Self::Fp32 => 4,
            Self::Uint64 | Self::Int64 | Self::Fp64 => 8,
            Self::Bytes => return None,
        })
    }

    /// The whole numbers that it has.
    fn whole(self) -> Option<(i128, i128)> {
        Some(match self {
            Self::Uint8 => (0, u8::MAX.into()),
            Self::Uint16 => (0, u16::MAX.into()),
            Self::Uint32 => (0, u32::MAX.into()),
            Self::Uint64 => (0, u64::MAX.into()),
            Self::Int8 => (i8::MIN.into(), i8::MAX.into()),
            Self::Int16 => (i16::MIN.into(), i16::MAX.into()),
            Self::Int32 => (i32::MIN.into(), i32::MAX.into()),
            Self::Int64 => (i64::MIN.into(), i64::MAX.into()),
            _ => return None,
        })
    }

    /// The value as the datatype has it; nothing when it has no such value. A value may be missing
    /// whatever the datatype: whether the column takes that, its model says.
    pub fn hold<'a>(self, cell: Cell<'a>) -> Option<Cell<'a>> {
        match (self, cell) {
            (_, Cell::Missing) => Some(Cell::Missing),
            (Self::Bool, Cell::Boolean(yes)) => Some(Cell::Boolean(yes)),
            (Self::Bool, Cell::Whole(whole @ (0 | 1))) => Some(Cell::Boolean(whole == 1)),
            (Self::Fp64, Cell::Whole(whole)) => Some(Cell::Whole(whole)),
            (Self::Fp64, Cell::Number(number)) => Some(Cell::Number(number)),
            (Self::Fp32, Cell::Whole(whole)) => Some(Cell::Number(f64::from(whole as f32))),
            (Self::Fp32, Cell::Number(number)) => Some(Cell::Number(f64::from(number as f32))),
            (Self::Fp16, Cell::Whole(whole)) => half(whole as f64),
            (Self::Fp16, Cell::Number(number)) => half(number),
            (Self::Bytes, Cell::Text(text)) => Some(Cell::Text(text)),
            (other, Cell::Whole(whole)) => {
                let (least, greatest) = other.whole()?;
                (least..=greatest).contains(&whole.into()).then_some(Cell::Whole(whole))
            }
            // What is beyond a signed number of 64 bits, and no other.
            (Self::Uint64, Cell::Number(number)) if number.fract() == 0.0 && number >= 0.0 => {
                Some(Cell::Number(number))
            }
            _ => None,
        }
    }
}

/// A number that has room in 16 bits; what a client of this datatype sends has been rounded by it.
fn half<'a>(number: f64) -> Option<Cell<'a>> {
    const GREATEST: f64 = 65_504.0;
    (number.is_nan() || number.abs() <= GREATEST).then_some(Cell::Number(number))
}

/// The values of an input as its datatype has them.
pub(super) fn held<'a>(
    name: &str,
    datatype: Datatype,
    cells: Vec<Cell<'a>>,
) -> Result<Vec<Cell<'a>>> {
    let cells = cells.into_iter().enumerate().map(|(at, cell)| {
        datatype.hold(cell.clone()).ok_or_else(|| {
            let datatype = word(datatype);
            Refusal::bad(format!("value {} of input `{name}`, {cell:?}, is not {datatype}", at + 1))
        })
    });
    cells.collect()
}

/// The datatype's name.
pub(super) fn word(datatype: Datatype) -> Cow<'static, str> {
    match serde_json::to_value(datatype) {
        Ok(serde_json::Value::String(word)) => word.into(),
        _ => "".into(),
    }
}
