//! Histograms: what is known of the rows of a node, by the code that a column gives them.

use rayon::prelude::*;

use super::criterion::{Cell, Objective, minus};

/// How many codes a byte has.
pub(crate) const CODES: usize = 256;

/// Below this many rows the codes are noted down as they come; from here on the whole histogram is
/// looked through.
const FEW_ROWS: usize = 512;

/// How many cells are worth filling on several threads.
const PARALLEL_CELLS: usize = 1 << 18;

/// Who fills the histograms of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    All,
}

/// A set of codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeSet(pub(crate) [u64; 4]);

impl CodeSet {
    /// A set of these codes.
    pub(crate) fn of(codes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        codes.into_iter().for_each(|code| set.insert(code));
        set
    }

    /// Adds a code.
    #[inline]
    pub(crate) fn insert(&mut self, code: u8) {
        self.0[usize::from(code >> 6)] |= 1 << (code & 63);
    }

    /// Whether the code is in the set.
    #[inline]
    pub(crate) fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code >> 6)] >> (code & 63) & 1 == 1
    }

    /// How many codes there are.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The lowest and the highest code above 0.
    pub(crate) fn range_above_zero(self) -> Option<(u8, u8)> {
        let words = [self.0[0] & !1, self.0[1], self.0[2], self.0[3]];
        let low = words.iter().position(|word| *word != 0)?;
        let high = words.iter().rposition(|word| *word != 0)?;
        let low = low as u32 * 64 + words[low].trailing_zeros();
        let high = high as u32 * 64 + 63 - words[high].leading_zeros();
        Some((low as u8, high as u8))
    }

    /// The codes that are not in the set.
    pub(crate) fn complement(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// Hands the codes to `visit` in rising order.
    #[inline]
    pub(crate) fn for_each(self, mut visit: impl FnMut(u8)) {
        for (start, mut word) in (0u8..).step_by(64).zip(self.0) {
            while word != 0 {
                visit(start + word.trailing_zeros() as u8);
                word &= word - 1;
            }
        }
    }
}

/// One column's histogram, filled and emptied again and again.
pub(crate) struct Scratch<const W: usize>(pub(crate) Vec<Cell<W>>);

impl<const W: usize> Scratch<W> {
    /// An empty histogram.
    pub(crate) fn new() -> Self {
        Self(vec![[0.0; W]; CODES])
    }

    /// Fills the histogram with `rows`; gives back which codes they have.
    #[inline]
    pub(crate) fn fill(
        &mut self,
        objective: &impl Objective<W>,
        codes: &[u8],
        rows: &[u32],
    ) -> CodeSet {
        if rows.len() >= FEW_ROWS {
            add_rows(&mut self.0, objective, codes, rows);
            return present(&self.0);
        }
        let mut seen = CodeSet::default();
        for &row in rows {
            let code = codes[row as usize];
            seen.insert(code);
            objective.add(&mut self.0[usize::from(code)], row);
        }
        seen
    }

    /// Empties the histogram, which holds nothing but these codes.
    #[inline]
    pub(crate) fn clear(&mut self, seen: CodeSet) {
        seen.for_each(|code| self.0[usize::from(code)] = [0.0; W]);
    }
}

/// Adds rows to the histogram of a column.
fn add_rows<const W: usize>(
    histogram: &mut [Cell<W>],
    objective: &impl Objective<W>,
    codes: &[u8],
    rows: &[u32],
) {
    for &row in rows {
        objective.add(&mut histogram[usize::from(codes[row as usize])], row);
    }
}

/// The codes that have rows.
pub(crate) fn present<const W: usize>(histogram: &[Cell<W>]) -> CodeSet {
    let mut seen = CodeSet::default();
    for (code, cell) in (0..=u8::MAX).zip(histogram) {
        if cell[0] > 0.0 {
            seen.insert(code);
        }
    }
    seen
}

/// The histograms of all columns, one after the other.
pub(crate) struct Histograms<const W: usize>(Vec<Cell<W>>);

impl<const W: usize> Histograms<W> {
    /// The histograms of these rows.
    pub(crate) fn build(
        objective: &impl Objective<W>,
        codes: &[Vec<u8>],
        rows: &[u32],
        threads: Threads,
    ) -> Self {
        let mut cells = vec![[0.0; W]; codes.len() * CODES];
        let columns = cells.chunks_exact_mut(CODES).zip(codes);
        if threads == Threads::One || codes.len() * rows.len() < PARALLEL_CELLS {
            columns.for_each(|(histogram, codes)| add_rows(histogram, objective, codes, rows));
        } else {
            let columns: Vec<_> = columns.collect();
            columns
                .into_par_iter()
                .for_each(|(histogram, codes)| add_rows(histogram, objective, codes, rows));
        }
        Self(cells)
    }

    /// Takes the rows of `part` away.
    pub(crate) fn subtract(&mut self, part: &Self) {
        for (cell, part) in self.0.iter_mut().zip(&part.0) {
            // Where no row is left, rounding may leave a rest of the sums.
            let left = minus(cell, part);
            *cell = if left[0] > 0.0 { left } else { [0.0; W] };
        }
    }

    /// The histogram of one column.
    pub(crate) fn column(&self, at: usize) -> &[Cell<W>] {
        &self.0[at * CODES..(at + 1) * CODES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_its_codes_in_rising_order() {
        let mut set = CodeSet::default();
        for code in [255, 0, 63, 64, 7, 128] {
            set.insert(code);
        }
        let mut found = Vec::new();
        set.for_each(|code| found.push(code));
        assert_eq!(found, [0, 7, 63, 64, 128, 255]);
        assert_eq!((set.len(), set.complement().len()), (6, 250));
        assert!(set.contains(64) && !set.contains(65));
        assert_eq!(set.range_above_zero(), Some((7, 255)));
        assert_eq!(CodeSet::of([0]).range_above_zero(), None);
    }
}
