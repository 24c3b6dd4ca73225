//! Whether a classifier can tell the reference from what came later.
//! Method: the classifier two-sample test, Lopez-Paz and Oquab, *Revisiting Classifier Two-Sample
//! Tests*, ICLR 2017; standard error after Hanley and McNeil, *Radiology* 143 (1982).

use gristmill_core::{DenseMatrix, Error, Result, Seed};
use serde::Serialize;

/// How well the two were told apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DomainAuc {
    /// The area under the ROC curve over rows that the classifier did not learn from: ½ where nothing
    /// tells them apart, 1 where everything does.
    pub auc: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// Returns how well `classify` tells rows of `current` from rows of `reference`, over `folds` parts: each
/// is answered by a classifier that learned from the others.
///
/// `classify(train, is_current, rows)` learns from `train` which rows are later ones and answers `rows` with
/// a number each, greater where a row is more likely a later one. Which part a row is in is drawn by
/// `seed`, from both kinds alike. Which classifier it is, this room does not know.
///
/// # Errors
/// [`Error::Data`] when the columns differ, or there are fewer rows of either kind than folds;
/// [`Error::Setting`] for fewer than two folds; what `classify` refuses; [`Error::Bug`] when it does not
/// answer each row with a number.
pub fn domain_auc(
    reference: &DenseMatrix,
    current: &DenseMatrix,
    folds: usize,
    seed: Seed,
    mut classify: impl FnMut(&DenseMatrix, &[bool], &DenseMatrix) -> Result<Vec<f64>>,
) -> Result<DomainAuc> {
    if folds < 2 {
        return Err(Error::setting("folds", folds, "2 or more"));
    }
    if reference.columns() != current.columns() {
        let (mine, theirs) = (reference.columns(), current.columns());
        return Err(Error::data(format!("{theirs} columns cannot be told from {mine}")));
    }
    if reference.rows() < folds || current.rows() < folds {
        let (mine, theirs) = (reference.rows(), current.rows());
        return Err(Error::data(format!("{mine} and {theirs} rows are too few for {folds} folds")));
    }
    let is_current: Vec<bool> = [(false, reference.rows()), (true, current.rows())]
        .into_iter()
        .flat_map(|(kind, rows)| std::iter::repeat_n(kind, rows))
        .collect();
    let fold_of = drawn(reference.rows(), folds, seed.named("reference"))
        .into_iter()
        .chain(drawn(current.rows(), folds, seed.named("current")))
        .collect::<Vec<usize>>();
    let mut answers = vec![f64::NAN; is_current.len()];
    for fold in 0..folds {
        let (held, train): (Vec<usize>, Vec<usize>) =
            (0..is_current.len()).partition(|&row| fold_of[row] == fold);
        let kinds: Vec<bool> = train.iter().map(|&row| is_current[row]).collect();
        let rows = |at: &[usize]| gathered(reference, current, at);
        let found = classify(&rows(&train)?, &kinds, &rows(&held)?)?;
        if found.len() != held.len() || found.iter().any(|v| v.is_nan()) {
            return Err(Error::Bug(
                "a domain classifier did not answer each row with a number".into(),
            ));
        }
        held.iter().zip(found).for_each(|(&row, answer)| answers[row] = answer);
    }
    Ok(judged(&answers, &is_current))
}

fn drawn(rows: usize, folds: usize, seed: Seed) -> Vec<usize> {
    let mut folds: Vec<usize> = (0..rows).map(|row| row % folds).collect();
    seed.random().shuffle(&mut folds);
    folds
}

/// The rows at `at`, where those of `current` are counted on after those of `reference`.
fn gathered(reference: &DenseMatrix, current: &DenseMatrix, at: &[usize]) -> Result<DenseMatrix> {
    let value = |row: usize, column: usize| match row.checked_sub(reference.rows()) {
        None => reference.get(row, column),
        Some(row) => current.get(row, column),
    };
    let columns = reference.columns();
    let values = (0..columns).flat_map(|c| at.iter().map(move |&r| value(r, c))).collect();
    DenseMatrix::from_columns(at.len(), columns, values)
}

