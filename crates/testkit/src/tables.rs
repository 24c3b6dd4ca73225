//! Small tables in a line of code.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use gristmill_core::{Field, Frame, PhysicalType, Schema, SemanticType, Table};

/// A table to be filled column by column; missing values are `None`, and a column that has one is
/// nullable.
pub fn table() -> TableBuilder {
    TableBuilder::default()
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
