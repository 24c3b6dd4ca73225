//! Rows out of JSON, straight into the columns of a frame.
//!
//! Four shapes mean rows: a list of objects, a list of lists in the order of the model's columns, an
//! object with a list for each column, and `columns` with `data` as pandas splits a table. Columns that
//! the model does not know are left aside, as in a file.

use std::borrow::Cow;
use std::fmt;

use gristmill_core::{Cell, FrameBuilder};
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::{HistoryFrom, Refusal, Result, Served};

/// Rows on their way into a frame, and why they were refused if they were: a reader of JSON can only
/// pass on words.
pub(crate) struct Reading<'a> {
    pub served: &'a Served,
    pub builder: FrameBuilder<'a>,
    refused: Option<Refusal>,
    order: Order,
}

/// In which order keys stand in a row: as a rule in that of the row before, so that a key is compared
/// with one name instead of being looked up.
struct Order {
    /// The column that stood behind each column, and at the end the one that stood first.
    after: Vec<usize>,
    /// The column of the key before; their number where there is none.
    last: usize,
}

impl Order {
    fn of_schema(columns: usize) -> Self {
        Self { after: (1..columns).chain([columns, 0]).collect(), last: columns }
    }
}

impl<'a> Reading<'a> {
    pub fn new(served: &'a Served) -> Self {
        let order = Order::of_schema(served.schema().len());
        Self { served, builder: FrameBuilder::new(served.input()), refused: None, order }
    }

    /// The position of the column that a key names; nothing where the model has none of that name.
    pub fn column(&mut self, key: &str) -> Option<usize> {
        let schema = self.served.schema();
        let expected = self.order.after[self.order.last];
        let found = match schema.fields().get(expected) {
            Some(field) if field.name == key => expected,
            _ => schema.find(key)?,
        };
        self.order.after[self.order.last] = found;
        self.order.last = found;
        Some(found)
    }

    /// Why it was refused: by us, or else by the reader of JSON.
    pub fn refusal(&mut self, error: &serde_json::Error) -> Refusal {
        self.refused.take().unwrap_or_else(|| not_json(error))
    }

    /// Why we refused it, if we did.
    pub fn take_refused(&mut self) -> Option<Refusal> {
        self.refused.take()
    }

    fn refuse<E: serde::de::Error>(&mut self, refusal: impl Into<Refusal>) -> E {
        self.refused = Some(refusal.into());
        E::custom("refused")
    }

    fn push<E: serde::de::Error>(&mut self, column: usize, cell: Cell<'_>) -> Result<(), E> {
        self.allow(self.builder.len_of(column) + 1).map_err(|refusal| self.refuse(refusal))?;
        self.builder.push(column, cell).map_err(|error| self.refuse(error))
    }

    fn end_row<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.allow(self.builder.rows() + 1).map_err(|refusal| self.refuse(refusal))?;
        self.order.last = self.served.schema().len();
        self.builder.end_row().map_err(|error| self.refuse(error))
    }

    /// Ends a row; nothing where that is refused.
    pub fn end_plain_row(&mut self) -> Option<()> {
        self.order.last = self.served.schema().len();
        self.allow(self.builder.rows() + 1).ok()?;
        self.builder.end_row().ok()
    }

    /// Refuses more rows than a request may have.
    pub fn allow(&self, rows: usize) -> Result<()> {
        let most = self.served.most_rows();
        if rows <= most {
            return Ok(());
        }
        Err(Refusal::TooLarge(format!(
            "a request to model `{}` may have {most} rows; send them in parts",
            self.served.name()
        )))
    }
}

/// What a reader of JSON says, with the place.
pub(crate) fn not_json(error: &serde_json::Error) -> Refusal {
    Refusal::Bad(format!("the body cannot be read: {error}"))
}

/// Rows in any shape but the split one.
pub(crate) struct Rows<'r, 'a>(pub &'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows, or an object with a list for each column")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<(), A::Error> {
        let (mut known, mut unknown) = (false, false);
        while let Some(name) = columns.next_key_seed(Name(self.0))? {
            (known, unknown) = (known || name.is_some(), unknown || name.is_none());
            match name {
                Some(at) if self.0.builder.len_of(at) > 0 => return Err(twice(self.0, at)),
                Some(at) => columns.next_value_seed(Values { reading: self.0, column: at })?,
                None => drop(columns.next_value::<IgnoredAny>()?),
            }
        }
        if unknown && !known {
            let names = self.0.served.schema().names().join(", ");
            let refusal = format!("none of its columns is one of the model's, which are {names}");
            return Err(self.0.refuse(Refusal::bad(refusal)));
        }
        Ok(())
    }
}

