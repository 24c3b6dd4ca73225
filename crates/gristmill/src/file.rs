//! The sections of a pipeline file as types, and the JSON Schema that describes them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use gristmill_core::{Catalog, SemanticType, TargetTransform, TransformSpec};
use gristmill_evaluate::{Folds, Metric, Split};
use gristmill_flow::{ScheduleSpecs, TaskSpec};
use gristmill_ingest::{Expectation, SourceSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::evaluation::{ExplainSettings, LearningCurveSettings};
use crate::monitor::MonitorSection;
use crate::select::settings::{AUTO, ModelSection, SELECT};
use crate::trigger::TriggerSpec;

/// A pipeline file: everything that is done to data on its way to a registered model.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineFile {
    /// What the pipeline is called; letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The root of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// Where the rows come from and what they are.
    pub data: Option<DataSection>,
    /// Transforms in order; each takes its columns, the rest passes through.
    #[serde(default)]
    pub features: Vec<TransformSpec>,
    /// The estimator, or a search for one.
    pub model: Option<ModelSection>,
    /// How the model is scored.
    #[serde(default)]
    pub evaluate: EvaluateSection,
    /// What the model is registered as.
    pub register: Option<RegisterSection>,
    /// How the model is watched once it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<MonitorSection>,
    /// Any other work, as commands that run as tasks beside the stages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, TaskSpec>,
    /// How many places each pool of tasks has; one that is not named here has one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, NonZeroU32>,
    /// When the pipeline runs by itself, once it is deployed: one schedule or a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpecs>,
    /// What else makes it run by itself, once it is deployed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TriggerSpec>,
}

/// Where the rows come from and what they are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// A file, relative to the pipeline file, a glob, or a block with reading options.
    #[serde(default)]
    #[schemars(with = "SourceSpec")]
    pub source: Option<SourceSpec>,
    /// In place of `source`, several of them by the names that `sql` calls them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, SourceSpec>,
    /// A query over the sources; a single one is called `source`. Beside SQL as DataFusion speaks
    /// it there is `asof_join(left, right, time, keys...)`.
    pub sql: Option<String>,
    /// Rows that are added to those of the sources once `sql` has shaped these: their columns by the same
    /// names; what they lack is missing. Such as requests that were answered and labelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SourceSpec>")]
    pub append: Option<SourceSpec>,
    /// Of all rows only so many of the latest, by the column of a split by time, else as they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<u64>,
    /// The column to predict.
    pub target: Option<TargetSection>,
    /// The class that precision, recall and curves speak of.
    #[serde(default, deserialize_with = "scalar_word")]
    #[schemars(with = "Option<Scalar>")]
    pub positive: Option<String>,
    /// Meanings of columns where inference is wrong.
    #[serde(default)]
    pub types: BTreeMap<String, SemanticType>,
    /// The column that says how much each row counts in training.
    pub weight: Option<String>,
    /// Columns to leave out.
    #[serde(default)]
    pub drop: Vec<String>,
    /// The data contract; a breach stops the run and names rows.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// Which rows train and which test.
    pub split: Option<Split>,
    /// Tasks that must be done before the source is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

impl DataSection {
    /// Every source with the name that `sql` calls it by and where the section says it.
    pub fn named_sources(&self) -> impl Iterator<Item = (&str, &SourceSpec, String)> {
        let alone = self.source.iter().map(|spec| ("source", spec, "data.source".to_string()));
        let several = self.sources.iter();
        alone.chain(
            several.map(|(name, spec)| (name.as_str(), spec, format!("data.sources.{name}"))),
        )
    }
}

/// A word that may look like a number or a truth value.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Scalar {
    Word(String),
    Truth(bool),
    Integer(i64),
    Number(f64),
}

fn scalar_word<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(input)?.map(|scalar| match scalar {
        Scalar::Word(word) => word,
        Scalar::Truth(truth) => truth.to_string(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Number(number) => number.to_string(),
    }))
}

/// The column to predict, and what the model sees of it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum TargetSection {
    /// The column as it is.
    Column(String),
    /// The column, transformed for the model; answers and metrics stay on the real scale.
    Transformed(TransformedTarget),
}

/// A target that the model sees transformed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformedTarget {
    /// The column to predict.
    pub column: String,
    /// What the model sees of it.
    #[serde(default)]
    pub transform: TargetTransform,
}

