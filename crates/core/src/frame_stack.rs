//! Rows of several frames, one after another.

use std::sync::Arc;

use crate::vocabulary::Vocabulary;
use crate::{Column, Error, Frame, Result, Schema};

/// Gathers the rows of frames of one schema and makes one frame of them.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_core::{Column, Field, Frame, FrameStack, Schema};
/// let schema = Arc::new(Schema::new(vec![Field::number("age")])?);
/// let ages = |ages: &[f64]| {
///     Frame::new(Arc::clone(&schema), vec![Column::Numbers(ages.to_vec())], ages.len())
/// };
/// let mut stack = FrameStack::new(&schema);
/// stack.push(&ages(&[41.0, 19.0])?)?;
/// stack.push(&ages(&[67.0])?)?;
/// assert_eq!(stack.finish()?, ages(&[41.0, 19.0, 67.0])?);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Debug)]
pub struct FrameStack {
    schema: Arc<Schema>,
    /// Known from the first frame on.
    columns: Vec<Growing>,
    rows: usize,
}

#[derive(Debug)]
enum Growing {
    Numbers(Vec<f64>),
    Words(Vocabulary),
    Times(Vec<i64>),
    Images(Vec<Option<Arc<[u8]>>>),
}

impl FrameStack {
    /// No rows yet of frames with this schema.
    pub fn new(schema: &Arc<Schema>) -> Self {
        Self { schema: Arc::clone(schema), columns: Vec::new(), rows: 0 }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether frames of this schema can be added.
    pub fn takes(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.schema, schema) || self.schema == *schema
    }

    /// Adds the rows of a frame.
    ///
    /// # Errors
    /// [`Error::Bug`] when it has another schema, or columns that keep only the rows where they are not 0;
    /// then no row is added.
    pub fn push(&mut self, frame: &Frame) -> Result<()> {
        if !self.takes(frame.schema()) || frame.has_sparse() {
            return Err(Error::Bug("frames of different forms were stacked".into()));
        }
        if self.columns.is_empty() {
            self.columns = frame.columns().iter().map(Growing::of).collect();
        }
        for (growing, column) in self.columns.iter_mut().zip(frame.columns()) {
            growing.extend(column);
        }
        self.rows += frame.rows();
        Ok(())
    }

    /// All rows as one frame.
    ///
    /// # Errors
    /// [`Error::Bug`] when there was no frame, so that it is not known what its columns hold.
    pub fn finish(self) -> Result<Frame> {
        let columns = self.columns.into_iter().map(Growing::finish).collect();
        Frame::new(self.schema, columns, self.rows)
    }
}

impl Growing {
    /// An empty column of the form of this one.
    fn of(column: &Column) -> Self {
        match column {
            Column::Numbers(_) | Column::Sparse(_) => Self::Numbers(Vec::new()),
            Column::Words(_) => Self::Words(Vocabulary::default()),
            Column::Times(_) => Self::Times(Vec::new()),
            Column::Images(_) => Self::Images(Vec::new()),
        }
    }

    /// Adds values of the same form, which the schema has seen to.
    fn extend(&mut self, column: &Column) {
        match (self, column) {
            (Self::Numbers(all), Column::Numbers(some)) => all.extend_from_slice(some),
            (Self::Times(all), Column::Times(some)) => all.extend_from_slice(some),
            (Self::Words(all), Column::Words(some)) => all.extend(some),
            (Self::Images(all), Column::Images(some)) => all.extend_from_slice(some),
            _ => {}
        }
    }

    fn finish(self) -> Column {
        match self {
            Self::Numbers(numbers) => Column::Numbers(numbers),
            Self::Words(words) => Column::Words(words.finish()),
            Self::Times(times) => Column::Times(times),
            Self::Images(images) => Column::Images(images),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, MISSING_TIME, PhysicalType, SemanticType, Words};

    fn schema() -> Arc<Schema> {
        let fields = vec![
            Field::number("x"),
            Field::new("w", PhysicalType::Utf8).meaning(SemanticType::Categorical),
            Field::new("at", PhysicalType::Timestamp).meaning(SemanticType::Datetime),
        ];
        Arc::new(Schema::new(fields).unwrap())
    }

    /// Rows of a number, a word and a moment.
    fn rows(rows: &[(f64, Option<&str>)]) -> Frame {
        let columns = vec![
            Column::Numbers(rows.iter().map(|row| row.0).collect()),
            Column::Words(Words::new(rows.iter().map(|row| row.1))),
            Column::Times(rows.iter().map(|row| row.1.map_or(MISSING_TIME, |_| 7)).collect()),
        ];
        Frame::new(schema(), columns, rows.len()).unwrap()
    }

    #[track_caller]
    fn check(cut: &[usize]) {
        let words: Vec<String> = (0..60).map(|i| format!("w{}", i * 7 % 23)).collect();
        let all: Vec<_> = (0..60)
            .map(|i| (f64::from(i), (i % 5 != 0).then_some(words[i as usize].as_str())))
            .collect();
        let mut stack = FrameStack::new(&schema());
        let mut from = 0;
        for count in cut {
            stack.push(&rows(&all[from..from + count])).unwrap();
            from += count;
        }
        assert_eq!(stack.rows(), from);
        assert_eq!(stack.finish().unwrap(), rows(&all[..from]), "{cut:?}");
    }

    #[test]
    fn rows_that_were_cut_and_stacked_are_as_they_were() {
        check(&[60]);
        check(&[1; 60]);
        check(&[0, 3, 0, 7, 20, 1]);
        check(&[30, 9, 8, 7, 6]);
    }

    #[test]
    fn words_that_no_row_uses_are_not_kept() {
        let words = Words { codes: vec![1], dictionary: Arc::new(vec!["a".into(), "b".into()]) };
        let field = Field::new("w", PhysicalType::Utf8).meaning(SemanticType::Categorical);
        let schema = Arc::new(Schema::new(vec![field]).unwrap());
        let frame = Frame::new(Arc::clone(&schema), vec![Column::Words(words)], 1).unwrap();
        let mut stack = FrameStack::new(&schema);
        stack.push(&frame).unwrap();
        assert_eq!(*stack.finish().unwrap().words(0).unwrap().dictionary, ["b"]);
    }

    #[test]
    fn frames_of_another_form_are_refused_and_add_nothing() {
        let mut stack = FrameStack::new(&schema());
        let other = Arc::new(Schema::new(vec![Field::number("y")]).unwrap());
        let other = Frame::new(other, vec![Column::Numbers(vec![1.0])], 1).unwrap();
        assert!(stack.push(&other).is_err());
        stack.push(&rows(&[(1.0, None)])).unwrap();
        assert!(stack.push(&other).is_err());
        assert_eq!(stack.finish().unwrap(), rows(&[(1.0, None)]));
        assert!(FrameStack::new(&schema()).finish().is_err());
    }
}
