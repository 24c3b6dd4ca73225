//! What later rows look like, in memory that depends on the columns alone.

mod bins;
mod column;
mod few_words;
mod season;
mod windows;

pub use column::ColumnWindow;
pub use season::{Season, SeasonalReference};
pub use windows::{Came, FullWindow, WindowSize, Windows};

use gristmill_core::sketch::VectorMoments;
use gristmill_core::{Column, Error, Frame, Result, Table};
use rayon::prelude::*;

use self::column::refuse_others;
use crate::{ColumnReference, Reference, TogetherReference};

/// From so many rows on, columns are counted side by side.
const MANY_ROWS: usize = 512;

/// What some rows look like, counted in the places of a [`Reference`].
///
/// Rows can be added one by one or batch by batch, and windows of the same reference merge: counts in
/// places are exact and do not depend on how rows were cut. A column takes about 2 KiB, and for
/// categories 8 bytes for each that the reference lists and up to 4 KiB for those it does not. Texts, images, and
/// columns that are one vector together, take up to 20 KiB more.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How many rows were counted.
    pub rows: u64,
    /// The columns in the order of the reference.
    pub columns: Vec<ColumnWindow>,
    /// The columns that are one vector together, where the reference has any.
    pub together: Option<TogetherWindow>,
}

/// What columns look like that are one vector together.
#[derive(Clone, Debug, PartialEq)]
pub struct TogetherWindow {
    /// How many rows lacked a value of the vector.
    pub missing: u64,
    /// What the vectors of the others are like.
    pub moments: VectorMoments,
}

impl TogetherWindow {
    fn of(reference: &TogetherReference, rows: &Frame) -> Result<Self> {
        let mut moments = reference.joint.moments();
        let missing = reference.joint.add(rows, &mut moments)?;
        Ok(Self { missing, moments })
    }

    fn merge(&mut self, more: &Self) -> Result<()> {
        self.missing = self.missing.saturating_add(more.missing);
        self.moments.merge(&more.moments)
    }
}

impl Window {
    /// A window of no rows.
    pub fn new(reference: &Reference) -> Self {
        let columns = reference.columns.iter().map(ColumnWindow::new).collect();
        let together = reference
            .together
            .as_ref()
            .map(|together| TogetherWindow { missing: 0, moments: together.joint.moments() });
        Self { rows: 0, columns, together }
    }

    /// A window of columns that were counted one by one, each over the same `rows` rows and in the order of its
    /// reference.
    pub fn of(rows: u64, columns: Vec<ColumnWindow>) -> Self {
        Self { rows, columns, together: None }
    }

    /// Counts more rows. Columns go by name; further ones are passed over.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::WrongType`] when a column holds another kind of values than
    /// in the reference; [`Error::Bug`] when the window is not of this reference. Then nothing was counted.
    pub fn update(&mut self, reference: &Reference, rows: &Table) -> Result<()> {
        if self.columns.len() != reference.columns.len() {
            return Err(Error::Bug("a window was given another reference".into()));
        }
        let columns = reference
            .columns
            .iter()
            .map(|column| rows.schema().position(&column.name))
            .collect::<Result<Vec<_>>>()?;
        let count =
            |(column, &at): (&ColumnReference, &usize)| ColumnWindow::of_table(column, rows, at);
        let more = if rows.rows() < MANY_ROWS {
            reference.columns.iter().zip(&columns).map(count).collect::<Result<Vec<_>>>()?
        } else {
            reference.columns.par_iter().zip(&columns).map(count).collect::<Result<Vec<_>>>()?
        };
        let together = reference.together.as_ref().map(|together| {
            let names = together.joint.columns().iter();
            let at = names.map(|name| rows.schema().position(name)).collect::<Result<Vec<_>>>()?;
            TogetherWindow::of(together, &Frame::from_table(&rows.select(&at))?)
        });
        self.add_together(together.transpose()?)?;
        self.columns.iter_mut().zip(&more).try_for_each(|(mine, more)| mine.merge(more))?;
        self.rows += rows.rows() as u64;
        Ok(())
    }

