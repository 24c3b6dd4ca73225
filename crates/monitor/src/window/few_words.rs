//! A few of the most frequent words, in memory that does not grow.
//! Method: Misra and Gries, *Finding Repeated Elements*, 1982, merged as in Agarwal et al., *Mergeable
//! Summaries*, PODS 2012.

use std::collections::BTreeMap;

/// How many words are kept, and how many bytes of each.
const WORDS: usize = 32;
const BYTES: usize = 64;

/// Up to 32 words with counts that may be too low, never too high; of a long word its first 64 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FewWords(BTreeMap<String, u64>);

impl FewWords {
    pub fn add(&mut self, word: &str, count: u64) {
        let mut end = word.len().min(BYTES);
        while !word.is_char_boundary(end) {
            end -= 1;
        }
        let known = self.0.entry(word[..end].to_string()).or_default();
        *known = known.saturating_add(count);
        self.reduce();
    }

    pub fn merge(&mut self, other: &Self) {
        for (word, count) in &other.0 {
            let known = self.0.entry(word.clone()).or_default();
            *known = known.saturating_add(*count);
        }
        self.reduce();
    }

    /// The words, the most frequent first, equally frequent ones in the order of bytes.
    pub fn top(&self) -> Vec<(String, u64)> {
        let mut words: Vec<(String, u64)> = self.0.iter().map(|(w, c)| (w.clone(), *c)).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words
    }

    fn reduce(&mut self) {
        if self.0.len() <= WORDS {
            return;
        }
        let mut counts: Vec<u64> = self.0.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let without_room = counts[WORDS];
        self.0.retain(|_, count| {
            *count = count.saturating_sub(without_room);
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_third_of_all_stays_among_thousands() {
        let mut words = FewWords::default();
        for i in 0..9_000 {
            words.add(&if i % 3 == 0 { "often".into() } else { format!("w{i}") }, 1);
        }
        assert!(words.0.len() <= WORDS);
        let (word, count) = words.top().remove(0);
        assert!(word == "often" && count <= 3_000 && count > 2_500, "{count}");
    }

    #[test]
    fn long_words_are_cut_between_letters() {
        let mut words = FewWords::default();
        words.add(&"ä".repeat(1_000), 2);
        words.add(&format!("x{}", "ä".repeat(1_000)), 1);
        assert_eq!(words.top()[0], ("ä".repeat(32), 2));
        assert_eq!(words.top()[1].0.len(), 63);
    }

    #[test]
    fn merging_keeps_the_most_frequent() {
        let mut words = FewWords::default();
        words.add("a", 5);
        let mut more = FewWords::default();
        more.add("b", 7);
        more.add("a", 1);
        words.merge(&more);
        assert_eq!(words.top(), [("b".to_string(), 7), ("a".to_string(), 6)]);
    }
}
