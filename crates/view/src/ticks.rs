//! Round numbers along an axis, and their words.
//! Method: steps of 1, 2 and 5 times a power of ten, after Heckbert, "Nice Numbers for Graph
//! Labels", in *Graphics Gems*, Academic Press 1990.

use crate::number::{fixed, scientific, superscript};

/// The largest size that an axis shows; what lies beyond is drawn at its end.
pub(crate) const LIMIT: f64 = 1e300;

/// Places on an axis with their words, rising.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) at: Vec<f64>,
    pub(crate) words: Vec<String>,
}

/// A step of `mantissa · 10^power`.
#[derive(Clone, Copy, Debug)]
struct Step {
    mantissa: f64,
    power: i32,
}

impl Step {
    /// The smallest round step that needs no more than `wanted` to cover the range.
    fn over(low: f64, high: f64, wanted: usize) -> Self {
        let parts = wanted.max(1) as f64;
        let raw = high / parts - low / parts;
        let mut power = raw.log10().floor() as i32;
        let ratio = raw / 10f64.powi(power);
        // A hair of tolerance, so that 0.2 to 0.4 in two steps takes 0.1.
        let mantissa = [1.0, 2.0, 5.0].into_iter().find(|m| ratio <= m * (1.0 + 1e-9));
        let mantissa = mantissa.unwrap_or_else(|| {
            power += 1;
            1.0
        });
        Self { mantissa, power }
    }

    /// The value of the `index`-th multiple; dividing keeps 3 · 0.1 at 0.3.
    fn times(self, index: f64) -> f64 {
        let scaled = index * self.mantissa;
        let value = if self.power < 0 {
            scaled / 10f64.powi(-self.power)
        } else {
            scaled * 10f64.powi(self.power)
        };
        value + 0.0
    }

    /// How many steps `value` is from 0.
    fn count(self, value: f64) -> f64 {
        value / self.times(1.0)
    }
}

/// The range of the finite ones of `values`, with some width even where they are all equal.
/// Nothing when there are none.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|v| v.is_finite()).map(|v| v.clamp(-LIMIT, LIMIT));
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    (low <= high).then(|| widened(low, high))
}

/// A range that can be divided: equal or nearly equal ends move apart.
pub(crate) fn widened(low: f64, high: f64) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high - low > (size * 1e-9).max(1e-290) {
        return (low, high);
    }
    let pad = if size < 1e-280 { 1.0 } else { size * 0.1 };
    (low - pad, high + pad)
}

/// The range extended to whole steps on both sides, and how many steps it then has.
pub(crate) fn nice(low: f64, high: f64, wanted: usize) -> (f64, f64, usize) {
    let step = Step::over(low, high, wanted);
    let first = step.times((step.count(low) + 1e-9).floor());
    let last = step.times((step.count(high) - 1e-9).ceil());
    let steps = (step.count(last) - step.count(first)).round().max(1.0) as usize;
    (first.min(low), last.max(high), steps.min(2 * wanted + 2))
}

/// Round numbers within the range, about `wanted` of them.
pub(crate) fn linear(low: f64, high: f64, wanted: usize) -> Ticks {
    let step = Step::over(low, high, wanted);
    let first = (step.count(low) - 1e-9).ceil();
    let last = (step.count(high) + 1e-9).floor();
    // Between neighbours that a f64 can hardly tell apart, two ticks are enough.
    let steps = ((last - first).max(0.0) as usize).min(2 * wanted + 2);
    let mut at: Vec<f64> = (0..=steps).map(|i| step.times(first + i as f64)).collect();
    at.retain(|v| {
        (low..=high).contains(v) || (v - low).abs().min((v - high).abs()) <= step.times(1e-6)
    });
    at.dedup();
    let words = words_of(&at, step.power);
    Ticks { at, words }
}

/// Shares of 1 in per cent.
pub(crate) fn shares(low: f64, high: f64, wanted: usize) -> Ticks {
    let mut ticks = linear(low * 100.0, high * 100.0, wanted);
    ticks.at.iter_mut().for_each(|v| *v /= 100.0);
    ticks.words.iter_mut().for_each(|w| w.push_str("\u{202F}%"));
    ticks
}

