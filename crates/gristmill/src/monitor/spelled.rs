//! Settings of `monitor:` that are written as words: `4 per day`, `latest 5000`, `{labels: 500}`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

const HOUR: u64 = 3_600_000_000;
const UNITS: [(&str, u64); 3] = [("hour", HOUR), ("day", 24 * HOUR), ("week", 168 * HOUR)];

/// How many retrainings there may be in any stretch of time: `4 per day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Budget {
    /// How many.
    pub times: u32,
    /// In so many microseconds: an hour, a day of 24 hours, or a week.
    pub per: u64,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, size)| *size == self.per).map_or("day", |(unit, _)| unit);
        write!(f, "{} per {unit}", self.times)
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no budget; write one such as `4 per day`, `1 per hour` or `2 per week`"
            )
        };
        let (times, unit) = text.split_once(" per ").ok_or_else(wrong)?;
        let times = times.trim().parse().ok().filter(|times| *times > 0).ok_or_else(wrong)?;
        let per = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?.1;
        Ok(Self { times, per })
    }
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Budget> for String {
    fn from(budget: Budget) -> Self {
        budget.to_string()
    }
}

impl JsonSchema for Budget {
    fn schema_name() -> Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "How many retrainings there may be in any stretch of time, such as `4 per day`.",
            "pattern": "^[1-9][0-9]{0,5} per (hour|day|week)$",
            "examples": ["4 per day"],
        })
    }
}

/// On which rows a new version meets the champion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CompareRows {
    /// So many of the latest requests that have a label; at most half of those that have come since the
    /// champion was trained, so that the rest can be learned from. They are never learned from.
    Latest(u32),
    /// The test rows of the retraining's split.
    Test,
}

impl fmt::Display for CompareRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(rows) => write!(f, "latest {rows}"),
            Self::Test => f.write_str("test"),
        }
    }
}

impl FromStr for CompareRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "test" {
            return Ok(Self::Test);
        }
        let rows = text.strip_prefix("latest ").and_then(|rows| rows.trim().parse().ok());
        rows.filter(|rows| *rows > 0)
            .map(Self::Latest)
            .ok_or_else(|| format!("`{text}` names no rows; write `latest 5000`, or `test`"))
    }
}

impl TryFrom<String> for CompareRows {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CompareRows> for String {
    fn from(rows: CompareRows) -> Self {
        rows.to_string()
    }
}

impl JsonSchema for CompareRows {
    fn schema_name() -> Cow<'static, str> {
        "CompareRows".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "`latest N`: the latest labelled requests; `test`: the test rows of the retraining.",
            "pattern": "^(test|latest [1-9][0-9]{0,8})$",
            "examples": ["latest 5000", "test"],
        })
    }
}

/// What a model is trained anew on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataPart {
    /// The source of the pipeline file, as it is then.
    Source,
    /// Requests that were logged and have a label.
    Logged,
}

/// What makes a model be trained anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A window of requests has drifted.
    Drift,
    /// The figure of `performance` is on the wrong side.
    Performance,
    /// The `schedule:` of the file, whose moments then start retrainings in place of plain runs.
    Schedule,
    /// The files of the source are others than those that the champion was trained on.
    Data,
    /// So many labels have come since the last retraining.
    Labels(u64),
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drift => "drift",
            Self::Performance => "performance",
            Self::Schedule => "schedule",
            Self::Data => "data",
            Self::Labels(_) => "labels",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_as_they_are_written() {
        let day = Budget { times: 4, per: 24 * HOUR };
        assert_eq!("4 per day".parse(), Ok(day));
        assert_eq!(day.to_string(), "4 per day");
        for wrong in ["", "4", "0 per day", "4 per year", "-1 per day", "many per day", "4 a day"] {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_to_compare_on_are_read_as_they_are_written() {
        for (text, rows) in
            [("latest 5000", CompareRows::Latest(5_000)), ("test", CompareRows::Test)]
        {
            assert_eq!((text.parse(), rows.to_string()), (Ok(rows), text.to_string()));
        }
        for wrong in ["", "latest", "latest 0", "5000", "latest -1", "newest 5"] {
            assert!(wrong.parse::<CompareRows>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn occasions_are_words_but_for_labels() {
        let read = serde_json::from_str::<Vec<Occasion>>;
        let all = [Occasion::Drift, Occasion::Labels(500), Occasion::Schedule];
        assert_eq!(read(r#"["drift", {"labels": 500}, "schedule"]"#).unwrap(), all);
        assert!(read(r#"["weather"]"#).is_err());
    }
}
