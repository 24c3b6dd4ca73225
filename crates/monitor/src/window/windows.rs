//! A stream of rows cut into windows: one after another, or each a little later than the last.

use std::collections::VecDeque;
use std::sync::Arc;

use gristmill_core::{Error, Frame, Result, Table, Timestamp};

use super::Window;
use crate::Reference;

/// Into how many parts a sliding window may be cut: each is kept, so this bounds the memory.
const PARTS: u64 = 96;

/// How long a window is, and how much later the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSize {
    /// So many rows; a new window every so many rows.
    Rows {
        /// How many rows a window holds.
        length: u64,
        /// After how many rows the next one ends: `length` for windows one after another.
        every: u64,
    },
    /// So many microseconds; windows end at multiples of `every` since 1970-01-01T00:00:00Z.
    Time {
        /// How long a window is.
        length: u64,
        /// After how long the next one ends.
        every: u64,
    },
}

impl WindowSize {
    /// Windows of so many rows, one after another.
    pub fn rows(length: u64) -> Self {
        Self::Rows { length, every: length }
    }

    /// Windows of so many microseconds, one after another.
    pub fn time(length: u64) -> Self {
        Self::Time { length, every: length }
    }

    fn parts(self) -> Result<u64> {
        let (Self::Rows { length, every } | Self::Time { length, every }) = self;
        if length == 0 || every == 0 {
            return Err(Error::setting("window", 0, "a length above 0"));
        }
        if length % every != 0 || length / every > PARTS {
            return Err(Error::setting(
                "every",
                every,
                format!("a part of the window: {length} divided by a whole number up to {PARTS}"),
            ));
        }
        Ok(length / every)
    }
}

/// So many rows that came at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// How many.
    pub rows: usize,
    /// When.
    pub at: Timestamp,
}

/// Rows in the order in which they came.
struct Queue<'a> {
    came: &'a [Came],
    /// How many of the first ones have been taken.
    gone: usize,
}

/// Rows that were taken together, from the first moment to the latest.
struct Taken {
    rows: usize,
    first: Timestamp,
    latest: Timestamp,
}

impl<'a> Queue<'a> {
    fn new(came: &'a [Came]) -> Self {
        Self { came, gone: 0 }
    }

    /// The next rows, up to so many.
    fn take(&mut self, most: usize) -> Taken {
        let mut taken: Option<Taken> = None;
        while let Some((next, later)) = self.came.split_first() {
            let rows = taken.as_ref().map_or(0, |taken| taken.rows);
            if rows == most {
                break;
            }
            let more = (next.rows - self.gone).min(most - rows);
            if more > 0 {
                let taken = taken.get_or_insert(Taken { rows: 0, first: next.at, latest: next.at });
                taken.rows += more;
                taken.latest = taken.latest.max(next.at);
            }
            self.gone += more;
            if self.gone == next.rows {
                (self.came, self.gone) = (later, 0);
            }
        }
        taken.unwrap_or(Taken { rows: 0, first: Timestamp(0), latest: Timestamp(0) })
    }
}

/// A window that is complete.
#[derive(Clone, Debug, PartialEq)]
pub struct FullWindow {
    /// What its rows look like.
    pub window: Window,
    /// The moment of its first row, or where its time begins.
    pub from: Timestamp,
    /// The moment of its last row, or where its time ends.
    pub to: Timestamp,
}

/// Cuts rows into windows. Memory is that of one window for each part of a sliding one, and of one more:
/// it depends on neither the rows nor their number.
#[derive(Clone, Debug)]
pub struct Windows {
    reference: Arc<Reference>,
    size: WindowSize,
    parts: u64,
    /// Parts that are complete, the oldest first.
    done: VecDeque<Part>,
    open: Option<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    window: Window,
    from: Timestamp,
    to: Timestamp,
}

impl Windows {
    /// Windows of no rows yet.
    ///
    /// # Errors
    /// [`Error::Setting`] when a length is 0, or `every` is not the length over a whole number up to 96.
    pub fn new(size: WindowSize, reference: Arc<Reference>) -> Result<Self> {
        Ok(Self { reference, size, parts: size.parts()?, done: VecDeque::new(), open: None })
    }

