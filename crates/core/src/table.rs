//! Data as it is stored: Arrow columns with a schema of roles and meanings.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch,
    StringArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{
    DataType, Field as ArrowField, Float64Type, Int64Type, Schema as ArrowSchema,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, Field, PhysicalType, Result, Role, Schema, SemanticType};

/// The largest magnitude up to which every integer is a 64-bit float.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Rows under named, typed columns, each one contiguous Arrow array.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    schema: Arc<Schema>,
    columns: Vec<ArrayRef>,
    rows: usize,
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// [`Error::Bug`] when an array has not the type or length that `schema` says.
    pub fn new(schema: Schema, columns: Vec<ArrayRef>) -> Result<Self> {
        let rows = check_columns(&schema, &columns)?;
        Ok(Self { schema: Arc::new(schema), columns, rows })
    }

    /// A table of Arrow batches that share a schema; every column is widened to one of
    /// [`PhysicalType`] and gets its usual meaning.
    ///
    /// # Errors
    /// [`Error::Data`] for a column of an Arrow type that has no place here, a duplicate or empty
    /// name, or an integer beyond 64 signed bits.
    pub fn from_batches(schema: &ArrowSchema, batches: &[RecordBatch]) -> Result<Self> {
        let mut fields = Vec::with_capacity(schema.fields().len());
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            let physical = widened(field)?;
            let parts = batches
                .iter()
                .map(|batch| widen(batch.column(at), field.name(), physical))
                .collect::<Result<Vec<_>>>()?;
            let column = match parts.as_slice() {
                [] => new_null_array(&physical.arrow(), 0),
                [one] => Arc::clone(one),
                many => {
                    let many: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
                    concat(&many).map_err(|e| arrow_error(field.name(), &e))?
                }
            };
            fields.push(Field::new(field.name(), physical).nullable(column.null_count() > 0));
            columns.push(column);
        }
        Self::new(Schema::new(fields)?, columns)
    }

    /// The same rows as one Arrow batch.
    ///
    /// # Errors
    /// [`Error::Bug`] when Arrow refuses what [`Table::new`] accepted.
    pub fn to_batch(&self) -> Result<RecordBatch> {
        let fields: Vec<ArrowField> = self
            .schema
            .fields()
            .iter()
            .map(|f| ArrowField::new(&f.name, f.physical.arrow(), true))
            .collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(
            Arc::new(ArrowSchema::new(fields)),
            self.columns.clone(),
            &options,
        )
        .map_err(|e| Error::Bug(e.to_string()))
    }

    /// What the columns are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// As [`Table::schema`], to be shared.
    pub(crate) fn shared_schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column at `position`.
    pub fn column(&self, position: usize) -> &ArrayRef {
        &self.columns[position]
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn column_named(&self, name: &str) -> Result<&ArrayRef> {
        Ok(&self.columns[self.schema.position(name)?])
    }

    /// The numbers of the column at `position` as they lie there; nothing where it holds something else, or
    /// a value is missing.
    pub fn plain_numbers(&self, position: usize) -> Option<&[f64]> {
        let column = self.columns.get(position)?;
        let means = self.schema.fields().get(position)?.semantic;
        if column.null_count() > 0 || means != SemanticType::Numeric {
            return None;
        }
        column.as_primitive_opt::<Float64Type>().map(|numbers| numbers.values().as_ref())
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Errors
    /// [`Error::Bug`] when a row lies beyond the end.
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        let at = UInt32Array::from(rows.to_vec());
        let columns = self
            .columns
            .iter()
            .map(|c| take(c, &at, None).map_err(|e| Error::Bug(e.to_string())))
            .collect::<Result<_>>()?;
        Ok(Self { schema: Arc::clone(&self.schema), columns, rows: rows.len() })
    }

    /// `length` rows from `offset` on, without a copy; both are cut at the end of the table.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let offset = offset.min(self.rows);
        let length = length.min(self.rows - offset);
        Self {
            schema: Arc::clone(&self.schema),
            columns: self.columns.iter().map(|c| c.slice(offset, length)).collect(),
            rows: length,
        }
    }

    /// The columns at `positions`, in that order.
    #[must_use]
    pub fn select(&self, positions: &[usize]) -> Self {
        Self {
            schema: Arc::new(self.schema.select(positions)),
            columns: positions.iter().map(|&i| Arc::clone(&self.columns[i])).collect(),
            rows: self.rows,
        }
    }

    /// The table without these columns.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn without(&self, names: &[String]) -> Result<Self> {
        for name in names {
            self.schema.position(name)?;
        }
        let keep: Vec<usize> = (0..self.schema.len())
            .filter(|&i| !names.contains(&self.schema.fields()[i].name))
            .collect();
        Ok(self.select(&keep))
    }

    /// The table with one more column at the end.
    ///
    /// # Errors
    /// [`Error::DuplicateColumn`] when the name is taken.
    pub fn with_column(&self, field: Field, column: ArrayRef) -> Result<Self> {
        let mut fields = self.schema.fields().to_vec();
        fields.push(field);
        let mut columns = self.columns.clone();
        columns.push(column);
        Self::new(Schema::new(fields)?, columns)
    }

    /// The table with another meaning for a column.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::Data`] when values stored like that cannot mean it.
    pub fn with_meaning(&self, name: &str, semantic: SemanticType) -> Result<Self> {
        let field = self.schema.field(name)?;
        if !field.physical.can_mean(semantic) {
            return Err(Error::data_hint(
                format!("column `{name}` is stored as {} and cannot be {semantic}", field.physical),
                "correct `types`, or convert the column with `sql`",
            ));
        }
        self.with_field(name, |f| f.meaning(semantic))
    }

    /// The table with another role for a column.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn with_role(&self, name: &str, role: Role) -> Result<Self> {
        self.schema.position(name)?;
        self.with_field(name, |f| f.role(role))
    }

    /// The table whose target is the column `name`: what a model will learn to predict.
    ///
    /// # Errors
    /// [`Error::MissingColumn`].
    pub fn with_target(&self, name: &str) -> Result<Self> {
        self.with_role(name, Role::Target)
    }

    /// The table whose target is the column `name` and names classes, whatever it is stored as.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::Data`] when it is stored as bytes.
    pub fn with_class_target(&self, name: &str) -> Result<Self> {
        self.with_meaning(name, SemanticType::Categorical)?.with_role(name, Role::Target)
    }

    fn with_field(&self, name: &str, change: impl Fn(Field) -> Field) -> Result<Self> {
        let schema =
            self.schema.map(|f| if f.name == name { change(f.clone()) } else { f.clone() })?;
        Ok(Self { schema: Arc::new(schema), columns: self.columns.clone(), rows: self.rows })
    }

    /// The columns that `wanted` names, in its order, types and roles: what a fitted pipeline does with
    /// rows from outside. Further columns are left out; a value that converts without loss is
    /// converted.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::Data`] that names column and row when a value would lose
    /// something, is infinite, or is missing where training never saw one missing.
    pub fn conform(&self, wanted: &Schema) -> Result<Self> {
        self.conform_shared(&Arc::new(wanted.clone()))
    }

    /// As [`Table::conform`], to columns that many tables share: a copy of their names would take
    /// longer than the answer for one row.
    pub(crate) fn conform_shared(&self, wanted: &Arc<Schema>) -> Result<Self> {
        let columns = wanted
            .fields()
            .iter()
            .map(|field| {
                let at = self.schema.position(&field.name)?;
                let column = convert(&self.columns[at], field)?;
                refuse_nulls(&column, field)?;
                Ok(column)
            })
            .collect::<Result<Vec<_>>>()?;
        check_columns(wanted, &columns)?;
        Ok(Self { schema: Arc::clone(wanted), columns, rows: self.rows })
    }

    /// A number that stands for names, types, roles and every value, in order.
    pub fn content_hash(&self) -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        for (field, column) in self.schema.fields().iter().zip(&self.columns) {
            hasher.update(format!("{field:?}").as_bytes());
            hash_array(column, &mut hasher)?;
        }
        Ok(hasher.finalize())
    }
}

