//! Values that come one at a time, as a request brings them, on their way into a frame.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, StringArray};

use crate::frame::{column_from_arrow, has_place};
use crate::table::{
    convert, from_base64, is_exact, number_word, refuse_base64, refuse_loss, refuse_missing,
};
use crate::vocabulary::Vocabulary;
use crate::{Column, Error, Field, Frame, PhysicalType, Result, Schema, SemanticType};

/// A value as a request spells it, before its column says what it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Missing,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number; NaN is missing.
    Number(f64),
    /// Words, a moment, a number between quotes, or an image in base64.
    Text(Cow<'a, str>),
    /// An image as it is.
    Bytes(Cow<'a, [u8]>),
}

/// The columns that a [`FrameBuilder`] fills, found out once for many of them.
#[derive(Clone, Debug)]
pub struct FrameInput {
    input: Arc<Schema>,
    frame: Arc<Schema>,
    kinds: Vec<Kind>,
}

/// How the values of a column are kept while they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Numbers,
    Words,
    /// Spelled moments, which Arrow reads together.
    Spelled,
    Images,
    /// Ids, which have no place in a frame.
    Aside,
}

impl FrameInput {
    /// The columns of `input` that have a place in a frame.
    pub fn new(input: &Arc<Schema>) -> Self {
        let kind = |field: &Field| match (field.semantic, field.physical) {
            _ if !has_place(field) => Kind::Aside,
            (_, PhysicalType::Date | PhysicalType::Timestamp) => Kind::Spelled,
            (SemanticType::Numeric | SemanticType::Boolean, _) => Kind::Numbers,
            (SemanticType::Image, _) => Kind::Images,
            _ => Kind::Words,
        };
        let kinds = input.fields().iter().map(kind).collect();
        let frame = Arc::new(input.filter(has_place));
        Self { input: Arc::clone(input), frame, kinds }
    }

    /// All columns, those without a place in a frame too.
    pub fn schema(&self) -> &Schema {
        &self.input
    }
}

/// Collects values and makes the very frame that a [`Table`](crate::Table) of them makes after
/// [`Table::conform`](crate::Table::conform): it takes the same values and refuses the same ones.
///
/// Rows are filled either row by row, each ended by [`FrameBuilder::end_row`], or column by column.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_core::{Cell, Field, FrameBuilder, FrameInput, PhysicalType, Schema};
/// let age = Field::new("age", PhysicalType::Int64);
/// let input = FrameInput::new(&Arc::new(Schema::new(vec![age])?));
/// let mut builder = FrameBuilder::new(&input);
/// builder.push(0, Cell::Number(41.0))?;
/// builder.end_row()?;
/// assert!(builder.push(0, Cell::Number(41.5)).unwrap_err().to_string().contains("`41.5` in row 2"));
/// assert_eq!(builder.finish()?.numbers(0)?, [41.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Debug)]
pub struct FrameBuilder<'a> {
    input: &'a FrameInput,
    columns: Vec<Building>,
    rows: usize,
}

#[derive(Debug)]
enum Building {
    Numbers(Vec<f64>),
    Words(Vocabulary),
    Spelled(Vec<Option<String>>),
    Images(Vec<Option<Arc<[u8]>>>),
    Aside(usize),
}

impl Building {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Words(words) => words.len(),
            Self::Spelled(texts) => texts.len(),
            Self::Images(images) => images.len(),
            Self::Aside(count) => *count,
        }
    }
}

impl<'a> FrameBuilder<'a> {
    /// No rows yet.
    pub fn new(input: &'a FrameInput) -> Self {
        let columns = input.kinds.iter().map(|kind| match kind {
            Kind::Numbers => Building::Numbers(Vec::new()),
            Kind::Words => Building::Words(Vocabulary::default()),
            Kind::Spelled => Building::Spelled(Vec::new()),
            Kind::Images => Building::Images(Vec::new()),
            Kind::Aside => Building::Aside(0),
        });
        Self { input, columns: columns.collect(), rows: 0 }
    }

    /// How many rows were ended.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many values the column has so far.
    pub fn len_of(&self, column: usize) -> usize {
        self.columns.get(column).map_or(0, Building::len)
    }

