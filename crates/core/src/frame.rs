//! A table as kernels compute on it: typed columns, resolved to positions.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};

use crate::table::number_word;
use crate::{
    Column, Error, Field, MISSING_TIME, PhysicalType, Result, Schema, SemanticType, Table, Target,
    Words,
};

/// How many numbers [`Frame::dense`] writes out at most: 4 GiB of them.
const DENSE_NUMBERS: usize = 1 << 29;

/// Columns of plain vectors with a schema, all of the same length.
///
/// A frame is what transforms, estimators and models work on. [`Table`] is its form at the doors;
/// [`Frame::from_table`] is the door.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    rows: usize,
}

impl Frame {
    /// A frame of these columns.
    ///
    /// # Errors
    /// [`Error::Bug`] when columns and schema do not fit each other; what a user gives has been
    /// checked before it becomes a frame.
    pub fn new(schema: Arc<Schema>, columns: Vec<Column>, rows: usize) -> Result<Self> {
        if schema.len() != columns.len() {
            return Err(Error::Bug(format!(
                "a frame of {} columns was given a schema of {}",
                columns.len(),
                schema.len()
            )));
        }
        for (field, column) in schema.fields().iter().zip(&columns) {
            let fits = match column {
                Column::Numbers(_) => {
                    matches!(field.semantic, SemanticType::Numeric | SemanticType::Boolean)
                }
                Column::Sparse(_) => field.semantic == SemanticType::Numeric,
                Column::Words(_) => {
                    matches!(field.semantic, SemanticType::Categorical | SemanticType::Text)
                }
                Column::Times(_) => field.semantic == SemanticType::Datetime,
                Column::Images(_) => field.semantic == SemanticType::Image,
            };
            if !fits || column.len() != rows {
                return Err(Error::Bug(format!(
                    "column `{}` of a frame does not fit its field ({}, {} of {rows} rows)",
                    field.name,
                    field.semantic,
                    column.len()
                )));
            }
        }
        Ok(Self { schema, columns, rows })
    }

    /// The columns of `table` that have a place in a frame: all but ids.
    ///
    /// # Errors
    /// [`Error::Bug`] when the table breaks its own promise about types.
    pub fn from_table(table: &Table) -> Result<Self> {
        let fields = table.schema().fields();
        let keep: Vec<usize> = (0..fields.len()).filter(|&i| has_place(&fields[i])).collect();
        let schema = selected(table.shared_schema(), &keep);
        let columns = keep
            .iter()
            .map(|&i| {
                let field = &table.schema().fields()[i];
                column_from_arrow(table.column(i).as_ref(), field.physical, field.semantic)
            })
            .collect::<Result<_>>()?;
        Self::new(schema, columns, table.rows())
    }

    /// What the columns are.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in the order of the schema.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns, to be moved into another frame.
    pub fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// The numbers of the column at `position`.
    ///
    /// # Errors
    /// [`Error::Bug`] when it holds none; `check` refuses such steps before any row is read.
    pub fn numbers(&self, position: usize) -> Result<&[f64]> {
        match &self.columns[position] {
            Column::Numbers(values) => Ok(values),
            _ => Err(self.wrong(position, "numbers")),
        }
    }

    /// The words of the column at `position`.
    ///
    /// # Errors
    /// As [`Frame::numbers`].
    pub fn words(&self, position: usize) -> Result<&Words> {
        match &self.columns[position] {
            Column::Words(words) => Ok(words),
            _ => Err(self.wrong(position, "words")),
        }
    }

    /// The moments of the column at `position`.
    ///
    /// # Errors
    /// As [`Frame::numbers`].
    pub fn times(&self, position: usize) -> Result<&[i64]> {
        match &self.columns[position] {
            Column::Times(values) => Ok(values),
            _ => Err(self.wrong(position, "times")),
        }
    }

    /// The images of the column at `position`.
    ///
    /// # Errors
    /// As [`Frame::numbers`].
    pub fn images(&self, position: usize) -> Result<&[Option<Arc<[u8]>>]> {
        match &self.columns[position] {
            Column::Images(images) => Ok(images),
            _ => Err(self.wrong(position, "images")),
        }
    }

    fn wrong(&self, position: usize, wanted: &str) -> Error {
        let field = &self.schema.fields()[position];
        Error::Bug(format!("column `{}` ({}) was asked for {wanted}", field.name, field.semantic))
    }

