//! A value that knows its unit, so that every page writes it in the same way.

use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use crate::number::spread;
use crate::{bytes, calendar, count, duration, number, percent};

/// A value with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Words.
    Text(String),
    /// Something to copy: a hash, a path, a version.
    Code(String),
    /// A number.
    Number(f64),
    /// A mean with its deviation.
    Spread {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
    },
    /// A whole number of things.
    Count(u64),
    /// A share of 1.
    Share(f64),
    /// A length of time in seconds.
    Seconds(f64),
    /// A size in bytes.
    Bytes(u64),
    /// Microseconds since 1970-01-01 in UTC.
    Moment(i64),
    /// Not known.
    Absent,
}

impl Value {
    /// The value in words.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) | Self::Code(text) => text.clone(),
            Self::Number(value) => number(*value),
            Self::Spread { mean, deviation } => {
                format!("{} {}", number(*mean), spread(*mean, *deviation))
            }
            Self::Count(value) => count(*value),
            Self::Share(value) => percent(*value),
            Self::Seconds(value) => duration(*value),
            Self::Bytes(value) => bytes(*value),
            Self::Moment(value) => calendar::moment(*value as f64),
            Self::Absent => "–".to_string(),
        }
    }

    pub(super) fn markup(&self) -> Markup {
        match self {
            Self::Code(text) => html! { code { (text) } },
            other => html! { (other.words()) },
        }
    }

    /// Whether it stands to the right in a table, digit under digit.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Code(_) | Self::Moment(_))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Fact {
    /// A named value.
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}
