//! Metrics of how well scores rank rows of a class above the others.

use gristmill_core::{Error, Result};

use super::ranks::{Ranks, Tied};
use super::{ClassAnswers, Entry, class_metric, undefined};

/// A metric of the scores of rows that are of a class or not.
type OfScores = fn(&[bool], &[f64]) -> Result<f64>;

pub(super) static ENTRIES: &[Entry] = &[
    class_metric("roc_auc", |a| plain(a, "roc_auc", roc_auc)),
    class_metric("roc_auc_ovr", |a| one_vs_rest(a, "roc_auc_ovr", Weighing::Equal, roc_auc)),
    class_metric("roc_auc_ovr_weighted", |a| {
        one_vs_rest(a, "roc_auc_ovr_weighted", Weighing::Rows, roc_auc)
    }),
    class_metric("roc_auc_ovo", |a| one_vs_one(a, "roc_auc_ovo", Weighing::Equal)),
    class_metric("roc_auc_ovo_weighted", |a| one_vs_one(a, "roc_auc_ovo_weighted", Weighing::Rows)),
    class_metric("average_precision", |a| plain(a, "average_precision", average_precision)),
    class_metric("average_precision_macro", |a| {
        one_vs_rest(a, "average_precision_macro", Weighing::Equal, average_precision)
    }),
    class_metric("average_precision_weighted", |a| {
        one_vs_rest(a, "average_precision_weighted", Weighing::Rows, average_precision)
    }),
    class_metric("pr_auc", |a| plain(a, "pr_auc", pr_auc)),
    class_metric("gini", |a| plain(a, "gini", gini)),
    class_metric("ks", |a| plain(a, "ks", ks)),
    class_metric("lift_10", |a| plain(a, "lift_10", |t, s| lift(t, s, 0.1))),
];

/// How classes, or pairs of them, count in a mean.
#[derive(Clone, Copy, PartialEq)]
enum Weighing {
    Equal,
    Rows,
}

/// The area under the ROC curve: the chance that a row of the class scores above one that is not
/// of it, ties counting half. Exact: pairs are counted as integers.
///
/// The metric `roc_auc` is that of the positive class, or where there is none the mean over the
/// classes, each against all others; `roc_auc_ovr` is that mean and `roc_auc_ovr_weighted` weighs
/// it by rows; `roc_auc_ovo` is the mean over the pairs of classes (Hand and Till, *Machine
/// Learning* 45, 2001), `roc_auc_ovo_weighted` weighed by the rows of each pair.
///
/// Source: Hanley and McNeil, *Radiology* 143 (1982).
///
/// # Errors
/// [`Error::Data`] when all rows are of the class or none is, or a score is not a number;
/// [`Error::Bug`] when the lengths differ.
///
/// ```
/// # use gristmill_evaluate::metrics::roc_auc;
/// let area = roc_auc(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(area, 0.75); // 3 of 4 pairs are in order
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> Result<f64> {
    let ranks = Ranks::new("roc_auc", truth, scores)?;
    let pairs = u128::from(ranks.of_class()) * u128::from(ranks.others());
    Ok(ranks.twice_ordered_pairs() as f64 / (2 * pairs) as f64)
}

/// The Gini coefficient of credit scoring, 2 · [`roc_auc`] − 1: 0 for guessing, 1 for perfection.
///
/// Source: Thomas, Edelman and Crook, *Credit Scoring and Its Applications*, SIAM 2002.
///
/// # Errors
/// As [`roc_auc`].
pub fn gini(truth: &[bool], scores: &[f64]) -> Result<f64> {
    Ok(2.0 * roc_auc(truth, scores)? - 1.0)
}

/// Average precision Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from high to low, where P and R are
/// precision and recall of the rows that score at least as high; no interpolation.
///
/// Source: Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, 8.4.
///
/// # Errors
/// As [`roc_auc`].
pub fn average_precision(truth: &[bool], scores: &[f64]) -> Result<f64> {
    let ranks = Ranks::new("average_precision", truth, scores)?;
    let step = |tied: Tied| (tied.reached - tied.above) as f64 * precision(tied);
    let sum = ranks.fold(|| 0.0, |sum, tied| sum + step(tied), |left, right| left + right)?;
    Ok(sum / ranks.of_class() as f64)
}

/// The area under the curve of precision over recall by trapezoids, with precision 1 at recall 0.
/// Straight lines between its points are too kind: prefer [`average_precision`].
///
/// # Errors
/// As [`roc_auc`].
pub fn pr_auc(truth: &[bool], scores: &[f64]) -> Result<f64> {
    let ranks = Ranks::new("pr_auc", truth, scores)?;
    let step = |tied: Tied| {
        let before = match tied.above + tied.others_above {
            0 => 1.0,
            rows => tied.above as f64 / rows as f64,
        };
        (tied.reached - tied.above) as f64 * (before + precision(tied)) / 2.0
    };
    let sum = ranks.fold(|| 0.0, |sum, tied| sum + step(tied), |left, right| left + right)?;
    Ok(sum / ranks.of_class() as f64)
}

/// The Kolmogorov-Smirnov distance of credit scoring: the largest difference between the shares of
/// the rows of the class and of the others that reach a threshold.
///
/// Source: Thomas, Edelman and Crook, *Credit Scoring and Its Applications*, SIAM 2002.
///
/// # Errors
/// As [`roc_auc`].
pub fn ks(truth: &[bool], scores: &[f64]) -> Result<f64> {
    let ranks = Ranks::new("ks", truth, scores)?;
    let (all, all_others) = (ranks.of_class() as f64, ranks.others() as f64);
    // The distance is largest right before or right after a score of a row of the class.
    let largest = |tied: Tied| {
        let gap = |rows: u64, others: u64| (rows as f64 / all - others as f64 / all_others).abs();
        gap(tied.above, tied.others_above).max(gap(tied.reached, tied.others_reached))
    };
    ranks.fold(|| 0.0, |most, tied| largest(tied).max(most), f64::max)
}

