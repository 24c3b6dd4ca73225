//! Rows one by one as they are kept, out of frames and into frames.

use std::sync::Arc;

use gristmill_core::{Column, Error, Field, Frame, MISSING_TIME, Schema, SemanticType, Words};

use super::windows::Windows;
use crate::{Refusal, Result};

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number; NaN is missing.
    Number(f64),
    /// Microseconds since 1970-01-01.
    Moment(i64),
    /// A word, if there is one.
    Word(Option<Arc<str>>),
    /// The bytes of an image, if there is one.
    Image(Option<Arc<[u8]>>),
}

/// The values of a row in the order of the columns.
pub(super) type Row = Arc<[Value]>;

/// A part of the name of a group: two rows belong together when all parts are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum KeyPart {
    /// The bits of a number, of which the two zeros are one.
    Number(u64),
    /// A moment.
    Moment(i64),
    /// A word.
    Word(Arc<str>),
}

/// What a group is called.
pub(super) type GroupName = Arc<[KeyPart]>;

/// Where a row stands among those of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub group: GroupName,
    /// It sorts as the value of the order does.
    pub rank: i64,
}

/// The columns of rows that are kept, and which of them name groups and order rows.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    schema: Arc<Schema>,
    group: Vec<usize>,
    order: usize,
}

impl Layout {
    /// The layout of rows of such frames, or why they cannot be kept.
    pub fn new(schema: &Arc<Schema>, windows: &Windows) -> Result<Self, String> {
        let position = |name: &String| {
            let found = schema.find(name);
            found.ok_or_else(|| format!("`{name}` is made on the way and no column that is sent"))
        };
        let group = windows.group.iter().map(position).collect::<Result<_, _>>()?;
        Ok(Self { schema: Arc::clone(schema), group, order: position(&windows.order)? })
    }

    /// The place of each row; nothing for rows that see no other row and are seen by none.
    pub fn places(&self, rows: &Frame) -> Result<Vec<Option<Place>>> {
        let order = column(rows, self.order)?;
        let groups: Vec<&Column> =
            self.group.iter().map(|at| column(rows, *at)).collect::<Result<_>>()?;
        let place = |row: usize| {
            let rank = rank(order, row)?;
            let group = groups.iter().map(|column| key_part(column, row));
            Some(Place { group: group.collect::<Option<_>>()?, rank })
        };
        Ok((0..rows.rows()).map(place).collect())
    }

    /// For each column of `self` its position in another layout; nothing where rows of that one cannot
    /// stand among rows of this one.
    pub fn within(&self, other: &Self) -> Option<Vec<usize>> {
        let name =
            |layout: &Self, at: usize| layout.schema.fields().get(at).map(|f| f.name.clone());
        let names = |layout: &Self| -> Vec<Option<String>> {
            [layout.order].iter().chain(&layout.group).map(|at| name(layout, *at)).collect()
        };
        if names(self) != names(other) {
            return None;
        }
        let fields = self.schema.fields().iter();
        fields
            .map(|field| {
                let at = other.schema.find(&field.name)?;
                fits(other.schema.fields().get(at)?, field).then_some(at)
            })
            .collect()
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.schema.len()
    }
}

/// Whether values of a column can stand in another one.
fn fits(from: &Field, to: &Field) -> bool {
    let is_number = matches!(to.semantic, SemanticType::Numeric | SemanticType::Boolean);
    from.semantic == to.semantic
        && (to.nullable || !from.nullable)
        && (is_number || from.physical == to.physical)
}

fn column(rows: &Frame, at: usize) -> Result<&Column> {
    rows.columns().get(at).ok_or_else(|| Refusal::Bug(format!("rows have no column {at}")))
}

fn key_part(column: &Column, row: usize) -> Option<KeyPart> {
    match value(column, row)? {
        Value::Number(number) if number.is_nan() => None,
        // Adding 0 makes one zero of two.
        Value::Number(number) => Some(KeyPart::Number((number + 0.0).to_bits())),
        Value::Moment(MISSING_TIME) => None,
        Value::Moment(moment) => Some(KeyPart::Moment(moment)),
        Value::Word(word) => word.map(KeyPart::Word),
        // Nothing goes by images.
        Value::Image(_) => None,
    }
}