/// Powers of ten within a range above 0; with few of them, their halves and fifths too.
pub(crate) fn log(low: f64, high: f64, wanted: usize) -> Ticks {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (last - first).max(1) as usize;
    let mantissas: &[f64] = if decades * 2 <= wanted { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let stride = decades.div_ceil(wanted.max(1)).max(1);
    let powers = (first..=last).step_by(stride);
    let at: Vec<f64> = powers
        .flat_map(|p| mantissas.iter().map(move |&m| Step { mantissa: m, power: p }.times(1.0)))
        .filter(|v| *v >= low * (1.0 - 1e-9) && *v <= high * (1.0 + 1e-9))
        .collect();
    if at.len() < 2 {
        return linear(low, high, wanted);
    }
    let words = at.iter().map(|&v| log_word(v)).collect();
    Ticks { at, words }
}

fn log_word(value: f64) -> String {
    let power = (value.log10() + 1e-9).floor() as i32;
    if (-4..6).contains(&power) {
        return words_of(&[value], power).remove(0);
    }
    let mantissa = (value / 10f64.powi(power)).round();
    let power = superscript(&power.to_string());
    if mantissa == 1.0 { format!("10{power}") } else { format!("{mantissa}×10{power}") }
}

/// The words of ticks that are multiples of some digit times `10^power`: all in one unit.
fn words_of(at: &[f64], power: i32) -> Vec<String> {
    const UNITS: [(f64, i32, &str); 4] =
        [(1e12, 12, "T"), (1e9, 9, "B"), (1e6, 6, "M"), (1e5, 3, "k")];
    let size = at.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let digits = |shift: i32| (shift - power).max(0) as usize;
    if size > 0.0 && (!(1e-3..1e15).contains(&size) || digits(0) > 7) {
        let top = size.log10().floor() as i32;
        return at.iter().map(|&v| power_word(v, top, digits(top).min(15))).collect();
    }
    let unit = UNITS.into_iter().find(|&(from, shift, _)| size >= from && digits(shift) <= 2);
    let word = |v: f64| match unit {
        _ if v == 0.0 => "0".to_string(),
        Some((_, shift, letter)) => {
            format!("{}{letter}", fixed(v / 10f64.powi(shift), digits(shift)))
        }
        None => fixed(v, digits(0)),
    };
    at.iter().map(|&v| word(v)).collect()
}

/// `value` as a multiple of `10^top`.
fn power_word(value: f64, top: i32, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    // 10^top itself may be too small for a f64.
    if top < -300 {
        return scientific(value, digits.min(3));
    }
    format!("{}×10{}", fixed(value / 10f64.powi(top), digits), superscript(&top.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(low: f64, high: f64, words: &[&str]) {
        assert_eq!(linear(low, high, 5).words, words, "{:?}", linear(low, high, 5).at);
    }

    #[test]
    fn steps_are_round() {
        check(0.0, 1.0, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(-3.0, 7.0, &["−2", "0", "2", "4", "6"]);
        check(0.0, 47_000.0, &["0", "10,000", "20,000", "30,000", "40,000"]);
    }

    #[test]
    fn large_ticks_share_a_unit() {
        check(0.0, 755_000.0, &["0", "200k", "400k", "600k"]);
        check(0.0, 3e6, &["0", "1M", "2M", "3M"]);
        check(0.0, 2.2e9, &["0", "0.5B", "1.0B", "1.5B", "2.0B"]);
    }

    #[test]
    fn tiny_and_huge_ticks_share_a_power() {
        check(0.0, 4e-7, &["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷", "4×10⁻⁷"]);
        check(-1e300, 1e300, &["−1.0×10³⁰⁰", "−0.5×10³⁰⁰", "0", "0.5×10³⁰⁰", "1.0×10³⁰⁰"]);
    }

    #[test]
    fn near_neighbours_keep_the_digits_that_differ() {
        check(
            1_000_000.0,
            1_000_000.4,
            &["1,000,000.0", "1,000,000.1", "1,000,000.2", "1,000,000.3", "1,000,000.4"],
        );
    }

    #[test]
    fn a_constant_gets_some_room() {
        assert_eq!(range([3.0, 3.0].into_iter()), Some((2.7, 3.3)));
        assert_eq!(range([0.0].into_iter()), Some((-1.0, 1.0)));
        assert_eq!(range([f64::NAN, f64::INFINITY].into_iter()), None);
    }

    #[test]
    fn powers_of_ten_are_thinned_or_divided() {
        assert_eq!(log(0.01, 1.0, 6).words, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(log(1e-9, 1e3, 4).words, ["10⁻⁹", "10⁻⁶", "0.001", "1", "1,000"]);
    }

    #[test]
    fn shares_are_written_in_per_cent() {
        assert_eq!(shares(0.0, 1.0, 5).words[1], "20\u{202F}%");
    }

    /// Numbers of every size and sign.
    fn any_size() -> impl Strategy<Value = f64> {
        (-1.0_f64..1.0, -320_i32..300).prop_map(|(m, e)| m * 10f64.powi(e))
    }

    proptest! {
        #[test]
        fn ticks_rise_stay_inside_and_differ_in_words(a in any_size(), b in any_size(), wanted in 1_usize..12) {
            let (low, high) = range([a, b].into_iter()).expect("two finite numbers");
            let ticks = linear(low, high, wanted);
            prop_assert!(ticks.at.len() <= 2 * wanted + 3);
            prop_assert!(ticks.at.windows(2).all(|w| w[0] < w[1]), "{:?}", ticks);
            let slack = (high - low) * 1e-5;
            prop_assert!(ticks.at.iter().all(|v| *v >= low - slack && *v <= high + slack), "{:?}", ticks);
            prop_assert!(ticks.words.windows(2).all(|w| w[0] != w[1]), "{:?}", ticks);
            prop_assert_eq!(ticks.at.len(), ticks.words.len());
        }

        #[test]
        fn a_nice_range_holds_the_old_one_and_begins_on_ticks(a in any_size(), b in any_size()) {
            let (low, high) = range([a, b].into_iter()).expect("two finite numbers");
            let (from, to, steps) = nice(low, high, 5);
            prop_assert!((1..=12).contains(&steps));
            prop_assert!(from <= low && to >= high && from < to);
            prop_assert!((to - from) <= 3.1 * (high - low), "{low} {high} {from} {to}");
        }

        #[test]
        fn a_nice_range_has_a_tick_at_both_ends(a in -1e6_f64..1e6, span in 1e-2_f64..1e6) {
            let (from, to, steps) = nice(a, a + span, 5);
            let ticks = linear(from, to, steps);
            prop_assert!((4..=8).contains(&ticks.at.len()), "{:?}", ticks);
            let ends = [ticks.at[0], ticks.at[ticks.at.len() - 1]];
            prop_assert!((ends[0] - from).abs() < span * 1e-6 && (ends[1] - to).abs() < span * 1e-6);
        }
    }
}
