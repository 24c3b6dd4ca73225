//! Metrics of predicted classes as a whole.

use gristmill_core::Result;
use rayon::prelude::*;

use super::tally::{Tallies, Tally};
use super::{ClassAnswers, Entry, class_loss, class_metric, same_length, undefined};

pub(super) static ENTRIES: &[Entry] = &[
    class_metric("accuracy", |a| accuracy(a.truth, a.predicted)),
    class_metric("balanced_accuracy", |a| balanced_accuracy(a.truth, a.predicted)),
    class_metric("balanced_accuracy_adjusted", |a| {
        balanced_accuracy_adjusted(a.truth, a.predicted)
    }),
    class_loss("zero_one_loss", |a| Ok(1.0 - accuracy(a.truth, a.predicted)?)),
    class_loss("hamming_loss", |a| Ok(1.0 - accuracy(a.truth, a.predicted)?)),
    class_metric("matthews_correlation", |a| matthews_correlation(a.truth, a.predicted)),
    class_metric("cohen_kappa", |a| kappa(a, Disagreement::Any)),
    class_metric("cohen_kappa_linear", |a| kappa(a, Disagreement::Linear)),
    class_metric("cohen_kappa_quadratic", |a| kappa(a, Disagreement::Quadratic)),
];

/// How much it costs to take class i for class j.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// The same for all pairs.
    Any,
    /// |i − j|, for classes in an order.
    Linear,
    /// (i − j)², for classes in an order.
    Quadratic,
}

/// The share of rows whose class was found.
///
/// `hamming_loss` and `zero_one_loss` are 1 − accuracy: a row here has one class.
///
/// # Errors
/// [`gristmill_core::Error::Data`] without rows; [`gristmill_core::Error::Bug`] when the lengths
/// differ.
pub fn accuracy(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    same_length("accuracy", truth.len(), predicted.len())?;
    const CHUNK: usize = 1 << 16;
    let found: usize = truth
        .par_chunks(CHUNK)
        .zip(predicted.par_chunks(CHUNK))
        .map(|(t, p)| t.iter().zip(p).map(|(t, p)| usize::from(t == p)).sum::<usize>())
        .sum();
    Ok(found as f64 / truth.len() as f64)
}

/// The mean over the classes that occur of the share of their rows that was found.
///
/// # Errors
/// As [`accuracy`].
pub fn balanced_accuracy(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    Ok(mean_recall("balanced_accuracy", truth, predicted)?.0)
}

/// [`balanced_accuracy`] b scaled so that guessing has 0 and perfection 1:
/// (b − 1/k) / (1 − 1/k) for k classes that occur.
///
/// # Errors
/// As [`accuracy`], and [`gristmill_core::Error::Data`] when only one class occurs.
pub fn balanced_accuracy_adjusted(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    let metric = "balanced_accuracy_adjusted";
    let (balanced, classes) = mean_recall(metric, truth, predicted)?;
    if classes < 2 {
        return Err(undefined(metric, "all rows are of one class", "give rows of other classes"));
    }
    let chance = 1.0 / classes as f64;
    Ok((balanced - chance) / (1.0 - chance))
}

/// The correlation of the true and the predicted class, between −1 and 1; 0 when either is constant:
/// (c s − Σₖ pₖ tₖ) / √((s² − Σₖ pₖ²) (s² − Σₖ tₖ²)) for s rows of which c were found, pₖ taken for
/// class k and tₖ of it.
///
/// Source: Gorodkin, *Computational Biology and Chemistry* 28 (2004).
///
/// # Errors
/// As [`accuracy`].
pub fn matthews_correlation(truth: &[u32], predicted: &[u32]) -> Result<f64> {
    let tallies =
        Tallies::new("matthews_correlation", classes(truth, predicted), truth, predicted)?;
    let squares = |counts: &[u64]| counts.iter().map(|&c| i128::from(c).pow(2)).sum::<i128>();
    let all = i128::from(tallies.all());
    let pairs = tallies.predicted.iter().zip(&tallies.rows);
    let by_chance: i128 = pairs.map(|(&p, &t)| i128::from(p) * i128::from(t)).sum();
    let spread_predicted = (all * all - squares(&tallies.predicted)) as f64;
    let spread_truth = (all * all - squares(&tallies.rows)) as f64;
    if spread_predicted == 0.0 || spread_truth == 0.0 {
        return Ok(0.0);
    }
    let above_chance = i128::from(tallies.right()) * all - by_chance;
    Ok(above_chance as f64 / (spread_predicted.sqrt() * spread_truth.sqrt()))
}

