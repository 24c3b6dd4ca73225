//! Small tables in a line of code, and real ones from the folder of shared data.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use gristmill_core::{Field, Frame, PhysicalType, Schema, SemanticType, Table};

/// A table to be filled column by column; missing values are `None`, and a column that has one is
/// nullable.
pub fn table() -> TableBuilder {
    TableBuilder::default()
}

/// A real data set of CSV from the folder of shared data, which stands beside the repository; says
/// so and gives nothing where that folder is absent. Columns of whole numbers are integers.
pub fn shared_csv(name: &str) -> Option<Table> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/").to_string() + name;
    let Ok(bytes) = fs_err::read(&path) else {
        eprintln!("skipped: shared data `{name}` is not on this machine");
        return None;
    };
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(bytes.as_slice(), None).expect("the CSV has columns");
    let schema = Arc::new(schema);
    let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema))
        .with_header(true)
        .build(bytes.as_slice())
        .expect("the CSV can be read");
    let batches: Vec<_> = reader.collect::<Result<_, _>>().expect("every row fits the columns");
    Some(Table::from_batches(&schema, &batches).expect("CSV types have a place in a table"))
}

/// See [`table`]. The builder panics where a test is written wrongly.
#[derive(Default)]
pub struct TableBuilder {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl TableBuilder {
    /// Adds a float column; NaN is missing too.
    #[must_use]
    pub fn numbers<T: Into<Option<f64>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(|v| v.into().filter(|v| !v.is_nan()));
        self.add(name, PhysicalType::Float64, Arc::new(values.collect::<Float64Array>()))
    }

    /// Adds an integer column.
    #[must_use]
    pub fn integers<T: Into<Option<i64>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(Into::into);
        self.add(name, PhysicalType::Int64, Arc::new(values.collect::<Int64Array>()))
    }

    /// Adds a column of words, categorical.
    #[must_use]
    pub fn words<'a, T: Into<Option<&'a str>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values: Vec<Option<&str>> = values.into_iter().map(Into::into).collect();
        self.add(name, PhysicalType::Utf8, Arc::new(StringArray::from(values)))
    }

    /// Adds a column of the bytes of images.
    #[must_use]
    pub fn images<T: Into<Option<Vec<u8>>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(Into::into);
        self.add(name, PhysicalType::Binary, Arc::new(values.collect::<BinaryArray>()))
    }

    /// Adds a boolean column.
    #[must_use]
    pub fn booleans<T: Into<Option<bool>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values: Vec<Option<bool>> = values.into_iter().map(Into::into).collect();
        self.add(name, PhysicalType::Boolean, Arc::new(BooleanArray::from(values)))
    }

    /// Adds a column of moments in microseconds since 1970.
    #[must_use]
    pub fn times<T: Into<Option<i64>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values: Vec<Option<i64>> = values.into_iter().map(Into::into).collect();
        self.add(name, PhysicalType::Timestamp, Arc::new(TimestampMicrosecondArray::from(values)))
    }

    /// Gives the last column another meaning.
    #[must_use]
    pub fn meaning(mut self, semantic: SemanticType) -> Self {
        let last = self.fields.pop().expect("a column comes before its meaning");
        self.fields.push(last.meaning(semantic));
        self
    }

    /// The table.
    pub fn build(self) -> Table {
        Table::new(Schema::new(self.fields).expect("names differ"), self.columns)
            .expect("columns are equally long")
    }

    /// The table with this column as its target.
    pub fn target(self, name: &str) -> Table {
        self.build().with_target(name).expect("the target exists")
    }

    /// The table as a frame.
    pub fn frame(self) -> Frame {
        Frame::from_table(&self.build()).expect("a table becomes a frame")
    }

    fn add(mut self, name: &str, physical: PhysicalType, column: ArrayRef) -> Self {
        self.fields.push(Field::new(name, physical).nullable(column.null_count() > 0));
        self.columns.push(column);
        self
    }
}