/// The area by ranks, ties in the middle.
fn judged(answers: &[f64], is_current: &[bool]) -> DomainAuc {
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_by(|&a, &b| answers[a].total_cmp(&answers[b]));
    let (mut ranks, mut before) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| answers[a] == answers[b]) {
        let rank = before + (tied.len() as f64 + 1.0) / 2.0;
        ranks += rank * tied.iter().filter(|at| is_current[**at]).count() as f64;
        before += tied.len() as f64;
    }
    let later = is_current.iter().filter(|k| **k).count() as f64;
    let earlier = is_current.len() as f64 - later;
    let auc = (ranks - later * (later + 1.0) / 2.0) / (later * earlier);
    // The chances that two of one kind both stand right of one of the other, for exponential scores.
    let (two_later, two_earlier) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let variance = auc * (1.0 - auc)
        + (later - 1.0) * (two_later - auc * auc)
        + (earlier - 1.0) * (two_earlier - auc * auc);
    DomainAuc { auc, standard_error: (variance / (later * earlier)).max(0.0).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with the first column, whatever there was to learn.
    fn first_column(_: &DenseMatrix, _: &[bool], rows: &DenseMatrix) -> Result<Vec<f64>> {
        Ok(rows.column(0).to_vec())
    }

    fn matrix(values: Vec<f64>) -> DenseMatrix {
        DenseMatrix::from_columns(values.len(), 1, values).unwrap()
    }

    #[track_caller]
    fn check(reference: Vec<f64>, current: Vec<f64>, auc: f64) {
        let found =
            domain_auc(&matrix(reference), &matrix(current), 2, Seed(1), first_column).unwrap();
        assert!((found.auc - auc).abs() < 1e-12, "{found:?}");
    }

    #[test] // by hand: pairs in which the later value is greater, ties for half
    fn the_area_counts_pairs_in_order() {
        check(vec![1.0, 2.0, 3.0], vec![4.0, 5.0], 1.0);
        check(vec![1.0, 1.0], vec![1.0, 1.0], 0.5);
        check(vec![1.0, 3.0], vec![2.0, 4.0], 0.75);
    }

    #[test] // by hand after Hanley and McNeil: A = 0.75, Q₁ = 0.6, Q₂ = 9/14, n = m = 2
    fn the_standard_error_is_that_of_hanley_and_mcneil() {
        let (reference, current) = (matrix(vec![1.0, 3.0]), matrix(vec![2.0, 4.0]));
        let found = domain_auc(&reference, &current, 2, Seed(1), first_column).unwrap();
        let variance: f64 = (0.1875 + (0.6 - 0.5625) + (9.0 / 14.0 - 0.5625)) / 4.0;
        assert!((found.standard_error - variance.sqrt()).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn no_row_is_answered_by_what_learned_from_it() {
        let reference = matrix((0..20).map(f64::from).collect());
        let current = matrix((100..115).map(f64::from).collect());
        let mut answered = Vec::new();
        domain_auc(&reference, &current, 3, Seed(4), |train, kinds, rows| {
            assert!(rows.column(0).iter().all(|v| !train.column(0).contains(v)));
            let kind = |(value, kind): (&f64, &bool)| (*value >= 100.0) == *kind;
            assert!(train.column(0).iter().zip(kinds).all(kind));
            answered.extend_from_slice(rows.column(0));
            first_column(train, kinds, rows)
        })
        .unwrap();
        assert_eq!(answered.len(), 35);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let one = matrix(vec![1.0]);
        let three = matrix(vec![1.0, 2.0, 3.0]);
        let wide = DenseMatrix::zeros(3, 2);
        assert!(domain_auc(&one, &three, 2, Seed(1), first_column).is_err());
        assert!(domain_auc(&three, &three, 1, Seed(1), first_column).is_err());
        assert!(domain_auc(&three, &wide, 2, Seed(1), first_column).is_err());
        let silent = |_: &DenseMatrix, _: &[bool], _: &DenseMatrix| Ok(Vec::new());
        assert!(domain_auc(&three, &three, 2, Seed(1), silent).is_err());
    }
}
