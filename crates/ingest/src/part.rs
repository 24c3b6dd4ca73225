//! The values of one column in one piece of a file, while it is read.
//!
//! A part begins without a type and takes the type of its first value. Integers become floats and
//! days become moments in place; a part that cannot hold a value gives its values up, keeps
//! note of the kinds it meets, and is read again once the type of the whole column is known.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use gristmill_core::{Error, PhysicalType, Result};

use crate::calendar::MICROS_PER_DAY;
use crate::cell::{Kinds, Value};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Part {
    values: Values,
    rows: usize,
    missing: Vec<u32>,
    kinds: Kinds,
}

#[derive(Debug, Default)]
enum Values {
    /// Nothing but missing values so far.
    #[default]
    Unknown,
    Booleans(Vec<bool>),
    Integers(Vec<i64>),
    Numbers(Vec<f64>),
    Days(Vec<i32>),
    Moments(Vec<i64>),
    Words {
        text: Vec<u8>,
        ends: Vec<usize>,
    },
    /// Given up; to be read again.
    Lost,
}

impl Values {
    /// `rows` missing values of the type that `value` asks for.
    fn with_rows(value: Value, rows: usize) -> Self {
        match value {
            Value::Boolean(_) => Self::Booleans(vec![false; rows]),
            Value::Integer(_) => Self::Integers(vec![0; rows]),
            Value::Number(_) => Self::Numbers(vec![0.0; rows]),
            Value::Day(_) => Self::Days(vec![0; rows]),
            Value::Local(_) | Value::Zoned(_) => Self::Moments(vec![0; rows]),
            Value::Huge(_) | Value::Infinite | Value::Word => {
                Self::Words { text: Vec::new(), ends: vec![0; rows] }
            }
        }
    }

    fn push_missing(&mut self) {
        match self {
            Self::Unknown | Self::Lost => {}
            Self::Booleans(v) => v.push(false),
            Self::Integers(v) | Self::Moments(v) => v.push(0),
            Self::Numbers(v) => v.push(0.0),
            Self::Days(v) => v.push(0),
            Self::Words { text, ends } => ends.push(text.len()),
        }
    }
}

/// The type that values of a wanted one are read as out of text. Bytes are words in base64 there, which become bytes
/// where the table conforms to what is wanted.
pub(crate) fn spelled(wanted: PhysicalType) -> PhysicalType {
    match wanted {
        PhysicalType::Binary => PhysicalType::Utf8,
        other => other,
    }
}

impl Part {
    /// A part that will hold values of this type.
    pub fn of(physical: PhysicalType) -> Self {
        let like = match physical {
            PhysicalType::Boolean => Value::Boolean(false),
            PhysicalType::Int64 => Value::Integer(0),
            PhysicalType::Float64 => Value::Number(0.0),
            PhysicalType::Date => Value::Day(0),
            PhysicalType::Timestamp => Value::Local(0),
            PhysicalType::Utf8 | PhysicalType::Binary => Value::Word,
        };
        Self { values: Values::with_rows(like, 0), ..Self::default() }
    }

    /// A part of nothing but missing values.
    pub fn missing(rows: usize) -> Self {
        Self { rows, missing: (0..rows as u32).collect(), ..Self::default() }
    }

    /// How many values there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The kinds of value seen.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Whether a further value can only be one more word.
    pub fn takes_words(&self) -> bool {
        self.kinds.has_words()
    }

    /// Adds a missing value.
    pub fn push_missing(&mut self) {
        self.missing.push(self.rows as u32);
        self.rows += 1;
        self.values.push_missing();
    }