/// Agreement beyond chance, 1 − Σ wᵢⱼ oᵢⱼ / Σ wᵢⱼ eᵢⱼ, where o counts rows of class i taken for j, e
/// is what independent answers with the same totals would give, and w is what a disagreement costs.
/// Classes are their codes, so their order is that of the labels.
///
/// Source: Cohen, *Psychological Bulletin* 70 (1968).
///
/// # Errors
/// As [`accuracy`], and [`gristmill_core::Error::Data`] when truth and answers are all the same
/// class, so that no disagreement was possible.
pub fn cohen_kappa(truth: &[u32], predicted: &[u32], disagreement: Disagreement) -> Result<f64> {
    let tallies = Tallies::new("cohen_kappa", classes(truth, predicted), truth, predicted)?;
    let observed = match disagreement {
        Disagreement::Any => u128::from(tallies.all() - tallies.right()),
        Disagreement::Linear => total(truth, predicted, 1),
        Disagreement::Quadratic => total(truth, predicted, 2),
    };
    let expected = match disagreement {
        Disagreement::Any => unequal_pairs(&tallies),
        Disagreement::Linear => linear_pairs(&tallies),
        Disagreement::Quadratic => quadratic_pairs(&tallies),
    };
    if expected == 0 {
        return Err(undefined(
            "cohen_kappa",
            "truth and answers are all of one class",
            "give rows of other classes",
        ));
    }
    Ok(1.0 - observed as f64 * tallies.all() as f64 / expected as f64)
}

fn kappa(answers: &ClassAnswers<'_>, disagreement: Disagreement) -> Result<f64> {
    cohen_kappa(answers.truth, answers.predicted, disagreement)
}

/// Σ |t − p|^power over the rows.
fn total(truth: &[u32], predicted: &[u32], power: u32) -> u128 {
    truth.par_iter().zip(predicted).map(|(t, p)| u128::from(t.abs_diff(*p)).pow(power)).sum()
}

/// Σᵢⱼ rᵢ pⱼ over i ≠ j.
fn unequal_pairs(tallies: &Tallies) -> u128 {
    let all = u128::from(tallies.all());
    let pairs = tallies.rows.iter().zip(&tallies.predicted);
    all * all - pairs.map(|(&r, &p)| u128::from(r) * u128::from(p)).sum::<u128>()
}

/// Σᵢⱼ rᵢ pⱼ |i − j|: each border between neighbouring classes counts the pairs on its two sides.
fn linear_pairs(tallies: &Tallies) -> u128 {
    let all = u128::from(tallies.all());
    let (mut rows, mut predicted, mut sum) = (0_u128, 0_u128, 0_u128);
    for (&r, &p) in tallies.rows.iter().zip(&tallies.predicted) {
        rows += u128::from(r);
        predicted += u128::from(p);
        sum += rows * (all - predicted) + predicted * (all - rows);
    }
    sum
}

/// Σᵢⱼ rᵢ pⱼ (i − j)², by its moments.
fn quadratic_pairs(tallies: &Tallies) -> u128 {
    let moment = |counts: &[u64], power: u32| -> u128 {
        counts.iter().zip(0_u128..).map(|(&c, class)| u128::from(c) * class.pow(power)).sum()
    };
    let squares = moment(&tallies.rows, 2) + moment(&tallies.predicted, 2);
    u128::from(tallies.all()) * squares
        - 2 * moment(&tallies.rows, 1) * moment(&tallies.predicted, 1)
}

/// The mean recall of the classes that occur, and how many these are.
fn mean_recall(metric: &str, truth: &[u32], predicted: &[u32]) -> Result<(f64, usize)> {
    let tallies = Tallies::new(metric, classes(truth, predicted), truth, predicted)?;
    let (sum, classes) = tallies
        .each()
        .filter(|t| t.rows() > 0)
        .fold((0.0, 0), |(sum, n), tally: Tally| (sum + tally.recall(), n + 1));
    Ok((sum / classes.max(1) as f64, classes))
}

fn classes(truth: &[u32], predicted: &[u32]) -> usize {
    truth.iter().chain(predicted).max().map_or(0, |&c| c as usize + 1)
}
