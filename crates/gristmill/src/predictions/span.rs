//! Where windows end, for what is not counted in [`Windows`](gristmill_monitor::Windows): they end where those do.

use gristmill_core::Timestamp;
use gristmill_monitor::WindowSize;

/// Cuts rows into windows one after another.
#[derive(Clone, Debug)]
pub(super) struct Span {
    size: WindowSize,
    open: Option<Ended>,
}

/// A window: how many rows it has, and from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub rows: u64,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    pub fn new(size: WindowSize) -> Self {
        Self { size, open: None }
    }

    /// Says that it is `now`; the window of time that ended before comes back, if it has rows.
    pub fn advance(&mut self, now: Timestamp) -> Option<Ended> {
        match self.size {
            WindowSize::Rows { .. } => None,
            WindowSize::Time { .. } => self.open.take_if(|open| open.to <= now),
        }
    }

    /// Takes as many of `rows` rows of the moment `at` as belong to the open window: how many, and the window where
    /// they fill it. Whoever takes says [`Span::advance`] first.
    pub fn take(&mut self, rows: usize, at: Timestamp) -> (usize, Option<Ended>) {
        let length = match self.size {
            WindowSize::Rows { length, .. } => length,
            WindowSize::Time { length, .. } => {
                let open = self.open.get_or_insert_with(|| around(at, length));
                open.rows += rows as u64;
                return (rows, None);
            }
        };
        let open = self.open.get_or_insert(Ended { rows: 0, from: at, to: at });
        let taken = rows.min(usize::try_from(length - open.rows).unwrap_or(usize::MAX));
        open.rows += taken as u64;
        open.to = open.to.max(at);
        (taken, self.open.take_if(|open| open.rows >= length))
    }
}

/// The window of so many microseconds around a moment.
fn around(at: Timestamp, length: u64) -> Ended {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from = at.0.div_euclid(length).saturating_mul(length);
    Ended { rows: 0, from: Timestamp(from), to: Timestamp(from.saturating_add(length)) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gristmill_core::Profile;
    use gristmill_monitor::{Reference, Windows};
    use gristmill_testkit::table;

    use super::*;

    type Shown = Vec<(u64, i64, i64)>;

    fn shown(ended: impl IntoIterator<Item = Ended>) -> Shown {
        ended.into_iter().map(|e| (e.rows, e.from.0, e.to.0)).collect()
    }

    /// Cut as the windows of drift are, for rows of these numbers and moments.
    #[track_caller]
    fn check(size: WindowSize, parts: &[(usize, i64)], end: i64) -> Shown {
        let rows = table().numbers("x", (0..9).map(f64::from)).build();
        let reference = Arc::new(Reference::of(&Profile::learn(&rows).unwrap()));
        let (mut windows, mut span) = (Windows::new(size, reference).unwrap(), Span::new(size));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for &(count, at) in parts {
            let part = table().numbers("x", (0..count).map(|x| x as f64)).build();
            expected.extend(windows.update(&part, Timestamp(at)).unwrap());
            found.extend(span.advance(Timestamp(at)));
            let mut left = count;
            while left > 0 {
                let (taken, ended) = span.take(left, Timestamp(at));
                left -= taken;
                found.extend(ended);
            }
        }
        expected.extend(windows.advance(Timestamp(end)).unwrap());
        found.extend(span.advance(Timestamp(end)));
        let with_rows = expected.iter().filter(|full| full.window.rows > 0);
        let expected: Shown =
            with_rows.map(|full| (full.window.rows, full.from.0, full.to.0)).collect();
        assert_eq!(shown(found), expected);
        expected
    }

    #[test]
    fn windows_of_rows_end_where_those_of_drift_do() {
        let found = check(WindowSize::rows(4), &[(3, 1), (6, 2), (8, 3)], 99);
        assert_eq!(found, [(4, 1, 2), (4, 2, 2), (4, 2, 3), (4, 3, 3)]);
    }

    #[test]
    fn windows_of_time_end_where_those_of_drift_do() {
        let found = check(WindowSize::time(10), &[(2, 13), (2, 19), (1, 20), (1, 12), (3, 41)], 50);
        assert_eq!(found, [(4, 10, 20), (2, 20, 30), (3, 40, 50)]);
    }
}
