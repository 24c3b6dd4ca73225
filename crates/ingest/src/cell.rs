//! One value as a file spells it: which kinds of value a text can be, read exactly.

use gristmill_core::PhysicalType;

use crate::calendar::{MICROS_PER_DAY, day, moment};

/// The largest magnitude up to which every integer is a 64-bit float.
const EXACT_INTEGERS: u64 = 1 << 53;

/// Powers of ten that are 64-bit floats without rounding.
const EXACT_TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A value as it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    /// An integer beyond 64 bits, with the float nearest to it.
    Huge(f64),
    /// An infinity, spelled or overflown.
    Infinite,
    /// Days since 1970.
    Day(i32),
    /// Microseconds since 1970, without a zone.
    Local(i64),
    /// Microseconds since 1970, from a text that names its zone.
    Zoned(i64),
    Word,
}

/// Which kinds of value a column holds, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    const INTEGER: u16 = 1;
    const NUMBER: u16 = 2;
    const HUGE: u16 = 4;
    const INFINITE: u16 = 8;
    const BOOLEAN: u16 = 16;
    const DAY: u16 = 32;
    const LOCAL: u16 = 64;
    const ZONED: u16 = 128;
    const WORD: u16 = 256;

    pub fn add(&mut self, value: Value) {
        self.0 |= match value {
            Value::Integer(_) => Self::INTEGER,
            Value::Number(_) => Self::NUMBER,
            Value::Huge(_) => Self::HUGE,
            Value::Infinite => Self::INFINITE,
            Value::Boolean(_) => Self::BOOLEAN,
            Value::Day(_) => Self::DAY,
            Value::Local(_) => Self::LOCAL,
            Value::Zoned(_) => Self::ZONED,
            Value::Word => Self::WORD,
        };
    }

    pub fn join(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has_words(self) -> bool {
        self.0 & Self::WORD != 0
    }

    /// The narrowest type that holds every value, or nothing when there was none.
    ///
    /// Integers beyond 64 bits stay words as long as no fraction says that the column is one of
    /// measurements; infinities are words unless the rest are numbers, and are refused then.
    pub fn narrowest(self) -> Option<PhysicalType> {
        let within = |set: u16| self.0 & !set == 0;
        let has = |set: u16| self.0 & set != 0;
        let numeric = Self::INTEGER | Self::NUMBER | Self::HUGE | Self::INFINITE;
        Some(if self.0 == 0 {
            return None;
        } else if within(Self::INTEGER) {
            PhysicalType::Int64
        } else if within(numeric) && (has(Self::NUMBER) || self.0 == Self::INTEGER | Self::INFINITE)
        {
            PhysicalType::Float64
        } else if within(Self::BOOLEAN) {
            PhysicalType::Boolean
        } else if within(Self::DAY) {
            PhysicalType::Date
        } else if within(Self::DAY | Self::LOCAL) || within(Self::DAY | Self::ZONED) {
            PhysicalType::Timestamp
        } else {
            PhysicalType::Utf8
        })
    }
}

/// How a source spells its values.
#[derive(Clone, Debug)]
pub(crate) struct Spelling {
    decimal: u8,
    nulls: Vec<Box<[u8]>>,
    null_starts: [bool; 256],
    longest_null: usize,
}

impl Spelling {
    pub fn new(decimal: u8, nulls: &[String]) -> Self {
        let nulls: Vec<Box<[u8]>> = nulls
            .iter()
            .map(|n| n.trim())
            .filter(|n| !n.is_empty())
            .map(|n| n.as_bytes().into())
            .collect();
        let mut null_starts = [false; 256];
        for null in &nulls {
            if let Some(&first) = null.first() {
                null_starts[usize::from(first)] = true;
            }
        }
        let longest_null = nulls.iter().map(|n| n.len()).max().unwrap_or(0);
        Self { decimal, nulls, null_starts, longest_null }
    }

    /// Whether a trimmed text stands for a missing value. An empty one always does.
    pub fn is_null(&self, text: &[u8]) -> bool {
        match text.first() {
            None => true,
            Some(&first) => {
                self.null_starts[usize::from(first)]
                    && text.len() <= self.longest_null
                    && self.nulls.iter().any(|n| **n == *text)
            }
        }
    }

