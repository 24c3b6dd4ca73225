//! Steps as a pipeline file names them: one name with its settings.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::{Catalog, Estimator, Result, Transform};

macro_rules! step_spec {
    ($(#[$doc:meta])* $spec:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $spec {
            /// The name in the catalog.
            pub name: String,
            /// Its settings, in the form that its type has.
            pub settings: Value,
        }

        impl Serialize for $spec {
            fn serialize<S: Serializer>(&self, output: S) -> std::result::Result<S::Ok, S::Error> {
                BTreeMap::from([(&self.name, &self.settings)]).serialize(output)
            }
        }

        impl<'de> Deserialize<'de> for $spec {
            fn deserialize<D: Deserializer<'de>>(input: D) -> std::result::Result<Self, D::Error> {
                let (name, settings) = one_entry(Map::deserialize(input)?)?;
                Ok(Self { name, settings })
            }
        }

        /// The form of a step of any name; a pipeline file's schema puts the catalog's in its place.
        impl JsonSchema for $spec {
            fn schema_name() -> Cow<'static, str> {
                stringify!($spec).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
                json_schema!({"type": "object", "minProperties": 1, "maxProperties": 1})
            }
        }
    };
}

step_spec! {
    /// An estimator by its name in the catalog: `{random_forest: {trees: 10}}`.
    EstimatorSpec
}

step_spec! {
    /// A transform by its name in the catalog: `{standardize: {columns: numeric}}`.
    TransformSpec
}

impl EstimatorSpec {
    /// The estimator that it names.
    ///
    /// # Errors
    /// As [`Catalog::build_estimator`].
    pub fn build(&self, catalog: &Catalog) -> Result<Box<dyn Estimator>> {
        catalog.build_estimator(&self.name, &self.settings)
    }
}

impl TransformSpec {
    /// The transform that it names.
    ///
    /// # Errors
    /// As [`Catalog::build_transform`].
    pub fn build(&self, catalog: &Catalog) -> Result<Box<dyn Transform>> {
        catalog.build_transform(&self.name, &self.settings)
    }
}

fn one_entry<E: de::Error>(entries: Map<String, Value>) -> std::result::Result<(String, Value), E> {
    let mut entries = entries.into_iter();
    match (entries.next(), entries.next()) {
        (Some(entry), None) => Ok(entry),
        _ => Err(de::Error::custom("a step is one name with its settings")),
    }
}
