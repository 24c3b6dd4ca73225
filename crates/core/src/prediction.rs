//! Answers, as models give them and as people read them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};

use crate::{DenseMatrix, Field, Labels, PhysicalType, Result, Schema, Table, TargetSpec};

/// The answers of a model, before classes get their words and numbers their scale.
#[derive(Clone, Debug, PartialEq)]
pub enum Scores {
    /// A probability for each row and class, `[rows, classes]`; each row sums to 1.
    Probabilities(DenseMatrix),
    /// A number for each row.
    Values(Vec<f64>),
}

impl Scores {
    /// How many rows were answered.
    pub fn rows(&self) -> usize {
        match self {
            Self::Probabilities(p) => p.rows(),
            Self::Values(v) => v.len(),
        }
    }

    /// The answers at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Values(v) => Self::Values(rows.iter().map(|&r| v[r as usize]).collect()),
            Self::Probabilities(p) => {
                let mut taken = DenseMatrix::zeros(rows.len(), p.columns());
                for class in 0..p.columns() {
                    let from = p.column(class);
                    let to = taken.column_mut(class).iter_mut();
                    to.zip(rows).for_each(|(to, &row)| *to = from[row as usize]);
                }
                Self::Probabilities(taken)
            }
        }
    }
}

/// What each column adds to the answers of a model, on the scale of its raw score: the log-odds of
/// a boosted classifier, the probability of a forest, the number of a regression. For each row and
/// class, `base` + Σ over the columns = raw score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// The answer without knowing any column: one for each class, or a single one for numbers and
    /// for the positive one of two classes.
    pub base: Vec<f64>,
    /// `[rows, columns]` for each of `base`.
    pub values: Vec<DenseMatrix>,
}

/// What holds the truth as often as was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum ConformalAnswers {
    /// An interval for each row.
    Intervals {
        /// Where it begins.
        lower: Vec<f64>,
        /// Where it ends.
        upper: Vec<f64>,
    },
    /// For each row the positions of some classes, rising.
    Sets(Vec<Vec<u32>>),
}

impl ConformalAnswers {
    /// The same on the scale of the data, as columns: `lower` and `upper`, or `set` with the words
    /// of the classes joined by `|`.
    ///
    /// # Errors
    /// [`crate::Error::Bug`] when the columns do not fit each other.
    pub fn to_table(&self, target: &TargetSpec) -> Result<Table> {
        match self {
            Self::Intervals { lower, upper } => {
                let restored = |ends: &[f64]| -> ArrayRef {
                    Arc::new(
                        ends.iter().map(|&v| Some(target.restore(v))).collect::<Float64Array>(),
                    )
                };
                let fields = vec![Field::number("lower"), Field::number("upper")];
                Table::new(Schema::new(fields)?, vec![restored(lower), restored(upper)])
            }
            Self::Sets(sets) => {
                let names = target.labels.as_ref().map_or(&[][..], |labels| labels.names());
                let words = |set: &Vec<u32>| {
                    let words = set.iter().filter_map(|&c| names.get(c as usize));
                    Some(words.map(String::as_str).collect::<Vec<_>>().join("|"))
                };
                let sets: ArrayRef = Arc::new(sets.iter().map(words).collect::<StringArray>());
                Table::new(Schema::new(vec![Field::new("set", PhysicalType::Utf8)])?, vec![sets])
            }
        }
    }
}

/// The answers of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// The most probable class of each row, the first of them on a tie, and all probabilities.
    Classes {
        /// For each row the position of its class in `labels`.
        codes: Vec<u32>,
        /// `[rows, classes]`.
        probabilities: DenseMatrix,
        /// What the classes are called.
        labels: Arc<Labels>,
    },
    /// For each row a number on the scale of the data.
    Numbers(Vec<f64>),
}

impl Prediction {
    /// The answers of a model as people read them.
    pub fn new(scores: Scores, target: &TargetSpec) -> Self {
        match (scores, &target.labels) {
            (Scores::Probabilities(probabilities), Some(labels)) => {
                let codes =
                    (0..probabilities.rows()).map(|r| most_probable(&probabilities, r)).collect();
                Self::Classes { codes, probabilities, labels: Arc::clone(labels) }
            }
            (Scores::Values(mut values), _) => {
                for value in &mut values {
                    *value = target.restore(*value);
                }
                Self::Numbers(values)
            }
            (Scores::Probabilities(probabilities), None) => {
                Self::Numbers(probabilities.column(0).to_vec())
            }
        }
    }

