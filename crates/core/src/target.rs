//! What a model learns to predict.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Column, Error, Field, Frame, MISSING_CODE, Model, PhysicalType, Result, Schema, SemanticType,
    Table,
};

/// What kind of answer a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of this many classes.
    Classification {
        /// How many classes there are; at least 2.
        classes: usize,
    },
    /// A number.
    Regression,
    /// Nothing is known beforehand: the answer is a cluster, or how far a row is from the others.
    Unsupervised,
}

impl Task {
    /// The error of an estimator called `kind` that needs known answers and has none.
    pub fn no_target(kind: &str) -> Error {
        Error::data_hint(
            format!("`{kind}` learns from known answers, and there is no target"),
            "name the column to predict: `data: {target: COLUMN}`",
        )
    }
}

/// The words that classes are called, in a fixed order: numbers by size, other words by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    names: Vec<String>,
    positive: Option<usize>,
}

impl Labels {
    /// Labels out of distinct words.
    ///
    /// Of two classes, `positive` is the one that precision, recall and curves speak of; without a
    /// word it is the second in order, as in scikit-learn.
    ///
    /// # Errors
    /// [`Error::Setting`] when `positive` is not among the words.
    pub fn new(mut names: Vec<String>, positive: Option<&str>) -> Result<Self> {
        let numbers: Option<Vec<f64>> = names.iter().map(|n| n.parse().ok()).collect();
        match numbers {
            Some(_) => names.sort_by(|a, b| {
                let number = |s: &String| s.parse::<f64>().unwrap_or(f64::NAN);
                number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
            }),
            None => names.sort(),
        }
        names.dedup();
        let positive = match positive {
            Some(word) => Some(names.iter().position(|n| n == word).ok_or_else(|| {
                Error::setting(
                    "positive",
                    format!("`{word}`"),
                    format!("one of the classes {}", names.join(", ")),
                )
            })?),
            None => (names.len() == 2).then_some(1),
        };
        Ok(Self { names, positive })
    }

    /// Labels that keep the order of these distinct words; none of them is positive.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a word stands twice.
    pub fn in_order(names: Vec<String>) -> Result<Self> {
        let distinct: HashSet<&String> = names.iter().collect();
        if distinct.len() < names.len() {
            return Err(Error::damaged("labels", "a word stands twice among them"));
        }
        Ok(Self { names, positive: None })
    }

    /// The words in the order of the classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no classes.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The class that binary metrics speak of, if there is one.
    pub fn positive(&self) -> Option<usize> {
        self.positive
    }
}

/// How the target is changed for the model and changed back for answers and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetTransform {
    /// The model sees the target as it is.
    #[default]
    None,
    /// The model sees natural logarithms; every value must be above 0.
    Log,
}

/// The known answers of some rows, as a model learns them.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// For each row the position of its class in `labels`.
    Classes {
        /// One class for each row.
        codes: Vec<u32>,
        /// What the classes are called.
        labels: Arc<Labels>,
    },
    /// For each row a number, already transformed.
    Numbers(Vec<f64>),
    /// Nothing is known of this many rows.
    Absent(usize),
}

impl Target {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Numbers(values) => values.len(),
            Self::Absent(rows) => *rows,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What kind of answer it asks for.
    pub fn task(&self) -> Task {
        match self {
            Self::Classes { labels, .. } => Task::Classification { classes: labels.len() },
            Self::Numbers(_) => Task::Regression,
            Self::Absent(_) => Task::Unsupervised,
        }
    }

    /// The answers at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Classes { codes, labels } => Self::Classes {
                codes: rows.iter().map(|&r| codes[r as usize]).collect(),
                labels: Arc::clone(labels),
            },
            Self::Numbers(values) => {
                Self::Numbers(rows.iter().map(|&r| values[r as usize]).collect())
            }
            Self::Absent(_) => Self::Absent(rows.len()),
        }
    }
}

