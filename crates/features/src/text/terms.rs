//! Distinct texts of some rows, and terms of them counted.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use gristmill_core::MISSING_CODE;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tokens::{Scratch, Tokenizer};

/// How many texts are worth a thread.
const TEXTS_A_THREAD: usize = 64;

/// The distinct texts of some rows, so that each is read once.
#[derive(Debug)]
pub(super) struct Distinct<'a> {
    pub(super) texts: Vec<&'a str>,
    /// In how many rows each stands.
    pub(super) rows: Vec<u64>,
    /// Which text each row has; a missing one counts as empty.
    pub(super) of_row: Vec<u32>,
}

impl<'a> Distinct<'a> {
    pub(super) fn new(codes: &[u32], dictionary: &'a [String]) -> Self {
        let mut known: HashMap<u32, u32, FixedState> = HashMap::default();
        let mut distinct = Self { texts: Vec::new(), rows: Vec::new(), of_row: Vec::new() };
        distinct.of_row.reserve(codes.len());
        for &code in codes {
            let at = *known.entry(code).or_insert_with(|| {
                let text = if code == MISSING_CODE { None } else { dictionary.get(code as usize) };
                distinct.texts.push(text.map_or("", String::as_str));
                distinct.rows.push(0);
                distinct.texts.len() as u32 - 1
            });
            distinct.rows[at as usize] += 1;
            distinct.of_row.push(at);
        }
        distinct
    }

    /// What `read` makes of each text, some texts at a time, in order; `read` is given their range.
    pub(super) fn map<T: Send>(
        &self,
        read: impl Fn(&[&'a str], &mut Scratch) -> T + Sync,
    ) -> Vec<T> {
        if self.texts.len() <= TEXTS_A_THREAD {
            return vec![read(&self.texts, &mut Scratch::default())];
        }
        let parts = self.texts.par_chunks(self.part());
        parts.map_init(Scratch::default, |scratch, texts| read(texts, scratch)).collect()
    }

    /// Enough texts at a time that a part is worth its own room.
    fn part(&self) -> usize {
        (self.texts.len() / 32).max(TEXTS_A_THREAD)
    }

    /// The terms of all rows counted.
    pub(super) fn count(&self, tokenizer: &Tokenizer) -> TermCounts {
        let texts = self.texts.par_iter().zip(&self.rows).with_min_len(TEXTS_A_THREAD);
        texts
            .fold(
                || (TermCounts::default(), Scratch::default()),
                |(mut counts, mut scratch), (text, &rows)| {
                    counts.add(text, rows, tokenizer, &mut scratch);
                    (counts, scratch)
                },
            )
            .map(|(counts, _)| counts)
            .reduce(TermCounts::default, TermCounts::merged)
    }
}

/// In how many rows each term stands, and how often altogether.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, [u64; 2]>", into = "BTreeMap<String, [u64; 2]>")]
pub(super) struct TermCounts {
    places: HashMap<Box<str>, u32, FixedState>,
    counts: Vec<Count>,
    /// The number of the latest text.
    text: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    rows: u64,
    occurrences: u64,
    /// The latest text that has the term.
    text: u64,
}

impl TermCounts {
    fn add(&mut self, text: &str, rows: u64, tokenizer: &Tokenizer, scratch: &mut Scratch) {
        self.text += 1;
        let Self { places, counts, text: number } = self;
        tokenizer.each(text, scratch, |term| {
            let place = match places.get(term) {
                Some(&place) => place as usize,
                None => {
                    places.insert(term.into(), counts.len() as u32);
                    counts.push(Count::default());
                    counts.len() - 1
                }
            };
            let count = &mut counts[place];
            count.occurrences += rows;
            if count.text != *number {
                count.text = *number;
                count.rows += rows;
            }
        });
    }

    /// What both have counted, in different rows.
    pub(super) fn merged(self, other: Self) -> Self {
        let (mut more, less) =
            if self.counts.len() >= other.counts.len() { (self, other) } else { (other, self) };
        for (term, place) in less.places {
            let count = less.counts[place as usize];
            more.increase(term, [count.rows, count.occurrences]);
        }
        more
    }

    fn increase(&mut self, term: Box<str>, [rows, occurrences]: [u64; 2]) {
        let next = self.counts.len() as u32;
        let place = *self.places.entry(term).or_insert(next);
        if place == next {
            self.counts.push(Count::default());
        }
        let count = &mut self.counts[place as usize];
        count.rows += rows;
        count.occurrences += occurrences;
    }

    /// The terms in no order, each with the rows it stands in and how often it stands there.
    pub(super) fn into_terms(self) -> impl Iterator<Item = (Box<str>, u64, u64)> {
        let counts = self.counts;
        self.places.into_iter().map(move |(term, place)| {
            let count = counts[place as usize];
            (term, count.rows, count.occurrences)
        })
    }
}

impl From<BTreeMap<String, [u64; 2]>> for TermCounts {
    fn from(terms: BTreeMap<String, [u64; 2]>) -> Self {
        let mut counts = Self::default();
        for (term, count) in terms {
            counts.increase(term.into(), count);
        }
        counts
    }
}

impl From<TermCounts> for BTreeMap<String, [u64; 2]> {
    fn from(counts: TermCounts) -> Self {
        counts.into_terms().map(|(term, rows, all)| (term.into(), [rows, all])).collect()
    }
}
