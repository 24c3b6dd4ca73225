//! Lengths of time as people write them: `500ms`, `10m`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in whole milliseconds.
///
/// Written as whole numbers with a unit, the larger units first: `500ms`, `2s`, `10m`, `1h30m`,
/// `1d`. A day is 24 hours.
///
/// ```
/// # use gristmill_flow::TimeSpan;
/// let span: TimeSpan = "90s".parse().unwrap();
/// assert_eq!(span.to_string(), "1m30s");
/// assert!("10".parse::<TimeSpan>().is_err(), "ten what?");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan {
    millis: u64,
}

/// The units with their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl TimeSpan {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self { millis: seconds.saturating_mul(1_000) }
    }

    /// The same for the standard library.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self::from_millis).ok_or_else(|| {
            format!(
                "`{text}` is no length of time, expected one such as `500ms`, `2s`, `10m`, \
                 `1h30m` or `1d`"
            )
        })
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut millis = 0_u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        // Each unit comes after the larger ones, so none comes twice.
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = after;
    }
    Some(millis)
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time such as `500ms`, `2s`, `10m`, `1h30m` or `1d`.",
            "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "examples": ["500ms", "2s", "10m", "1h30m", "1d"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, millis: u64, shown: &str) {
        let span: TimeSpan = text.parse().unwrap();
        assert_eq!((span, span.to_string().as_str()), (TimeSpan::from_millis(millis), shown));
        assert_eq!(shown.parse(), Ok(span));
    }

    #[test]
    fn numbers_with_units_are_read_and_written() {
        check("500ms", 500, "500ms");
        check("2s", 2_000, "2s");
        check("10m", 600_000, "10m");
        check("1h30m", 5_400_000, "1h30m");
        check("48h", 172_800_000, "2d");
        check("1d1ms", 86_400_001, "1d1ms");
        check("0m", 0, "0s");
    }

    #[test]
    fn what_has_no_number_no_unit_or_no_end_is_refused() {
        for text in
            ["", "10", "m", "1.5s", "1m1h", "1m1m", "-1s", "1 s", "1w", "999999999999999999d"]
        {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }
}