    /// Adds a value with the text that spelled it.
    pub fn push(&mut self, value: Value, raw: &[u8]) {
        self.kinds.add(value);
        if let Values::Unknown = self.values {
            self.values = Values::with_rows(value, self.rows);
        }
        self.rows += 1;
        match (&mut self.values, value) {
            (Values::Numbers(v), Value::Number(x)) => v.push(x),
            (Values::Numbers(v), Value::Integer(x)) => v.push(x as f64),
            (Values::Integers(v), Value::Integer(x)) => v.push(x),
            (Values::Integers(v), Value::Number(x)) => {
                let mut numbers: Vec<f64> = Vec::with_capacity(v.capacity());
                numbers.extend(v.iter().map(|&i| i as f64));
                numbers.push(x);
                self.values = Values::Numbers(numbers);
            }
            (Values::Words { text, ends }, _) => {
                text.extend_from_slice(raw);
                ends.push(text.len());
            }
            (Values::Booleans(v), Value::Boolean(x)) => v.push(x),
            (Values::Days(v), Value::Day(x)) => v.push(x),
            (Values::Days(v), Value::Local(x) | Value::Zoned(x)) => {
                let mut moments: Vec<i64> = v.iter().map(|&d| midnight(d)).collect();
                moments.push(x);
                self.values = Values::Moments(moments);
            }
            (Values::Moments(v), Value::Local(x) | Value::Zoned(x)) => v.push(x),
            (Values::Moments(v), Value::Day(x)) => v.push(midnight(x)),
            _ => self.values = Values::Lost,
        }
    }

    /// Whether the values have to be read again to become a column of `physical`.
    pub fn lacks(&self, physical: PhysicalType) -> bool {
        !matches!(
            (&self.values, physical),
            (Values::Unknown, _)
                | (Values::Booleans(_), PhysicalType::Boolean)
                | (Values::Integers(_), PhysicalType::Int64 | PhysicalType::Float64)
                | (Values::Numbers(_), PhysicalType::Float64)
                | (Values::Days(_), PhysicalType::Date | PhysicalType::Timestamp)
                | (Values::Moments(_), PhysicalType::Timestamp)
                | (Values::Words { .. }, PhysicalType::Utf8)
        )
    }
}

fn midnight(day: i32) -> i64 {
    i64::from(day) * MICROS_PER_DAY
}

/// One column out of its parts, in order.
///
/// # Errors
/// When the words together are longer than one column can hold, or are no UTF-8.
pub(crate) fn join(name: &str, parts: Vec<Part>, physical: PhysicalType) -> Result<ArrayRef> {
    let rows: usize = parts.iter().map(|p| p.rows).sum();
    let nulls = nulls(&parts, rows);
    let bug = || Error::Bug(format!("column `{name}` was joined out of parts of another type"));
    Ok(match physical {
        PhysicalType::Boolean => {
            let values = flatten(parts, rows, |part, all: &mut Vec<bool>| match part {
                Values::Booleans(v) => {
                    all.extend(v);
                    true
                }
                _ => false,
            });
            let values = BooleanBuffer::from(values.ok_or_else(bug)?);
            Arc::new(BooleanArray::new(values, nulls))
        }
        PhysicalType::Int64 => {
            let values = flatten(parts, rows, |part, all: &mut Vec<i64>| match part {
                Values::Integers(v) => {
                    all.extend_from_slice(&v);
                    true
                }
                _ => false,
            });
            Arc::new(Int64Array::new(ScalarBuffer::from(values.ok_or_else(bug)?), nulls))
        }
        PhysicalType::Float64 => {
            let values = flatten(parts, rows, |part, all: &mut Vec<f64>| match part {
                Values::Numbers(v) => {
                    all.extend_from_slice(&v);
                    true
                }
                Values::Integers(v) => {
                    all.extend(v.into_iter().map(|i| i as f64));
                    true
                }
                _ => false,
            });
            Arc::new(Float64Array::new(ScalarBuffer::from(values.ok_or_else(bug)?), nulls))
        }
        PhysicalType::Date => {
            let values = flatten(parts, rows, |part, all: &mut Vec<i32>| match part {
                Values::Days(v) => {
                    all.extend_from_slice(&v);
                    true
                }
                _ => false,
            });
            Arc::new(Date32Array::new(ScalarBuffer::from(values.ok_or_else(bug)?), nulls))
        }
        PhysicalType::Timestamp => {
            let values = flatten(parts, rows, |part, all: &mut Vec<i64>| match part {
                Values::Moments(v) => {
                    all.extend_from_slice(&v);
                    true
                }
                Values::Days(v) => {
                    all.extend(v.into_iter().map(midnight));
                    true
                }
                _ => false,
            });
            let values = ScalarBuffer::from(values.ok_or_else(bug)?);
            Arc::new(TimestampMicrosecondArray::new(values, nulls))
        }
        PhysicalType::Utf8 => words(name, parts, rows, nulls)?,
        PhysicalType::Binary => new_null_array(&physical.arrow(), rows),
    })
}

