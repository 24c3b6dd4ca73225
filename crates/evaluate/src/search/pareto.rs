//! Which of several is best when more than one thing counts.

/// Whether `a` is at least as good as `b` in everything and better in something; less is better.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a <= b)
        && a.iter().zip(b).any(|(a, b)| a < b)
}

/// The positions of those that none of the others dominates, in order; less is better. One with a
/// NaN is never among them.
///
/// ```
/// # use gristmill_evaluate::search::pareto_front;
/// let loss_and_seconds = [vec![0.2, 5.0], vec![0.3, 1.0], vec![0.3, 6.0]];
/// assert_eq!(pareto_front(&loss_and_seconds), [0, 1]);
/// ```
pub fn pareto_front(all: &[Vec<f64>]) -> Vec<usize> {
    let known: Vec<usize> = (0..all.len())
        .filter(|at| all.get(*at).is_some_and(|v| v.iter().all(|v| !v.is_nan())))
        .collect();
    let row = |at: &usize| all.get(*at).map(Vec::as_slice).unwrap_or_default();
    let beaten = |at: &usize| known.iter().any(|other| dominates(row(other), row(at)));
    known.iter().copied().filter(|at| !beaten(at)).collect()
}