    /// Counts rows of the moment `at`, and returns the windows that became complete, in order. Rows that
    /// come late are counted in the window that is open.
    ///
    /// # Errors
    /// As [`Window::update`]; then none of the rows was counted.
    pub fn update(&mut self, rows: &Table, at: Timestamp) -> Result<Vec<FullWindow>> {
        self.count(rows, &[Came { rows: rows.rows(), at }])
    }

    /// As [`Windows::update`], of rows as kernels compute on them, which came in this order. It is the same as
    /// to count the rows of each moment by themselves.
    ///
    /// # Errors
    /// As [`Window::update_frame`], and [`Error::Bug`] when more or fewer rows came than there are; then none of
    /// the rows was counted.
    pub fn update_frame(&mut self, rows: &Frame, came: &[Came]) -> Result<Vec<FullWindow>> {
        match came.iter().map(|came| came.rows).sum::<usize>() == rows.rows() {
            true => self.count(rows, came),
            false => Err(Error::Bug("other rows came than are counted".into())),
        }
    }

    fn count(&mut self, rows: &impl Countable, came: &[Came]) -> Result<Vec<FullWindow>> {
        if let WindowSize::Rows { every, .. } = self.size
            && self.has_room(rows.len(), every)
        {
            return self.count_whole(rows, came, every);
        }
        // Whatever may be refused is refused before a part of the rows is counted.
        rows.part(0, rows.len().min(1)).add(&mut Window::new(&self.reference), &self.reference)?;
        match self.size {
            WindowSize::Rows { every, .. } => self.count_rows(rows, came, every),
            WindowSize::Time { every, .. } => self.count_times(rows, came, every),
        }
    }

    /// Whether all of these rows belong to the part that is open, or to the next one.
    fn has_room(&self, rows: usize, every: u64) -> bool {
        let counted = self.open.as_ref().map_or(0, |part| part.window.rows);
        rows > 0 && rows as u64 <= every - counted
    }

    /// Counts rows that belong to one part, as most requests do: all of them or, where they are refused, none.
    fn count_whole(
        &mut self,
        rows: &impl Countable,
        came: &[Came],
        every: u64,
    ) -> Result<Vec<FullWindow>> {
        let reference = Arc::clone(&self.reference);
        let taken = Queue::new(came).take(rows.len());
        let part = self.part(taken.first, taken.first);
        if let Err(refused) = rows.add(&mut part.window, &reference) {
            // A part begins with its first row.
            self.open = self.open.take().filter(|part| part.window.rows > 0);
            return Err(refused);
        }
        part.to = part.to.max(taken.latest);
        let is_complete = part.window.rows == every;
        Ok(if is_complete { self.close()?.into_iter().collect() } else { Vec::new() })
    }

    fn count_rows(
        &mut self,
        rows: &impl Countable,
        came: &[Came],
        every: u64,
    ) -> Result<Vec<FullWindow>> {
        let (mut full, mut from, mut queue) = (Vec::new(), 0, Queue::new(came));
        let reference = Arc::clone(&self.reference);
        while from < rows.len() {
            let counted = self.open.as_ref().map_or(0, |part| part.window.rows);
            let taken = queue.take(usize::try_from(every - counted).unwrap_or(usize::MAX));
            let part = self.part(taken.first, taken.first);
            rows.part(from, taken.rows).add(&mut part.window, &reference)?;
            part.to = part.to.max(taken.latest);
            let complete = part.window.rows == every;
            from += taken.rows;
            if complete {
                full.extend(self.close()?);
            }
        }
        Ok(full)
    }

