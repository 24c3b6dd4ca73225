//! A length of time as a pipeline file spells it: `90s`, `24h`, `7d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use gristmill_core::{Error, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The units in which a length can be spelled, the longest first, in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
];

/// A length of time above 0: a whole number and its unit, `w`, `d`, `h`, `m`, `s` or `ms`.
///
/// ```
/// # use gristmill_features::Duration;
/// let day: Duration = "24h".parse()?;
/// assert_eq!((day.seconds(), day.to_string()), (86_400.0, "1d".into()));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    micros: u64,
}

impl Duration {
    /// Its length in microseconds.
    pub fn micros(self) -> u64 {
        self.micros
    }

    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }
}

impl FromStr for Duration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            Error::setting(
                "duration",
                format!("`{text}`"),
                "a whole number above 0 with its unit, such as 90s, 15m, 24h, 7d or 2w",
            )
        };
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let (_, micros) = UNITS.iter().find(|(word, _)| *word == unit).ok_or_else(refused)?;
        let number: u64 = number.parse().map_err(|_| refused())?;
        let micros = number.checked_mul(*micros).filter(|&m| m > 0).ok_or_else(refused)?;
        Ok(Self { micros })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.iter().find(|(_, unit)| self.micros.is_multiple_of(*unit));
        let (word, unit) = fits.unwrap_or(&UNITS[UNITS.len() - 1]);
        write!(f, "{}{word}", self.micros / unit)
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(input)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: a whole number and its unit, such as 90s, 15m, 24h, 7d or 2w.",
            "type": "string",
            "pattern": "^[0-9]+(w|d|h|m|s|ms)$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(f64, &str)>) {
        let found = text.parse::<Duration>().ok().map(|d| (d.seconds(), d.to_string()));
        assert_eq!(found, expected.map(|(seconds, word)| (seconds, word.to_string())));
    }

    #[test]
    fn lengths_are_whole_numbers_with_a_unit() {
        check("90s", Some((90.0, "90s")));
        check("24h", Some((86_400.0, "1d")));
        check("25h", Some((90_000.0, "25h")));
        check("250ms", Some((0.25, "250ms")));
        for wrong in ["", "h", "0s", "-1h", "1.5h", "1 h", "5y", "99999999999999999999w"] {
            check(wrong, None);
        }
    }
}