    fn add_together(&mut self, more: Option<TogetherWindow>) -> Result<()> {
        match (&mut self.together, more) {
            (Some(mine), Some(more)) => mine.merge(&more),
            _ => Ok(()),
        }
    }

    /// As [`Window::update`], of rows as kernels compute on them: the same columns count the same. Ids, which have
    /// no place in a frame, may be absent.
    ///
    /// # Errors
    /// As [`Window::update`].
    pub fn update_frame(&mut self, reference: &Reference, rows: &Frame) -> Result<()> {
        if self.columns.len() != reference.columns.len() {
            return Err(Error::Bug("a window was given another reference".into()));
        }
        let columns = reference
            .columns
            .iter()
            .map(|column| {
                let found = found(rows, column)?;
                refuse_others(column, found, rows.rows())?;
                Ok((column, found))
            })
            .collect::<Result<Vec<_>>>()?;
        let together = reference.together.as_ref();
        let together = together.map(|together| TogetherWindow::of(together, rows));
        self.add_together(together.transpose()?)?;
        for (mine, (reference, column)) in self.columns.iter_mut().zip(columns) {
            mine.count_column(reference, column)?;
        }
        self.rows += rows.rows() as u64;
        Ok(())
    }

    /// Adds what another window of the same reference has counted.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is of another reference.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let mut pairs = self.columns.iter().zip(&other.columns);
        let same = pairs.all(|(mine, theirs)| mine.counts.len() == theirs.counts.len());
        if !same || self.columns.len() != other.columns.len() {
            return Err(Error::Bug("windows of different references were merged".into()));
        }
        self.add_together(other.together.clone())?;
        self.columns
            .iter_mut()
            .zip(&other.columns)
            .try_for_each(|(mine, more)| mine.merge(more))?;
        self.rows += other.rows;
        Ok(())
    }
}