/// Refuses columns that are not those of `schema`; gives back how many rows they have.
fn check_columns(schema: &Schema, columns: &[ArrayRef]) -> Result<usize> {
    let rows = columns.first().map_or(0, |c| c.len());
    if schema.len() != columns.len() {
        return Err(Error::Bug(format!(
            "a table of {} columns was given a schema of {}",
            columns.len(),
            schema.len()
        )));
    }
    for (field, column) in schema.fields().iter().zip(columns) {
        if *column.data_type() != field.physical.arrow() || column.len() != rows {
            return Err(Error::Bug(format!(
                "column `{}` of a table is {} with {} of {rows} rows, its field says {}",
                field.name,
                column.data_type(),
                column.len(),
                field.physical
            )));
        }
    }
    Ok(rows)
}

/// The Arrow type of `field` widened to one of ours.
fn widened(field: &ArrowField) -> Result<PhysicalType> {
    Ok(match field.data_type() {
        DataType::Boolean => PhysicalType::Boolean,
        t if t.is_integer() => PhysicalType::Int64,
        t if t.is_floating() => PhysicalType::Float64,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => PhysicalType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            PhysicalType::Utf8
        }
        DataType::Dictionary(_, values) => {
            return widened(&ArrowField::new(field.name(), values.as_ref().clone(), true));
        }
        DataType::Date32 | DataType::Date64 => PhysicalType::Date,
        DataType::Timestamp(..) => PhysicalType::Timestamp,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => PhysicalType::Binary,
        other => {
            return Err(Error::data_hint(
                format!(
                    "column `{}` has the Arrow type {other}, which has no place in a table",
                    field.name()
                ),
                "convert it with `sql`, or leave it out with `drop`",
            ));
        }
    })
}

