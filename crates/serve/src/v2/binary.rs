//! Tensors as bytes behind the JSON: numbers in little-endian order, texts each after its length.

use std::borrow::Cow;

use gristmill_core::Cell;

use super::datatype::Datatype;

/// The values of a tensor; nothing when the bytes are not whole values. What is no UTF-8 is no text: an image.
pub(super) fn cells(datatype: Datatype, bytes: &[u8]) -> Option<Vec<Cell<'_>>> {
    match datatype.width() {
        Some(width) if bytes.len().is_multiple_of(width) => {
            bytes.chunks_exact(width).map(|value| number(datatype, value)).collect()
        }
        Some(_) => None,
        None => texts(bytes),
    }
}

fn number<'a>(datatype: Datatype, bytes: &[u8]) -> Option<Cell<'a>> {
    use Datatype as D;
    Some(match datatype {
        D::Bool => match bytes {
            [0] => Cell::Boolean(false),
            [1] => Cell::Boolean(true),
            _ => return None,
        },
        D::Uint8 => Cell::Whole(u8::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Uint16 => Cell::Whole(u16::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Uint32 => Cell::Whole(u32::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Uint64 => crate::rows::unsigned(u64::from_le_bytes(bytes.try_into().ok()?)),
        D::Int8 => Cell::Whole(i8::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Int16 => Cell::Whole(i16::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Int32 => Cell::Whole(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Int64 => Cell::Whole(i64::from_le_bytes(bytes.try_into().ok()?)),
        D::Fp16 => Cell::Number(half(u16::from_le_bytes(bytes.try_into().ok()?))),
        D::Fp32 => Cell::Number(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        D::Fp64 => Cell::Number(f64::from_le_bytes(bytes.try_into().ok()?)),
        D::Bytes => return None,
    })
}

/// A number of 16 bits: a sign, 5 bits of exponent, 10 of fraction (IEEE 754-2019, binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        _ => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

fn texts(mut bytes: &[u8]) -> Option<Vec<Cell<'_>>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length)?;
        texts.push(text_or_bytes(Cow::Borrowed(text)));
        bytes = rest;
    }
    Some(texts)
}

/// A text, or bytes where they are none. Neither a PNG nor a JPEG begins as a text does.
pub(super) fn text_or_bytes(bytes: Cow<'_, [u8]>) -> Cell<'_> {
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(Cow::Borrowed(text)),
            Err(_) => Cell::Bytes(Cow::Borrowed(bytes)),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Cell::Text(Cow::Owned(text)),
            Err(error) => Cell::Bytes(Cow::Owned(error.into_bytes())),
        },
    }
}

/// Appends numbers.
pub(super) fn put_numbers(bytes: &mut Vec<u8>, numbers: impl Iterator<Item = f64>) {
    numbers.for_each(|number| bytes.extend(number.to_le_bytes()));
}

/// Appends texts.
pub(super) fn put_texts<'a>(bytes: &mut Vec<u8>, texts: impl Iterator<Item = &'a str>) {
    for text in texts {
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // numpy 2.4.6: numpy.frombuffer(bytes, dtype="<f2")
    fn halves_are_read_as_numpy_reads_them() {
        let check = |bits: u16, number: f64| assert_eq!(half(bits), number, "{bits:#06x}");
        check(0x0000, 0.0);
        check(0x3c00, 1.0);
        check(0xc000, -2.0);
        check(0x7bff, 65_504.0);
        check(0x0001, 5.960_464_477_539_063e-8);
        check(0x3555, 0.333_251_953_125);
        check(0xfc00, f64::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn bytes_that_are_no_whole_values_are_none() {
        assert_eq!(cells(Datatype::Fp64, &[0; 12]), None);
        assert_eq!(cells(Datatype::Bool, &[2]), None);
        assert_eq!(cells(Datatype::Bytes, &[9, 0, 0, 0, b'a']), None);
        let bytes = vec![Cell::Bytes(Cow::Borrowed(&[0xff]))];
        assert_eq!(cells(Datatype::Bytes, &[1, 0, 0, 0, 0xff]), Some(bytes));
        assert_eq!(cells(Datatype::Bytes, &[255, 255, 255, 255]), None);
    }
}