    fn count_times(
        &mut self,
        rows: &impl Countable,
        came: &[Came],
        every: u64,
    ) -> Result<Vec<FullWindow>> {
        let (mut full, mut from, mut count) = (Vec::new(), 0, 0);
        for came in came {
            if self.open.as_ref().is_some_and(|part| part.to <= came.at) {
                self.add(&rows.part(from, count))?;
                (from, count) = (from + count, 0);
                full.extend(self.advance(came.at)?);
            }
            if came.rows > 0 {
                let (begins, ends) = self.span(came.at, every);
                self.part(begins, ends);
            }
            count += came.rows;
        }
        self.add(&rows.part(from, count))?;
        Ok(full)
    }

    /// Adds rows to the open part, if there are any.
    fn add(&mut self, rows: &impl Countable) -> Result<()> {
        match &mut self.open {
            Some(part) if rows.len() > 0 => rows.add(&mut part.window, &self.reference),
            _ => Ok(()),
        }
    }

    /// Says that it is `now`, and returns the windows of time that ended before. A time in which no row came
    /// has a window of no rows, but what lies further back than one window is passed over.
    ///
    /// # Errors
    /// [`Error::Bug`] when parts do not fit each other.
    pub fn advance(&mut self, now: Timestamp) -> Result<Vec<FullWindow>> {
        let WindowSize::Time { length, every } = self.size else { return Ok(Vec::new()) };
        let mut full = Vec::new();
        let reach = i64::try_from(length).unwrap_or(i64::MAX);
        while let Some(end) = self.open.as_ref().map(|part| part.to).filter(|end| *end <= now) {
            full.extend(self.close()?);
            if now.0.saturating_sub(end.0) < reach {
                let (from, to) = self.span(end, every);
                self.part(from, to);
            } else {
                // Nothing was seen for so long that no later window holds any of it.
                self.done.clear();
            }
        }
        Ok(full)
    }

    /// What has been counted since the last window was complete, together with what still belongs to it.
    ///
    /// # Errors
    /// [`Error::Bug`] when parts do not fit each other.
    pub fn latest(&self) -> Result<Window> {
        let mut window = Window::new(&self.reference);
        for part in self.done.iter().chain(&self.open) {
            window.merge(&part.window)?;
        }
        Ok(window)
    }

    fn span(&self, at: Timestamp, every: u64) -> (Timestamp, Timestamp) {
        let every = i64::try_from(every).unwrap_or(i64::MAX);
        let from = at.0.div_euclid(every).saturating_mul(every);
        (Timestamp(from), Timestamp(from.saturating_add(every)))
    }

    fn part(&mut self, from: Timestamp, to: Timestamp) -> &mut Part {
        let reference = &self.reference;
        self.open.get_or_insert_with(|| Part { window: Window::new(reference), from, to })
    }

    /// Ends the open part, and the window that it completes.
    fn close(&mut self) -> Result<Option<FullWindow>> {
        let Some(part) = self.open.take() else { return Ok(None) };
        let to = part.to;
        self.done.push_back(part);
        if (self.done.len() as u64) < self.parts {
            return Ok(None);
        }
        let mut window = Window::new(&self.reference);
        for part in &self.done {
            window.merge(&part.window)?;
        }
        let from = self.done.pop_front().map_or(to, |oldest| oldest.from);
        Ok(Some(FullWindow { window, from, to }))
    }
}

/// Rows in one of the forms in which they are counted.
trait Countable {
    fn len(&self) -> usize;

    /// `count` rows from `from` on.
    fn part(&self, from: usize, count: usize) -> Self;

    fn add(&self, window: &mut Window, reference: &Reference) -> Result<()>;
}

impl Countable for Table {
    fn len(&self) -> usize {
        self.rows()
    }

    fn part(&self, from: usize, count: usize) -> Self {
        self.slice(from, count)
    }

    fn add(&self, window: &mut Window, reference: &Reference) -> Result<()> {
        window.update(reference, self)
    }
}

impl Countable for Frame {
    fn len(&self) -> usize {
        self.rows()
    }

    fn part(&self, from: usize, count: usize) -> Self {
        self.slice(from..from + count)
    }