/// Which column is the target and how its values become a [`Target`]; stored with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// The target's field as it was in training; nothing where models learn without a target.
    pub field: Option<Field>,
    /// The classes, or the clusters that were found; nothing for numbers.
    pub labels: Option<Arc<Labels>>,
    /// What the model sees of a number.
    #[serde(default)]
    pub transform: TargetTransform,
}

impl TargetSpec {
    /// The specification that the target column of `table` asks for: classes for words, booleans
    /// and whatever is typed categorical, a number otherwise.
    ///
    /// # Errors
    /// [`Error::Data`] when no column has the role of target, a value is missing, all are equal,
    /// a class has one row, or there are more classes than half of the rows; [`Error::Setting`] for a `positive` that
    /// is no class and for a `transform` of classes.
    pub fn learn(
        table: &Table,
        positive: Option<&str>,
        transform: TargetTransform,
    ) -> Result<Self> {
        let field = target_field(table.schema())?.clone();
        refuse_missing(table, &field)?;
        let spec = if is_class(&field) {
            if transform != TargetTransform::None {
                return Err(Error::setting("transform", "log", "a numeric target"));
            }
            let column = words_of(table, &field)?;
            let Column::Words(words) = &column else {
                return Err(Error::Bug("a class target is not made of words".into()));
            };
            let labels = Labels::new(words.dictionary.to_vec(), positive)?;
            if labels.len() > 2 && labels.len() * 2 > table.rows() {
                return Err(Error::data_hint(
                    format!(
                        "target `{}` has {} classes in {} rows",
                        field.name,
                        labels.len(),
                        table.rows()
                    ),
                    "if it is a number, type it so; if it names rows, choose another target",
                ));
            }
            Self { field: Some(field), labels: Some(Arc::new(labels)), transform }
        } else {
            if let Some(word) = positive {
                return Err(Error::setting(
                    "positive",
                    format!("`{word}`"),
                    "no `positive` for a numeric target, or `types: {TARGET: categorical}`"
                        .replace("TARGET", &field.name),
                ));
            }
            Self { field: Some(field), labels: None, transform }
        };
        let target = spec.apply(table)?;
        spec.refuse_constant(&target)?;
        Ok(spec)
    }

    /// The specification for models that learn without known answers.
    pub fn absent() -> Self {
        Self { field: None, labels: None, transform: TargetTransform::None }
    }

    /// The specification once `model` was learned, which may have found clusters.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the model names a cluster twice.
    pub fn answered_by(mut self, model: &dyn Model) -> Result<Self> {
        if let Some(clusters) = model.clusters() {
            self.labels = Some(Arc::new(Labels::in_order(clusters)?));
        }
        Ok(self)
    }

    /// What the target is called in messages.
    fn name(&self) -> &str {
        self.field.as_ref().map_or("", |field| &field.name)
    }

    fn refuse_constant(&self, target: &Target) -> Result<()> {
        let constant = match target {
            Target::Classes { codes, labels } => {
                self.refuse_lonely_class(codes, labels)?;
                labels.len() < 2
            }
            Target::Numbers(values) => values.windows(2).all(|w| w[0] == w[1]),
            Target::Absent(_) => false,
        };
        if constant {
            return Err(Error::data_hint(
                format!("target `{}` has the same value in every row", self.name()),
                "choose another target, or give rows in which it differs",
            ));
        }
        Ok(())
    }

    /// A class of one row can be trained on or tested on, not both.
    fn refuse_lonely_class(&self, codes: &[u32], labels: &Labels) -> Result<()> {
        let mut counts = vec![0usize; labels.len()];
        for &code in codes {
            counts[code as usize] += 1;
        }
        match counts.iter().position(|&n| n == 1).filter(|_| labels.len() >= 2) {
            None => Ok(()),
            Some(class) => Err(Error::data_hint(
                format!(
                    "target `{}` has the class `{}` in one row only",
                    self.name(),
                    labels.names()[class]
                ),
                "leave that row out with `sql`, or join the class with another",
            )),
        }
    }