    /// The next value of a column, by its position in the input.
    ///
    /// # Errors
    /// [`Error::Data`] when the value is not of the column's type without loss, or is missing where
    /// training saw none missing; [`Error::Bug`] when there is no such column.
    pub fn push(&mut self, column: usize, cell: Cell<'_>) -> Result<()> {
        let (Some(field), Some(building)) =
            (self.input.input.fields().get(column), self.columns.get_mut(column))
        else {
            return Err(Error::Bug(format!("a value was given for column {column}")));
        };
        if push_plain(building, field, &cell) {
            return Ok(());
        }
        let row = building.len();
        match building {
            Building::Aside(count) => *count += 1,
            Building::Spelled(texts) => texts.push(spelled(field, row, cell)?),
            Building::Images(images) => images.push(image(field, row, cell)?),
            Building::Numbers(numbers) => numbers.push(match stored(field, row, cell)? {
                Cell::Boolean(yes) => f64::from(u8::from(yes)),
                Cell::Whole(whole) => whole as f64,
                Cell::Number(number) => number,
                Cell::Missing | Cell::Text(_) | Cell::Bytes(_) => f64::NAN,
            }),
            Building::Words(words) => match stored(field, row, cell)? {
                Cell::Missing | Cell::Bytes(_) => words.push_missing(),
                Cell::Boolean(yes) => words.push(if yes { "true" } else { "false" }),
                Cell::Whole(whole) => words.push(&whole.to_string()),
                Cell::Number(number) => words.push(&number_word(number)),
                Cell::Text(text) => words.push(&text),
            },
        }
        Ok(())
    }