    /// How many rows were answered.
    pub fn rows(&self) -> usize {
        match self {
            Self::Classes { codes, .. } => codes.len(),
            Self::Numbers(values) => values.len(),
        }
    }

    /// All answers, one part after another.
    ///
    /// # Errors
    /// [`crate::Error::Data`] when they are not all numbers, or all of the same classes.
    pub fn together(parts: Vec<Self>) -> Result<Self> {
        let mut stack = PredictionStack::default();
        parts.iter().try_for_each(|part| stack.push(part))?;
        stack.finish()
    }

    /// The words of the predicted classes; nothing for numbers.
    pub fn words(&self) -> Option<Vec<&str>> {
        match self {
            Self::Classes { codes, labels, .. } => {
                Some(codes.iter().map(|&c| labels.names()[c as usize].as_str()).collect())
            }
            Self::Numbers(_) => None,
        }
    }

    /// The answers as columns: `prediction`, and for classes `probability_<class>` each.
    ///
    /// # Errors
    /// [`crate::Error::DuplicateColumn`] when two classes would share a column name.
    pub fn to_table(&self) -> Result<Table> {
        match self {
            Self::Numbers(values) => {
                let schema = Schema::new(vec![Field::number("prediction")])?;
                Table::new(schema, vec![Arc::new(Float64Array::from(values.clone()))])
            }
            Self::Classes { probabilities, labels, .. } => {
                let words = self.words().unwrap_or_default();
                let mut fields = vec![Field::new("prediction", PhysicalType::Utf8)];
                let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(words))];
                for (class, name) in labels.names().iter().enumerate() {
                    fields.push(Field::number(format!("probability_{name}")));
                    columns
                        .push(Arc::new(Float64Array::from(probabilities.column(class).to_vec())));
                }
                Table::new(Schema::new(fields)?, columns)
            }
        }
    }
}

/// Gathers answers of one kind, one part after another.
#[derive(Debug, Default)]
pub struct PredictionStack {
    numbers: Vec<f64>,
    classes: Option<ClassStack>,
}

#[derive(Debug)]
struct ClassStack {
    codes: Vec<u32>,
    /// The probabilities of each class.
    columns: Vec<Vec<f64>>,
    labels: Arc<Labels>,
}

impl PredictionStack {
    /// Adds some answers.
    ///
    /// # Errors
    /// [`crate::Error::Data`] when they are numbers and those before classes, or other classes; then none is added.
    pub fn push(&mut self, part: &Prediction) -> Result<()> {
        match (part, &mut self.classes) {
            (Prediction::Numbers(some), None) => self.numbers.extend_from_slice(some),
            (Prediction::Classes { codes, probabilities, labels }, Some(known))
                if Arc::ptr_eq(&known.labels, labels) || known.labels.names() == labels.names() =>
            {
                known.extend(codes, probabilities);
            }
            (Prediction::Classes { codes, probabilities, labels }, None)
                if self.numbers.is_empty() =>
            {
                let columns = vec![Vec::new(); probabilities.columns()];
                let labels = Arc::clone(labels);
                let known = self.classes.insert(ClassStack { codes: Vec::new(), columns, labels });
                known.extend(codes, probabilities);
            }
            _ => {
                let strange = "answers of different kinds cannot stand together";
                return Err(crate::Error::data(strange));
            }
        }
        Ok(())
    }

    /// All answers; no numbers where there were none.
    ///
    /// # Errors
    /// [`crate::Error::Bug`] when there are more probabilities of one class than of another.
    pub fn finish(self) -> Result<Prediction> {
        let Some(ClassStack { codes, columns, labels }) = self.classes else {
            return Ok(Prediction::Numbers(self.numbers));
        };
        let probabilities =
            DenseMatrix::from_columns(codes.len(), columns.len(), columns.concat())?;
        Ok(Prediction::Classes { codes, probabilities, labels })
    }
}

impl ClassStack {
    fn extend(&mut self, codes: &[u32], probabilities: &DenseMatrix) {
        self.codes.extend_from_slice(codes);
        for (class, column) in self.columns.iter_mut().enumerate() {
            column.extend_from_slice(probabilities.column(class));
        }
    }
}

fn most_probable(probabilities: &DenseMatrix, row: usize) -> u32 {
    let mut best = 0;
    for class in 1..probabilities.columns() {
        if probabilities.get(row, class) > probabilities.get(row, best) {
            best = class;
        }
    }
    best as u32
}
