//! The latest rows of one group.

use super::layout::{Row, bytes};
use super::windows::{LATE, Windows};

/// What a row takes beside its values.
const BESIDE: usize = size_of::<(i64, Row)>();

/// The latest rows of one group, each at a rank of its own.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// In rising order of their ranks.
    rows: Vec<(i64, Row)>,
    /// The greatest rank of rows that were kept and are so no longer.
    pub gone: Option<i64>,
    pub bytes: usize,
    /// When it was asked about, counted in requests.
    pub used: u64,
}

impl Group {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows with their ranks, rising.
    pub fn rows(&self) -> &[(i64, Row)] {
        &self.rows
    }

    /// Takes a row in, in place of the one at its rank. One that is older than what is kept is left aside.
    pub fn put(&mut self, rank: i64, row: Row) {
        if self.gone.is_some_and(|gone| rank <= gone) {
            return;
        }
        self.bytes += BESIDE + bytes(&row);
        match self.rows.binary_search_by_key(&rank, |(rank, _)| *rank) {
            Ok(at) => {
                if let Some((_, known)) = self.rows.get_mut(at) {
                    self.bytes -= BESIDE + bytes(known);
                    *known = row;
                }
            }
            Err(at) => self.rows.insert(at, (rank, row)),
        }
    }

    /// Drops what no row from `oldest` on depends on, and what is beyond `most` rows.
    pub fn trim(&mut self, oldest: i64, windows: &[Windows], most: usize) {
        let ranks: Vec<i64> = self.rows.iter().map(|(rank, _)| *rank).collect();
        let place = ranks.partition_point(|rank| *rank < oldest).min(ranks.len().saturating_sub(1));
        let needed = windows.iter().map(|w| w.reach(&ranks, place, self.gone).unwrap_or(0)).min();
        let late = needed.unwrap_or(place).saturating_sub(LATE);
        let first = late.max(ranks.len().saturating_sub(most));
        if first == 0 {
            return;
        }
        // Whoever looks at all rows goes by those that are kept.
        if !windows.iter().any(Windows::looks_at_all) {
            self.gone = ranks.get(first - 1).copied();
        }
        let dropped = self.rows.drain(..first).map(|(_, row)| BESIDE + bytes(&row));
        self.bytes -= dropped.sum::<usize>();
    }
}