fn twice<E: serde::de::Error>(reading: &mut Reading<'_>, column: usize) -> E {
    let name = name_of(reading.served, column).to_owned();
    reading.refuse(Refusal::bad(format!("column `{name}` stands twice; give each column once")))
}

fn name_of(served: &Served, column: usize) -> &str {
    served.schema().fields().get(column).map_or("", |field| &field.name)
}

/// The position of the column that a key names; nothing where the model has none of that name.
pub(crate) struct Name<'r, 'a>(pub &'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<Self::Value, D::Error> {
        given.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a column")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.column(name))
    }
}

/// One row: an object, a list in the order of the columns, or the value of the only column.
struct Row<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl Row<'_, '_> {
    fn alone<E: serde::de::Error>(self, cell: Cell<'_>) -> Result<(), E> {
        let columns = self.0.served.schema().len();
        if columns != 1 {
            return Err(self.0.refuse(Refusal::bad(format!(
                "row {} is a single value, and the model has {columns} columns: give an object with \
                 their names, or a list in their order",
                self.0.builder.rows() + 1
            ))));
        }
        self.0.push(0, cell)?;
        self.0.end_row()
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: an object with the names of columns, or a list in their order")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<(), A::Error> {
        while let Some(name) = columns.next_key_seed(Name(self.0))? {
            match name {
                Some(at) => columns.next_value_seed(Value { reading: self.0, column: at })?,
                None => drop(columns.next_value::<IgnoredAny>()?),
            }
        }
        self.0.end_row()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let columns = self.0.served.schema().len();
        let mut given = 0;
        while given < columns
            && values.next_element_seed(Value { reading: self.0, column: given })?.is_some()
        {
            given += 1;
        }
        while values.next_element::<IgnoredAny>()?.is_some() {
            given += 1;
        }
        if given != columns {
            let row = self.0.builder.rows() + 1;
            return Err(self.0.refuse(Refusal::bad(format!(
                "row {row} is a list of {given} values, and the model has {columns} columns: {}",
                self.0.served.schema().names().join(", ")
            ))));
        }
        self.0.end_row()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.alone(Cell::Missing)
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.alone(Cell::Boolean(value))
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.alone(Cell::Whole(value))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.alone(unsigned(value))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.alone(Cell::Number(value))
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.alone(Cell::Text(Cow::Borrowed(value)))
    }
}

pub(crate) fn unsigned<'a>(value: u64) -> Cell<'a> {
    i64::try_from(value).map_or(Cell::Number(value as f64), Cell::Whole)
}

/// The value of a column in a row.
struct Value<'r, 'a> {
    reading: &'r mut Reading<'a>,
    column: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl Value<'_, '_> {
    fn no_value<E: serde::de::Error>(self, what: &str) -> E {
        let name = name_of(self.reading.served, self.column).to_owned();
        let row = self.reading.builder.len_of(self.column) + 1;
        self.reading.refuse(Refusal::bad(format!(
            "column `{name}` holds {what} in row {row}; give a single value"
        )))
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of column `{}`", name_of(self.reading.served, self.column))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.reading.push(self.column, Cell::Missing)
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.reading.push(self.column, Cell::Boolean(value))
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.reading.push(self.column, Cell::Whole(value))
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.reading.push(self.column, unsigned(value))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.reading.push(self.column, Cell::Number(value))
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.reading.push(self.column, Cell::Text(Cow::Borrowed(value)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.no_value("a list"))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(self.no_value("an object"))
    }
}

/// All values of a column: a list, in which each may stand in a list of its own, as tensors of
/// `[rows, 1]` have them.
pub(crate) struct Values<'r, 'a> {
    pub reading: &'r mut Reading<'a>,
    pub column: usize,
}

impl<'de> DeserializeSeed<'de> for Values<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of the values of column `{}`", name_of(self.reading.served, self.column))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut next =
            || values.next_element_seed(One { reading: &mut *self.reading, column: self.column });
        while next()?.is_some() {}
        Ok(())
    }
}

