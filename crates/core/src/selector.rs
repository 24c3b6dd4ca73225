//! Which columns a step takes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema as JsonSchemaValue, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, Field, Result, Schema, SemanticType};

/// Which columns a step takes: `numeric`, `categorical`, `boolean`, `datetime`, `text`, `image`,
/// `all`, a name, a glob such as `price_*`, a list of these, or `{except: [...]}`.
///
/// The target, the columns of split, group and time, and ids are never selected by type, by
/// `all`, by a glob or by `except`; a transform that needs one names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every feature.
    All,
    /// Every feature with this meaning.
    Type(SemanticType),
    /// The column with this name.
    Name(String),
    /// Every feature whose name matches, `*` for any characters and `?` for one.
    Glob(String),
    /// What any of these select, in the order of the table.
    List(Vec<Selector>),
    /// Every feature that none of these selects.
    Except(Vec<Selector>),
}

impl Selector {
    /// Columns by name, as Rust code writes it.
    pub fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self::List(names.into_iter().map(|n| Self::Name(n.into())).collect())
    }

    /// The selector that a word in a pipeline file stands for.
    pub fn word(word: &str) -> Self {
        match word {
            "all" => Self::All,
            "numeric" => Self::Type(SemanticType::Numeric),
            "categorical" => Self::Type(SemanticType::Categorical),
            "boolean" => Self::Type(SemanticType::Boolean),
            "datetime" => Self::Type(SemanticType::Datetime),
            "text" => Self::Type(SemanticType::Text),
            "image" => Self::Type(SemanticType::Image),
            glob if glob.contains(['*', '?']) => Self::Glob(glob.into()),
            name => Self::Name(name.into()),
        }
    }

    /// The positions it selects, in the order of `schema`; possibly none for types, `all`, globs
    /// and `except`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] when a column that is named does not exist.
    pub fn positions(&self, schema: &Schema) -> Result<Vec<usize>> {
        self.require_names(schema)?;
        Ok((0..schema.len()).filter(|&i| self.takes(&schema.fields()[i])).collect())
    }

    /// As [`Selector::positions`], but selecting nothing is refused.
    ///
    /// # Errors
    /// [`Error::MissingColumn`], and [`Error::NothingSelected`].
    pub fn some_positions(&self, schema: &Schema) -> Result<Vec<usize>> {
        let positions = self.positions(schema)?;
        if positions.is_empty() {
            return Err(Error::NothingSelected {
                selector: format!("`{self}`"),
                known: schema.names(),
            });
        }
        Ok(positions)
    }

    fn require_names(&self, schema: &Schema) -> Result<()> {
        match self {
            // A column that only fitting makes may be named before it exists.
            Self::Name(_) if schema.fields().iter().any(|f| f.expands) => Ok(()),
            Self::Name(name) => schema.position(name).map(drop),
            Self::List(parts) | Self::Except(parts) => {
                parts.iter().try_for_each(|p| p.require_names(schema))
            }
            Self::All | Self::Type(_) | Self::Glob(_) => Ok(()),
        }
    }

    fn takes(&self, field: &Field) -> bool {
        match self {
            Self::Name(name) => *name == field.name,
            Self::List(parts) => parts.iter().any(|p| p.takes(field)),
            _ if !field.is_feature() => false,
            Self::All => true,
            Self::Type(semantic) => field.semantic == *semantic,
            Self::Glob(glob) => glob_matches(glob.as_bytes(), field.name.as_bytes()),
            Self::Except(parts) => !parts.iter().any(|p| p.takes(field)),
        }
    }
}

/// Whether `*` (any characters) and `?` (one) in `glob` can be filled to give `name`.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if g < glob.len() && (glob[g] == b'?' || (glob[g] == name[n] && glob[g] != b'*')) {
            (g, n) = (g + 1, n + 1);
        } else if g < glob.len() && glob[g] == b'*' {
            star = Some((g, n));
            g += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (g, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|&b| b == b'*')
}

impl From<&str> for Selector {
    fn from(word: &str) -> Self {
        Self::word(word)
    }
}