    /// The known answers of the rows of `table`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::Data`] when a value is missing, is a class that training
    /// never saw, or has no logarithm.
    pub fn apply(&self, table: &Table) -> Result<Target> {
        let Some(field) = &self.field else { return Ok(Target::Absent(table.rows())) };
        let at = table.schema().position(&field.name)?;
        refuse_missing(table, &table.schema().fields()[at])?;
        let wanted = Schema::new(vec![field.clone()])?;
        let column = table.select(&[at]).conform(&wanted)?;
        match &self.labels {
            Some(labels) => {
                let Column::Words(words) = words_of(&column, field)? else {
                    return Err(Error::Bug("a class target is not made of words".into()));
                };
                let known = words.translate(|w| labels.names().iter().position(|n| n == w));
                let codes = words
                    .codes
                    .iter()
                    .map(|&c| {
                        if c == MISSING_CODE {
                            Ok(0)
                        } else {
                            self.class(known[c as usize], &words.dictionary[c as usize])
                        }
                    })
                    .collect::<Result<_>>()?;
                Ok(Target::Classes { codes, labels: Arc::clone(labels) })
            }
            None => {
                let frame = Frame::from_table(&column)?;
                let values = frame.numbers(0)?;
                let seen = match self.transform {
                    TargetTransform::None => values.to_vec(),
                    TargetTransform::Log => {
                        if let Some(row) = values.iter().position(|&v| v <= 0.0) {
                            return Err(Error::data_hint(
                                format!(
                                    "target `{}` is {} in row {}, which has no logarithm",
                                    field.name,
                                    values[row],
                                    row + 1
                                ),
                                "leave out `transform: log`, or the rows with `sql`",
                            ));
                        }
                        values.iter().map(|v| v.ln()).collect()
                    }
                };
                Ok(Target::Numbers(seen))
            }
        }
    }

    fn class(&self, found: Option<usize>, word: &str) -> Result<u32> {
        found.map(|c| c as u32).ok_or_else(|| {
            Error::data(format!(
                "target `{}` has the class `{word}`, which training never saw",
                self.name()
            ))
        })
    }

    /// An answer of the model on the scale of the data.
    pub fn restore(&self, value: f64) -> f64 {
        match self.transform {
            TargetTransform::None => value,
            TargetTransform::Log => value.exp(),
        }
    }

    /// What kind of answer the target asks for.
    pub fn task(&self) -> Task {
        match (&self.field, &self.labels) {
            (None, _) => Task::Unsupervised,
            (Some(_), Some(labels)) => Task::Classification { classes: labels.len() },
            (Some(_), None) => Task::Regression,
        }
    }
}

fn target_field(schema: &Schema) -> Result<&Field> {
    schema.with_role(crate::Role::Target).ok_or_else(|| {
        Error::data_hint("no column is the target", "name it with `target:` or `with_target`")
    })
}

fn is_class(field: &Field) -> bool {
    field.physical == PhysicalType::Utf8
        || !matches!(field.semantic, SemanticType::Numeric | SemanticType::Datetime)
}

/// The target column read as words, whatever it is stored as.
fn words_of(table: &Table, field: &Field) -> Result<Column> {
    let at = table.schema().position(&field.name)?;
    let words = table.select(&[at]).with_meaning(&field.name, SemanticType::Categorical)?;
    let columns = Frame::from_table(&words)?.into_columns();
    columns.into_iter().next().ok_or_else(|| Error::Bug("a frame lost its only column".into()))
}

fn refuse_missing(table: &Table, field: &Field) -> Result<()> {
    let column = table.column_named(&field.name)?;
    match (0..column.len()).find(|&i| column.is_null(i)) {
        None => Ok(()),
        Some(row) => Err(Error::data_hint(
            format!(
                "target `{}` is missing in {} rows, first in row {}",
                field.name,
                column.null_count(),
                row + 1
            ),
            "leave those rows out with `sql`",
        )),
    }
}
