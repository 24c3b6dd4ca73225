//! Which bin each of many numbers belongs to.

/// Into how many cells of equal width the range of the borders is cut.
const CELLS: usize = 2_048;
/// From so many values on it pays to lay out the cells.
const MANY: usize = 2_048;
/// Up to so many borders in one cell are tried one after another.
const MOST: usize = 4;

/// Counts finite `values` in the bins between `borders`: bin i takes those above `borders[i - 1]` and up to
/// `borders[i]`. `counts` has one more than `borders`.
pub(super) fn count(borders: &[f64], values: &[f64], counts: &mut [u64]) {
    let is_many = values.len() >= MANY;
    match is_many.then(|| Cells::new(borders)).flatten() {
        Some(cells) => {
            let places = values.iter().map(|value| cells.bin(*value));
            places.for_each(|at| counts[at] += 1);
        }
        None => {
            let places = values.iter().map(|value| borders.partition_point(|b| b < value));
            places.for_each(|at| counts[at] += 1);
        }
    }
}

/// Cells of equal width over the range of the borders, each with the first bin that it may belong to.
///
/// The cell of a number never falls while the number rises, whatever is rounded: all borders in the cells
/// before lie below it and all those in the cells behind above it, so that the borders of its own cell alone
/// are compared.
struct Cells {
    first: f64,
    scale: f64,
    /// For each cell, how many borders lie in the cells before.
    before: Vec<u16>,
    /// The borders, and infinities that no number exceeds.
    borders: Vec<f64>,
    /// The most borders in one cell.
    most: usize,
}

impl Cells {
    /// Nothing where borders are too few, too far apart or too unevenly spread for this to be quicker.
    fn new(borders: &[f64]) -> Option<Self> {
        let (first, last) = (*borders.first()?, *borders.last()?);
        let scale = CELLS as f64 / (last - first);
        if !(scale.is_finite() && scale > 0.0) || u16::try_from(borders.len()).is_err() {
            return None;
        }
        let mut held = [0_u16; CELLS];
        borders.iter().for_each(|border| held[cell(*border, first, scale)] += 1);
        let most = usize::from(held.iter().copied().max()?);
        let before = held.iter().scan(0, |sum, held| {
            let before = *sum;
            *sum += held;
            Some(before)
        });
        let before = before.collect();
        let beyond = std::iter::repeat_n(f64::INFINITY, MOST);
        let borders = borders.iter().copied().chain(beyond).collect();
        (most <= MOST).then_some(Self { first, scale, before, borders, most })
    }

    fn bin(&self, value: f64) -> usize {
        let mut at = usize::from(self.before[cell(value, self.first, self.scale)]);
        for _ in 0..self.most {
            at += usize::from(self.borders[at] < value);
        }
        at
    }
}

/// Negative products become 0, those beyond the range the last cell.
fn cell(value: f64, first: f64, scale: f64) -> usize {
    (((value - first) * scale) as usize).min(CELLS - 1)
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;
    use proptest::prelude::*;

    use super::*;

    /// Counts as comparing each value with each border does.
    #[track_caller]
    fn check(borders: &[f64], values: &[f64]) {
        let mut expected = vec![0; borders.len() + 1];
        for value in values {
            expected[borders.iter().filter(|border| *border < value).count()] += 1;
        }
        let mut counts = vec![0; borders.len() + 1];
        count(borders, values, &mut counts);
        assert_eq!(counts, expected, "{borders:?}");
    }

    fn risen(mut borders: Vec<f64>) -> Vec<f64> {
        borders.sort_by(f64::total_cmp);
        borders.dedup();
        borders
    }

    #[test]
    fn quantiles_of_many_values_are_laid_out_in_cells() {
        let mut random = Seed(1).random();
        let values: Vec<f64> = (0..5_000).map(|_| random.normal()).collect();
        let borders = risen(values.iter().step_by(20).copied().collect());
        assert!(Cells::new(&borders).is_some());
        check(&borders, &values);
        check(&borders, &values[..MANY - 1]);
    }

    #[test]
    fn borders_that_no_cell_tells_apart_are_still_told_apart() {
        let values: Vec<f64> = (0..4_096).map(|i| f64::from(i) * 1e-3).collect();
        let mut borders: Vec<f64> = (0..200).map(|i| f64::from(i) * 0.02).collect();
        borders.push(1e300);
        assert!(Cells::new(&borders).is_none());
        check(&borders, &values);
        check(&[-f64::MAX, 0.5, f64::MAX], &values);
        check(&[0.5], &values);
        check(&[], &values);
    }

    proptest! {
        #[test]
        fn any_borders_and_values_count_alike(
            borders in proptest::collection::vec(-4.0..4.0_f64, 1..250),
            exponent in -300..300_i32,
            seed in 0..1_000_u64,
        ) {
            let factor = 10_f64.powi(exponent);
            let borders = risen(borders.into_iter().map(|b| b * factor).collect());
            let mut random = Seed(seed).random();
            let mut values: Vec<f64> =
                (0..MANY).map(|_| random.normal() * 2.0 * factor).collect();
            for border in &borders {
                values.extend([*border, border.next_up(), border.next_down()]);
            }
            check(&borders, &values);
        }
    }
}
