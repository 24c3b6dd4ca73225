//! The best way to divide the rows of a node in two by one column.

use gristmill_core::Random;

use super::criterion::{Cell, Objective, minus, plus};
use super::histogram::CodeSet;

/// Which rows go to the left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Rows whose code, less `shift`, is at most `bound`. Codes wrap round: a shift of 0 sends
    /// missing values, whose code is 0, to the left, a shift of 1 to the right.
    Below { column: u32, bound: u8, shift: u8 },
    /// Rows whose code is in the set.
    Among { column: u32, codes: CodeSet },
}

impl Rule {
    /// The column that it looks at.
    #[inline]
    pub(crate) fn column(&self) -> u32 {
        match self {
            Self::Below { column, .. } | Self::Among { column, .. } => *column,
        }
    }

    /// Whether a row with this code goes to the left.
    #[cfg(test)]
    fn left(&self, code: u8) -> bool {
        match self {
            Self::Below { bound, shift, .. } => code.wrapping_sub(*shift) <= *bound,
            Self::Among { codes, .. } => codes.contains(code),
        }
    }
}

/// A way to divide a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    /// Which rows go to the left.
    pub(crate) rule: Rule,
    /// The sum of the scores of both sides.
    pub(crate) score: f64,
}

/// Where missing values go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    Left,
    Right,
}

/// The rule that divides between two codes that have rows, in the middle of those between that have
/// none.
pub(crate) fn border_rule(column: u32, low: u8, high: u8, missing: Missing) -> Rule {
    let code = low + high.saturating_sub(low.saturating_add(1)) / 2;
    match missing {
        Missing::Left => Rule::Below { column, bound: code, shift: 0 },
        Missing::Right => Rule::Below { column, bound: code - 1, shift: 1 },
    }
}

/// The search in one column of one node.
pub(crate) struct Search<'a, O, const W: usize> {
    pub(crate) objective: &'a O,
    pub(crate) column: u32,
    pub(crate) histogram: &'a [Cell<W>],
    /// The codes that have rows.
    pub(crate) seen: CodeSet,
    /// All rows of the node.
    pub(crate) whole: &'a Cell<W>,
    /// Each side must have this many rows.
    pub(crate) min_rows: f64,
}

/// The best borders so far: between which two codes, and where missing values go.
struct Border<const W: usize> {
    score: f64,
    low: u8,
    high: u8,
    missing: Missing,
    left: Cell<W>,
}

