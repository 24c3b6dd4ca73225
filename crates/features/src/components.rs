//! How many components a reduction keeps, as a pipeline file spells it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema as JsonSchemaValue, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How many principal components to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Components {
    /// As many as there are columns, or rows if those are fewer; written `all`.
    #[default]
    All,
    /// This many; written as a whole number.
    Count(usize),
    /// The fewest that keep more than this share of the variance; written as a number below 1.
    Share(f64),
}

/// How a pipeline file spells [`Components`].
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a count such as 5, a share such as 0.95, or `all`")]
enum Spelled {
    Count(usize),
    Share(f64),
    Word(All),
}

/// The word for as many components as there are.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum All {
    All,
}

impl<'de> Deserialize<'de> for Components {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(match Spelled::deserialize(input).map_err(de::Error::custom)? {
            Spelled::Count(count) => Self::Count(count),
            Spelled::Share(share) => Self::Share(share),
            Spelled::Word(All::All) => Self::All,
        })
    }
}

impl Serialize for Components {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::All => Spelled::Word(All::All),
            Self::Count(count) => Spelled::Count(count),
            Self::Share(share) => Spelled::Share(share),
        }
        .serialize(output)
    }
}

impl JsonSchema for Components {
    fn schema_name() -> Cow<'static, str> {
        "Components".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> JsonSchemaValue {
        let inner = Spelled::json_schema(generator);
        let mut schema = json_schema!({
            "description": "How many components: a count, a share of the variance, or all"
        });
        for (key, value) in inner.as_object().into_iter().flatten() {
            if key != "description" {
                schema.insert(key.clone(), value.clone());
            }
        }
        schema
    }
}
