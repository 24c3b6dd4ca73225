//! What each column adds to a weighted sum, against the means of training.
//!
//! For independent columns these are the Shapley values of a linear model: wⱼ (xⱼ − x̄ⱼ), and the
//! base is the score at the means. Source: Štrumbelj and Kononenko, *Knowl. Inf. Syst.* 41 (2014).

use gristmill_core::{Contributions, DenseMatrix, Error, Result};

use super::values::Values;

/// How many numbers an explanation may take: 1 GiB of them.
const MOST_NUMBERS: usize = 1 << 27;

/// The contributions to scores of which each has a row of `weights` and a constant.
///
/// # Errors
/// [`Error::Data`] when rows, columns and scores are too many to be written out.
pub(super) fn contributions(
    columns: &[Values<'_>],
    rows: usize,
    weights: &[f64],
    intercepts: &[f64],
    means: &[f64],
) -> Result<Contributions> {
    let p = columns.len();
    let size = rows.saturating_mul(weights.len());
    if size > MOST_NUMBERS {
        return Err(Error::data_hint(
            format!("the contributions of {p} columns to {rows} rows are too many to write out"),
            "explain fewer rows at once",
        ));
    }
    let scores = || weights.chunks(p).zip(intercepts);
    let base = scores().map(|(weights, intercept)| {
        weights.iter().zip(means).fold(*intercept, |sum, (w, m)| sum + w * m)
    });
    let values = scores().map(|(weights, _)| {
        let mut values = DenseMatrix::zeros(rows, p);
        for (at, (column, weight)) in columns.iter().zip(weights).enumerate() {
            let out = values.column_mut(at);
            column.standardise(0..rows, means[at], *weight, out);
        }
        values
    });
    Ok(Contributions { base: base.collect(), values: values.collect() })
}