impl<O: Objective<W>, const W: usize> Search<'_, O, W> {
    /// The best split at a border between numbers that is better than `best`.
    #[inline]
    pub(crate) fn numbers(&self, best: f64) -> Option<Split> {
        if self.seen.contains(0) { self.numbers_with_missing(best) } else { self.plain(best) }
    }

    /// No row of the node lacks a value; those that will are sent to the heavier side.
    #[inline]
    fn plain(&self, best: f64) -> Option<Split> {
        let mut left = [0.0; W];
        let mut low = 0;
        let mut found: Option<Border<W>> = None;
        let mut best = best;
        self.seen.for_each(|high| {
            if low != 0
                && let Some(score) = self.score(&left, best)
            {
                best = score;
                found = Some(Border { score, low, high, missing: Missing::Left, left });
            }
            left = plus(&left, &self.histogram[usize::from(high)]);
            low = high;
        });
        let border = found?;
        let missing = if self.is_heavier(&border.left) { Missing::Left } else { Missing::Right };
        Some(self.below(Border { missing, ..border }))
    }

    /// Missing values go where more is gained, and may stand alone against all others.
    fn numbers_with_missing(&self, best: f64) -> Option<Split> {
        let missing_cell = self.histogram[0];
        let mut left = [0.0; W];
        let mut low = 0;
        let mut found: Option<Border<W>> = None;
        let mut best = best;
        let mut consider = |left: Cell<W>, low, high, missing| {
            if let Some(score) = self.score(&left, best) {
                best = score;
                found = Some(Border { score, low, high, missing, left });
            }
        };
        self.seen.for_each(|high| {
            if high == 0 {
                return;
            }
            if low != 0 {
                consider(left, low, high, Missing::Right);
                consider(plus(&left, &missing_cell), low, high, Missing::Left);
            }
            left = plus(&left, &self.histogram[usize::from(high)]);
            low = high;
        });
        if low != 0 {
            consider(left, u8::MAX, u8::MAX, Missing::Right);
        }
        found.map(|border| self.below(border))
    }

    /// The score of a split with this left side, if it is allowed and better than `best`.
    #[inline]
    fn score(&self, left: &Cell<W>, best: f64) -> Option<f64> {
        let right = minus(self.whole, left);
        if left[0] < self.min_rows || right[0] < self.min_rows {
            return None;
        }
        let score = self.objective.score(left) + self.objective.score(&right);
        (score > best).then_some(score)
    }

    fn is_heavier(&self, left: &Cell<W>) -> bool {
        2.0 * self.objective.weight(left) >= self.objective.weight(self.whole)
    }

    fn below(&self, border: Border<W>) -> Split {
        let rule = border_rule(self.column, border.low, border.high, border.missing);
        Split { rule, score: border.score }
    }

    /// The best split into two sets of categories that is better than `best`. Missing values are a
    /// category of their own when the node has some; what the node does not have goes to the
    /// heavier side.
    pub(crate) fn categories(&self, best: f64) -> Option<Split> {
        let mut order: Vec<(f64, u8)> = Vec::with_capacity(self.seen.len() as usize);
        self.seen.for_each(|code| {
            let cell = &self.histogram[usize::from(code)];
            order.push((self.objective.order(cell, self.whole), code));
        });
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut left = [0.0; W];
        let mut codes = CodeSet::default();
        let mut best = best;
        let mut found = None;
        for &(_, code) in order.iter().take(order.len().saturating_sub(1)) {
            left = plus(&left, &self.histogram[usize::from(code)]);
            codes.insert(code);
            if let Some(score) = self.score(&left, best) {
                best = score;
                found = Some((codes, left));
            }
        }
        let (codes, left) = found?;
        let codes = if self.is_heavier(&left) { self.with_unseen(codes) } else { codes };
        Some(Split { rule: Rule::Among { column: self.column, codes }, score: best })
    }

    /// A random split at a border, by values equally likely between the smallest and the largest of
    /// the node, if it is better than `best`. Missing values go to a random side.
    pub(crate) fn random_border(
        &self,
        borders: &[f64],
        best: f64,
        random: &mut Random,
    ) -> Option<Split> {
        let (low, high) = self.seen.range_above_zero()?;
        // Where all numbers are equal, missing values stand against them.
        let missing_left = low < high && self.seen.contains(0) && random.below(2) == 0;
        let code = if low < high {
            // The border with position p lies above code p + 1.
            let between = &borders[usize::from(low) - 1..usize::from(high) - 1];
            low + nearest(between, random.unit()) as u8
        } else {
            high
        };
        let mut left = if missing_left { self.histogram[0] } else { [0.0; W] };
        for cell in &self.histogram[usize::from(low)..=usize::from(code)] {
            left = plus(&left, cell);
        }
        let score = self.score(&left, best)?;
        let goes_left = if self.seen.contains(0) { missing_left } else { self.is_heavier(&left) };
        let missing = if goes_left { Missing::Left } else { Missing::Right };
        Some(Split { rule: border_rule(self.column, code, code, missing), score })
    }

    /// Categories put on random sides, none of which is empty, if that is better than `best`.
    pub(crate) fn random_categories(&self, best: f64, random: &mut Random) -> Option<Split> {
        let mut codes = CodeSet::default();
        while codes.len() == 0 || codes == self.seen {
            codes = CodeSet::default();
            self.seen.for_each(|code| {
                if random.below(2) == 0 {
                    codes.insert(code);
                }
            });
        }
        let mut left = [0.0; W];
        codes.for_each(|code| left = plus(&left, &self.histogram[usize::from(code)]));
        let score = self.score(&left, best)?;
        let codes = if self.is_heavier(&left) { self.with_unseen(codes) } else { codes };
        Some(Split { rule: Rule::Among { column: self.column, codes }, score })
    }

    /// The set with all codes that no row of the node has.
    fn with_unseen(&self, codes: CodeSet) -> CodeSet {
        let unseen = self.seen.complement();
        CodeSet(std::array::from_fn(|i| codes.0[i] | unseen.0[i]))
    }
}