    /// The rows at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self {
            schema: Arc::clone(&self.schema),
            columns: self.columns.iter().map(|c| c.take(rows)).collect(),
            rows: rows.len(),
        }
    }

    /// The columns at `positions`, in that order.
    #[must_use]
    pub fn select(&self, positions: &[usize]) -> Self {
        Self {
            schema: Arc::new(self.schema.select(positions)),
            columns: positions.iter().map(|&i| self.columns[i].clone()).collect(),
            rows: self.rows,
        }
    }

    /// The columns that a model may see.
    #[must_use]
    pub fn features(&self) -> Self {
        let keep: Vec<usize> =
            (0..self.schema.len()).filter(|&i| self.schema.fields()[i].is_feature()).collect();
        self.select(&keep)
    }

    /// As [`Frame::features`], without a copy where a model may see all columns.
    pub(crate) fn into_features(self) -> Self {
        if self.schema.fields().iter().all(Field::is_feature) { self } else { self.features() }
    }

    /// The rows in `range`.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let columns = self.columns.iter().map(|c| c.slice(range.clone())).collect();
        Self { schema: Arc::clone(&self.schema), columns, rows: range.len() }
    }

    /// The frame with the column at each position replaced; the schema stays as it is.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn replace(self, schema: Arc<Schema>, changed: Vec<(usize, Column)>) -> Result<Self> {
        let mut columns = self.columns;
        for (position, column) in changed {
            columns[position] = column;
        }
        Self::new(schema, columns, self.rows)
    }

    /// The same rows with the zeros of sparse columns written out.
    ///
    /// # Errors
    /// [`Error::Data`] when that would take more than 4 GiB.
    pub fn dense(mut self) -> Result<Self> {
        let sparse = |c: &&Column| matches!(c, Column::Sparse(_));
        let count = self.columns.iter().filter(sparse).count();
        if count.saturating_mul(self.rows) > DENSE_NUMBERS {
            return Err(Error::data_hint(
                format!("{count} sparse columns of {} rows are too many to write out", self.rows),
                "use a model that takes sparse columns, such as `logistic_regression`, or reduce \
                 them before, such as by `truncated_svd` or `select`",
            ));
        }
        for column in &mut self.columns {
            if let Column::Sparse(numbers) = column {
                *column = Column::Numbers(numbers.to_dense());
            }
        }
        Ok(self)
    }

    /// Whether a column keeps only the rows where it is not 0.
    pub(crate) fn has_sparse(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Sparse(_)))
    }

    /// How many bytes the values take; words count as their codes, and images as their places, since frames share
    /// them.
    pub fn bytes(&self) -> usize {
        let column = |column: &Column| match column {
            Column::Numbers(values) => values.len() * 8,
            Column::Times(values) => values.len() * 8,
            Column::Sparse(numbers) => numbers.rows().len() * 12,
            Column::Words(words) => words.codes.len() * 4,
            Column::Images(images) => size_of_val::<[_]>(images),
        };
        self.columns.iter().map(column).sum()
    }

    /// All rows, as a learner reads them.
    pub fn all_rows(&self) -> Rows<'_> {
        Rows { frame: self, range: 0..self.rows, target: None, weights: None }
    }
}

/// Some consecutive rows of a frame, with what is known of them: what a learner learns from.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    /// The frame that the rows belong to.
    pub frame: &'a Frame,
    /// Which rows of it.
    pub range: Range<usize>,
    /// The target of the whole frame, for those who learn from it.
    pub target: Option<&'a Target>,
    /// The weight of each row of the whole frame.
    pub weights: Option<&'a [f64]>,
}

impl<'a> Rows<'a> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// As [`Frame::numbers`], for these rows.
    ///
    /// # Errors
    /// As [`Frame::numbers`].
    pub fn numbers(&self, position: usize) -> Result<&'a [f64]> {
        Ok(&self.frame.numbers(position)?[self.range.clone()])
    }

    /// The codes of these rows and the dictionary that they point into.
    ///
    /// # Errors
    /// As [`Frame::words`].
    pub fn words(&self, position: usize) -> Result<(&'a [u32], &'a [String])> {
        let words = self.frame.words(position)?;
        Ok((&words.codes[self.range.clone()], &words.dictionary))
    }

    /// As [`Frame::times`], for these rows.
    ///
    /// # Errors
    /// As [`Frame::times`].
    pub fn times(&self, position: usize) -> Result<&'a [i64]> {
        Ok(&self.frame.times(position)?[self.range.clone()])
    }

    /// As [`Frame::images`], for these rows.
    ///
    /// # Errors
    /// As [`Frame::images`].
    pub fn images(&self, position: usize) -> Result<&'a [Option<Arc<[u8]>>]> {
        Ok(&self.frame.images(position)?[self.range.clone()])
    }
}