/// The column of a frame that a reference tells of; nothing where it has no place there.
fn found<'a>(rows: &'a Frame, reference: &ColumnReference) -> Result<Option<&'a Column>> {
    match rows.schema().find(&reference.name) {
        Some(at) => Ok(rows.columns().get(at)),
        None if !reference.is_compared() => Ok(None),
        None => rows.schema().position(&reference.name).map(|_| None),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Profile;
    use gristmill_testkit::{grey_png, table};

    use super::*;

    fn rows(from: u32, to: u32) -> Table {
        let names: Vec<String> = (from..to).map(|i| format!("p{}", i % 5)).collect();
        let texts: Vec<String> = (from..to).map(|i| "x".repeat(i as usize % 30)).collect();
        table()
            .numbers(
                "age",
                (from..to).map(|i| if i % 9 == 0 { f64::NAN } else { f64::from(i % 70) }),
            )
            .words("plan", names.iter().map(String::as_str))
            .booleans("paid", (from..to).map(|i| i % 3 == 0))
            .words("note", texts.iter().map(String::as_str))
            .meaning(gristmill_core::SemanticType::Text)
            .times("at", (from..to).map(i64::from))
            .build()
    }

    fn reference() -> Reference {
        Reference::of(&Profile::learn(&rows(0, 3_000)).unwrap())
    }

    fn counted(reference: &Reference, parts: &[Table]) -> Window {
        let mut window = Window::new(reference);
        parts.iter().for_each(|part| window.update(reference, part).unwrap());
        window
    }

    /// How often each place was met, how many values are missing and outside, and the greatest.
    type Counts = (Vec<u64>, u64, u64, Option<f64>);

    /// All but mean and deviation, whose sums are rounded in another order.
    fn counts(window: &Window) -> (u64, Vec<Counts>) {
        let column = |c: &ColumnWindow| (c.counts.clone(), c.missing, c.outside(), c.moments.max());
        (window.rows, window.columns.iter().map(column).collect())
    }

    #[test]
    fn the_rows_of_the_reference_are_counted_as_it_counts_them() {
        let reference = reference();
        let window = counted(&reference, &[rows(0, 3_000)]);
        for (mine, theirs) in window.columns.iter().zip(&reference.columns) {
            assert_eq!(mine.counts, theirs.counts, "{}", theirs.name);
            assert_eq!((mine.missing, mine.outside()), (theirs.missing, 0), "{}", theirs.name);
        }
    }

    #[test]
    fn how_rows_are_cut_does_not_show() {
        let reference = reference();
        let whole = counted(&reference, &[rows(100, 2_000)]);
        let one_by_one: Vec<Table> = (100..2_000).map(|i| rows(i, i + 1)).collect();
        assert_eq!(counts(&counted(&reference, &one_by_one)), counts(&whole));
        let mut merged = counted(&reference, &[rows(100, 700)]);
        merged.merge(&counted(&reference, &[rows(700, 2_000)])).unwrap();
        assert_eq!(counts(&merged), counts(&whole));
        let mean = |w: &Window| w.columns[0].moments.mean().unwrap();
        assert!((mean(&merged) - mean(&whole)).abs() < 1e-9);
    }

    #[test]
    fn a_frame_counts_as_the_table_that_it_was_made_of() {
        let named = |from, to| {
            let ids: Vec<String> = (from..to).map(|i: u32| format!("id {i}")).collect();
            let ids = table().words("id", ids.iter().map(String::as_str));
            let ids = ids.meaning(gristmill_core::SemanticType::Id).build();
            rows(from, to).with_column(ids.schema().fields()[0].clone(), ids.column(0).clone())
        };
        let reference = Reference::of(&Profile::learn(&named(0, 3_000).unwrap()).unwrap());
        let mut window = Window::new(&reference);
        for (from, to) in [(100, 101), (101, 101), (101, 700), (700, 2_000)] {
            let frame = Frame::from_table(&named(from, to).unwrap()).unwrap();
            window.update_frame(&reference, &frame).unwrap();
        }
        let whole = counted(&reference, &[named(100, 2_000).unwrap()]);
        assert_eq!(counts(&window), counts(&whole));
        let settings = crate::DriftSettings::default();
        let judged = |window| settings.judge(&reference, window).unwrap();
        let values = |window| judged(window).columns.iter().map(|c| c.value).collect::<Vec<_>>();
        assert_eq!(values(&window), values(&whole));
    }

    #[test]
    fn texts_and_vectors_count_alike_in_tables_frames_and_parts() {
        let all = rows(0, 3_000);
        let names = vec!["age".to_string(), "paid".to_string()];
        let profile = Profile::learn(&all).unwrap().with_together(names, &all).unwrap();
        let reference = Reference::of(&profile);
        let whole = counted(&reference, &[all]);
        let mut window = Window::new(&reference);
        for (from, to) in [(0, 1), (1, 700), (700, 3_000)] {
            let frame = Frame::from_table(&rows(from, to)).unwrap();
            window.update_frame(&reference, &frame).unwrap();
        }
        let mut merged = counted(&reference, &[rows(0, 900)]);
        merged.merge(&counted(&reference, &[rows(900, 3_000)])).unwrap();
        let known = profile.together.as_ref().unwrap();
        for window in [&whole, &window, &merged] {
            let together = window.together.as_ref().unwrap();
            assert_eq!((together.missing, together.moments.count()), (334, 2_666));
            let apart = together.moments.scatter(1, 0) - known.moments.scatter(1, 0);
            assert!(apart.abs() < 1e-6, "{apart}");
            let texts = window.columns[3].vectors.as_ref().unwrap();
            let before = reference.columns[3].vectors.as_ref().unwrap();
            assert_eq!(texts.count(), before.count());
            let apart = texts.scatter(5, 3) - before.scatter(5, 3);
            assert!(apart.abs() < 1e-9, "{apart}");
        }
        let lacking = Frame::from_table(&rows(0, 5).without(&["paid".into()]).unwrap()).unwrap();
        assert!(window.update_frame(&reference, &lacking).is_err());
    }

    #[test]
    fn images_count_alike_in_tables_frames_and_parts() {
        let image = |row: usize| match row % 10 {
            3 => None,
            7 => Some(b"no image".to_vec()),
            _ => Some(grey_png(3, &[(row * 7) as u8, (row * 3) as u8, 9])),
        };
        let rows = |from: usize, to: usize| table().images("i", (from..to).map(image)).build();
        let reference = Reference::of(&Profile::learn(&rows(0, 900)).unwrap());
        assert_eq!(reference.columns[0].missing, 180);
        let whole = counted(&reference, &[rows(0, 900)]);
        let mut window = Window::new(&reference);
        for (from, to) in [(0, 1), (1, 700), (700, 900)] {
            let frame = Frame::from_table(&rows(from, to)).unwrap();
            window.update_frame(&reference, &frame).unwrap();
        }
        for window in [&whole, &window] {
            let column = &window.columns[0];
            assert_eq!(column.counts, reference.columns[0].counts);
            assert_eq!((column.missing, column.outside()), (180, 0));
            let (now, before) = (column.vectors.as_ref(), reference.columns[0].vectors.as_ref());
            let (now, before) = (now.unwrap(), before.unwrap());
            assert_eq!(now.count(), before.count());
            assert!((now.scatter(69, 0) - before.scatter(69, 0)).abs() < 1e-9);
        }
        let words = Frame::from_table(&table().words("i", ["a"]).build()).unwrap();
        assert!(window.update_frame(&reference, &words).is_err());
    }

    #[test]
    fn frames_of_other_columns_are_refused_and_not_counted() {
        let reference = reference();
        let mut window = Window::new(&reference);
        let frame = |table: &Table| Frame::from_table(table).unwrap();
        let ages = table().words("age", ["old"; 4]).build();
        assert!(window.update_frame(&reference, &frame(&ages)).is_err());
        let wrong = rows(0, 5).without(&["paid".into()]).unwrap();
        assert!(window.update_frame(&reference, &frame(&wrong)).is_err());
        assert_eq!(window, Window::new(&reference));
    }

    #[test]
    fn memory_does_not_grow_with_rows_or_new_words() {
        let reference = reference();
        let names: Vec<String> = (0..20_000).map(|i| format!("never{i}")).collect();
        let mut new = rows(0, 20_000);
        let words = table().words("plan", names.iter().map(String::as_str)).build();
        new = new.without(&["plan".into()]).unwrap();
        new = new.with_column(words.schema().fields()[0].clone(), words.column(0).clone()).unwrap();
        let window = counted(&reference, &[new.clone(), new]);
        for (column, empty) in window.columns.iter().zip(Window::new(&reference).columns) {
            assert_eq!(column.counts.len(), empty.counts.len());
            assert!(column.unlisted().len() <= 32);
        }
        assert_eq!(window.columns[1].counts.last(), Some(&40_000));
    }

    #[test]
    fn a_reference_without_values_counts_whatever_comes() {
        let empty = table().numbers("x", [f64::NAN; 3]).build();
        let reference = Reference::of(&Profile::learn(&empty).unwrap());
        let window = counted(&reference, &[table().numbers("x", [1.0, f64::NAN]).build()]);
        assert_eq!((window.columns[0].counts.as_slice(), window.columns[0].missing), (&[1][..], 1));
    }

    #[test]
    fn rows_of_other_columns_are_refused_and_not_counted() {
        let reference = reference();
        let mut window = Window::new(&reference);
        let ages = table().words("age", ["old"; 4]).build();
        assert!(window.update(&reference, &ages).is_err());
        let wrong = rows(0, 5).without(&["paid".into()]).unwrap();
        assert!(window.update(&reference, &wrong).is_err());
        assert_eq!(window, Window::new(&reference));
        let other = Reference::of(&Profile::learn(&ages).unwrap());
        assert!(window.update(&other, &ages).is_err());
        assert!(window.merge(&Window::new(&other)).is_err());
    }
}
