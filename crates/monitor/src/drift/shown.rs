//! Both distributions of a column as they are drawn.

use gristmill_core::SemanticType;

use crate::{ColumnReference, ColumnWindow};

/// Into how many bins numbers are put, up to how many different values have a bar each, and how many
/// categories are named.
const BINS: usize = 24;
const FEW_VALUES: usize = 10;
const WORDS: usize = 12;
/// The share of the values at each end that may lie in the outermost bins, so that a few far values do
/// not press all others into one.
const TAIL: f64 = 0.01;

/// Both distributions of a column, to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shown {
    /// Nothing.
    #[default]
    Nothing,
    /// Counts between borders, which rise evenly and are one more. What lies beyond the ends is counted
    /// in the outermost bins; within a bin of the reference, values are taken to lie evenly.
    Bins {
        /// Where bins begin and end.
        borders: Vec<f64>,
        /// How many values of the reference lie in each.
        reference: Vec<u64>,
        /// How many values of the window do.
        current: Vec<u64>,
    },
    /// Categories, or few different numbers, with how many values both have of them.
    Words(Vec<(String, u64, u64)>),
}

pub(super) fn shown(reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    if let Some(words) = reference.words() {
        return categories(&words, reference, window);
    }
    match reference.borders() {
        Some([_, values @ ..]) if !values.is_empty() && values.len() <= FEW_VALUES => {
            few_values(values, reference, window)
        }
        Some(borders) if borders.len() > FEW_VALUES => bins(borders, reference, window),
        _ => Shown::Nothing,
    }
}

fn categories(words: &[&str], reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    let pairs: Vec<(u64, u64)> =
        reference.counts.iter().copied().zip(window.counts.iter().copied()).collect();
    let named = words.iter().zip(&pairs).take(WORDS);
    let mut shown: Vec<(String, u64, u64)> =
        named.map(|(word, (mine, theirs))| ((*word).to_string(), *mine, *theirs)).collect();
    let others = pairs.iter().skip(shown.len());
    let (mine, theirs) = others.fold((0, 0), |(a, b), (mine, theirs)| (a + mine, b + theirs));
    shown.extend((mine + theirs > 0).then(|| ("others".to_string(), mine, theirs)));
    Shown::Words(shown)
}

fn few_values(values: &[f64], reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    let boolean = reference.semantic == SemanticType::Boolean;
    let name = |value: f64| match boolean {
        true => (value != 0.0).to_string(),
        false => value.to_string(),
    };
    let names = std::iter::once("below".to_string())
        .chain(values.iter().map(|value| name(*value)))
        .chain(["above".to_string()]);
    let ends = [0, reference.counts.len() - 1];
    let counts = reference.counts.iter().copied().zip(window.counts.iter().copied());
    let rows = names.zip(counts).enumerate();
    let rows = rows.filter(|(at, (_, (mine, theirs)))| mine + theirs > 0 || !ends.contains(at));
    Shown::Words(rows.map(|(_, (name, (mine, theirs)))| (name, mine, theirs)).collect())
}

fn bins(borders: &[f64], reference: &ColumnReference, window: &ColumnWindow) -> Shown {
    let ends = ends(borders, window);
    let (low, high) = [&reference.counts, &window.counts]
        .map(|counts| middle(&ends, counts))
        .into_iter()
        .flatten()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (a, b)| (low.min(a), high.max(b)));
    let width = high / BINS as f64 - low / BINS as f64;
    if !(width > 0.0 && width.is_finite()) {
        return Shown::Nothing;
    }
    let borders: Vec<f64> = (0..=BINS).map(|i| low + width * i as f64).collect();
    if borders.windows(2).any(|w| w[0] >= w[1]) {
        return Shown::Nothing;
    }
    let spread = |counts: &[u64]| spread(&ends, counts, (low, width));
    Shown::Bins { reference: spread(&reference.counts), current: spread(&window.counts), borders }
}

/// Where each bin of the reference begins and ends, those beyond its range as far as the window goes.
fn ends(borders: &[f64], window: &ColumnWindow) -> Vec<(f64, f64)> {
    let (first, last) = (borders[0], borders[borders.len() - 1]);
    let least = window.moments.min().unwrap_or(first).min(first);
    let greatest = window.moments.max().unwrap_or(last).max(last);
    let starts = std::iter::once(least).chain(borders.iter().copied());
    let stops = borders.iter().copied().chain([greatest]);
    starts.zip(stops).collect()
}