fn widen(array: &ArrayRef, name: &str, physical: PhysicalType) -> Result<ArrayRef> {
    let wanted = physical.arrow();
    if *array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    let source = match array.data_type() {
        // A time zone changes how a moment is shown, not which moment it is.
        DataType::Timestamp(unit, Some(_)) => {
            cast(array, &DataType::Timestamp(*unit, None)).map_err(|e| arrow_error(name, &e))?
        }
        _ => Arc::clone(array),
    };
    let widened = cast(&source, &wanted).map_err(|e| arrow_error(name, &e))?;
    if widened.null_count() > array.null_count() {
        return Err(Error::data_hint(
            format!("column `{name}` holds values that {physical} cannot hold"),
            "type it `id` as text, or convert it with `sql`",
        ));
    }
    Ok(widened)
}

fn arrow_error(name: &str, error: &arrow::error::ArrowError) -> Error {
    Error::data(format!("column `{name}`: {error}"))
}

/// The word that a number has as a category: integers without a point, whatever their type.
pub(crate) fn number_word(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < EXACT_INTEGERS {
        (value as i64).to_string()
    } else {
        value.to_string()
    }
}

/// `array` as the physical type of `field`, value by value without loss.
pub(crate) fn convert(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let refused = |row: usize, value: String| refuse_loss(field, row, &value);
    let found = array.data_type();
    let array: ArrayRef = if *found == field.physical.arrow() {
        Arc::clone(array)
    } else if array.null_count() == array.len() {
        new_null_array(&field.physical.arrow(), array.len())
    } else {
        let converted: ArrayRef = match (found, field.physical) {
            (DataType::Int64, PhysicalType::Float64) => {
                let values = array.as_primitive::<Int64Type>();
                if let Some(row) = (0..values.len()).find(|&i| {
                    values.is_valid(i)
                        && values.value(i) as f64 as i128 != i128::from(values.value(i))
                }) {
                    return Err(refused(row, values.value(row).to_string()));
                }
                Arc::new(values.unary::<_, Float64Type>(|v| v as f64))
            }
            (DataType::Float64, PhysicalType::Int64) => {
                let values = array.as_primitive::<Float64Type>();
                if let Some(row) =
                    (0..values.len()).find(|&i| values.is_valid(i) && !is_exact(values.value(i)))
                {
                    return Err(refused(row, values.value(row).to_string()));
                }
                Arc::new(values.unary::<_, Int64Type>(|v| v as i64))
            }
            (DataType::Boolean, PhysicalType::Int64 | PhysicalType::Float64) => {
                cast(array, &field.physical.arrow()).map_err(|e| arrow_error(&field.name, &e))?
            }
            (DataType::Int64, PhysicalType::Boolean) => {
                let values = array.as_primitive::<Int64Type>();
                if let Some(row) = (0..values.len())
                    .find(|&i| values.is_valid(i) && !matches!(values.value(i), 0 | 1))
                {
                    return Err(refused(row, values.value(row).to_string()));
                }
                Arc::new(values.iter().map(|v| v.map(|v| v == 1)).collect::<BooleanArray>())
            }
            (DataType::Int64, PhysicalType::Utf8) => Arc::new(
                array
                    .as_primitive::<Int64Type>()
                    .iter()
                    .map(|v| v.map(|v| v.to_string()))
                    .collect::<StringArray>(),
            ),
            (DataType::Float64, PhysicalType::Utf8) => Arc::new(
                array
                    .as_primitive::<Float64Type>()
                    .iter()
                    .map(|v| v.map(number_word))
                    .collect::<StringArray>(),
            ),
            (DataType::Boolean, PhysicalType::Utf8) => Arc::new(
                array
                    .as_boolean()
                    .iter()
                    .map(|v| v.map(|b| b.to_string()))
                    .collect::<StringArray>(),
            ),
            (DataType::Utf8, PhysicalType::Int64) => {
                let parsed = parse_all(array, |s| s.parse::<i64>().ok())
                    .map_err(|(row, v)| refused(row, v))?;
                Arc::new(Int64Array::from(parsed))
            }
            (DataType::Utf8, PhysicalType::Float64) => {
                let parsed = parse_all(array, |s| s.parse::<f64>().ok())
                    .map_err(|(row, v)| refused(row, v))?;
                Arc::new(Float64Array::from(parsed))
            }
            (DataType::Utf8, PhysicalType::Binary) => {
                let bytes =
                    parse_all(array, from_base64).map_err(|(row, _)| refuse_base64(field, row))?;
                Arc::new(bytes.into_iter().collect::<BinaryArray>())
            }
            (DataType::Utf8, PhysicalType::Boolean) => {
                let parsed = parse_all(array, |s| s.parse::<bool>().ok())
                    .map_err(|(row, v)| refused(row, v))?;
                Arc::new(BooleanArray::from(parsed))
            }
            (DataType::Date32, PhysicalType::Timestamp)
            | (DataType::Utf8, PhysicalType::Date | PhysicalType::Timestamp) => {
                let cast = cast(array, &field.physical.arrow())
                    .map_err(|e| arrow_error(&field.name, &e))?;
                if let Some(row) = (0..cast.len()).find(|&i| cast.is_null(i) && array.is_valid(i)) {
                    return Err(refused(row, shown(array, row)));
                }
                cast
            }
            _ => {
                let row = (0..array.len()).find(|&i| array.is_valid(i)).unwrap_or(0);
                return Err(refused(row, shown(array, row)));
            }
        };
        converted
    };
    if field.physical == PhysicalType::Float64 {
        let values = array.as_primitive::<Float64Type>();
        if let Some(row) = values.values().iter().position(|v| v.is_infinite()) {
            return Err(Error::data_hint(
                format!("column `{}` is infinite in row {}", field.name, row + 1),
                "leave the value empty, or give a finite number",
            ));
        }
    }
    Ok(array)
}