    /// The value that a trimmed text spells.
    pub fn read(&self, text: &[u8]) -> Value {
        match text.first() {
            Some(b'0'..=b'9') => self.number(text).unwrap_or_else(|| time_or_word(text)),
            Some(b'+' | b'-' | b'.' | b',') => {
                self.number(text).unwrap_or_else(|| infinity_or_word(text))
            }
            Some(b't' | b'T' | b'f' | b'F') => match text {
                b"true" | b"True" | b"TRUE" => Value::Boolean(true),
                b"false" | b"False" | b"FALSE" => Value::Boolean(false),
                _ => Value::Word,
            },
            Some(b'i' | b'I') => infinity_or_word(text),
            _ => Value::Word,
        }
    }

    /// A decimal number, correctly rounded; nothing when the text is none or has leading zeros.
    fn number(&self, text: &[u8]) -> Option<Value> {
        let (negative, digits) = match text.first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if let [b'0', b'0'..=b'9', ..] = digits {
            return None;
        }
        let mut mantissa = 0u64;
        let whole = read_digits(digits, &mut mantissa);
        if whole == digits.len() {
            return (whole > 0).then(|| integer(text, whole, negative, mantissa));
        }
        let mut at = whole;
        let mut fraction = 0;
        if digits[at] == self.decimal {
            at += 1;
            fraction = read_digits(&digits[at..], &mut mantissa);
            at += fraction;
        }
        if whole + fraction == 0 {
            return None;
        }
        let mut exponent = 0i32;
        if let Some(b'e' | b'E') = digits.get(at) {
            let (value, length) = read_exponent(&digits[at + 1..])?;
            exponent = value;
            at += 1 + length;
        }
        if at != digits.len() {
            return None;
        }
        let ten = exponent.saturating_sub(i32::try_from(fraction).ok()?);
        // A zero before the point is no digit of the mantissa. Nineteen digits fit in 64 bits.
        let length = whole + fraction - usize::from(digits[0] == b'0');
        let value = if length <= 19 { small(mantissa, ten) } else { None };
        if let Some(value) = value {
            return Some(Value::Number(if negative { -value } else { value }));
        }
        self.rounded(text).map(|v| if v.is_finite() { Value::Number(v) } else { Value::Infinite })
    }

    /// The float nearest to a number too long for the fast path.
    fn rounded(&self, text: &[u8]) -> Option<f64> {
        if self.decimal == b'.' {
            return std::str::from_utf8(text).ok()?.parse().ok();
        }
        let text: Vec<u8> =
            text.iter().map(|&b| if b == self.decimal { b'.' } else { b }).collect();
        std::str::from_utf8(&text).ok()?.parse().ok()
    }
}

/// The float nearest to `mantissa` times a small power of ten; nothing where that takes more care.
fn small(mantissa: u64, ten: i32) -> Option<f64> {
    let size = ten.unsigned_abs() as usize;
    // Clinger's fast path: both sides are exact, so one operation rounds once.
    if mantissa <= EXACT_INTEGERS && size < EXACT_TENS.len() {
        let power = EXACT_TENS[size];
        return Some(if ten < 0 { mantissa as f64 / power } else { mantissa as f64 * power });
    }
    if ten < 0 { divided(mantissa, *INVERSES.get(size)?) } else { None }
}

/// `2^shift / 10^k` rounded down, with the shift that makes it 64 bits long.
#[derive(Clone, Copy)]
struct Inverse {
    value: u64,
    shift: i32,
}

/// The inverses of 10^0 to 10^19; that of 1 is not used.
const INVERSES: [Inverse; 20] = {
    let mut inverses = [Inverse { value: 0, shift: 0 }; 20];
    let mut k = 1;
    while k < inverses.len() {
        let power = 10u128.pow(k as u32);
        let shift = 63 + 128 - power.leading_zeros();
        inverses[k] = Inverse { value: ((1u128 << shift) / power) as u64, shift: shift as i32 };
        k += 1;
    }
    inverses
};