impl<const N: usize> From<[&str; N]> for Selector {
    fn from(words: [&str; N]) -> Self {
        Self::List(words.into_iter().map(Self::word).collect())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join =
            |parts: &[Self]| parts.iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::All => f.write_str("all"),
            Self::Type(semantic) => write!(f, "{semantic}"),
            Self::Name(name) | Self::Glob(name) => f.write_str(name),
            Self::List(parts) => write!(f, "[{}]", join(parts)),
            Self::Except(parts) => write!(f, "{{except: [{}]}}", join(parts)),
        }
    }
}

/// How a pipeline file spells a selector.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a selector: a word, a column name, a list of them or {except: [...]}"
)]
enum Spelled {
    Word(String),
    List(Vec<String>),
    Except(Except),
}

/// Every feature but these.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Except {
    /// The columns to leave out.
    except: Vec<String>,
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let words = |list: Vec<String>| list.iter().map(|w| Self::word(w)).collect();
        match Spelled::deserialize(input).map_err(de::Error::custom)? {
            Spelled::Word(word) => Ok(Self::word(&word)),
            Spelled::List(list) => Ok(Self::List(words(list))),
            Spelled::Except(Except { except }) => Ok(Self::Except(words(except))),
        }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let words = |parts: &[Self]| parts.iter().map(Self::to_string).collect();
        match self {
            Self::List(parts) => Spelled::List(words(parts)),
            Self::Except(parts) => Spelled::Except(Except { except: words(parts) }),
            other => Spelled::Word(other.to_string()),
        }
        .serialize(output)
    }
}

impl JsonSchema for Selector {
    fn schema_name() -> Cow<'static, str> {
        "Selector".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> JsonSchemaValue {
        let inner = Spelled::json_schema(generator);
        let mut schema = json_schema!({
            "description": "Which columns: numeric, categorical, boolean, datetime, text, image, all, a name, a glob, a list, or {except: [...]}"
        });
        for (key, value) in inner.as_object().into_iter().flatten() {
            if key != "description" {
                schema.insert(key.clone(), value.clone());
            }
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PhysicalType, Role};

    fn schema() -> Schema {
        Schema::new(vec![
            Field::number("age"),
            Field::new("plan", PhysicalType::Utf8),
            Field::number("price_net"),
            Field::number("price_gross"),
            Field::new("unit", PhysicalType::Int64).meaning(SemanticType::Id),
            Field::number("churn").role(Role::Target),
        ])
        .unwrap()
    }

    #[track_caller]
    fn check(yaml_as_json: &str, expected: &[&str]) {
        let selector: Selector = serde_json::from_str(yaml_as_json).unwrap();
        let schema = schema();
        let names: Vec<_> = selector
            .positions(&schema)
            .unwrap()
            .iter()
            .map(|&i| schema.fields()[i].name.clone())
            .collect();
        assert_eq!(names, expected);
        let again: Selector =
            serde_json::from_str(&serde_json::to_string(&selector).unwrap()).unwrap();
        assert_eq!(again, selector);
    }

    #[test]
    fn a_type_never_takes_targets_or_ids() {
        check(r#""numeric""#, &["age", "price_net", "price_gross"]);
    }

    #[test]
    fn all_takes_every_feature() {
        check(r#""all""#, &["age", "plan", "price_net", "price_gross"]);
    }

    #[test]
    fn globs_and_lists_keep_the_order_of_the_table() {
        check(r#"["price_*", "age"]"#, &["age", "price_net", "price_gross"]);
        check(r#""*_?et""#, &["price_net"]);
    }

    #[test]
    fn except_takes_the_other_features() {
        check(r#"{"except": ["price_*", "plan"]}"#, &["age"]);
    }

    #[test]
    fn a_name_reaches_any_column() {
        check(r#""unit""#, &["unit"]);
    }

    #[test]
    fn a_missing_name_is_refused_with_the_nearest() {
        let error = Selector::word("pric_net").positions(&schema()).unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `price_net`?"));
    }
}