/// How much more often rows of the class are found among the `share` that score highest than among
/// all rows; rows of equal score at the border count in part. The metric `lift_10` is that of the
/// highest tenth.
///
/// # Errors
/// [`Error::Setting`] when `share` is not above 0 and at most 1; else as [`roc_auc`].
///
/// ```
/// # use gristmill_evaluate::metrics::lift;
/// assert_eq!(lift(&[true, false, false, false], &[0.9, 0.5, 0.4, 0.1], 0.25)?, 4.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn lift(truth: &[bool], scores: &[f64], share: f64) -> Result<f64> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::setting("share", share, "above 0 and at most 1"));
    }
    let ranks = Ranks::new("lift", truth, scores)?;
    let wanted = share * truth.len() as f64;
    let (mut rows, mut found) = (0.0, 0.0);
    for threshold in ranks.thresholds() {
        let reached = (threshold.of_class + threshold.others) as f64;
        let part = ((wanted - rows) / (reached - rows)).min(1.0);
        found += part * (threshold.of_class as f64 - found);
        rows = reached;
        if rows >= wanted {
            break;
        }
    }
    Ok(found / wanted / (ranks.of_class() as f64 / truth.len() as f64))
}

fn precision(tied: Tied) -> f64 {
    tied.reached as f64 / (tied.reached + tied.others_reached) as f64
}

/// The metric of the positive class where there is one, else the mean over the classes.
fn plain(answers: &ClassAnswers<'_>, metric: &str, value: OfScores) -> Result<f64> {
    match answers.labels.positive() {
        Some(positive) => of_class(answers, metric, positive, value).map(|(value, _)| value),
        None => one_vs_rest(answers, metric, Weighing::Equal, value),
    }
}

fn one_vs_rest(
    answers: &ClassAnswers<'_>,
    metric: &str,
    weighing: Weighing,
    value: OfScores,
) -> Result<f64> {
    let of_each = (0..answers.labels.len()).map(|class| of_class(answers, metric, class, value));
    weighed(of_each, weighing)
}

fn one_vs_one(answers: &ClassAnswers<'_>, metric: &str, weighing: Weighing) -> Result<f64> {
    let classes = answers.labels.len();
    let pairs = (0..classes).flat_map(|a| (a + 1..classes).map(move |b| (a, b)));
    weighed(pairs.map(|(a, b)| of_pair(answers, metric, a, b)), weighing)
}

/// The mean of values with their numbers of rows.
fn weighed(values: impl Iterator<Item = Result<(f64, u64)>>, weighing: Weighing) -> Result<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for value in values {
        let (value, rows) = value?;
        let weight = if weighing == Weighing::Rows { rows as f64 } else { 1.0 };
        sum += weight * value;
        weights += weight;
    }
    Ok(sum / weights)
}

/// A class against all others, and how many rows it has.
fn of_class(
    answers: &ClassAnswers<'_>,
    metric: &str,
    class: usize,
    value: OfScores,
) -> Result<(f64, u64)> {
    refuse_shape(answers, metric)?;
    let truth: Vec<bool> = answers.truth.iter().map(|&t| t as usize == class).collect();
    let rows = truth.iter().filter(|t| **t).count();
    refuse_one_sided(answers, metric, class, rows, truth.len())?;
    Ok((value(&truth, answers.probabilities.column(class))?, rows as u64))
}

/// Two classes among their own rows, and how many rows these are.
fn of_pair(answers: &ClassAnswers<'_>, metric: &str, a: usize, b: usize) -> Result<(f64, u64)> {
    refuse_shape(answers, metric)?;
    let rows: Vec<usize> = (0..answers.truth.len())
        .filter(|&row| [a, b].contains(&(answers.truth[row] as usize)))
        .collect();
    let area = |class: usize| {
        let truth: Vec<bool> =
            rows.iter().map(|&row| answers.truth[row] as usize == class).collect();
        let own = truth.iter().filter(|t| **t).count();
        refuse_one_sided(answers, metric, class, own, answers.truth.len())?;
        let scores: Vec<f64> = rows.iter().map(|&r| answers.probabilities.get(r, class)).collect();
        roc_auc(&truth, &scores)
    };
    Ok(((area(a)? + area(b)?) / 2.0, rows.len() as u64))
}

fn refuse_shape(answers: &ClassAnswers<'_>, metric: &str) -> Result<()> {
    let probabilities = answers.probabilities;
    if probabilities.rows() == answers.truth.len()
        && probabilities.columns() == answers.labels.len()
    {
        return Ok(());
    }
    Err(Error::Bug(format!("`{metric}` got probabilities of another shape")))
}

fn refuse_one_sided(
    answers: &ClassAnswers<'_>,
    metric: &str,
    class: usize,
    rows: usize,
    all: usize,
) -> Result<()> {
    if rows > 0 && rows < all {
        return Ok(());
    }
    let name = answers.labels.names().get(class).map_or("", String::as_str);
    let reason = match rows {
        0 => format!("no row has the class `{name}`"),
        _ => format!("every row has the class `{name}`"),
    };
    Err(undefined(metric, &reason, "give more rows, or split with `stratify: true`"))
}
