//! The body that most clients send, `{"dataframe_records": [{"age": 41, "plan": "basic"}, ...]}` with plain values and
//! nothing else, read in one pass over its bytes.
//!
//! It is a shorter way to what `mlflow::read` gives: whatever is spelled in another way, and whatever would be refused,
//! is left to the reader there, which begins anew and knows how to say why.

use std::borrow::Cow;

use gristmill_core::{Cell, Frame};

use crate::Served;
use crate::rows::Reading;

/// The keys under which rows stand as a list of objects.
const KEYS: [&str; 3] = ["dataframe_records", "instances", "inputs"];
/// How many digits a number may have so that it is a whole one among 64-bit floats, and by which powers of ten such a
/// number can be multiplied or divided with one rounding. Source: Clinger, *How to Read Floating Point Numbers
/// Accurately*, PLDI 1990.
const DIGITS: usize = 15;
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Whole numbers of up to so many digits are 64-bit integers.
const WHOLE_DIGITS: usize = 18;

/// The rows of a body; nothing where another reader has to look at it.
pub(crate) fn read(served: &Served, body: &[u8]) -> Option<Frame> {
    let mut reading = Reading::new(served);
    let mut text = Text { text: std::str::from_utf8(body).ok()?, at: 0 };
    text.take(b'{')?;
    text.space();
    let key = text.string()?;
    KEYS.contains(&key).then_some(())?;
    text.take(b':')?;
    text.take(b'[')?;
    loop {
        row(&mut reading, &mut text)?;
        match text.next()? {
            b',' => {}
            b']' => break,
            _ => return None,
        }
    }
    text.take(b'}')?;
    text.space();
    text.is_over().then_some(())?;
    reading.builder.finish().ok()
}

fn row(reading: &mut Reading<'_>, text: &mut Text<'_>) -> Option<()> {
    text.take(b'{')?;
    loop {
        text.space();
        let column = reading.column(text.string()?);
        text.take(b':')?;
        text.space();
        let cell = text.cell()?;
        if let Some(column) = column {
            reading.builder.push(column, cell).ok()?;
        }
        match text.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    reading.end_plain_row()
}

/// A text of JSON, and how far it has been read.
struct Text<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Text<'a> {
    fn is_over(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over white space.
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte behind white space.
    fn next(&mut self) -> Option<u8> {
        self.space();
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    /// Passes over this byte behind white space.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// A text without escapes, which begins here.
    fn string(&mut self) -> Option<&'a str> {
        if self.peek()? != b'"' {
            return None;
        }
        let from = self.at + 1;
        let length = plain(self.text.as_bytes().get(from..)?);
        self.at = from + length + 1;
        (self.text.as_bytes().get(from + length) == Some(&b'"')).then_some(())?;
        self.text.get(from..from + length)
    }

    /// A plain value.
    fn cell(&mut self) -> Option<Cell<'a>> {
        match self.peek()? {
            b'"' => Some(Cell::Text(Cow::Borrowed(self.string()?))),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Cell::Boolean(true)),
            b'f' => self.word("false", Cell::Boolean(false)),
            b'n' => self.word("null", Cell::Missing),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, cell: Cell<'a>) -> Option<Cell<'a>> {
        self.text.get(self.at..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        Some(cell)
    }

    fn number(&mut self) -> Option<Cell<'a>> {
        let from = self.at;
        let is_negative = self.peek()? == b'-';
        self.at += usize::from(is_negative);
        let (mut value, digits) = self.digits(0)?;
        if digits > 1 && self.text.as_bytes().get(self.at - digits) == Some(&b'0') {
            return None;
        }
        let is_whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if is_whole {
            // Zero with a sign is no whole number.
            let fits = digits <= WHOLE_DIGITS && !(is_negative && value == 0);
            let whole = i64::try_from(value).ok().filter(|_| fits)?;
            return Some(Cell::Whole(if is_negative { -whole } else { whole }));
        }
        let mut behind = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            (value, behind) = self.digits(value)?;
        }
        if digits + behind > DIGITS
            || behind >= POWERS.len()
            || matches!(self.peek(), Some(b'e' | b'E'))
        {
            return self.exactly(from);
        }
        let number = value as f64 / POWERS[behind];
        Some(Cell::Number(if is_negative { -number } else { number }))
    }

    /// One digit or more behind those of `value`, and how many; beyond what 64 bits hold the value is of no use.
    fn digits(&mut self, mut value: u64) -> Option<(u64, usize)> {
        let from = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let count = self.at - from;
        (count > 0).then_some((value, count))
    }

    /// A number with more digits than can be read at once, or with an exponent.
    fn exactly(&mut self, from: usize) -> Option<Cell<'a>> {
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits(0)?;
        }
        let number: f64 = self.text.get(from..self.at)?.parse().ok()?;
        number.is_finite().then_some(Cell::Number(number))
    }
}

/// How many bytes there are before a quote, a backslash or a control character.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Eight bytes at once: the lowest high bit that is set stands in the first byte that is looked for.
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word & HIGH;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let found = equal(b'"') | equal(b'\\') | below(word, 0x20);
        if found != 0 {
            return 8 * at + found.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    8 * chunks.len() + rest.iter().position(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Cell<'_>>) {
        let mut read = Text { text, at: 0 };
        let cell = read.cell().filter(|_| read.is_over());
        assert_eq!(cell, expected, "{text}");
    }

    #[test] // by hand
    fn plain_values_are_read_and_others_left() {
        check("0", Some(Cell::Whole(0)));
        check("-12", Some(Cell::Whole(-12)));
        check("999999999999999999", Some(Cell::Whole(999_999_999_999_999_999)));
        check("1.0", Some(Cell::Number(1.0)));
        check("-0.0", Some(Cell::Number(-0.0)));
        check("29.85", Some(Cell::Number(29.85)));
        check("1e3", Some(Cell::Number(1_000.0)));
        check("1.5E-3", Some(Cell::Number(0.0015)));
        check("0.1234567890123456789", Some(Cell::Number(0.123_456_789_012_345_68)));
        check("true", Some(Cell::Boolean(true)));
        check("false", Some(Cell::Boolean(false)));
        check("null", Some(Cell::Missing));
        check("\"größe\"", Some(Cell::Text("größe".into())));
        check("\"\"", Some(Cell::Text("".into())));
        let others =
            ["", "-", "01", "-0", "1.", ".5", "1e", "1e400", "+1", "nul", "NaN", "[1]", "{}"];
        others.iter().for_each(|text| check(text, None));
        check("9999999999999999999", None);
        for text in ["\"", "\"a", "\"a\\n\"", "\"a\nb\"", "\"a\u{1}\""] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_the_nearest_floats(value in prop::num::f64::NORMAL, digits in 0..18_usize) {
            for text in [format!("{value:.digits$e}"), format!("{:.digits$}", value % 1e9)] {
                let mut read = Text { text: &text, at: 0 };
                if let Some(Cell::Number(number)) = read.cell() {
                    prop_assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text);
                }
            }
        }

        #[test]
        fn a_text_ends_where_it_does_byte_by_byte(bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(b'"'), Just(b'\\'), 0x1e..0x23_u8, 0x7e..0x84_u8, 97..100_u8], 0..40)) {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let expected = bytes.iter().position(ends).unwrap_or(bytes.len());
            prop_assert_eq!(plain(&bytes), expected);
        }
    }
}
