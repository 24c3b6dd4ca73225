//! The `model` section of a pipeline file: one estimator, or a search for one.

use std::borrow::Cow;

use gristmill_core::EstimatorSpec;
use gristmill_evaluate::Folds;
use gristmill_evaluate::search::{Prune, Search, Tpe};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use super::auto::AutoSettings;

/// What the `model` section says.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelSection {
    /// This estimator.
    Estimator(EstimatorSpec),
    /// The best of several, with the settings that a search finds.
    Select(Box<SelectSettings>),
    /// Whatever suits the data.
    Auto(AutoSettings),
}

/// The names in the place of an estimator's that stand for a search.
pub(crate) const SELECT: &str = "select";
pub(crate) const AUTO: &str = "auto";

impl Serialize for ModelSection {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Estimator(spec) => spec.serialize(output),
            Self::Select(settings) => json!({ SELECT: settings }).serialize(output),
            Self::Auto(settings) => json!({ AUTO: settings }).serialize(output),
        }
    }
}

impl<'de> Deserialize<'de> for ModelSection {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut entries = Map::deserialize(input)?;
        let read = |value: Value| if value.is_null() { json!({}) } else { value };
        if let Some(select) = entries.remove(SELECT).filter(|_| entries.is_empty()) {
            let settings = serde_json::from_value(read(select)).map_err(de::Error::custom)?;
            return Ok(Self::Select(Box::new(settings)));
        }
        if let Some(auto) = entries.remove(AUTO).filter(|_| entries.is_empty()) {
            return serde_json::from_value(read(auto)).map(Self::Auto).map_err(de::Error::custom);
        }
        let spec = EstimatorSpec::deserialize(Value::Object(entries));
        spec.map(Self::Estimator).map_err(de::Error::custom)
    }
}

/// A pipeline file's schema puts the estimators of the catalog beside the two searches.
impl JsonSchema for ModelSection {
    fn schema_name() -> Cow<'static, str> {
        "ModelSection".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let select = generator.subschema_for::<SelectSettings>();
        let auto = generator.subschema_for::<AutoSettings>();
        schemars::json_schema!({
            "type": "object",
            "properties": { SELECT: select, AUTO: auto },
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

/// A search for the best model and, where `features` holds ranges too, for the transforms before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectSettings {
    /// The estimators to choose from. In place of any value a range may stand: `{uniform: [0.1, 1]}`,
    /// `{log_uniform: [0.001, 10]}`, `{int: [2, 9]}`, `{log_int: [10, 1000]}`, `{choice: [a, b]}`.
    #[schemars(length(min = 1))]
    pub candidates: Vec<EstimatorSpec>,
    /// In which order what is tried: `grid`, `{random: {trials: 50}}`, `{tpe: {trials: 50}}` or
    /// `{halving: {trials: 50}}`.
    #[serde(default = "tpe")]
    pub search: Search,
    /// By which metric; of several the first decides, and the report shows what each costs the others.
    /// Without one the first that the file requires, or else names under `evaluate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<OneOrMore>,
    /// On which folds of the training rows each candidate is scored.
    #[serde(default)]
    pub cross_validate: Folds,
    /// When a candidate is given up before its last fold; `median` unless all points are tried or rows
    /// are few at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prune: Option<Prune>,
    /// After so many minutes no further trial begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub minutes: Option<f64>,
    /// What the model may cost where it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

fn tpe() -> Search {
    Search::Tpe(Tpe::new(50))
}

impl SelectSettings {
    /// When a candidate is given up.
    pub(crate) fn prune(&self) -> Prune {
        self.prune.unwrap_or(match self.search {
            Search::Grid | Search::Halving(_) => Prune::Never,
            Search::Random(_) | Search::Tpe(_) => Prune::Median,
        })
    }
}

/// One name, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several, the first of which counts most.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::One(name) => vec![name],
            Self::More(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// What a model may cost where it answers: each candidate is saved, loaded by a process of its own
/// and asked there one row at a time, and one that takes more is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Milliseconds that 99 of 100 answers take no longer than, each for one row, once warm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub p99_ms: Option<f64>,
    /// Megabytes (10⁶ bytes) of the model package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub size_mb: Option<f64>,
    /// Megabytes (10⁶ bytes) of memory that a process takes that answers with this model alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub memory_mb: Option<f64>,
}