/// The float nearest to `mantissa` divided by a power of ten, or nothing when 64 bits do not show
/// on which side of a tie the quotient lies.
///
/// The product with the inverse falls short of the quotient by less than 2 in its upper 64 bits.
/// So unless the bits to be dropped are the two just below and at the tie, both round alike. The idea is
/// that of Lemire, *Number Parsing at a Gigabyte per Second*, 2021, with one product fewer.
fn divided(mantissa: u64, inverse: Inverse) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let left = mantissa.leading_zeros();
    let product = u128::from(mantissa << left) * u128::from(inverse.value);
    let upper = (product >> 64) as u64;
    let drop = 11 - upper.leading_zeros();
    let tie = 1u64 << (drop - 1);
    let dropped = upper & ((1 << drop) - 1);
    if dropped == tie || dropped == tie - 1 {
        return None;
    }
    let kept = (upper >> drop) + u64::from(dropped > tie);
    let exponent = 64 + drop as i32 - inverse.shift - left as i32;
    let scale = f64::from_bits(((1023 + exponent) as u64) << 52);
    Some(kept as f64 * scale)
}

/// Takes the digits at the start of `text` into `mantissa` and says how many there were. Beyond 19
/// digits the mantissa has no meaning.
fn read_digits(text: &[u8], mantissa: &mut u64) -> usize {
    let mut at = 0;
    while let Some(eight) = text.get(at..at + 8).and_then(eight_digits) {
        *mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(eight);
        at += 8;
    }
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    at
}

/// Eight digits at once: neighbours are joined pairwise within one 64-bit word.
fn eight_digits(text: &[u8]) -> Option<u64> {
    let word = u64::from_le_bytes(text.try_into().ok()?);
    let high = word & 0xF0F0_F0F0_F0F0_F0F0;
    let carried = word.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0;
    if high != 0x3030_3030_3030_3030 || carried != 0x3030_3030_3030_3030 {
        return None;
    }
    let digits = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul((10 << 8) | 1) >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul((100 << 16) | 1) >> 16) & 0x0000_FFFF_0000_FFFF;
    Some(fours.wrapping_mul((10_000 << 32) | 1) >> 32)
}

fn integer(text: &[u8], length: usize, negative: bool, mantissa: u64) -> Value {
    if length <= 18 {
        let value = mantissa as i64;
        return Value::Integer(if negative { -value } else { value });
    }
    let Ok(text) = std::str::from_utf8(text) else { return Value::Word };
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(value), _) => Value::Integer(value),
        (_, Ok(value)) if value.is_finite() => Value::Huge(value),
        _ => Value::Word,
    }
}

/// The exponent after an `e` and how many bytes it took.
fn read_exponent(text: &[u8]) -> Option<(i32, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let mut value = 0i32;
    let mut at = sign;
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        value = value.saturating_mul(10).saturating_add(i32::from(digit - b'0'));
        at += 1;
    }
    (at > sign).then(|| (if text[0] == b'-' { -value } else { value }, at))
}

fn time_or_word(text: &[u8]) -> Value {
    if text.len() < 10 || text[4] != b'-' {
        return Value::Word;
    }
    if let Some(day) = day(text) {
        return Value::Day(day);
    }
    match moment(text) {
        Some((micros, true)) => Value::Zoned(micros),
        Some((micros, false)) => Value::Local(micros),
        None => Value::Word,
    }
}

fn infinity_or_word(text: &[u8]) -> Value {
    let word = match text.first() {
        Some(b'+' | b'-') => &text[1..],
        _ => text,
    };
    if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity") {
        Value::Infinite
    } else {
        Value::Word
    }
}