/// Where the values lie but for a hundredth at each end; nothing when there are none.
fn middle(ends: &[(f64, f64)], counts: &[u64]) -> Option<(f64, f64)> {
    let total: u64 = counts.iter().sum();
    let tail = total as f64 * TAIL;
    let mut up_to = 0;
    let mut found: (Option<f64>, Option<f64>) = (None, None);
    for ((from, to), count) in ends.iter().zip(counts) {
        up_to += count;
        if *count > 0 && up_to as f64 > tail && found.0.is_none() {
            found.0 = Some(*from);
        }
        if up_to as f64 >= total as f64 - tail && found.1.is_none() {
            found.1 = Some(*to);
        }
    }
    (total > 0).then_some(found.0.zip(found.1)).flatten()
}

/// The counts in bins of `width` from `low` on, those beyond the ends in the outermost ones.
fn spread(ends: &[(f64, f64)], counts: &[u64], (low, width): (f64, f64)) -> Vec<u64> {
    let mut sums = [0.0_f64; BINS];
    let place = |value: f64| ((value - low) / width).clamp(0.0, BINS as f64);
    for (&(from, to), &count) in ends.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let (start, stop) = (place(from), place(to));
        let first = (start as usize).min(BINS - 1);
        let last = ((stop.ceil() as usize).max(1) - 1).clamp(first, BINS - 1);
        if first == last {
            sums[first] += count as f64;
            continue;
        }
        for (at, sum) in sums.iter_mut().enumerate().take(last + 1).skip(first) {
            let within = stop.min(at as f64 + 1.0) - start.max(at as f64);
            *sum += count as f64 * within / (stop - start);
        }
    }
    sums.iter().map(|sum| sum.round() as u64).collect()
}

#[cfg(test)]
mod tests {
    use gristmill_core::Profile;
    use gristmill_testkit::table;

    use super::*;
    use crate::{Reference, Window};

    fn of(before: Vec<f64>, now: Vec<f64>) -> Shown {
        let before = table().numbers("x", before).build();
        let reference = Reference::of(&Profile::learn(&before).unwrap());
        let mut window = Window::new(&reference);
        window.update(&reference, &table().numbers("x", now).build()).unwrap();
        shown(&reference.columns[0], &window.columns[0])
    }

    #[test]
    fn few_different_numbers_have_a_bar_each() {
        let word = |name: &str, mine, theirs| (name.to_string(), mine, theirs);
        let found = of(vec![1.0, 2.0, 2.0], vec![2.0, 5.0]);
        assert_eq!(
            found,
            Shown::Words(vec![word("1", 1, 0), word("2", 2, 1), word("above", 0, 1)])
        );
    }

    #[test]
    fn all_values_are_drawn_in_bins_of_equal_width() {
        let before: Vec<f64> = (0..2_400).map(f64::from).collect();
        let now = before.iter().map(|v| v + 1_200.0).collect();
        let Shown::Bins { borders, reference, current } = of(before, now) else { panic!() };
        assert_eq!((borders.len(), reference.len(), current.len()), (BINS + 1, BINS, BINS));
        for counts in [&reference, &current] {
            assert!(counts.iter().sum::<u64>().abs_diff(2_400) <= BINS as u64, "{counts:?}");
        }
        assert!(reference[0] > 100 && reference[BINS - 1] == 0 && current[BINS - 1] > 100);
    }

    #[test]
    fn one_far_value_does_not_press_the_others_together() {
        let mut before: Vec<f64> = (0..2_000).map(f64::from).collect();
        before.push(1e12);
        let Shown::Bins { borders, reference, .. } = of(before.clone(), before) else { panic!() };
        assert!(borders[BINS] < 10_000.0 && reference.iter().all(|c| *c > 0), "{borders:?}");
    }

    #[test]
    fn what_has_no_range_is_not_drawn() {
        assert_eq!(of(vec![f64::NAN], vec![1.0]), Shown::Nothing);
        let huge = (0..40).map(|i| if i % 2 == 0 { f64::MAX } else { -f64::MAX / f64::from(i) });
        assert!(matches!(of(huge.collect(), vec![1.0]), Shown::Nothing | Shown::Bins { .. }));
    }
}