/// Whether the number is a whole one that has no neighbour nearer than 1.
pub(crate) fn is_exact(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() <= EXACT_INTEGERS
}

/// A value is not of its column's type.
pub(crate) fn refuse_loss(field: &Field, row: usize, value: &str) -> Error {
    Error::data_hint(
        format!(
            "column `{}` holds `{value}` in row {}, which is not {} without loss",
            field.name,
            row + 1,
            article(field.physical)
        ),
        format!("give column `{}` as {}", field.name, field.physical),
    )
}

/// The bytes that a text stands for in base64, as RFC 4648 has it.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

/// A text is no base64 where bytes are wanted.
pub(crate) fn refuse_base64(field: &Field, row: usize) -> Error {
    Error::data_hint(
        format!("column `{}` holds a text in row {} that is no base64", field.name, row + 1),
        "give the bytes of a PNG or a JPEG in base64",
    )
}

/// A value is missing where none was in training.
pub(crate) fn refuse_missing(field: &Field, row: usize) -> Error {
    Error::data_hint(
        format!(
            "column `{}` is missing in row {}, and training saw no missing value there",
            field.name,
            row + 1
        ),
        "fill it, or train with rows where it is missing and an `impute` step",
    )
}

fn parse_all<T>(
    array: &ArrayRef,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, (usize, String)> {
    array
        .as_string::<i32>()
        .iter()
        .enumerate()
        .map(|(row, value)| match value {
            None => Ok(None),
            Some(text) => parse(text.trim()).map(Some).ok_or_else(|| (row, text.to_string())),
        })
        .collect()
}

fn shown(array: &ArrayRef, row: usize) -> String {
    arrow::util::display::array_value_to_string(array, row).unwrap_or_default()
}

fn article(physical: PhysicalType) -> &'static str {
    match physical {
        PhysicalType::Boolean => "a boolean",
        PhysicalType::Int64 => "an integer",
        PhysicalType::Float64 => "a number",
        PhysicalType::Utf8 => "a word",
        PhysicalType::Date => "a date",
        PhysicalType::Timestamp => "a moment",
        PhysicalType::Binary => "bytes",
    }
}

