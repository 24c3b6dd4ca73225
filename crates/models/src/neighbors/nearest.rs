//! The nearest rows found so far, for one query.

/// At most `k` rows with the least sums, in rising order; of equal sums the earlier row comes first.
#[derive(Clone, Debug)]
pub(crate) struct Nearest {
    k: usize,
    found: Vec<(f64, u32)>,
}

impl Nearest {
    /// Nothing found yet.
    pub(crate) fn new(k: usize) -> Self {
        Self { k, found: Vec::with_capacity(k) }
    }

    /// The sum that a row must not exceed to be among the nearest.
    #[inline(always)]
    pub(crate) fn limit(&self) -> f64 {
        if self.found.len() < self.k { f64::INFINITY } else { self.found[self.k - 1].0 }
    }

    /// Takes the row in if it is among the nearest.
    #[inline(always)]
    pub(crate) fn offer(&mut self, sum: f64, row: u32) {
        if self.found.len() == self.k {
            if (sum, row) >= self.found[self.k - 1] {
                return;
            }
            self.found.pop();
        }
        let at = self.found.partition_point(|found| *found < (sum, row));
        self.found.insert(at, (sum, row));
    }

    /// What was found: sums and rows.
    pub(crate) fn found(&self) -> &[(f64, u32)] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn the_nearest_stay_and_ties_go_to_the_earlier_row() {
        let mut nearest = Nearest::new(2);
        for (sum, row) in [(3.0, 0), (1.0, 5), (1.0, 2), (2.0, 1), (1.0, 9)] {
            nearest.offer(sum, row);
        }
        assert_eq!(nearest.found(), [(1.0, 2), (1.0, 5)]);
        assert_eq!(nearest.limit(), 1.0);
    }
}
