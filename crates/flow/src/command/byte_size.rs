//! Amounts of memory as people write them: `512MB`, `1GiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes, written as a whole number with a unit: `512MB` (a million bytes each),
/// `1GiB` (2³⁰ bytes each).
///
/// ```
/// # use gristmill_flow::ByteSize;
/// assert_eq!("4GB".parse::<ByteSize>().unwrap().bytes(), 4_000_000_000);
/// assert_eq!("1GiB".parse::<ByteSize>().unwrap().bytes(), 1 << 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// The units with their bytes, the largest first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

impl ByteSize {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes that is.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// In the largest unit of which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        let (unit, size) = whole.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let size = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let bytes =
            size.zip(number.parse().ok()).and_then(|((_, s), n): (_, u64)| n.checked_mul(*s));
        bytes.map(Self).ok_or_else(|| {
            format!(
                "`{text}` is no amount of memory, expected a whole number with a unit, such as \
                 `512MB`, `4GB` or `1GiB`"
            )
        })
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An amount of memory such as `512MB`, `4GB` or `1GiB`.",
            "pattern": "^[0-9]+([KkMmGgTt][Ii]?)?[Bb]$",
            "examples": ["512MB", "4GB", "1GiB"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bytes: u64, shown: &str) {
        let size: ByteSize = text.parse().unwrap();
        assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown));
        assert_eq!(shown.parse(), Ok(size));
    }

    #[test]
    fn numbers_with_units_are_read_and_written() {
        check("512MB", 512_000_000, "512MB");
        check("1GiB", 1_073_741_824, "1GiB");
        check("2048KiB", 2 << 20, "2MiB");
        check("1500mb", 1_500_000_000, "1500MB");
        check("7B", 7, "7B");
        check("0GB", 0, "0B");
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["", "4", "GB", "1.5GB", "-1GB", "4 GB", "4G", "99999999999999TB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