    /// Ends a row; columns without a value have none.
    ///
    /// # Errors
    /// [`Error::Data`] when a column was given twice, or is missing where training saw none missing.
    pub fn end_row(&mut self) -> Result<()> {
        for column in 0..self.columns.len() {
            match self.len_of(column).checked_sub(self.rows) {
                Some(1) => {}
                Some(0) => self.push(column, Cell::Missing)?,
                _ => {
                    let name = self.name(column);
                    let row = self.rows + 1;
                    return Err(Error::data_hint(
                        format!("column `{name}` stands twice in row {row}"),
                        "give each column once",
                    ));
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn name(&self, column: usize) -> &str {
        self.input.input.fields().get(column).map_or("", |field| &field.name)
    }

    /// The frame. Columns that were given no value at all have none in any row.
    ///
    /// # Errors
    /// [`Error::Data`] when columns have different numbers of values, or a moment cannot be read;
    /// [`Error::MissingColumn`] when a column without values must have some.
    pub fn finish(mut self) -> Result<Frame> {
        let rows = (0..self.columns.len()).map(|column| self.len_of(column)).max().unwrap_or(0);
        for column in 0..self.columns.len() {
            match self.len_of(column) {
                count if count == rows => {}
                0 => self.leave_out(column, rows)?,
                count => {
                    let name = self.name(column);
                    return Err(Error::data_hint(
                        format!("column `{name}` has {count} values, others have {rows}"),
                        "give every column as many values as there are rows",
                    ));
                }
            }
        }
        let fields = self.input.input.fields().iter();
        let columns = fields.zip(self.columns).filter_map(|(field, building)| match building {
            Building::Numbers(numbers) => Some(Ok(Column::Numbers(numbers))),
            Building::Words(words) => Some(Ok(Column::Words(words.finish()))),
            Building::Spelled(texts) => Some(moments(field, texts)),
            Building::Images(images) => Some(Ok(Column::Images(images))),
            Building::Aside(_) => None,
        });
        Frame::new(Arc::clone(&self.input.frame), columns.collect::<Result<_>>()?, rows)
    }

    fn leave_out(&mut self, column: usize, rows: usize) -> Result<()> {
        let field = self.input.input.fields().get(column);
        if let Some(field) = field.filter(|field| !field.nullable && has_place(field)) {
            let given = (0..self.columns.len()).filter(|column| self.len_of(*column) > 0);
            let known = given.map(|column| self.name(column).to_owned()).collect();
            return Err(Error::MissingColumn { name: field.name.clone(), known });
        }
        (0..rows).try_for_each(|_| self.push(column, Cell::Missing))
    }
}

/// Adds a value that is of its column's own type, as most are, and says whether it was one.
fn push_plain(building: &mut Building, field: &Field, cell: &Cell<'_>) -> bool {
    match (building, field.physical, cell) {
        (Building::Words(words), PhysicalType::Utf8, Cell::Text(text)) => words.push(text),
        (Building::Numbers(numbers), PhysicalType::Float64, Cell::Number(number))
            if number.is_finite() =>
        {
            numbers.push(*number);
        }
        (Building::Numbers(numbers), PhysicalType::Int64, Cell::Whole(whole)) => {
            numbers.push(*whole as f64);
        }
        _ => return false,
    }
    true
}

/// The value as its column stores it: of the column's physical type, or missing.
fn stored<'a>(field: &Field, row: usize, cell: Cell<'a>) -> Result<Cell<'a>> {
    use PhysicalType as P;
    let refused = |shown: String| Err(refuse_loss(field, row, &shown));
    let parsed = |text: &str| text.trim().to_owned();
    let cell = match (field.physical, cell) {
        (_, Cell::Missing) => Cell::Missing,
        (P::Boolean, Cell::Boolean(yes)) => Cell::Boolean(yes),
        (P::Boolean, Cell::Whole(whole @ (0 | 1))) => Cell::Boolean(whole == 1),
        (P::Boolean, Cell::Text(text)) => match parsed(&text).parse() {
            Ok(yes) => Cell::Boolean(yes),
            Err(_) => return refused(text.into_owned()),
        },
        (P::Int64, Cell::Boolean(yes)) => Cell::Whole(i64::from(yes)),
        (P::Int64, Cell::Whole(whole)) => Cell::Whole(whole),
        (P::Int64, Cell::Number(number)) if number.is_nan() => Cell::Missing,
        (P::Int64, Cell::Number(number)) if is_exact(number) => Cell::Whole(number as i64),
        (P::Int64, Cell::Text(text)) => match parsed(&text).parse() {
            Ok(whole) => Cell::Whole(whole),
            Err(_) => return refused(text.into_owned()),
        },
        (P::Float64, Cell::Boolean(yes)) => Cell::Number(f64::from(u8::from(yes))),
        (P::Float64, Cell::Whole(whole)) if whole as f64 as i128 == i128::from(whole) => {
            Cell::Number(whole as f64)
        }
        (P::Float64, Cell::Number(number)) => Cell::Number(number),
        (P::Float64, Cell::Text(text)) => match parsed(&text).parse() {
            Ok(number) => Cell::Number(number),
            Err(_) => return refused(text.into_owned()),
        },
        (P::Utf8, Cell::Boolean(yes)) => Cell::Text(if yes { "true" } else { "false" }.into()),
        (P::Utf8, Cell::Whole(whole)) => Cell::Text(whole.to_string().into()),
        (P::Utf8, Cell::Number(number)) if number.is_nan() => Cell::Missing,
        (P::Utf8, Cell::Number(number)) => Cell::Text(number_word(number).into()),
        (P::Utf8, Cell::Text(text)) => Cell::Text(text),
        (_, cell) => return refused(shown(&cell)),
    };
    match cell {
        Cell::Number(number) if number.is_infinite() => Err(Error::data_hint(
            format!("column `{}` is infinite in row {}", field.name, row + 1),
            "leave the value empty, or give a finite number",
        )),
        Cell::Number(number) if number.is_nan() => not_missing(field, row),
        Cell::Missing => not_missing(field, row),
        cell => Ok(cell),
    }
}

/// A missing value, where there may be one.
fn not_missing<'a>(field: &Field, row: usize) -> Result<Cell<'a>> {
    if field.nullable { Ok(Cell::Missing) } else { Err(refuse_missing(field, row)) }
}

fn spelled(field: &Field, row: usize, cell: Cell<'_>) -> Result<Option<String>> {
    match cell {
        Cell::Text(text) => Ok(Some(text.into_owned())),
        Cell::Missing => not_missing(field, row).map(|_| None),
        Cell::Number(number) if number.is_nan() => not_missing(field, row).map(|_| None),
        other => Err(refuse_loss(field, row, &shown(&other))),
    }
}

/// An image: as it is, or in base64.
fn image(field: &Field, row: usize, cell: Cell<'_>) -> Result<Option<Arc<[u8]>>> {
    match cell {
        Cell::Bytes(bytes) => Ok(Some(bytes.as_ref().into())),
        Cell::Text(text) => match from_base64(&text) {
            Some(bytes) => Ok(Some(bytes.into())),
            None => Err(refuse_base64(field, row)),
        },
        Cell::Missing => not_missing(field, row).map(|_| None),
        Cell::Number(number) if number.is_nan() => not_missing(field, row).map(|_| None),
        other => Err(refuse_loss(field, row, &shown(&other))),
    }
}

fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Missing => "nothing".into(),
        Cell::Boolean(yes) => yes.to_string(),
        Cell::Whole(whole) => whole.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.as_ref().into(),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Spelled moments as a table of them has them.
fn moments(field: &Field, texts: Vec<Option<String>>) -> Result<Column> {
    let texts: Arc<dyn Array> = Arc::new(StringArray::from(texts));
    let moments = convert(&texts, field)?;
    column_from_arrow(moments.as_ref(), field.physical, field.semantic)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array};
    use proptest::prelude::*;

    use super::*;
    use crate::Table;

    /// What a table of these values becomes, and what the same values become one by one.
    fn check(field: Field, column: ArrayRef, cells: Vec<Cell<'_>>) {
        let physical = match column.data_type() {
            arrow::datatypes::DataType::Boolean => PhysicalType::Boolean,
            arrow::datatypes::DataType::Int64 => PhysicalType::Int64,
            arrow::datatypes::DataType::Float64 => PhysicalType::Float64,
            _ => PhysicalType::Utf8,
        };
        let given = Field::new("x", physical).nullable(true);
        let table = Table::new(Schema::new(vec![given]).unwrap(), vec![column]).unwrap();
        let wanted = Arc::new(Schema::new(vec![field]).unwrap());
        let of_table = table.conform(&wanted).and_then(|table| Frame::from_table(&table));
        let input = FrameInput::new(&wanted);
        let mut builder = FrameBuilder::new(&input);
        let pushed = cells.into_iter().try_for_each(|cell| {
            builder.push(0, cell)?;
            builder.end_row()
        });
        let of_cells = pushed.and_then(|()| builder.finish());
        match (&of_table, &of_cells) {
            (Ok(table), Ok(cells)) => {
                // NaN differs from itself, and is the same bits here.
                assert_eq!(format!("{table:?}"), format!("{cells:?}"));
            }
            (Err(_), Err(_)) => {}
            other => panic!("{other:?}"),
        }
    }

    fn fields() -> impl Strategy<Value = Field> {
        use PhysicalType as P;
        use SemanticType as S;
        let kinds = [
            (P::Boolean, S::Boolean),
            (P::Boolean, S::Categorical),
            (P::Int64, S::Numeric),
            (P::Int64, S::Boolean),
            (P::Int64, S::Categorical),
            (P::Float64, S::Numeric),
            (P::Float64, S::Categorical),
            (P::Utf8, S::Categorical),
            (P::Utf8, S::Text),
            (P::Date, S::Datetime),
            (P::Timestamp, S::Datetime),
            (P::Timestamp, S::Categorical),
        ];
        let nullable = any::<bool>();
        (prop::sample::select(kinds.to_vec()), nullable).prop_map(
            |((physical, meaning), nullable)| {
                Field::new("x", physical).meaning(meaning).nullable(nullable)
            },
        )
    }

    proptest! {
        #[test]
        fn whole_numbers_become_what_a_table_makes_of_them(
            field in fields(),
            values in prop::collection::vec(prop::option::of(prop_oneof![any::<i64>(), -3..4_i64]), 1..20),
        ) {
            let cells = values.iter().map(|v| v.map_or(Cell::Missing, Cell::Whole)).collect();
            check(field, Arc::new(Int64Array::from(values.clone())), cells);
        }

        #[test]
        fn numbers_become_what_a_table_makes_of_them(
            field in fields(),
            values in prop::collection::vec(
                prop::option::of(prop_oneof![any::<f64>().prop_filter("a number", |v| !v.is_nan()), (-3..4_i32).prop_map(f64::from)]),
                1..20,
            ),
        ) {
            let cells = values.iter().map(|v| v.map_or(Cell::Missing, Cell::Number)).collect();
            check(field, Arc::new(Float64Array::from(values.clone())), cells);
        }

        #[test]
        fn yes_and_no_become_what_a_table_makes_of_them(
            field in fields(),
            values in prop::collection::vec(prop::option::of(any::<bool>()), 1..20),
        ) {
            let cells = values.iter().map(|v| v.map_or(Cell::Missing, Cell::Boolean)).collect();
            check(field, Arc::new(BooleanArray::from(values.clone())), cells);
        }

        #[test]
        fn words_become_what_a_table_makes_of_them(
            field in fields(),
            values in prop::collection::vec(
                prop::option::of("[a-d]{1,2}|-?[0-9]{1,3}(\\.5)?|true|2024-0[1-9]-1[0-9]( 1[0-9]:00:00)?"),
                1..30,
            ),
        ) {
            let texts = StringArray::from(values.clone());
            let cell = |v: &Option<String>| match v {
                Some(text) => Cell::Text(text.clone().into()),
                None => Cell::Missing,
            };
            check(field, Arc::new(texts), values.iter().map(cell).collect());
        }
    }

    #[test]
    fn a_column_that_may_be_missing_may_be_left_out() {
        let field = |name: &str, nullable| Field::number(name).nullable(nullable);
        let schema = Schema::new(vec![field("a", false), field("b", true)]).unwrap();
        let input = FrameInput::new(&Arc::new(schema));
        let mut builder = FrameBuilder::new(&input);
        builder.push(0, Cell::Whole(1)).unwrap();
        builder.push(0, Cell::Whole(2)).unwrap();
        let frame = builder.finish().unwrap();
        assert!(frame.numbers(1).unwrap().iter().all(|value| value.is_nan()));
        let mut builder = FrameBuilder::new(&input);
        builder.push(1, Cell::Whole(1)).unwrap();
        assert!(matches!(builder.finish(), Err(Error::MissingColumn { name, .. }) if name == "a"));
    }

    #[test] // RFC 4648, section 10
    fn images_come_in_base64_or_as_they_are() {
        let field = Field::new("x", PhysicalType::Binary);
        let texts = Arc::new(StringArray::from(vec![Some("Zm9vYmE="), None, Some("")]));
        let cells = vec![Cell::Text("Zm9vYmE=".into()), Cell::Missing, Cell::Text("".into())];
        check(field.clone().nullable(true), texts, cells);
        let wrong = Arc::new(StringArray::from(vec!["Zg==", "no base64"]));
        let cells = ["Zg==", "no base64"].map(|text| Cell::Text(text.into()));
        check(field.clone(), wrong, cells.to_vec());
        let input = FrameInput::new(&Arc::new(Schema::new(vec![field]).unwrap()));
        let mut builder = FrameBuilder::new(&input);
        builder.push(0, Cell::Text(" Zm9v\n".into())).unwrap();
        builder.push(0, Cell::Bytes(Cow::Borrowed(b"\xffoo"))).unwrap();
        for wrong in [Cell::Whole(7), Cell::Boolean(true), Cell::Missing, Cell::Text("f".into())] {
            assert!(builder.push(0, wrong).is_err());
        }
        let frame = builder.finish().unwrap();
        let found: Vec<&[u8]> = frame.images(0).unwrap().iter().flatten().map(|i| &**i).collect();
        assert_eq!(found, [b"foo".as_slice(), b"\xffoo"]);
    }

    #[test]
    fn a_column_given_twice_is_refused() {
        let input = FrameInput::new(&Arc::new(Schema::new(vec![Field::number("a")]).unwrap()));
        let mut builder = FrameBuilder::new(&input);
        builder.push(0, Cell::Whole(1)).unwrap();
        builder.push(0, Cell::Whole(2)).unwrap();
        assert!(builder.end_row().unwrap_err().to_string().contains("`a` stands twice in row 1"));
    }
}
