//! The two-sample Kolmogorov-Smirnov test: do two samples of numbers have the same source?
//! Sources: Smirnov, *Bulletin of Moscow University* 2 (1939); for few rows the paths of Hodges,
//! *Arkiv för Matematik* 3 (1958); for many the limit of Kolmogorov with the corrections of Vrbik,
//! *Pioneer Journal of Theoretical and Applied Statistics* 15 (2018).

use gristmill_core::{Error, Result};
use serde::Serialize;

use super::Steps;

/// Up to this many values in the larger sample every order is counted, as scipy does.
const EXACT: u64 = 10_000;

/// What [`kolmogorov_smirnov`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KolmogorovSmirnov {
    /// The largest difference, at any value, of the shares that do not exceed it.
    pub statistic: f64,
    /// The chance of so large a difference when both samples have the same source.
    pub p_value: f64,
}

/// Compares two samples of numbers. The statistic is exact; for the p-value see [`ks_p_value`].
///
/// # Errors
/// [`Error::Data`] when a sample is empty.
///
/// ```
/// # use gristmill_monitor::statistics::{Steps, kolmogorov_smirnov};
/// let found = kolmogorov_smirnov(&Steps::of(&[1.0, 2.0]), &Steps::of(&[3.0, 4.0]))?;
/// assert_eq!(found.statistic, 1.0);
/// assert!((found.p_value - 1.0 / 3.0).abs() < 1e-15); // 2 of the 6 orders of four values
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn kolmogorov_smirnov(reference: &Steps, current: &Steps) -> Result<KolmogorovSmirnov> {
    let (n, m) = (reference.count(), current.count());
    if n == 0 || m == 0 {
        return Err(Error::data("a sample without any value cannot be compared"));
    }
    let mut statistic = 0.0_f64;
    reference.along(current, |_, mine, theirs| {
        statistic = statistic.max((mine as f64 / n as f64 - theirs as f64 / m as f64).abs());
    });
    Ok(KolmogorovSmirnov { statistic, p_value: ks_p_value(statistic, n, m) })
}

/// Returns the chance that two samples of `n` and `m` values from one source are at least
/// `statistic` apart.
///
/// Up to 10,000 values in the larger sample it is exact for values without ties, beyond it is that of
/// one sample of n·m / (n + m) values (rounded), within 10⁻⁴ of scipy's. Ties make the true
/// chance smaller.
pub fn ks_p_value(statistic: f64, n: u64, m: u64) -> f64 {
    if statistic.is_nan() || n == 0 || m == 0 {
        return f64::NAN;
    }
    if statistic <= 0.0 {
        return 1.0;
    }
    if n.max(m) > EXACT {
        let together = (n as f64 * m as f64 / (n as f64 + m as f64)).round();
        return limit(statistic, together);
    }
    // Differences of shares are multiples of 1 / (n m): whole numbers decide on ties.
    let reach = (statistic * (n * m) as f64).round() as u64;
    outside(n.max(m), n.min(m), reach.max(1)).clamp(0.0, 1.0)
}

/// The chance that a path from (0, 0) to (n, m), each as likely, reaches |x m − y n| ≥ `reach`.
///
/// A path to (x, y) came from the left with chance x / (x + y). Each column needs the one before
/// only, and of that only the places within reach: what lies outside has chance 1.
fn outside(n: u64, m: u64, reach: u64) -> f64 {
    let within = |x: u64, y: u64| (x * m).abs_diff(y * n) < reach;
    let mut column = vec![1.0_f64; m as usize + 1];
    for x in 0..=n {
        let (low, high) = reachable(x, (n, m), reach);
        // Below the first place within reach lies the outside; it was the inside at most one column ago.
        if low > 0 {
            column[low as usize - 1] = 1.0;
        }
        for y in low..=high {
            let left = if x > 0 && within(x - 1, y) { column[y as usize] } else { 1.0 };
            let below = if y > low { column[y as usize - 1] } else { 1.0 };
            column[y as usize] = match (x, y) {
                (0, 0) => 0.0,
                (0, _) => below,
                (_, 0) => left,
                _ => (x as f64 * left + y as f64 * below) / (x + y) as f64,
            };
        }
    }
    if within(n, m) { column[m as usize] } else { 1.0 }
}

/// The least and the greatest y with |x m − y n| < `reach`.
fn reachable(x: u64, (n, m): (u64, u64), reach: u64) -> (u64, u64) {
    let low = if x * m < reach { 0 } else { (x * m - reach) / n + 1 };
    let high = ((x * m + reach - 1) / n).min(m);
    (low, high)
}

