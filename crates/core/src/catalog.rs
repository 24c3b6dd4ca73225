//! From the names in a pipeline file to the types behind them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Estimator, FittedTransform, Model, Result, Schema, State, Transform};

/// A fitted step that can be read back from its [`State`].
pub trait Load: Sized {
    /// The step that gave `state`, for rows that look like `input`.
    ///
    /// # Errors
    /// [`Error::Damaged`] when `state` contradicts itself or `input`. Never runs code that `state`
    /// brings, never panics on it, and allocates no more than `state` itself takes.
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self>;
}

/// A fitted step that holds others, and so needs the catalog to be read back.
pub trait LoadWith: Sized {
    /// As [`Load::load`]; the steps inside come out of `catalog`.
    ///
    /// # Errors
    /// As [`Load::load`].
    fn load_with(state: &State, input: &Arc<Schema>, catalog: &Catalog) -> Result<Self>;
}

/// Settings that hold other steps, which a pipeline file names.
pub trait Compose: Sized {
    /// The form that a pipeline file has, with [`crate::EstimatorSpec`] and [`crate::TransformSpec`] in it.
    type Settings: DeserializeOwned + JsonSchema;

    /// The settings with the steps that they name.
    ///
    /// # Errors
    /// As [`Catalog::build_estimator`].
    fn compose(settings: Self::Settings, catalog: &Catalog) -> Result<Self>;
}

type Describe = fn(&mut SchemaGenerator) -> schemars::Schema;
type Build<T> = fn(&Value, &Catalog) -> Result<Box<T>>;
type Read<T> = fn(&State, &Arc<Schema>, &Catalog) -> Result<Box<T>>;

/// What the catalog knows of a transform.
#[derive(Clone, Copy, Debug)]
pub struct TransformEntry {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub version: u32,
    /// The JSON Schema of its settings.
    pub describe: Describe,
    build: Build<dyn Transform>,
    load: Read<dyn FittedTransform>,
}

/// What the catalog knows of an estimator.
#[derive(Clone, Copy, Debug)]
pub struct EstimatorEntry {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub version: u32,
    /// The JSON Schema of its settings.
    pub describe: Describe,
    build: Build<dyn Estimator>,
    load: Read<dyn Model>,
}

/// All transforms and estimators that a pipeline file can name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    transforms: BTreeMap<&'static str, TransformEntry>,
    estimators: BTreeMap<&'static str, EstimatorEntry>,
}