impl TargetSection {
    /// The column to predict.
    pub fn column(&self) -> &str {
        match self {
            Self::Column(column) => column,
            Self::Transformed(target) => &target.column,
        }
    }

    /// What the model sees of it.
    pub fn transform(&self) -> TargetTransform {
        match self {
            Self::Column(_) => TargetTransform::None,
            Self::Transformed(target) => target.transform,
        }
    }
}

/// How the model is scored.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateSection {
    /// Names of metrics; without any, the usual ones of the task.
    pub metrics: Vec<String>,
    /// Refits the whole pipeline in each fold.
    pub cross_validate: Option<Folds>,
    /// Columns by whose values the first metric is told apart in the report.
    pub slices: Vec<String>,
    /// How closely the report looks at what the model goes by.
    pub explain: ExplainSettings,
    /// With `cross_validate`: from how much of the training rows the pipeline also learns, for the
    /// learning curve of the report.
    pub learning_curve: LearningCurveSettings,
    /// What each metric must reach on the test rows; a model that misses one is not registered.
    pub require: BTreeMap<String, f64>,
}

/// What the model is registered as.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterSection {
    /// The model's name in the registry.
    pub model: String,
    /// Which alias the new version may take.
    pub promote: Option<PromoteSection>,
}

/// Which alias a new version may take, and when.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteSection {
    /// The alias.
    pub alias: String,
    /// When it moves.
    #[serde(default)]
    pub when: PromoteWhen,
    /// The metric by which `better` is meant; without it the first that is required, else the
    /// first in `evaluate`.
    pub metric: Option<String>,
    /// How sure `better` must be: with 0.95 the whole 95 % interval of the difference on the same
    /// rows must be better. Without it a better score is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// When an alias moves to a new version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromoteWhen {
    /// When it scores better than the present holder on the same test rows, or there is none.
    #[default]
    Better,
    /// With every new version.
    Always,
}

/// The JSON Schema of a pipeline file whose steps are those of `catalog`.
pub fn schema(catalog: &Catalog) -> Value {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let transforms: Map<String, Value> = catalog
        .transforms()
        .iter()
        .map(|(name, entry)| ((*name).into(), (entry.describe)(&mut generator).to_value()))
        .collect();
    let estimators: Map<String, Value> = catalog
        .estimators()
        .iter()
        .map(|(name, entry)| ((*name).into(), (entry.describe)(&mut generator).to_value()))
        .collect();
    let root = generator.into_root_schema_for::<PipelineFile>();
    let mut schema = root.to_value();
    let searches = &schema["$defs"]["ModelSection"]["properties"];
    let searches = [SELECT, AUTO].map(|name| (name.to_string(), searches[name].clone()));
    let models = estimators.clone().into_iter().chain(searches).collect();
    schema["$defs"]["ModelSection"] = one_of_named(models);
    // Steps inside others, such as the models of a vote, have these forms too.
    schema["$defs"]["TransformSpec"] = one_of_named(transforms);
    schema["$defs"]["EstimatorSpec"] = one_of_named(estimators);
    let metrics: Vec<&str> = Metric::all().map(|m| m.name()).collect();
    let evaluate = &mut schema["$defs"]["EvaluateSection"]["properties"];
    evaluate["metrics"]["items"] = json!({ "enum": metrics });
    let scores: Map<String, Value> =
        metrics.iter().map(|name| ((*name).into(), json!({"type": "number"}))).collect();
    evaluate["require"]["properties"] = Value::Object(scores);
    evaluate["require"]["additionalProperties"] = Value::Bool(false);
    add_before_resolving(&mut schema);
    schema
}

/// Keys that are taken out of the file before it is held against the schema, for editors.
fn add_before_resolving(schema: &mut Value) {
    schema["properties"]["params"] = json!({
        "description": "Values by name; `${name}` anywhere in the file stands for one",
        "type": "object",
    });
    schema["properties"]["include"] = json!({
        "description": "Another file, or several, whose sections this file shares",
        "type": ["string", "array"],
        "items": {"type": "string"},
    });
}

/// An object with exactly one key, which names its value's form. A step without settings may be
/// written with nothing behind its name.
fn one_of_named(forms: Map<String, Value>) -> Value {
    let forms: Map<String, Value> = forms
        .into_iter()
        .map(|(name, form)| (name, json!({"anyOf": [form, {"type": "null"}]})))
        .collect();
    json!({
        "type": "object",
        "properties": forms,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    })
}