/// A number that sorts as the value does; nothing for a missing one, and for words.
fn rank(column: &Column, row: usize) -> Option<i64> {
    match value(column, row)? {
        Value::Number(number) if number.is_nan() => None,
        Value::Number(number) => {
            // The bits of positive floats rise with their size, those of negative ones fall.
            let bits = (number + 0.0).to_bits() as i64;
            Some(if bits < 0 { bits ^ i64::MAX } else { bits })
        }
        Value::Moment(MISSING_TIME) | Value::Word(_) | Value::Image(_) => None,
        Value::Moment(moment) => Some(moment),
    }
}

fn value(column: &Column, row: usize) -> Option<Value> {
    match column {
        Column::Numbers(values) => values.get(row).copied().map(Value::Number),
        Column::Times(times) => times.get(row).copied().map(Value::Moment),
        Column::Words(words) => {
            (row < words.codes.len()).then(|| Value::Word(words.get(row).map(Arc::from)))
        }
        Column::Images(images) => images.get(row).cloned().map(Value::Image),
        // What comes in a request is not sparse.
        Column::Sparse(_) => None,
    }
}

/// A row of a frame.
pub(super) fn row(rows: &Frame, at: usize) -> Result<Row> {
    let values = rows.columns().iter().map(|column| value(column, at));
    let found = values.collect::<Option<Row>>();
    found.ok_or_else(|| Refusal::Bug(format!("row {at} cannot be kept")))
}

/// How many bytes a row takes.
pub(super) fn bytes(row: &Row) -> usize {
    const COUNTS: usize = 16;
    let words = row.iter().map(|value| match value {
        Value::Word(Some(word)) => COUNTS + word.len(),
        Value::Image(Some(image)) => COUNTS + image.len(),
        _ => 0,
    });
    COUNTS + size_of_val::<[Value]>(row) + words.sum::<usize>()
}

/// Rows that were kept, and behind them those of a frame.
pub(super) fn joined(before: &[Row], rows: &Frame) -> Result<Frame> {
    let wrong = || Error::Bug("a row that was kept does not fit its columns".into());
    let column = |(at, column): (usize, &Column)| -> Result<Column> {
        let kept = || before.iter().map(move |row| row.get(at));
        Ok(match column {
            Column::Numbers(values) => {
                let kept = kept().map(|value| match value {
                    Some(Value::Number(number)) => Ok(*number),
                    _ => Err(wrong()),
                });
                Column::Numbers(
                    kept.chain(values.iter().map(|v| Ok(*v))).collect::<Result<_, _>>()?,
                )
            }
            Column::Times(times) => {
                let kept = kept().map(|value| match value {
                    Some(Value::Moment(moment)) => Ok(*moment),
                    _ => Err(wrong()),
                });
                Column::Times(kept.chain(times.iter().map(|t| Ok(*t))).collect::<Result<_, _>>()?)
            }
            Column::Words(words) => {
                let kept = kept().map(|value| match value {
                    Some(Value::Word(word)) => Ok(word.as_deref()),
                    _ => Err(wrong()),
                });
                let all: Vec<Option<&str>> =
                    kept.chain(words.iter().map(Ok)).collect::<Result<_, _>>()?;
                Column::Words(Words::new(all))
            }
            Column::Images(images) => {
                let kept = kept().map(|value| match value {
                    Some(Value::Image(image)) => Ok(image.clone()),
                    _ => Err(wrong()),
                });
                let all = kept.chain(images.iter().map(|image| Ok(image.clone())));
                Column::Images(all.collect::<Result<_, _>>()?)
            }
            Column::Sparse(_) => return Err(wrong().into()),
        })
    };
    let columns = rows.columns().iter().enumerate().map(column).collect::<Result<_>>()?;
    Ok(Frame::new(Arc::clone(rows.schema()), columns, before.len() + rows.rows())?)
}

/// The rows of two frames of equal columns, one after the other.
pub(super) fn stacked(first: &Frame, second: &Frame) -> Result<Frame> {
    let first = (0..first.rows()).map(|at| row(first, at)).collect::<Result<Vec<Row>>>()?;
    joined(&first, second)
}
