//! Whether two versions differ, by a test that may be looked at as often as anybody likes.
//!
//! The mixture sequential probability ratio test for a difference of means: the likelihood ratio is
//! averaged over differences from a normal distribution around 0, and what comes of it exceeds 1/α with a
//! probability of at most α, however long one looks. Source: Johari, Koomen, Pekelis and Walsh, *Always
//! Valid Inference: Continuous Monitoring of A/B Tests*, Operations Research 70(3), 2022. The
//! variances are estimated, which holds for many outcomes: Waudby-Smith, Arbour, Sinha, Kennedy and
//! Ramdas, *Time-uniform central limit theory and asymptotic confidence sequences*, Annals of Statistics
//! 52(6), 2024; hence the least number of outcomes.

use serde::Serialize;

/// How many outcomes each side needs before anything is said.
pub const LEAST: u64 = 100;

/// The standard deviation of the differences that are averaged over, in standard deviations of an
/// outcome: the differences that the test finds soonest.
const MIXTURE: f64 = 0.1;

/// What is known of the outcomes of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their squared distances from the mean, summed.
    pub squares: f64,
}

/// What the outcomes of both sides come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The mean of the treatment less that of the control.
    pub difference: f64,
    /// The lower end of the interval that holds the true difference at every moment at once, but for a
    /// probability of α.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// The always-valid p-value.
    pub p_value: f64,
    /// Whether they differ, at the level α: `p_value` ≤ α, or 0 outside of the interval, which is the same.
    pub differs: bool,
}

/// The verdict of a test at the level `alpha`, in (0, 1): with V = s²₁/n₁ + s²₂/n₂, the difference d and
/// τ = 0.1 · s (pooled), p = min(1, √((V + τ²)/V) · exp(−τ²d² / (2V(V + τ²)))) and the interval
/// d ± √(2V(V + τ²)/τ² · ln(√((V + τ²)/V) / α)).
///
/// Nothing while a side has less than [`LEAST`] outcomes, or no outcome differs from another of its side.
///
/// ```
/// # use gristmill_serve::sequential::{Sample, verdict};
/// let control = Sample { count: 100, mean: 0.0, squares: 99.0 };
/// let treatment = Sample { mean: 0.5, ..control };
/// // By hand: V = 0.02, τ² = 0.01.
/// let p = (1.5_f64).sqrt() * (-0.0025_f64 / 0.0012).exp();
/// assert!((verdict(control, treatment, 0.05).unwrap().p_value - p).abs() < 1e-12);
/// ```
pub fn verdict(control: Sample, treatment: Sample, alpha: f64) -> Option<Verdict> {
    if control.count < LEAST || treatment.count < LEAST {
        return None;
    }
    let of_mean = |side: Sample| side.squares / (side.count - 1) as f64 / side.count as f64;
    let variance = of_mean(control) + of_mean(treatment);
    let degrees = (control.count + treatment.count - 2) as f64;
    let mixed = MIXTURE * MIXTURE * (control.squares + treatment.squares) / degrees;
    if !(variance > 0.0 && mixed > 0.0 && (variance + mixed).is_finite()) {
        return None;
    }
    let difference = treatment.mean - control.mean;
    let spread = variance + mixed;
    let widening = (spread / variance).sqrt();
    let exponent = mixed * difference * difference / (2.0 * variance * spread);
    let p_value = (widening * (-exponent).exp()).min(1.0);
    let half = (2.0 * variance * spread / mixed * (widening / alpha).ln()).sqrt();
    let (lower, upper) = (difference - half, difference + half);
    Some(Verdict { difference, lower, upper, p_value, differs: p_value <= alpha })
}

#[cfg(test)]
mod tests {
    use gristmill_core::{Random, Seed};

    use super::*;

    const ALPHA: f64 = 0.05;

    /// As it is kept while outcomes come (Welford 1962).
    #[derive(Default)]
    struct Growing(Sample);

    impl Growing {
        fn add(&mut self, value: f64) {
            let Sample { count, mean, squares } = &mut self.0;
            *count += 1;
            let before = value - *mean;
            *mean += before / *count as f64;
            *squares += before * (value - *mean);
        }
    }

    /// In how many of `tests` somebody who looks after every pair of outcomes is told at some moment that
    /// the sides differ.
    fn found(
        tests: u64,
        pairs: usize,
        draw: fn(&mut Random, f64) -> f64,
        effect: f64,
        differs: fn(Sample, Sample) -> bool,
    ) -> u64 {
        let test = |number| {
            let mut chance = Seed(20).numbered(number).random();
            let (mut control, mut treatment) = (Growing::default(), Growing::default());
            (0..pairs).any(|_| {
                control.add(draw(&mut chance, 0.0));
                treatment.add(draw(&mut chance, effect));
                differs(control.0, treatment.0)
            })
        };
        (0..tests).filter(|number| test(*number)).count() as u64
    }

    fn sequential(control: Sample, treatment: Sample) -> bool {
        verdict(control, treatment, ALPHA).is_some_and(|verdict| verdict.differs)
    }

    /// The test for a number of outcomes that is fixed before, looked at all the time.
    fn peeking(control: Sample, treatment: Sample) -> bool {
        let of_mean = |side: Sample| side.squares / (side.count - 1) as f64 / side.count as f64;
        let z = (treatment.mean - control.mean) / (of_mean(control) + of_mean(treatment)).sqrt();
        control.count >= LEAST && z.abs() > 1.96
    }

    fn normal(chance: &mut Random, effect: f64) -> f64 {
        1_000.0 + 5.0 * (chance.normal() + effect)
    }

    fn rare(chance: &mut Random, effect: f64) -> f64 {
        f64::from(u8::from(chance.unit() < 0.1 + effect))
    }

    #[test] // a simulation: 25 of 500 are allowed, a usual test makes far more of the same outcomes
    fn looking_all_the_time_raises_no_false_alarm_more_often_than_alpha() {
        for draw in [normal, rare] {
            let count = found(500, 1_500, draw, 0.0, sequential);
            assert!(count <= 25, "{count} of 500");
            assert!(found(500, 1_500, draw, 0.0, peeking) > 75);
        }
    }

    #[test]
    fn a_difference_is_found() {
        assert!(found(50, 3_000, normal, 0.2, sequential) >= 48);
        assert!(found(50, 6_000, rare, 0.05, sequential) >= 48);
    }

    #[test] // by hand: V = 0.02, τ² = 0.01, ln(√1.5 / 0.05) = 3.198465, √(0.12 · 3.198465) = 0.619529
    fn the_interval_is_that_of_the_formula() {
        let control = Sample { count: 100, mean: 7.0, squares: 99.0 };
        let found = verdict(control, Sample { mean: 7.5, ..control }, ALPHA).unwrap();
        for (found, expected) in [
            (found.difference, 0.5),
            (found.lower, 0.5 - 0.619529),
            (found.upper, 0.5 + 0.619529),
            (found.p_value, 0.152498),
        ] {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(!found.differs);
        let far = verdict(control, Sample { mean: 8.0, ..control }, ALPHA).unwrap();
        assert!(far.differs && far.lower > 0.0);
    }

    #[test]
    fn of_few_or_equal_outcomes_nothing_is_said() {
        let many = Sample { count: 100, mean: 1.0, squares: 10.0 };
        assert_eq!(verdict(many, Sample { count: 99, ..many }, ALPHA), None);
        let equal = Sample { squares: 0.0, ..many };
        assert_eq!(verdict(equal, Sample { mean: 2.0, ..equal }, ALPHA), None);
        assert!(verdict(many, equal, ALPHA).is_some());
    }
}
