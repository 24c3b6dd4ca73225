//! How requests to a model are divided among its versions, and what became of them.

use std::fmt;
use std::str::FromStr;

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

/// The alias whose version answers whoever asks for a model by its name alone.
pub const CHAMPION: &str = "champion";

/// The longest id of a request, in characters.
pub const MAX_REQUEST_ID_CHARS: usize = 128;

/// A version as people name it within its model: `3`, or `@challenger` for the one with this alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum VersionRef {
    /// By its number.
    Number(u32),
    /// By an alias, which may move.
    Alias(String),
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Alias(alias) => write!(f, "@{alias}"),
        }
    }
}

impl FromStr for VersionRef {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No alias is a number.
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        match text.strip_prefix('@').unwrap_or(text) {
            "" => Err(format!(
                "`{text}` is no version; write its number, or an alias such as `@challenger`"
            )),
            alias => Ok(Self::Alias(alias.into())),
        }
    }
}

impl TryFrom<String> for VersionRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<VersionRef> for String {
    fn from(version: VersionRef) -> Self {
        version.to_string()
    }
}

/// How requests that ask for a model by its name alone are to be divided. An empty plan leaves all to
/// the model's own version: its champion, else its newest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficPlan {
    /// A version that answers some of them.
    pub canary: Option<Canary>,
    /// A version that answers some of them while it is counted what becomes of all.
    pub ab_test: Option<AbTest>,
    /// A version that is asked the same and whose answers are only compared.
    pub shadow: Option<VersionRef>,
}

/// A version that answers some requests before it answers all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The version.
    pub to: VersionRef,
    /// How many of a hundred requests it answers, above 0 and at most 100.
    pub percent: f64,
}

/// A comparison of a version, the treatment, with the model's own one, the control, by what becomes of
/// the requests that each answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbTest {
    /// The treatment. The version that an alias names when the test begins stays it.
    pub treatment: VersionRef,
    /// How many of a hundred requests it answers, above 0 and below 100.
    #[serde(default = "half")]
    pub percent: f64,
    /// How often a test of two versions that do not differ may say that they do: above 0, at most 0.5.
    #[serde(default = "usual_alpha")]
    pub alpha: f64,
}

fn half() -> f64 {
    50.0
}

fn usual_alpha() -> f64 {
    0.05
}

impl TrafficPlan {
    /// Whether all requests go to the model's own version and nowhere else.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for TrafficPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canary = self.canary.as_ref().map(|c| format!("canary {} {} %", c.to, c.percent));
        let test = self.ab_test.as_ref();
        let test = test.map(|t| format!("A/B test of {} {} %", t.treatment, t.percent));
        let shadow = self.shadow.as_ref().map(|version| format!("shadow {version}"));
        let parts: Vec<String> = [canary, test, shadow].into_iter().flatten().collect();
        match parts.is_empty() {
            true => f.write_str("no plan"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

/// The plan of a model, with the A/B test that it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// What was asked for.
    pub plan: TrafficPlan,
    /// The test that goes on.
    pub test: Option<StartedTest>,
}

/// An A/B test that goes on. It is in force while the control is the model's own version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartedTest {
    /// The number of the line of the model's history by which it began.
    pub number: u64,
    /// The version that was the model's own.
    pub control: u32,
    /// The version that is tried.
    pub treatment: u32,
    /// How many of a hundred requests it answers.
    pub percent: f64,
    /// When it began.
    pub began: Timestamp,
}

words! {
    /// A side of an A/B test.
    Arm {
        /// The model's own version.
        Control = "control",
        /// The version that is tried.
        Treatment = "treatment",
    }
}

/// What became of a request that an A/B test divided.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionOutcome {
    /// The id of the request, up to [`MAX_REQUEST_ID_CHARS`] characters.
    pub id: String,
    /// The side that it went to.
    pub arm: Arm,
    /// What became of it, as a finite number: such as 1 where a customer stayed, else 0.
    pub value: f64,
}

/// What became of the requests of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmTotals {
    /// How many outcomes there are.
    pub count: u64,
    /// Their mean; 0 where there are none.
    pub mean: f64,
    /// Their squared distances from the mean, summed.
    pub squares: f64,
}

/// What became of the requests of both sides of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestTotals {
    /// Those that the model's own version answered.
    pub control: ArmTotals,
    /// Those that the version answered that is tried.
    pub treatment: ArmTotals,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_or_an_alias() {
        for (text, expected) in [
            ("3", Some(VersionRef::Number(3))),
            ("@challenger", Some(VersionRef::Alias("challenger".into()))),
            ("challenger", Some(VersionRef::Alias("challenger".into()))),
            ("@", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_plan_is_told_in_words_and_comes_back_from_json() {
        let text = r#"{"canary": {"to": "@challenger", "percent": 10}, "shadow": "4"}"#;
        let plan: TrafficPlan = serde_json::from_str(text).unwrap();
        assert_eq!(plan.to_string(), "canary @challenger 10 %, shadow 4");
        let again = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<TrafficPlan>(&again).unwrap(), plan);
        assert_eq!(TrafficPlan::default().to_string(), "no plan");
        assert!(serde_json::from_str::<TrafficPlan>(r#"{"canry": {}}"#).is_err());
    }
}
