//! How much a column tells about the target, looked at alone.
//! Methods: Fisher's analysis of variance; the F statistic of a simple regression; the χ² statistic
//! of Liu and Setiono, *Chi2: Feature Selection and Discretization of Numeric Attributes*, 1995;
//! mutual information of binned values with the correction of Miller, *Note on the Bias of
//! Information Estimates*, 1955.

use std::fmt;

use gristmill_core::{Error, Field, Frame, Result, Target};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bin::quantile_edges;
use crate::moments::Moments;
use crate::order;
use crate::taken;

/// What a column is scored by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelectScore {
    /// The F statistic: of an analysis of variance between classes, or of a regression of numbers
    /// on the column. Finds differences of means and straight lines.
    #[default]
    F,
    /// The χ² statistic of a column of counts, 0 or more, between classes: Σ (o − e)² / e of the
    /// column's sum in each class and what is expected of its size.
    Chi2,
    /// Mutual information in nats, Σ p ln(p / (q r)), of values in up to ∛n bins of equal frequency
    /// and classes, or numbers in such bins, less its bias (k − 1)(l − 1) / 2n. Finds any relation;
    /// missing is a bin of its own.
    MutualInformation,
}

impl fmt::Display for SelectScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F => "f",
            Self::Chi2 => "chi2",
            Self::MutualInformation => "mutual_information",
        })
    }
}

/// The population variance of each column, missing values left out.
pub(super) fn variances(rows: &Frame, positions: &[usize]) -> Result<Vec<f64>> {
    taken::learn_each(rows, positions, |field, values| {
        let variance = Moments::of(values).variance();
        if variance.is_finite() { Ok(variance) } else { Err(taken::beyond(field)) }
    })
}

impl SelectScore {
    /// The score of each column.
    pub(super) fn of(self, rows: &Frame, positions: &[usize], target: &Target) -> Result<Vec<f64>> {
        let answers = match (self, target) {
            (Self::MutualInformation, _) => binned_target(target),
            _ => Binned::classes(target),
        };
        taken::learn_each(rows, positions, |field, values| {
            taken::finite(field, values)?;
            if self != Self::MutualInformation && values.iter().any(|v| v.is_nan()) {
                return Err(taken::missing(field, &format!("which have no `{self}`")));
            }
            let score = match (self, target, &answers) {
                (Self::MutualInformation, _, Some(answers)) => information(values, answers),
                (Self::F, _, Some(answers)) => analysis_of_variance(values, answers),
                (Self::F, Target::Numbers(numbers), None) => regression(values, numbers),
                (Self::Chi2, _, Some(answers)) => chi2(field, values, answers)?,
                _ => {
                    let wanted = "`f` or `mutual_information` for a target of numbers";
                    return Err(Error::setting("score", self, wanted));
                }
            };
            // 0 / 0, such as of a constant column, tells nothing.
            Ok(if score.is_nan() { 0.0 } else { score })
        })
    }
}

/// Rows in numbered groups.
struct Binned {
    codes: Vec<u32>,
    groups: usize,
}

impl Binned {
    fn classes(target: &Target) -> Option<Self> {
        match target {
            Target::Classes { codes, labels } => {
                Some(Self { codes: codes.clone(), groups: labels.len() })
            }
            _ => None,
        }
    }

    /// Numbers in bins of equal frequency, missing ones in the last.
    fn numbers(values: &[f64]) -> Self {
        let bins = (values.len() as f64).cbrt().ceil() as usize;
        let edges = quantile_edges(&order::sorted(values), bins.clamp(2, 64));
        let missing = edges.len() as u32 + 1;
        let code = |v: &f64| match v.is_nan() {
            true => missing,
            false => edges.partition_point(|edge| edge <= v) as u32,
        };
        Self { codes: values.iter().map(code).collect(), groups: edges.len() + 2 }
    }

    fn rows_of(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.groups];
        self.codes.iter().for_each(|&code| counts[code as usize] += 1.0);
        counts
    }

    /// The sum of `values` in each group.
    fn sums(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sums = vec![0.0; self.groups];
        self.codes.iter().zip(values).for_each(|(&code, v)| sums[code as usize] += v);
        sums
    }
}

fn binned_target(target: &Target) -> Option<Binned> {
    match target {
        Target::Numbers(values) => Some(Binned::numbers(values)),
        _ => Binned::classes(target),
    }
}

