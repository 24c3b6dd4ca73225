//! What is kept of the rows of a window, in memory that has a bound.

use gristmill_core::{Random, Seed};

use super::Lines;

/// How many rows are kept, and how many numbers of them.
const MOST_ROWS: usize = 20_000;
const MOST_NUMBERS: usize = 2_000_000;

/// Some rows of a window: of more than there is room for some that are drawn, each of them as likely.
/// Method: Vitter, *Random Sampling with a Reservoir*, ACM Transactions on Mathematical Software 11, 1985, algorithm R.
#[derive(Debug)]
pub(crate) struct Kept {
    lines: Lines,
    seen: usize,
    random: Random,
}

impl Kept {
    /// None yet.
    pub fn new(seed: Seed) -> Self {
        Self { lines: Lines::default(), seen: 0, random: seed.random() }
    }

    /// Whether so many rows are all that there is room for.
    pub fn is_full_of(rows: usize) -> bool {
        rows >= MOST_ROWS
    }

    /// Adds rows.
    pub fn add(&mut self, more: &Lines) {
        self.lines.width = more.width;
        let most = MOST_ROWS.min(MOST_NUMBERS / more.width.max(1));
        for row in 0..more.rows() {
            self.seen += 1;
            if self.lines.rows() < most {
                self.lines.numbers.extend_from_slice(more.row(row));
                continue;
            }
            let place = self.random.below(self.seen) * more.width;
            if let Some(room) = self.lines.numbers.get_mut(place..place + more.width) {
                room.copy_from_slice(more.row(row));
            }
        }
    }

    /// What was kept; the next window begins.
    pub fn take(&mut self) -> Lines {
        self.seen = 0;
        std::mem::take(&mut self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rows: usize) -> Lines {
        let mut kept = Kept::new(Seed(3));
        for part in 0..rows / 500 {
            let numbers = (0..500).map(|row| (part * 500 + row) as f64).collect();
            kept.add(&Lines { width: 1, numbers });
        }
        kept.take()
    }

    #[test]
    fn of_a_large_window_some_rows_are_kept_each_as_likely() {
        assert_eq!(kept(20_000).numbers, (0..20_000).map(f64::from).collect::<Vec<_>>());
        let drawn = kept(100_000);
        assert_eq!(drawn.rows(), MOST_ROWS);
        let mean = drawn.numbers.iter().sum::<f64>() / drawn.rows() as f64;
        // The mean of 20,000 of 100,000 numbers is rarely further than four deviations of 183 from theirs.
        assert!((mean - 49_999.5).abs() < 4.0 * 183.0, "{mean}");
        assert_eq!(kept(100_000), drawn, "chance is an argument");
    }
}
