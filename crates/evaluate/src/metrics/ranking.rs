//! Metrics of how well scores rank rows of a class above the others.

use gristmill_core::{Error, Result};

use super::{ClassAnswers, same_length, undefined};

/// The area under the ROC curve: the chance that a row of the class scores above one that is not
/// of it, ties counting half. Exact: pairs are counted as integers.
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
    let groups = ranked("roc_auc", truth, scores)?;
    let (mut above, mut twice) = (0_u128, 0_u128);
    for group in &groups {
        twice += u128::from(group.others) * (2 * above + u128::from(group.of_class));
        above += u128::from(group.of_class);
    }
    let others: u128 = groups.iter().map(|g| u128::from(g.others)).sum();
    Ok(twice as f64 / (2 * above * others) as f64)
}

/// Average precision Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from high to low, where P and R are
/// precision and recall of the rows that score at least as high; no interpolation.
///
/// Source: Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, 8.4.
///
/// # Errors
/// As [`roc_auc`].
pub fn average_precision(truth: &[bool], scores: &[f64]) -> Result<f64> {
    let groups = ranked("average_precision", truth, scores)?;
    let total: u64 = groups.iter().map(|g| g.of_class).sum();
    let (mut found, mut seen, mut sum) = (0_u64, 0_u64, 0.0);
    for group in &groups {
        found += group.of_class;
        seen += group.of_class + group.others;
        sum += group.of_class as f64 / total as f64 * (found as f64 / seen as f64);
    }
    Ok(sum)
}

/// A metric of one class for the positive class where there is one, else its mean over the
/// classes, each against all others.
pub(super) fn of_classes(
    answers: &ClassAnswers<'_>,
    metric: &str,
    value: fn(&[bool], &[f64]) -> Result<f64>,
) -> Result<f64> {
    if answers.probabilities.rows() != answers.truth.len()
        || answers.probabilities.columns() != answers.labels.len()
    {
        return Err(Error::Bug(format!("`{metric}` got probabilities of another shape")));
    }
    let of_class = |class: usize| {
        let truth: Vec<bool> = answers.truth.iter().map(|&t| t as usize == class).collect();
        refuse_one_sided(answers, metric, class, &truth)?;
        value(&truth, answers.probabilities.column(class))
    };
    if let Some(positive) = answers.labels.positive() {
        return of_class(positive);
    }
    let classes = answers.labels.len();
    let sum = (0..classes).try_fold(0.0, |sum, class| Ok(sum + of_class(class)?))?;
    Ok(sum / classes as f64)
}

fn refuse_one_sided(
    answers: &ClassAnswers<'_>,
    metric: &str,
    class: usize,
    truth: &[bool],
) -> Result<()> {
    let rows = truth.iter().filter(|t| **t).count();
    if rows > 0 && rows < truth.len() {
        return Ok(());
    }
    let name = answers.labels.names().get(class).map_or("", String::as_str);
    let reason = match rows {
        0 => format!("no row has the class `{name}`"),
        _ => format!("every row has the class `{name}`"),
    };
    Err(undefined(metric, &reason, "give more rows, or split with `stratify: true`"))
}

/// Rows of equal score.
#[derive(Clone, Copy, Default)]
struct Tied {
    of_class: u64,
    others: u64,
}

/// Rows by falling score, those of equal score together.
fn ranked(metric: &str, truth: &[bool], scores: &[f64]) -> Result<Vec<Tied>> {
    same_length(metric, truth.len(), scores.len())?;
    if scores.iter().any(|s| s.is_nan()) {
        return Err(undefined(metric, "a score is not a number", "look at the model's answers"));
    }
    if truth.iter().all(|t| *t) || !truth.contains(&true) {
        return Err(undefined(metric, "all rows are of one class", "give rows of both classes"));
    }
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut groups: Vec<Tied> = Vec::new();
    let mut latest = None;
    for (score, of_class) in order {
        if latest != Some(score) {
            groups.push(Tied::default());
            latest = Some(score);
        }
        if let Some(group) = groups.last_mut() {
            group.of_class += u64::from(of_class);
            group.others += u64::from(!of_class);
        }
    }
    Ok(groups)
}