    fn add(&self, window: &mut Window, reference: &Reference) -> Result<()> {
        window.update_frame(reference, self)
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Profile;
    use gristmill_testkit::table;

    use super::*;

    fn rows(from: i32, to: i32) -> Table {
        table().numbers("x", (from..to).map(f64::from)).build()
    }

    fn windows(size: WindowSize) -> Windows {
        let reference = Reference::of(&Profile::learn(&rows(0, 100)).unwrap());
        Windows::new(size, Arc::new(reference)).unwrap()
    }

    /// From when to when windows go, how many rows they have, and the mean of these.
    fn shown(full: &[FullWindow]) -> Vec<(i64, i64, u64, Option<f64>)> {
        let mean = |w: &Window| w.columns[0].moments.mean();
        full.iter().map(|f| (f.from.0, f.to.0, f.window.rows, mean(&f.window))).collect()
    }

    #[test] // by hand
    fn rows_fill_one_window_after_another() {
        let mut windows = windows(WindowSize::rows(4));
        assert!(windows.update(&rows(0, 3), Timestamp(1)).unwrap().is_empty());
        let full = windows.update(&rows(3, 9), Timestamp(2)).unwrap();
        assert_eq!(shown(&full), [(1, 2, 4, Some(1.5)), (2, 2, 4, Some(5.5))]);
        assert_eq!(windows.latest().unwrap().rows, 1);
    }

    #[test]
    fn frames_fill_the_windows_that_their_tables_fill() {
        let (mut of_tables, mut of_frames) =
            (windows(WindowSize::rows(4)), windows(WindowSize::rows(4)));
        for (from, to) in [(0, 3), (3, 3), (3, 12)] {
            let rows = rows(from, to);
            let frame = Frame::from_table(&rows).unwrap();
            let at = Timestamp(from.into());
            let full = of_frames.update_frame(&frame, &[Came { rows: frame.rows(), at }]).unwrap();
            let expected = of_tables.update(&rows, at).unwrap();
            assert_eq!(shown(&full), shown(&expected));
        }
        assert_eq!(of_frames.latest().unwrap().rows, of_tables.latest().unwrap().rows);
    }

    /// Rows that came at several moments and are counted at once fill the windows that they fill one by one.
    #[track_caller]
    fn check_at_once(size: WindowSize, came: &[(usize, i64)]) {
        let came: Vec<Came> =
            came.iter().map(|&(rows, at)| Came { rows, at: Timestamp(at) }).collect();
        let all = rows(0, came.iter().map(|came| came.rows as i32).sum());
        let (mut at_once, mut one_by_one) = (windows(size), windows(size));
        let mut expected = Vec::new();
        let mut from = 0;
        for came in &came {
            expected.extend(one_by_one.update(&all.slice(from, came.rows), came.at).unwrap());
            from += came.rows;
        }
        let frame = Frame::from_table(&all).unwrap();
        let full = at_once.update_frame(&frame, &came).unwrap();
        assert_eq!(shown(&full), shown(&expected), "{size:?} {came:?}");
        let end = Timestamp(1_000);
        let (full, expected) = (at_once.advance(end).unwrap(), one_by_one.advance(end).unwrap());
        assert_eq!(shown(&full), shown(&expected), "{size:?} {came:?}");
        assert_eq!(at_once.latest().unwrap().rows, one_by_one.latest().unwrap().rows);
    }

    #[test]
    fn rows_of_several_moments_may_be_counted_at_once() {
        let came = [(1, 3), (0, 4), (2, 9), (1, 8), (4, 21), (1, 15), (9, 22), (0, 60), (1, 61)];
        for size in [
            WindowSize::rows(4),
            WindowSize::rows(100),
            WindowSize::rows(19),
            WindowSize::Rows { length: 6, every: 3 },
            WindowSize::time(10),
            WindowSize::time(1_000),
            WindowSize::Time { length: 20, every: 10 },
        ] {
            check_at_once(size, &came);
            check_at_once(size, &came[4..]);
            check_at_once(size, &[]);
            check_at_once(size, &[(0, 5)]);
        }
        let frame = Frame::from_table(&rows(0, 3)).unwrap();
        let came = [Came { rows: 2, at: Timestamp(1) }];
        assert!(windows(WindowSize::rows(4)).update_frame(&frame, &came).is_err());
    }

    #[test]
    fn rows_that_are_refused_begin_no_window() {
        let mut windows = windows(WindowSize::rows(4));
        let other = table().words("x", ["one"]).build();
        assert!(windows.update(&other, Timestamp(1)).is_err());
        assert!(windows.update(&rows(0, 3), Timestamp(2)).unwrap().is_empty());
        assert!(windows.update(&other, Timestamp(3)).is_err());
        let full = windows.update(&rows(3, 4), Timestamp(4)).unwrap();
        assert_eq!(shown(&full), [(2, 4, 4, Some(1.5))]);
    }

    #[test] // by hand: windows of 4 that move on by 2
    fn a_sliding_window_ends_with_every_part() {
        let mut windows = windows(WindowSize::Rows { length: 4, every: 2 });
        let full = windows.update(&rows(0, 7), Timestamp(5)).unwrap();
        assert_eq!(shown(&full), [(5, 5, 4, Some(1.5)), (5, 5, 4, Some(3.5))]);
        assert_eq!(windows.latest().unwrap().rows, 3);
    }

    #[test] // by hand: days of 10
    fn time_ends_windows_whether_rows_come_or_not() {
        let mut windows = windows(WindowSize::time(10));
        assert!(windows.update(&rows(0, 2), Timestamp(13)).unwrap().is_empty());
        assert!(windows.update(&rows(2, 4), Timestamp(19)).unwrap().is_empty());
        let full = windows.update(&rows(4, 5), Timestamp(20)).unwrap();
        assert_eq!(shown(&full), [(10, 20, 4, Some(1.5))]);
        // A row that comes late is counted where it can still be.
        assert!(windows.update(&rows(6, 7), Timestamp(12)).unwrap().is_empty());
        let full = windows.advance(Timestamp(45)).unwrap();
        assert_eq!(shown(&full), [(20, 30, 2, Some(5.0))]);
        assert!(windows.advance(Timestamp(99)).unwrap().is_empty());
        let full = windows.update(&rows(0, 1), Timestamp(-5)).unwrap();
        assert!(full.is_empty());
        assert_eq!(shown(&windows.advance(Timestamp(0)).unwrap()), [(-10, 0, 1, Some(0.0))]);
    }

    #[test] // by hand: windows of 20 that move on by 10
    fn a_sliding_window_of_time_holds_what_lies_within() {
        let mut windows = windows(WindowSize::Time { length: 20, every: 10 });
        windows.update(&rows(0, 1), Timestamp(0)).unwrap();
        let full = windows.update(&rows(2, 3), Timestamp(11)).unwrap();
        assert!(full.is_empty());
        let full = windows.update(&rows(4, 5), Timestamp(22)).unwrap();
        assert_eq!(shown(&full), [(0, 20, 2, Some(1.0))]);
        let full = windows.advance(Timestamp(40)).unwrap();
        assert_eq!(shown(&full), [(10, 30, 2, Some(3.0)), (20, 40, 1, Some(4.0))]);
    }

    #[test]
    fn rows_that_do_not_fit_leave_the_windows_as_they_were() {
        let mut windows = windows(WindowSize::rows(4));
        windows.update(&rows(0, 3), Timestamp(1)).unwrap();
        let wrong = table().words("x", ["a"; 9]).build();
        assert!(windows.update(&wrong, Timestamp(2)).is_err());
        assert_eq!(windows.latest().unwrap().rows, 3);
    }

    #[test]
    fn windows_that_cannot_be_cut_are_refused() {
        let reference = Arc::new(Reference::of(&Profile::learn(&rows(0, 9)).unwrap()));
        for size in [
            WindowSize::rows(0),
            WindowSize::Rows { length: 4, every: 3 },
            WindowSize::Rows { length: 4, every: 8 },
            WindowSize::Time { length: 1_000, every: 1 },
            WindowSize::Time { length: 10, every: 0 },
        ] {
            assert!(Windows::new(size, Arc::clone(&reference)).is_err(), "{size:?}");
        }
    }
}