/// (Σ nᵢ (x̄ᵢ − x̄)² / (k − 1)) / (Σ (x − x̄ᵢ)² / (n − k)) over the k classes that have rows.
fn analysis_of_variance(values: &[f64], classes: &Binned) -> f64 {
    let mean = Moments::of(values).mean;
    let counts = classes.rows_of();
    let sums = classes.sums(values.iter().map(|v| v - mean));
    let means: Vec<f64> = sums.iter().zip(&counts).map(|(s, n)| s / n.max(1.0)).collect();
    let between: f64 = means.iter().zip(&counts).map(|(m, n)| n * m * m).sum();
    let own = |(v, code): (&f64, &u32)| (v - mean - means[*code as usize]).powi(2);
    let within: f64 = values.iter().zip(&classes.codes).map(own).sum();
    let present = counts.iter().filter(|n| **n > 0.0).count() as f64;
    (between / (present - 1.0)) / (within / (values.len() as f64 - present))
}

/// r² (n − 2) / (1 − r²) of the correlation r.
fn regression(values: &[f64], numbers: &[f64]) -> f64 {
    let (x, y) = (Moments::of(values).mean, Moments::of(numbers).mean);
    let mut sums = [0.0; 3];
    for (a, b) in values.iter().zip(numbers) {
        let (a, b) = (a - x, b - y);
        sums[0] += a * a;
        sums[1] += a * b;
        sums[2] += b * b;
    }
    let share = sums[1] * sums[1] / (sums[0] * sums[2]);
    // Rounding must not make a line better than perfect.
    share / (1.0 - share).max(0.0) * (values.len() as f64 - 2.0)
}

fn chi2(field: &Field, values: &[f64], classes: &Binned) -> Result<f64> {
    if let Some(value) = values.iter().find(|v| **v < 0.0) {
        return Err(Error::data_hint(
            format!("column `{}` has the value {value}, and `chi2` is for counts", field.name),
            "use `score: f`, or put `min_max` before",
        ));
    }
    let total: f64 = values.iter().sum();
    let observed = classes.sums(values.iter().copied());
    let terms = observed.iter().zip(classes.rows_of()).filter(|(_, rows)| *rows > 0.0);
    let terms = terms.map(|(observed, rows)| {
        let expected = total * rows / values.len() as f64;
        (observed - expected).powi(2) / expected
    });
    Ok(terms.sum())
}

fn information(values: &[f64], answers: &Binned) -> f64 {
    let bins = Binned::numbers(values);
    let mut both = vec![0.0; bins.groups * answers.groups];
    for (&bin, &answer) in bins.codes.iter().zip(&answers.codes) {
        both[bin as usize * answers.groups + answer as usize] += 1.0;
    }
    let (rows, columns) = (bins.rows_of(), answers.rows_of());
    let total = values.len() as f64;
    let mut sum = 0.0;
    for (counts, row) in both.chunks(answers.groups.max(1)).zip(&rows) {
        for (count, column) in counts.iter().zip(&columns).filter(|(count, _)| **count > 0.0) {
            sum += count / total * (count * total / (row * column)).ln();
        }
    }
    let present = |counts: &[f64]| counts.iter().filter(|n| **n > 0.0).count() as f64 - 1.0;
    (sum - present(&rows) * present(&columns) / (2.0 * total)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(codes: [u32; 4]) -> Binned {
        Binned { codes: codes.to_vec(), groups: 2 }
    }

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    #[test] // by hand: between 4 · 1² / 1, within 4 · 0.5² / 2
    fn classes_with_other_means_have_a_high_f() {
        check(analysis_of_variance(&[0.5, 1.5, 2.5, 3.5], &classes([0, 0, 1, 1])), 8.0);
    }

    #[test] // by hand: r² = 0.8² of deviations (−3, −1, 1, 3) / 2 and (−3, 1, −1, 3) / 2
    fn a_straight_line_has_a_high_f() {
        let score = regression(&[0.0, 1.0, 2.0, 3.0], &[0.0, 2.0, 1.0, 3.0]);
        check(score, 0.64 / 0.36 * 2.0);
    }

    #[test] // by hand: 6 and 2 where 4 and 4 are expected
    fn counts_that_differ_have_a_high_chi2() {
        let score = chi2(&Field::number("x"), &[3.0, 3.0, 2.0, 0.0], &classes([0, 0, 1, 1]));
        check(score.unwrap(), 2.0);
    }

    #[test] // by hand: ln 2 less 1 · 1 / 8, and nothing of independent ones
    fn a_column_that_tells_the_class_has_its_entropy_as_information() {
        let values = [0.0, 0.0, 1.0, 1.0];
        check(information(&values, &classes([0, 0, 1, 1])), 2.0f64.ln() - 0.125);
        check(information(&values, &classes([0, 1, 0, 1])), 0.0);
    }
}
