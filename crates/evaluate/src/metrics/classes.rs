//! Metrics of predicted classes.
//! Definitions: Sokolova and Lapalme, *Information Processing & Management* 45 (2009).

use gristmill_core::{Error, Result};

use super::confusion::count;
use super::{ClassAnswers, same_length, undefined};

/// The share of rows whose class was found.
///
/// # Errors
/// [`Error::Data`] without rows; [`Error::Bug`] when the lengths differ.
pub fn accuracy(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    same_length("accuracy", truth.len(), predicted.len())?;
    let found = truth.iter().zip(predicted).filter(|(t, p)| t == p).count();
    Ok(found as f64 / truth.len() as f64)
}

/// The mean over the classes that occur of the share of their rows that was found.
///
/// # Errors
/// As [`accuracy`].
pub fn balanced_accuracy(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    same_length("balanced_accuracy", truth.len(), predicted.len())?;
    let classes = truth.iter().chain(predicted).max().map_or(0, |&c| c as usize + 1);
    let tallies = tallies(classes, truth, predicted)?;
    Ok(mean(tallies.iter().filter(|t| t.rows() > 0).map(Tally::recall)))
}

/// TP / (TP + FP): how many of the rows taken for the class are of it; 0 when none was.
pub(super) fn precision(answers: &ClassAnswers<'_>) -> Result<f64> {
    averaged(answers, "precision", Tally::precision)
}

/// TP / (TP + FN): how many of the rows of the class were found.
pub(super) fn recall(answers: &ClassAnswers<'_>) -> Result<f64> {
    averaged(answers, "recall", Tally::recall)
}

/// 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall.
pub(super) fn f1(answers: &ClassAnswers<'_>) -> Result<f64> {
    averaged(answers, "f1", Tally::f1)
}

/// The mean of f1 over the classes that occur or are predicted.
pub(super) fn f1_macro(answers: &ClassAnswers<'_>) -> Result<f64> {
    Ok(macro_mean(&answers.tallies()?, Tally::f1))
}

/// The mean of f1 over the rows, each with the f1 of its class.
pub(super) fn f1_weighted(answers: &ClassAnswers<'_>) -> Result<f64> {
    let tallies = answers.tallies()?;
    let sum: f64 = tallies.iter().map(|t| t.rows() as f64 * t.f1()).sum();
    Ok(sum / answers.truth.len() as f64)
}

/// For one class: rows of it that were found, others taken for it, and rows of it that were not
/// found.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    found: u64,
    mistaken: u64,
    missed: u64,
}

impl Tally {
    fn rows(&self) -> u64 {
        self.found + self.missed
    }

    fn precision(&self) -> f64 {
        share(self.found, self.found + self.mistaken)
    }

    fn recall(&self) -> f64 {
        share(self.found, self.rows())
    }

    fn f1(&self) -> f64 {
        share(2 * self.found, 2 * self.found + self.mistaken + self.missed)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl ClassAnswers<'_> {
    fn tallies(&self) -> Result<Vec<Tally>> {
        tallies(self.labels.len(), self.truth, self.predicted)
    }
}

fn tallies(classes: usize, truth: &[u32], predicted: &[u32]) -> Result<Vec<Tally>> {
    let counts = count(classes, truth, predicted)?;
    let of_class = |class: usize| {
        let found = counts[class][class];
        let predicted: u64 = counts.iter().map(|row| row[class]).sum();
        let rows: u64 = counts[class].iter().sum();
        Tally { found, mistaken: predicted - found, missed: rows - found }
    };
    Ok((0..classes).map(of_class).collect())
}

/// The value for the positive class where there is one, else the mean over the classes.
fn averaged(
    answers: &ClassAnswers<'_>,
    metric: &str,
    value: impl Fn(&Tally) -> f64,
) -> Result<f64> {
    let tallies = answers.tallies()?;
    let Some(positive) = answers.labels.positive() else { return Ok(macro_mean(&tallies, value)) };
    let tally = tallies
        .get(positive)
        .ok_or_else(|| Error::Bug("the positive class lies beyond the labels".into()))?;
    if tally.rows() == 0 {
        let name = answers.labels.names().get(positive).map_or("", String::as_str);
        return Err(undefined(
            metric,
            &format!("no row has the positive class `{name}`"),
            "give more rows, or split with `stratify: true`",
        ));
    }
    Ok(value(tally))
}

/// The mean over the classes that occur or are predicted.
fn macro_mean(tallies: &[Tally], value: impl Fn(&Tally) -> f64) -> f64 {
    mean(tallies.iter().filter(|t| t.rows() + t.mistaken > 0).map(value))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(s, n), v| (s + v, n + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