/// The chance that the distribution of one sample of `n` values is at least `statistic` from its
/// source: 2 Σ (−1)ʲ⁻¹ exp(−2 j² z²) at the z that Vrbik corrects for n.
fn limit(statistic: f64, n: f64) -> f64 {
    let root = n.sqrt();
    let z = root * statistic + 1.0 / (6.0 * root) + (root * statistic - 1.0) / (4.0 * n);
    if z < 0.3 {
        // Above 1 − 10⁻⁵, where the sum converges slowly.
        return 1.0;
    }
    let term = |j: u32| {
        let size = (-2.0 * f64::from(j * j) * z * z).exp();
        if j % 2 == 1 { size } else { -size }
    };
    (2.0 * (1..=40).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(reference: &[f64], current: &[f64], statistic: f64, p_value: f64) {
        for (a, b) in [(reference, current), (current, reference)] {
            let found = kolmogorov_smirnov(&Steps::of(a), &Steps::of(b)).unwrap();
            assert!((found.statistic - statistic).abs() < 1e-12, "{found:?}");
            assert!((found.p_value - p_value).abs() <= 1e-9 * p_value, "{found:?}");
        }
    }

    #[track_caller]
    fn check_p(statistic: f64, (n, m): (u64, u64), expected: f64, within: f64) {
        let found = ks_p_value(statistic, n, m);
        assert!((found - expected).abs() <= within * expected, "{found:e} is not {expected:e}");
    }

    #[test]
    fn equal_samples_are_not_apart() {
        check(&[1.0, 2.0, 2.0], &[2.0, 1.0, 2.0], 0.0, 1.0);
    }

    #[test] // by hand: one of the two orders of two values; 2 of 6 orders of four
    fn few_values_are_counted_out() {
        check(&[1.0], &[2.0], 1.0, 1.0);
        check(&[1.0, 2.0], &[3.0, 4.0], 1.0, 1.0 / 3.0);
    }

    #[test] // scipy 1.15.3, stats.ks_2samp(a, b), method="exact"
    fn small_samples_are_judged_as_scipy_judges_them() {
        let later = [2.0, 4.0, 4.0, 6.0, 8.0, 9.0, 9.5];
        check(&[1.0, 2.0, 2.5, 3.0, 7.0], &later, 23.0 / 35.0, 0.116_161_616_161_616_17);
        let walk =
            |by: u32, from: u32| (0..20).map(|i| f64::from(i * by % 20 + from)).collect::<Vec<_>>();
        check(&walk(7, 0), &walk(3, 4), 0.2, 0.831_969_610_796_326_3);
        let thirty: Vec<f64> = (0..30).map(f64::from).collect();
        let shifted: Vec<f64> = (0..45).map(|i| f64::from(i) * 0.5 + 20.0).collect();
        check(&thirty, &shifted, 0.677_777_777_777_777_8, 2.488_929_270_161_349_6e-8);
    }

    #[test] // scipy 1.15.3, stats.ks_2samp, method="exact", of ranges that are this far apart
    fn thousands_of_values_are_counted_too() {
        check_p(0.0105, (2_000, 3_000), 0.999_281_756_037_070_9, 1e-9);
        check_p(0.030_142_857_142_857_14, (7_000, 5_000), 0.009_771_549_007_891_758, 1e-9);
        check_p(0.0201, (10_000, 10_000), 0.035_188_769_577_959_69, 1e-9);
        check_p(0.006_100_224_668_088_468, (9_973, 4_001), 0.999_910_065_935_809_4, 1e-9);
        check_p(0.1002, (5_000, 5_000), 2.916_904_925_097_525e-22, 1e-9);
    }

    #[test] // scipy 1.15.3, stats.kstwo.sf(statistic, round(n m / (n + m))), as ks_2samp does it
    fn many_values_have_the_chance_of_the_limit() {
        check_p(0.005, (100_000, 200_000), 0.071_105_647_309_543_72, 1e-5);
        check_p(0.01, (20_000, 15_000), 0.355_776_244_293_217_64, 1e-5);
        check_p(0.02, (20_000, 15_000), 0.002_075_777_528_008_902, 1e-3);
        check_p(0.05, (20_000, 15_000), 4.623_614_963_013_288e-19, 0.03);
        check_p(0.03, (1_000_000, 5_000), 0.000_252_714_598_972_899_4, 1e-3);
        check_p(0.1, (12_000, 300), 0.005_287_940_113_728_66, 1e-2);
    }

    #[test]
    fn an_empty_sample_is_refused() {
        assert!(kolmogorov_smirnov(&Steps::default(), &Steps::of(&[1.0])).is_err());
        assert!(ks_p_value(0.5, 0, 3).is_nan());
    }

    proptest! {
        #[test]
        fn the_statistic_is_the_largest_difference_at_any_value(
            a in prop::collection::vec(-5_i32..6, 1..40), b in prop::collection::vec(-4_i32..9, 1..40)
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) =
                (a.iter().map(|v| f64::from(*v)).collect(), b.iter().map(|v| f64::from(*v)).collect());
            let share = |of: &[f64], at: f64| of.iter().filter(|v| **v <= at).count() as f64 / of.len() as f64;
            let apart = a.iter().chain(&b).map(|v| (share(&a, *v) - share(&b, *v)).abs()).fold(0.0, f64::max);
            let found = kolmogorov_smirnov(&Steps::of(&a), &Steps::of(&b)).unwrap();
            prop_assert!((found.statistic - apart).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&found.p_value));
            let (n, m) = (a.len() as u64, b.len() as u64);
            prop_assert!(ks_p_value(apart + 0.01, n, m) <= found.p_value + 1e-12);
        }
    }
}