/// Whether a column is one of a frame.
pub(crate) fn has_place(field: &Field) -> bool {
    field.semantic != SemanticType::Id
}

/// The fields at these rising positions; a schema of which all are kept is shared, not copied.
fn selected(schema: &Arc<Schema>, keep: &[usize]) -> Arc<Schema> {
    if keep.len() == schema.len() { Arc::clone(schema) } else { Arc::new(schema.select(keep)) }
}

/// Typed values out of an Arrow array that has the physical type it claims.
pub(crate) fn column_from_arrow(
    array: &dyn Array,
    physical: PhysicalType,
    semantic: SemanticType,
) -> Result<Column> {
    use SemanticType as S;
    Ok(match semantic {
        S::Numeric | S::Boolean => Column::Numbers(numbers_from_arrow(array, physical)?),
        S::Categorical | S::Text => Column::Words(words_from_arrow(array, physical)?),
        S::Datetime => Column::Times(times_from_arrow(array, physical)?),
        S::Image => Column::Images(images_from_arrow(array, physical)?),
        S::Id => {
            return Err(Error::Bug(format!("{semantic} columns have no place in a frame")));
        }
    })
}

fn images_from_arrow(array: &dyn Array, physical: PhysicalType) -> Result<Vec<Option<Arc<[u8]>>>> {
    match physical {
        PhysicalType::Binary => {
            Ok(array.as_binary::<i32>().iter().map(|image| image.map(Arc::from)).collect())
        }
        other => Err(Error::Bug(format!("{other} values were read as images"))),
    }
}

fn numbers_from_arrow(array: &dyn Array, physical: PhysicalType) -> Result<Vec<f64>> {
    fn spread<T>(values: &[T], array: &dyn Array, convert: impl Fn(&T) -> f64) -> Vec<f64> {
        match array.nulls() {
            None => values.iter().map(convert).collect(),
            Some(nulls) => values
                .iter()
                .enumerate()
                .map(|(i, v)| if nulls.is_valid(i) { convert(v) } else { f64::NAN })
                .collect(),
        }
    }
    Ok(match physical {
        PhysicalType::Float64 => {
            spread(array.as_primitive::<Float64Type>().values(), array, |&v| v)
        }
        PhysicalType::Int64 => {
            spread(array.as_primitive::<Int64Type>().values(), array, |&v| v as f64)
        }
        PhysicalType::Boolean => array
            .as_boolean()
            .iter()
            .map(|v| v.map_or(f64::NAN, |b| f64::from(u8::from(b))))
            .collect(),
        other => return Err(Error::Bug(format!("{other} values were read as numbers"))),
    })
}

fn words_from_arrow(array: &dyn Array, physical: PhysicalType) -> Result<Words> {
    let owned = |words: Vec<Option<String>>| Words::new(words.iter().map(Option::as_deref));
    Ok(match physical {
        PhysicalType::Utf8 => Words::new(array.as_string::<i32>().iter()),
        PhysicalType::Int64 => owned(
            array.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v.to_string())).collect(),
        ),
        PhysicalType::Float64 => {
            owned(array.as_primitive::<Float64Type>().iter().map(|v| v.map(number_word)).collect())
        }
        PhysicalType::Boolean => Words::new(
            array.as_boolean().iter().map(|v| v.map(|b| if b { "true" } else { "false" })),
        ),
        PhysicalType::Date | PhysicalType::Timestamp => owned(
            times_from_arrow(array, physical)?
                .into_iter()
                .map(|t| (t != MISSING_TIME).then(|| t.to_string()))
                .collect(),
        ),
        PhysicalType::Binary => return Err(Error::Bug("bytes were read as words".into())),
    })
}

fn times_from_arrow(array: &dyn Array, physical: PhysicalType) -> Result<Vec<i64>> {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    Ok(match physical {
        PhysicalType::Date => array
            .as_primitive::<Date32Type>()
            .iter()
            .map(|v| v.map_or(MISSING_TIME, |days| i64::from(days) * MICROS_PER_DAY))
            .collect(),
        PhysicalType::Timestamp => array
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .map(|v| v.unwrap_or(MISSING_TIME))
            .collect(),
        other => return Err(Error::Bug(format!("{other} values were read as moments"))),
    })
}