fn nulls(parts: &[Part], rows: usize) -> Option<NullBuffer> {
    if parts.iter().all(|p| p.missing.is_empty()) {
        return None;
    }
    let mut bits = arrow::array::BooleanBufferBuilder::new(rows);
    bits.append_n(rows, true);
    let mut from = 0;
    for part in parts {
        for &row in &part.missing {
            bits.set_bit(from + row as usize, false);
        }
        from += part.rows;
    }
    Some(NullBuffer::new(bits.finish()))
}

/// The values of all parts in one vector; nothing when a part is of another type.
fn flatten<T: Copy + Default>(
    parts: Vec<Part>,
    rows: usize,
    add: impl Fn(Values, &mut Vec<T>) -> bool,
) -> Option<Vec<T>> {
    let mut all = Vec::with_capacity(rows);
    for part in parts {
        match part.values {
            Values::Unknown => all.resize(all.len() + part.rows, T::default()),
            values => {
                if !add(values, &mut all) {
                    return None;
                }
            }
        }
    }
    Some(all)
}

fn words(name: &str, parts: Vec<Part>, rows: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let length: usize = parts
        .iter()
        .map(|p| if let Values::Words { text, .. } = &p.values { text.len() } else { 0 })
        .sum();
    if i32::try_from(length).is_err() {
        return Err(Error::data_hint(
            format!("column `{name}` holds {length} bytes of words; one column holds 2 GiB"),
            "leave it out, or read the files in parts",
        ));
    }
    let mut all: Vec<u8> = Vec::with_capacity(length);
    let mut offsets: Vec<i32> = Vec::with_capacity(rows + 1);
    offsets.push(0);
    for part in parts {
        let from = all.len();
        match part.values {
            Values::Words { text, ends } => {
                all.extend_from_slice(&text);
                offsets.extend(ends.into_iter().map(|end| (from + end) as i32));
            }
            Values::Unknown => offsets.extend(std::iter::repeat_n(from as i32, part.rows)),
            _ => {
                return Err(Error::Bug(format!(
                    "column `{name}` was joined out of parts of another type"
                )));
            }
        }
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let array = StringArray::try_new(offsets, all.into(), nulls)
        .map_err(|e| Error::data(format!("column `{name}`: {e}")))?;
    Ok(Arc::new(array))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;

    use super::*;

    fn part(values: &[Option<Value>]) -> Part {
        let mut part = Part::default();
        for value in values {
            match value {
                Some(value) => part.push(*value, b"w"),
                None => part.push_missing(),
            }
        }
        part
    }

    #[test]
    fn integers_give_way_to_numbers_within_and_between_parts() {
        let parts = vec![
            part(&[None, Some(Value::Integer(1))]),
            part(&[Some(Value::Integer(2)), Some(Value::Number(0.5))]),
            part(&[None]),
        ];
        assert!(parts.iter().all(|p| !p.lacks(PhysicalType::Float64)));
        let column = join("x", parts, PhysicalType::Float64).unwrap();
        assert_eq!(column.null_count(), 2);
        assert_eq!(column.as_primitive::<Float64Type>().values()[1..4], [1.0, 2.0, 0.5]);
    }

    #[test]
    fn a_word_among_numbers_asks_for_another_reading() {
        let part = part(&[Some(Value::Integer(1)), Some(Value::Word)]);
        assert!(part.lacks(PhysicalType::Utf8) && part.kinds().has_words());
        assert_eq!(part.kinds().narrowest(), Some(PhysicalType::Utf8));
    }

    #[test]
    fn missing_words_take_no_room() {
        let parts = vec![part(&[None, Some(Value::Word), None]), part(&[None])];
        let column = join("x", parts, PhysicalType::Utf8).unwrap();
        let words: Vec<_> = column.as_string::<i32>().iter().collect();
        assert_eq!(words, [None, Some("w"), None, None]);
    }
}
