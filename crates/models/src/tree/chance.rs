//! A random way to divide the rows of a node in two by one column.
//!
//! It takes two looks at the rows and no histogram: one finds the smallest and the largest code,
//! the other adds up the side of a border drawn between them.

use gristmill_core::Random;

use super::bins::ColumnBins;
use super::criterion::{Cell, Objective, minus, plus};
use super::split::{Missing, Rule, Split, border_rule};

/// The draw in one column of one node.
pub(crate) struct Chance<'a, O, const W: usize> {
    pub(crate) objective: &'a O,
    pub(crate) bins: &'a ColumnBins,
    pub(crate) column: u32,
    pub(crate) codes: &'a [u8],
    pub(crate) rows: &'a [u32],
    /// All rows of the node.
    pub(crate) whole: &'a Cell<W>,
    /// Each side must have this many rows.
    pub(crate) min_rows: f64,
}

/// The codes of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// The smallest and the largest above 0; there is none where the smallest is larger.
    low: u8,
    high: u8,
    /// Whether some are 0.
    missing: bool,
}

impl<O: Objective<W>, const W: usize> Chance<'_, O, W> {
    /// A random split that is better than `best`, and whether the column varies.
    ///
    /// Borders between numbers are drawn by values equally likely between the smallest and the
    /// largest of the node, borders between categories by their places in the order. Missing values
    /// go to a random side.
    #[inline]
    pub(crate) fn split(&self, best: f64, random: &mut Random) -> (Option<Split>, bool) {
        let Span { low, high, missing } = self.span();
        if low > high || (low == high && !missing) {
            return (None, false);
        }
        // Where all values are equal, missing ones stand against them.
        let missing_left = missing && low < high && random.below(2) == 0;
        let code = if low < high { self.draw(low, high, random) } else { high };
        let side = if missing_left { Missing::Left } else { Missing::Right };
        let left = self.left(border_rule(self.column, code, code, side));
        let right = minus(self.whole, &left);
        if left[0] < self.min_rows || right[0] < self.min_rows {
            return (None, true);
        }
        let score = self.objective.score(&left) + self.objective.score(&right);
        let heavier = 2.0 * self.objective.weight(&left) >= self.objective.weight(self.whole);
        let goes_left = if missing { missing_left } else { heavier };
        let side = if goes_left { Missing::Left } else { Missing::Right };
        let rule = border_rule(self.column, code, code, side);
        ((score > best).then_some(Split { rule, score }), true)
    }

    #[inline]
    fn span(&self) -> Span {
        let (mut lowest, mut low, mut high) = (u8::MAX, u8::MAX, 0);
        for &row in self.rows {
            let code = self.codes[row as usize];
            lowest = lowest.min(code);
            // One less than a code of 0 is the largest.
            low = low.min(code.wrapping_sub(1));
            high = high.max(code);
        }
        Span { low: low.saturating_add(1), high, missing: lowest == 0 }
    }

    /// A code from `low` to below `high`, the last on the left.
    fn draw(&self, low: u8, high: u8, random: &mut Random) -> u8 {
        match self.bins {
            ColumnBins::Numbers(borders) => {
                // The border with position p lies above code p + 1.
                let between = &borders[usize::from(low) - 1..usize::from(high) - 1];
                low + nearest(between, random.unit()) as u8
            }
            ColumnBins::Words(_) => low + random.below(usize::from(high - low)) as u8,
        }
    }

    /// The rows on the left of a border.
    #[inline]
    fn left(&self, rule: Rule) -> Cell<W> {
        let Rule::Below { bound, shift, .. } = rule else { return [0.0; W] };
        // Several sums side by side, so that an addition need not wait for the one before, and one
        // for each side, so that there is no branch to guess.
        let mut parts = [[[0.0; W]; 2]; 4];
        let mut add = |part: usize, row: u32| {
            let right = self.codes[row as usize].wrapping_sub(shift) > bound;
            self.objective.add(&mut parts[part][usize::from(right)], row);
        };
        let (groups, rest) = self.rows.as_chunks::<4>();
        for group in groups {
            group.iter().enumerate().for_each(|(part, &row)| add(part, row));
        }
        rest.iter().enumerate().for_each(|(part, &row)| add(part, row));
        let [a, b, c, d] = parts.map(|[left, _]| left);
        plus(&plus(&a, &b), &plus(&c, &d))
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