fn refuse_nulls(column: &ArrayRef, field: &Field) -> Result<()> {
    // NaN is how a float says that it is missing once it is in a frame.
    let first_missing = (0..column.len()).find(|&i| column.is_null(i)).or_else(|| {
        (field.physical == PhysicalType::Float64)
            .then(|| column.as_primitive::<Float64Type>().values().iter().position(|v| v.is_nan()))
            .flatten()
    });
    match first_missing {
        Some(row) if !field.nullable => Err(refuse_missing(field, row)),
        _ => Ok(()),
    }
}

fn hash_array(array: &ArrayRef, hasher: &mut blake3::Hasher) -> Result<()> {
    hasher.update(&(array.len() as u64).to_le_bytes());
    if let Some(nulls) = array.nulls() {
        for valid in nulls.iter() {
            hasher.update(&[u8::from(valid)]);
        }
    }
    match array.data_type() {
        DataType::Utf8 => {
            for value in array.as_string::<i32>() {
                let value = value.unwrap_or_default();
                hasher.update(&(value.len() as u64).to_le_bytes());
                hasher.update(value.as_bytes());
            }
        }
        DataType::Binary => {
            for value in array.as_binary::<i32>() {
                let value = value.unwrap_or_default();
                hasher.update(&(value.len() as u64).to_le_bytes());
                hasher.update(value);
            }
        }
        DataType::Boolean => {
            for value in array.as_boolean() {
                hasher.update(&[u8::from(value.unwrap_or_default())]);
            }
        }
        DataType::Date32 => {
            let values = array.as_primitive::<arrow::datatypes::Date32Type>();
            for value in values {
                hasher.update(&value.unwrap_or_default().to_le_bytes());
            }
        }
        _ => {
            let data = array.to_data();
            let width = 8;
            let bytes = data
                .buffers()
                .first()
                .ok_or_else(|| Error::Bug("an array without values".into()))?;
            let from = data.offset() * width;
            let values = &bytes.as_slice()[from..from + data.len() * width];
            match array.nulls() {
                None => {
                    hasher.update(values);
                }
                // What lies under a null is arbitrary.
                Some(nulls) => {
                    for (value, valid) in values.chunks_exact(width).zip(nulls.iter()) {
                        hasher.update(if valid { value } else { &[0; 8] });
                    }
                }
            }
        }
    }
    Ok(())
}
