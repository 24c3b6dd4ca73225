//! p-values of many tests at once: the more columns are looked at, the more seem to move.
//! Sources: Bonferroni after Dunn, *Journal of the American Statistical Association* 56 (1961);
//! Holm, *Scandinavian Journal of Statistics* 6 (1979); Benjamini and Hochberg, *Journal of the Royal
//! Statistical Society B* 57 (1995).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How p-values of several tests are corrected for their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Not at all: of twenty columns that did not move one seems to at 0.05.
    None,
    /// Bounds the share of false alarms among all alarms.
    #[default]
    BenjaminiHochberg,
    /// Bounds the chance of any false alarm, and finds no less than `bonferroni`.
    Holm,
    /// Bounds the chance of any false alarm: every p-value times their number.
    Bonferroni,
}

impl Correction {
    /// Returns each p-value as it is to be held against a threshold, in the order given.
    ///
    /// For m values in rising order p₍₁₎ ≤ … ≤ p₍ₘ₎: `bonferroni` gives min(1, m·p₍ᵢ₎), `holm`
    /// max over j ≤ i of min(1, (m − j + 1)·p₍ⱼ₎), `benjamini_hochberg` min over j ≥ i of
    /// min(1, m/j·p₍ⱼ₎). What is NaN stays so and is not counted.
    ///
    /// ```
    /// # use gristmill_monitor::statistics::Correction;
    /// assert_eq!(Correction::Holm.adjusted(&[0.25, 0.01]), [0.25, 0.02]);
    /// ```
    pub fn adjusted(self, p_values: &[f64]) -> Vec<f64> {
        let mut order: Vec<usize> =
            (0..p_values.len()).filter(|&i| !p_values[i].is_nan()).collect();
        order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
        let tests = order.len() as f64;
        let mut adjusted = p_values.to_vec();
        match self {
            Self::None => {}
            Self::Bonferroni => {
                order.iter().for_each(|&at| adjusted[at] = (tests * p_values[at]).min(1.0));
            }
            Self::Holm => {
                let mut least = 0.0_f64;
                for (rank, &at) in order.iter().enumerate() {
                    least = least.max(((tests - rank as f64) * p_values[at]).min(1.0));
                    adjusted[at] = least;
                }
            }
            Self::BenjaminiHochberg => {
                let mut most = 1.0_f64;
                for (rank, &at) in order.iter().enumerate().rev() {
                    most = most.min(tests / (rank as f64 + 1.0) * p_values[at]);
                    adjusted[at] = most;
                }
            }
        }
        adjusted
    }

    /// Its name in a file and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BenjaminiHochberg => "benjamini_hochberg",
            Self::Holm => "holm",
            Self::Bonferroni => "bonferroni",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: [f64; 6] = [0.01, 0.04, 0.03, 0.005, 0.55, 0.04];

    #[track_caller]
    fn check(correction: Correction, p_values: &[f64], expected: &[f64]) {
        let found = correction.adjusted(p_values);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let same = found.is_nan() && expected.is_nan();
            assert!(same || (found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test] // statsmodels 0.15.0, stats.multitest.multipletests(P, method=...)[1]
    fn p_values_are_corrected_as_statsmodels_corrects_them() {
        check(Correction::Bonferroni, &P, &[0.06, 0.24, 0.18, 0.03, 1.0, 0.24]);
        check(Correction::Holm, &P, &[0.05, 0.12, 0.12, 0.03, 0.55, 0.12]);
        check(Correction::BenjaminiHochberg, &P, &[0.03, 0.048, 0.048, 0.03, 0.55, 0.048]);
    }

    #[test]
    fn what_is_no_p_value_counts_for_nothing() {
        check(Correction::Bonferroni, &[0.2, f64::NAN], &[0.2, f64::NAN]);
        check(Correction::BenjaminiHochberg, &[f64::NAN, 0.2], &[f64::NAN, 0.2]);
        check(Correction::Holm, &[], &[]);
    }

    #[test]
    fn one_test_needs_no_correction() {
        for correction in [
            Correction::None,
            Correction::BenjaminiHochberg,
            Correction::Holm,
            Correction::Bonferroni,
        ] {
            check(correction, &[0.04], &[0.04]);
        }
    }
}
