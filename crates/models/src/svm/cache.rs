//! The latest rows of kernels, as far as memory goes.

use std::collections::VecDeque;
use std::sync::Arc;

/// Rows of single precision, the least recently used of which gives way. What is kept has the
/// bits of what would be computed again, so its size changes nothing but time.
#[derive(Debug)]
pub(super) struct Cache {
    rows: Vec<Option<(Arc<[f32]>, u64)>>,
    kept: usize,
    most: usize,
    clock: u64,
    /// Uses in order; only the latest of each row counts.
    uses: VecDeque<(u32, u64)>,
}

impl Cache {
    /// A cache for `rows` rows of as many numbers, in `bytes` of memory but for two rows at least.
    pub fn new(rows: usize, bytes: usize) -> Self {
        let most = (bytes / (rows.max(1) * size_of::<f32>())).max(2);
        Self { rows: vec![None; rows], kept: 0, most, clock: 0, uses: VecDeque::new() }
    }

    /// The row at `at`, computed when it is not kept.
    pub fn get(&mut self, at: usize, compute: impl FnOnce() -> Arc<[f32]>) -> Arc<[f32]> {
        self.clock += 1;
        self.uses.push_back((at as u32, self.clock));
        let row = match &mut self.rows[at] {
            Some((row, used)) => {
                *used = self.clock;
                Arc::clone(row)
            }
            empty => {
                let row = compute();
                *empty = Some((Arc::clone(&row), self.clock));
                self.kept += 1;
                row
            }
        };
        self.make_room();
        row
    }

    fn make_room(&mut self) {
        while self.kept > self.most {
            let Some((at, used)) = self.uses.pop_front() else { return };
            if self.is_latest(at, used) {
                self.rows[at as usize] = None;
                self.kept -= 1;
            }
        }
        if self.uses.len() > 8 * self.most.max(1024) {
            let uses = std::mem::take(&mut self.uses);
            self.uses = uses.into_iter().filter(|&(at, used)| self.is_latest(at, used)).collect();
        }
    }

    fn is_latest(&self, at: u32, used: u64) -> bool {
        matches!(&self.rows[at as usize], Some((_, latest)) if *latest == used)
    }

    /// A cache for the rows and columns at `places` alone, which keeps what it can.
    pub fn narrowed(self, places: &[u32], bytes: usize) -> Self {
        let mut narrow = Self::new(places.len(), bytes);
        let mut kept: Vec<(u64, u32)> = Vec::new();
        for (at, &place) in places.iter().enumerate() {
            if let Some((_, used)) = &self.rows[place as usize] {
                kept.push((*used, at as u32));
            }
        }
        kept.sort_unstable();
        for (_, at) in kept {
            if let Some((row, _)) = &self.rows[places[at as usize] as usize] {
                narrow.get(at as usize, || places.iter().map(|&p| row[p as usize]).collect());
            }
        }
        narrow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_that_was_not_used_longest_gives_way() {
        let mut cache = Cache::new(4, 0);
        let row = |value: f32| -> Arc<[f32]> { Arc::from([value; 4]) };
        cache.get(0, || row(0.0));
        cache.get(1, || row(1.0));
        cache.get(0, || unreachable!("it is kept"));
        cache.get(2, || row(2.0));
        assert_eq!(cache.get(0, || unreachable!("it is kept"))[0], 0.0);
        assert_eq!(cache.get(1, || row(9.0))[0], 9.0);
    }

    #[test]
    fn a_narrower_cache_keeps_its_part_of_the_rows() {
        let mut cache = Cache::new(3, 1 << 10);
        cache.get(2, || Arc::from([0.0, 1.0, 2.0]));
        let mut narrow = cache.narrowed(&[2, 0], 1 << 10);
        assert_eq!(*narrow.get(0, || unreachable!("it is kept")), [2.0, 0.0]);
    }
}
