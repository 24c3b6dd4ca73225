//! What a table holds, before any row of it is read: names, types, meanings and roles.

use std::collections::HashMap;
use std::fmt;

use arrow::datatypes::{DataType, TimeUnit};
use foldhash::fast::RandomState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the values of a column mean, whatever their physical type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SemanticType {
    /// A quantity; differences and means make sense.
    Numeric,
    /// One of a limited set of words or codes.
    Categorical,
    /// Yes or no.
    Boolean,
    /// A moment or a day.
    Datetime,
    /// Words to be read.
    Text,
    /// An encoded picture.
    Image,
    /// Names a row; never a feature.
    Id,
}

impl SemanticType {
    /// The word for it, as a pipeline file spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
            Self::Text => "text",
            Self::Image => "image",
            Self::Id => "id",
        }
    }
}

impl fmt::Display for SemanticType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How the values of a column are stored. Few on purpose: every source is widened to one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhysicalType {
    /// True or false.
    Boolean,
    /// 64-bit signed integers.
    Int64,
    /// 64-bit floating point numbers.
    Float64,
    /// UTF-8 strings.
    Utf8,
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Bytes.
    Binary,
}

impl PhysicalType {
    /// The Arrow type that holds it.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Binary => DataType::Binary,
        }
    }

    /// The meaning that a column of this type has unless someone knows better.
    pub const fn usual_meaning(self) -> SemanticType {
        match self {
            Self::Boolean => SemanticType::Boolean,
            Self::Int64 | Self::Float64 => SemanticType::Numeric,
            Self::Utf8 => SemanticType::Categorical,
            Self::Date | Self::Timestamp => SemanticType::Datetime,
            Self::Binary => SemanticType::Image,
        }
    }

    /// Whether values stored like this can be read as `meaning`.
    pub const fn can_mean(self, meaning: SemanticType) -> bool {
        use SemanticType as S;
        match meaning {
            S::Id | S::Categorical => !matches!(self, Self::Binary),
            S::Numeric => matches!(self, Self::Int64 | Self::Float64 | Self::Boolean),
            S::Boolean => matches!(self, Self::Boolean | Self::Int64),
            S::Datetime => matches!(self, Self::Date | Self::Timestamp),
            S::Text => matches!(self, Self::Utf8),
            S::Image => matches!(self, Self::Binary),
        }
    }
}

impl fmt::Display for PhysicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Utf8 => "utf8",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Binary => "binary",
        })
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An input of the model.
    #[default]
    Feature,
    /// What the model predicts.
    Target,
    /// Rows of one group stay together in a split.
    Group,
    /// Orders the rows.
    Time,
    /// Names the part of a split that the row belongs to.
    Part,
    /// Says how much a row counts.
    Weight,
}

/// One column: its name, how it is stored, what it means and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Unique in its schema and never empty.
    pub name: String,
    /// How its values are stored.
    pub physical: PhysicalType,
    /// What its values mean.
    pub semantic: SemanticType,
    /// What it is for.
    #[serde(default)]
    pub role: Role,
    /// Whether values may be missing.
    pub nullable: bool,
    /// Stands for columns whose number and names are known only after fitting, such as those of
    /// a one-hot encoding. Only [`crate::Transform::check`] makes such fields.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expands: bool,
}

impl Field {
    /// A feature with the usual meaning of its physical type, without missing values.
    pub fn new(name: impl Into<String>, physical: PhysicalType) -> Self {
        Self {
            name: name.into(),
            physical,
            semantic: physical.usual_meaning(),
            role: Role::Feature,
            nullable: false,
            expands: false,
        }
    }

    /// A numeric feature of 64-bit floats: what most transforms make.
    pub fn number(name: impl Into<String>) -> Self {
        Self::new(name, PhysicalType::Float64)
    }

    /// The same field with another meaning.
    #[must_use]
    pub fn meaning(mut self, semantic: SemanticType) -> Self {
        self.semantic = semantic;
        self
    }

    /// The same field with another role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The same field, with missing values allowed or not.
    #[must_use]
    pub fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// The same field, standing for columns that only fitting can name.
    #[must_use]
    pub fn expanding(mut self) -> Self {
        self.expands = true;
        self
    }

    /// Whether a selector or a model may take it: a feature, and not an id.
    pub fn is_feature(&self) -> bool {
        self.role == Role::Feature && self.semantic != SemanticType::Id
    }
}

/// The columns of a table or a frame, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Field>", into = "Vec<Field>")]
pub struct Schema {
    fields: Vec<Field>,
    positions: HashMap<String, usize, RandomState>,
}

impl From<Schema> for Vec<Field> {
    fn from(schema: Schema) -> Self {
        schema.fields
    }
}

impl TryFrom<Vec<Field>> for Schema {
    type Error = Error;
    fn try_from(fields: Vec<Field>) -> Result<Self> {
        Self::new(fields)
    }
}

impl Schema {
    /// A schema of these fields.
    ///
    /// # Errors
    /// [`Error::DuplicateColumn`] when two share a name; [`Error::Data`] when a name is empty.
    pub fn new(fields: Vec<Field>) -> Result<Self> {
        let mut positions = HashMap::with_capacity_and_hasher(fields.len(), RandomState::default());
        for (at, field) in fields.iter().enumerate() {
            if field.name.is_empty() {
                return Err(Error::data_hint(
                    format!("column {} has no name", at + 1),
                    "give every column a name in the header",
                ));
            }
            if positions.insert(field.name.clone(), at).is_some() {
                return Err(Error::DuplicateColumn { name: field.name.clone() });
            }
        }
        Ok(Self { fields, positions })
    }

    /// The fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The names in order.
    pub fn names(&self) -> Vec<String> {
        self.fields.iter().map(|f| f.name.clone()).collect()
    }

    /// Where the column called `name` stands, if there is one.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Where the column called `name` stands.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn position(&self, name: &str) -> Result<usize> {
        self.find(name)
            .ok_or_else(|| Error::MissingColumn { name: name.into(), known: self.names() })
    }

    /// The field called `name`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn field(&self, name: &str) -> Result<&Field> {
        Ok(&self.fields[self.position(name)?])
    }

    /// The only column with this role, if there is one.
    pub fn with_role(&self, role: Role) -> Option<&Field> {
        self.fields.iter().find(|f| f.role == role)
    }

    /// The columns that a model may see, in order.
    pub fn features(&self) -> Self {
        self.filter(Field::is_feature)
    }

    /// The columns for which `keep` holds, in order.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Field) -> bool) -> Self {
        Self::trusted(self.fields.iter().filter(|f| keep(f)).cloned().collect())
    }

    /// The columns at `positions`, in that order; positions beyond the end are a bug of the caller.
    #[must_use]
    pub fn select(&self, positions: &[usize]) -> Self {
        Self::trusted(positions.iter().map(|&i| self.fields[i].clone()).collect())
    }

    /// The same columns, each put through `change`.
    ///
    /// # Errors
    /// As [`Schema::new`], when a changed name is taken.
    pub fn map(&self, change: impl FnMut(&Field) -> Field) -> Result<Self> {
        Self::new(self.fields.iter().map(change).collect())
    }

    /// Fields that are known to be distinct.
    fn trusted(fields: Vec<Field>) -> Self {
        let positions = fields.iter().enumerate().map(|(i, f)| (f.name.clone(), i)).collect();
        Self { fields, positions }
    }
}
