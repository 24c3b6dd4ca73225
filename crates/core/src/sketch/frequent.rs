//! The most frequent words and how often they occur.
//! Method: Misra and Gries, *Finding Repeated Elements*, 1982, in the mergeable form of Agarwal et
//! al., *Mergeable Summaries*, PODS 2012.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most frequent words with their counts: exact up to [`FrequentWords::EXACT`] different words.
///
/// Beyond, the count of the first word that finds no room is taken off every word, and words left
/// with nothing are dropped. A count is then too low by at most [`FrequentWords::undercount`], which
/// never exceeds the number of all words divided by 4,097; every word more frequent than that is
/// there.
///
/// ```
/// # use gristmill_core::sketch::FrequentWords;
/// let mut plans = FrequentWords::default();
/// plans.extend([("pro", 2), ("basic", 5), ("free", 2)]);
/// assert_eq!(plans.top(2), [("basic", 5), ("free", 2)]);
/// assert_eq!((plans.total(), plans.undercount()), (9, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrequentWords {
    total: u64,
    undercount: u64,
    counts: BTreeMap<String, u64>,
}

impl FrequentWords {
    /// Up to this many different words every count is exact.
    pub const EXACT: usize = 4_096;

    /// Adds words, each with how often it occurs.
    pub fn extend<'a>(&mut self, words: impl IntoIterator<Item = (&'a str, u64)>) {
        for (word, count) in words {
            self.total = self.total.saturating_add(count);
            match self.counts.get_mut(word) {
                Some(known) => *known = known.saturating_add(count),
                None => {
                    self.counts.insert(word.into(), count);
                }
            }
            // Room for a second set keeps the cost of a reduction small for each word.
            if self.counts.len() > 2 * Self::EXACT {
                self.reduce();
            }
        }
        self.reduce();
    }

    /// Adds what another sketch has seen.
    #[must_use]
    pub fn merge(mut self, later: Self) -> Self {
        self.total = self.total.saturating_add(later.total);
        self.undercount = self.undercount.saturating_add(later.undercount);
        for (word, count) in later.counts {
            let known = self.counts.entry(word).or_default();
            *known = known.saturating_add(count);
        }
        self.reduce();
        self
    }

    /// How many words were seen, repetitions included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By how much a count may be too low; 0 when all are exact.
    pub fn undercount(&self) -> u64 {
        self.undercount
    }

    /// At most `most` words, the most frequent first, equally frequent ones in the order of bytes.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<(&str, u64)> =
            self.counts.iter().map(|(w, &c)| (w.as_str(), c)).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        words.truncate(most);
        words
    }

    fn reduce(&mut self) {
        if self.counts.len() <= Self::EXACT {
            return;
        }
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, &mut first_without_room, _) =
            counts.select_nth_unstable_by(Self::EXACT, |a, b| b.cmp(a));
        self.undercount = self.undercount.saturating_add(first_without_room);
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(first_without_room);
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(of: &[u32]) -> FrequentWords {
        let mut sketch = FrequentWords::default();
        let names: Vec<String> = of.iter().map(|i| format!("w{i}")).collect();
        sketch.extend(names.iter().map(|n| (n.as_str(), 1)));
        sketch
    }

    /// Every count is at most the true one, and too low by no more than is stated.
    fn check(parts: &[Vec<u32>]) {
        let merged =
            parts.iter().map(|p| words(p)).fold(FrequentWords::default(), |a, b| a.merge(b));
        let mut exact: BTreeMap<String, u64> = BTreeMap::new();
        for word in parts.iter().flatten() {
            *exact.entry(format!("w{word}")).or_default() += 1;
        }
        let total: u64 = exact.values().sum();
        assert_eq!(merged.total(), total);
        assert!(merged.undercount() <= total / (FrequentWords::EXACT as u64 + 1));
        assert!(merged.counts.len() <= FrequentWords::EXACT);
        for (word, &count) in &exact {
            let found = merged.counts.get(word).copied().unwrap_or(0);
            assert!(found <= count && count - found <= merged.undercount(), "{word}: {found}");
        }
        let json = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<FrequentWords>(&json).unwrap(), merged);
    }

    #[test]
    fn few_words_are_counted_exactly() {
        check(&[vec![1, 2, 1], vec![], vec![1, 3]]);
        assert_eq!(words(&[1, 2, 1, 3]).top(2), [("w1", 2), ("w2", 1)]);
    }

    #[test]
    fn words_that_never_repeat_leave_nothing() {
        let unique = words(&(0..20_000).collect::<Vec<_>>());
        assert_eq!(unique.total(), 20_000);
        check(&[(0..20_000).collect()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_stated_undercount_holds(
            parts in prop::collection::vec((1_u32..20_000, 1_u32..9), 1..4)
        ) {
            let parts: Vec<Vec<u32>> = parts
                .iter()
                .map(|&(count, power)| (0..count).map(|i| i / (1 + i % power)).collect())
                .collect();
            check(&parts);
        }
    }
}