/// The position of the border that lies nearest to the share `unit` of the way from the first to the
/// last.
fn nearest(borders: &[f64], unit: f64) -> usize {
    let (first, last) = (borders[0], borders[borders.len() - 1]);
    let value = first * (1.0 - unit) + last * unit;
    let above = borders.partition_point(|&border| border < value).min(borders.len() - 1);
    match above.checked_sub(1) {
        Some(below) if value - borders[below] < borders[above] - value => below,
        _ => above,
    }
}

#[cfg(test)]
mod tests {
    use super::super::criterion::{Measured, SquaredError};
    use super::super::histogram::Scratch;
    use super::*;

    enum Kind {
        Numbers,
        Categories,
    }

    /// The best split of rows with these codes and values: the score, and which of `probe` go left.
    fn best(kind: Kind, codes: &[u8], values: &[f64], probe: &[u8]) -> Option<(f64, Vec<u8>)> {
        let objective = SquaredError {
            rows: values.iter().map(|&value| Measured { value, weight: 1.0 }).collect(),
            centre: 0.0,
        };
        let rows: Vec<u32> = (0..codes.len() as u32).collect();
        let mut scratch = Scratch::<3>::new();
        let seen = scratch.fill(&objective, codes, &rows);
        let mut whole = [0.0; 3];
        rows.iter().for_each(|&r| objective.add(&mut whole, r));
        let search = Search {
            objective: &objective,
            column: 0,
            histogram: &scratch.0,
            seen,
            whole: &whole,
            min_rows: 1.0,
        };
        let split = match kind {
            Kind::Numbers => search.numbers(f64::NEG_INFINITY),
            Kind::Categories => search.categories(f64::NEG_INFINITY),
        }?;
        Some((split.score, probe.iter().copied().filter(|&c| split.rule.left(c)).collect()))
    }

    #[test] // by hand: 0²·2/2 + (5+5)²/2 = 50; codes 3 to 6 have no row, so the border is at 4
    fn the_border_lies_in_the_middle_of_the_gap() {
        let found = best(Kind::Numbers, &[1, 2, 7, 8], &[0., 0., 5., 5.], &[2, 4, 5, 7]);
        assert_eq!(found, Some((50.0, vec![2, 4])));
    }

    #[test] // by hand: the missing row resembles the right side
    fn missing_values_go_where_more_is_gained() {
        let found = best(Kind::Numbers, &[1, 1, 2, 0], &[0., 0., 5., 5.], &[0, 1, 2]);
        assert_eq!(found, Some((50.0, vec![1])));
        let found = best(Kind::Numbers, &[1, 1, 2, 0], &[0., 0., 5., 0.], &[0, 1, 2]);
        assert_eq!(found, Some((25.0, vec![0, 1])));
    }

    #[test] // by hand: all values have 0, the missing row 6
    fn missing_values_may_stand_alone() {
        let found = best(Kind::Numbers, &[1, 255, 0], &[0., 0., 6.], &[0, 1, 255]);
        assert_eq!(found, Some((36.0, vec![1, 255])));
    }

    #[test] // by hand: three rows on the left, one on the right
    fn without_missing_values_in_training_they_go_to_the_heavier_side() {
        let found = best(Kind::Numbers, &[1, 1, 1, 2], &[0., 0., 0., 5.], &[0, 1, 2]);
        assert_eq!(found, Some((25.0, vec![0, 1])));
        let found = best(Kind::Numbers, &[1, 2, 2, 2], &[5., 0., 0., 0.], &[0, 1, 2]);
        assert_eq!(found, Some((25.0, vec![1])));
    }

    #[test] // by hand: codes 1 and 3 have mean 0, code 2 has mean 4; code 9 is unseen
    fn categories_are_divided_into_subsets() {
        let found = best(Kind::Categories, &[1, 2, 3, 2], &[0., 4., 0., 4.], &[1, 2, 3, 9]);
        assert_eq!(found, Some((32.0, vec![1, 3, 9])));
    }

    #[test]
    fn a_constant_column_has_no_split() {
        assert_eq!(best(Kind::Numbers, &[4, 4], &[0., 1.], &[]), None);
        assert_eq!(best(Kind::Numbers, &[0, 0], &[0., 1.], &[]), None);
        assert_eq!(best(Kind::Categories, &[4, 4], &[0., 1.], &[]), None);
    }
}