/// A value, or a list that holds nothing but one.
struct One<'r, 'a> {
    reading: &'r mut Reading<'a>,
    column: usize,
}

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl<'r, 'a> One<'r, 'a> {
    fn value(self) -> Value<'r, 'a> {
        Value { reading: self.reading, column: self.column }
    }
}

impl<'de> Visitor<'de> for One<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of column `{}`", name_of(self.reading.served, self.column))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut inner: A) -> Result<(), A::Error> {
        let value = Value { reading: &mut *self.reading, column: self.column };
        if inner.next_element_seed(value)?.is_none()
            || inner.next_element::<IgnoredAny>()?.is_some()
        {
            return Err(A::Error::custom(format!(
                "column `{}` holds lists of more or less than one value",
                name_of(self.reading.served, self.column)
            )));
        }
        Ok(())
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.value().visit_unit()
    }
    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.value().visit_bool(value)
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.value().visit_i64(value)
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.value().visit_u64(value)
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.value().visit_f64(value)
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.value().visit_str(value)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.value().visit_map(map)
    }
}

/// A table as pandas splits it: names of columns, and rows of values in their order.
pub(crate) struct Split<'r, 'a>(pub &'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for Split<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Split<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `columns` and `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let mut columns: Option<Vec<Option<usize>>> = None;
        let mut early: Option<Vec<serde_json::Value>> = None;
        let mut done = false;
        while let Some(key) = parts.next_key::<Cow<'_, str>>()? {
            match (key.as_ref(), &columns) {
                ("columns", _) => {
                    let names: Vec<String> = parts.next_value()?;
                    let schema = self.0.served.schema();
                    columns = Some(names.iter().map(|name| schema.find(name)).collect());
                }
                ("data", Some(columns)) => {
                    parts.next_value_seed(Table { reading: self.0, columns })?;
                    done = true;
                }
                // The names may stand behind the rows.
                ("data", None) => early = Some(parts.next_value()?),
                _ => drop(parts.next_value::<IgnoredAny>()?),
            }
        }
        match (done, early, columns) {
            (true, None, _) => Ok(()),
            (false, Some(rows), Some(columns)) => {
                let table = Table { reading: self.0, columns: &columns };
                let rows = serde_json::Value::Array(rows);
                table.deserialize(rows).map_err(A::Error::custom)
            }
            (_, _, None) => Err(A::Error::missing_field("columns")),
            _ => Err(A::Error::missing_field("data")),
        }
    }
}

/// Rows of values, in the order of these columns.
struct Table<'r, 'a, 'c> {
    reading: &'r mut Reading<'a>,
    columns: &'c [Option<usize>],
}

impl<'de> DeserializeSeed<'de> for Table<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Table<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut next = || {
            let row = TableRow { reading: &mut *self.reading, columns: self.columns };
            rows.next_element_seed(row)
        };
        while next()?.is_some() {}
        Ok(())
    }
}

struct TableRow<'r, 'a, 'c> {
    reading: &'r mut Reading<'a>,
    columns: &'c [Option<usize>],
}

impl<'de> DeserializeSeed<'de> for TableRow<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TableRow<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row of {} values", self.columns.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut given = 0;
        for column in self.columns {
            let found = match column {
                Some(at) => {
                    let value = Value { reading: &mut *self.reading, column: *at };
                    values.next_element_seed(value)?.is_some()
                }
                None => values.next_element::<IgnoredAny>()?.is_some(),
            };
            given += usize::from(found);
        }
        while values.next_element::<IgnoredAny>()?.is_some() {
            given += 1;
        }
        if given != self.columns.len() {
            let (row, wanted) = (self.reading.builder.rows() + 1, self.columns.len());
            return Err(self.reading.refuse(Refusal::bad(format!(
                "row {row} has {given} values, and `columns` names {wanted}"
            ))));
        }
        self.reading.end_row()
    }
}

/// Parameters of a request; others are left aside.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Params {
    /// Whether all probabilities are asked for.
    #[serde(default)]
    pub probabilities: bool,
    /// Whether it is asked what each column adds to the answer.
    #[serde(default)]
    pub explain: bool,
    /// Where the history of the rows comes from.
    #[serde(default)]
    pub history: Option<HistoryFrom>,
    /// How many of the first rows are history.
    #[serde(default)]
    pub history_rows: Option<usize>,
}