impl Value {
    /// The value as one of a column of `physical`, as long as nothing is lost; words are left to
    /// the caller, who has the text.
    pub fn fits(self, physical: PhysicalType) -> Option<Self> {
        let whole = |v: f64| v.fract() == 0.0 && v.abs() <= EXACT_INTEGERS as f64;
        Some(match (physical, self) {
            (PhysicalType::Boolean, Self::Boolean(_))
            | (PhysicalType::Int64, Self::Integer(_))
            | (PhysicalType::Float64, Self::Number(_))
            | (PhysicalType::Date, Self::Day(_)) => self,
            (PhysicalType::Boolean, Self::Integer(v @ (0 | 1))) => Self::Boolean(v == 1),
            (PhysicalType::Int64, Self::Boolean(v)) => Self::Integer(i64::from(v)),
            (PhysicalType::Int64, Self::Number(v)) if whole(v) => Self::Integer(v as i64),
            (PhysicalType::Float64, Self::Boolean(v)) => Self::Number(f64::from(u8::from(v))),
            (PhysicalType::Float64, Self::Integer(v)) => Self::Number(v as f64),
            (PhysicalType::Float64, Self::Huge(v)) => Self::Number(v),
            (PhysicalType::Timestamp, Self::Day(v)) => Self::Local(i64::from(v) * MICROS_PER_DAY),
            (PhysicalType::Timestamp, Self::Local(v) | Self::Zoned(v)) => Self::Local(v),
            (PhysicalType::Utf8, _) => Self::Word,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(Spelling::new(b'.', &[]).read(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn integers_are_read_to_the_last_digit() {
        check("0", Value::Integer(0));
        check("-12345678901", Value::Integer(-12_345_678_901));
        check("+5", Value::Integer(5));
        check("9223372036854775807", Value::Integer(i64::MAX));
        check("-9223372036854775808", Value::Integer(i64::MIN));
        check("9223372036854775808", Value::Huge(9_223_372_036_854_775_808.0));
    }

    #[test]
    fn numbers_are_rounded_as_the_standard_library_rounds_them() {
        let texts = [
            "0.1",
            "-0.30000000000000004",
            "1e-7",
            "1E+5",
            "123456789.123456789",
            ".5",
            "5.",
            "2.2250738585072014e-308",
            "9007199254740993.0",
            "1.7976931348623157e308",
            "0e5",
            "0.00000000000000000000000123",
            "179769313486231570000000000.5",
            "4.9e-324",
        ];
        for text in texts {
            check(text, Value::Number(text.parse().unwrap()));
        }
    }

    #[test]
    fn leading_zeros_mean_a_word() {
        for text in ["007", "-01", "00.5", "00"] {
            check(text, Value::Word);
        }
    }

    #[test]
    fn half_a_number_is_a_word() {
        for text in ["1e", "1e+", ".", "-", "+", "1.2.3", "1,5", "12a", "e5", "0x1F", "1_000", "-."]
        {
            check(text, Value::Word);
        }
    }

    #[test]
    fn infinities_are_told_apart() {
        for text in ["inf", "-Infinity", "+INF", "1e999", "-1e999"] {
            check(text, Value::Infinite);
        }
    }

    #[test]
    fn a_decimal_comma_takes_the_place_of_the_point() {
        let comma = Spelling::new(b',', &[]);
        assert_eq!(comma.read(b"1,5"), Value::Number(1.5));
        assert_eq!(comma.read(b"0,12345678901234567890"), Value::Number(0.123_456_789_012_345_68));
        assert_eq!(comma.read(b"1.5"), Value::Word);
    }

    #[test]
    fn stated_words_are_missing_and_nothing_always_is() {
        let spelling = Spelling::new(b'.', &["NA".into(), "-999".into()]);
        assert!(spelling.is_null(b"") && spelling.is_null(b"NA") && spelling.is_null(b"-999"));
        assert!(!spelling.is_null(b"N") && !spelling.is_null(b"NAN"));
    }

    #[test]
    fn days_and_moments() {
        check("1970-01-02", Value::Day(1));
        check("1970-01-01 00:00:01", Value::Local(1_000_000));
        check("1970-01-01T02:00:00+02:00", Value::Zoned(0));
        check("2023-02-29", Value::Word);
        check("2024-é1", Value::Word);
    }

    proptest::proptest! {
        #[test]
        fn any_float_comes_back(value: f64) {
            let text = format!("{value:?}");
            if value.is_finite() {
                check(&text, Value::Number(value));
            }
        }

        #[test]
        fn any_quotient_is_rounded_as_the_standard_library_rounds_it(digits: u64, point in 0..20usize) {
            let digits = format!("{digits:020}");
            let (whole, fraction) = digits.split_at(20 - point);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let text = format!("{whole}.{fraction}");
            check(&text, Value::Number(text.parse().unwrap()));
        }

        #[test]
        fn any_bytes_are_some_value(text: Vec<u8>) {
            let _ = Spelling::new(b'.', &[]).read(&text);
        }
    }
}