impl Catalog {
    /// A catalog that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transform: its settings `S` and what it learns `F`.
    pub fn transform<S, F>(&mut self, name: &'static str, version: u32) -> &mut Self
    where
        S: Transform + DeserializeOwned + Serialize + JsonSchema + 'static,
        F: FittedTransform + Load + 'static,
    {
        let entry = TransformEntry {
            version,
            describe: |generator| generator.subschema_for::<S>(),
            build: |settings, _| Ok(Box::new(read_settings::<S>(settings)?)),
            load: |state, input, _| Ok(Box::new(F::load(state, input)?)),
        };
        self.transforms.insert(name, entry);
        self
    }

    /// Adds an estimator: its settings `S` and the model `M` that it learns.
    pub fn estimator<S, M>(&mut self, name: &'static str, version: u32) -> &mut Self
    where
        S: Estimator + DeserializeOwned + Serialize + JsonSchema + 'static,
        M: Model + Load + 'static,
    {
        let entry = EstimatorEntry {
            version,
            describe: |generator| generator.subschema_for::<S>(),
            build: |settings, _| Ok(Box::new(read_settings::<S>(settings)?)),
            load: |state, input, _| Ok(Box::new(M::load(state, input)?)),
        };
        self.estimators.insert(name, entry);
        self
    }

    /// Adds a transform whose settings hold other steps.
    pub fn composite_transform<S, F>(&mut self, name: &'static str, version: u32) -> &mut Self
    where
        S: Transform + Compose + 'static,
        F: FittedTransform + LoadWith + 'static,
    {
        let entry = TransformEntry {
            version,
            describe: |generator| generator.subschema_for::<S::Settings>(),
            build: |settings, catalog| {
                Ok(Box::new(S::compose(read_settings::<S::Settings>(settings)?, catalog)?))
            },
            load: |state, input, catalog| Ok(Box::new(F::load_with(state, input, catalog)?)),
        };
        self.transforms.insert(name, entry);
        self
    }

    /// Adds an estimator whose settings hold other steps.
    pub fn composite_estimator<S, M>(&mut self, name: &'static str, version: u32) -> &mut Self
    where
        S: Estimator + Compose + 'static,
        M: Model + LoadWith + 'static,
    {
        let entry = EstimatorEntry {
            version,
            describe: |generator| generator.subschema_for::<S::Settings>(),
            build: |settings, catalog| {
                Ok(Box::new(S::compose(read_settings::<S::Settings>(settings)?, catalog)?))
            },
            load: |state, input, catalog| Ok(Box::new(M::load_with(state, input, catalog)?)),
        };
        self.estimators.insert(name, entry);
        self
    }

    /// The transforms by name.
    pub fn transforms(&self) -> &BTreeMap<&'static str, TransformEntry> {
        &self.transforms
    }

    /// The estimators by name.
    pub fn estimators(&self) -> &BTreeMap<&'static str, EstimatorEntry> {
        &self.estimators
    }

    /// The transform called `name` with these settings.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Setting`] when the settings do not have its form.
    pub fn build_transform(&self, name: &str, settings: &Value) -> Result<Box<dyn Transform>> {
        (find("transform", name, &self.transforms)?.build)(settings, self)
    }

    /// The estimator called `name` with these settings.
    ///
    /// # Errors
    /// As [`Catalog::build_transform`].
    pub fn build_estimator(&self, name: &str, settings: &Value) -> Result<Box<dyn Estimator>> {
        (find("model", name, &self.estimators)?.build)(settings, self)
    }

    /// The fitted transform called `name` that gave `state`.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Damaged`].
    pub fn load_transform(
        &self,
        name: &str,
        state: &State,
        input: &Arc<Schema>,
    ) -> Result<Box<dyn FittedTransform>> {
        (find("transform", name, &self.transforms)?.load)(state, input, self)
    }

    /// The model called `name` that gave `state`.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Damaged`].
    pub fn load_model(
        &self,
        name: &str,
        state: &State,
        input: &Arc<Schema>,
    ) -> Result<Box<dyn Model>> {
        (find("model", name, &self.estimators)?.load)(state, input, self)
    }

    /// The version of the step called `name` with these settings, with those of the steps inside
    /// it: a text that changes whenever one of them would learn something else.
    pub fn version(&self, name: &str, settings: &Value) -> String {
        let transform = self.transforms.get(name).map(|entry| entry.version);
        let estimator = self.estimators.get(name).map(|entry| entry.version);
        let own = format!("{name}@{}", transform.or(estimator).unwrap_or_default());
        let mut versions = vec![own];
        self.versions_inside(settings, &mut versions);
        versions.join(" ")
    }

    fn versions_inside(&self, settings: &Value, versions: &mut Vec<String>) {
        match settings {
            Value::Array(items) => {
                items.iter().for_each(|item| self.versions_inside(item, versions));
            }
            Value::Object(entries) => {
                for (name, inner) in entries {
                    let known = self.transforms.contains_key(name.as_str())
                        || self.estimators.contains_key(name.as_str());
                    match known {
                        true => versions.push(self.version(name, inner)),
                        false => self.versions_inside(inner, versions),
                    }
                }
            }
            _ => {}
        }
    }
}

fn find<'a, E>(
    what: &'static str,
    name: &str,
    entries: &'a BTreeMap<&'static str, E>,
) -> Result<&'a E> {
    entries.get(name).ok_or_else(|| Error::UnknownName {
        what,
        name: name.into(),
        known: entries.keys().map(ToString::to_string).collect(),
    })
}

/// Settings out of JSON; a step without any (`null`) takes its defaults.
fn read_settings<S: DeserializeOwned>(settings: &Value) -> Result<S> {
    let empty = Value::Object(serde_json::Map::new());
    let settings = if settings.is_null() { &empty } else { settings };
    S::deserialize(settings).map_err(|e| Error::data(e.to_string()))
}
