//! McNemar's test: do two classifiers err equally often on the same rows?
//! Source: McNemar, *Psychometrika* 12 (1947), in its exact form.

use gristmill_core::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::same_rows;
use crate::distributions::fair_coin_below;

/// What [`mcnemar`] found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McNemar {
    /// Rows that only the first model gets right.
    pub first_only: u64,
    /// Rows that only the second model gets right.
    pub second_only: u64,
    /// The chance of so unequal counts when both models are equally good.
    pub p_value: f64,
}

/// Compares where two models are right. Rows that both get right or both get wrong tell nothing; the
/// others are throws of a fair coin when the models are equally good, so the p-value is exact:
/// min(1, 2 P(X ≤ smaller count)).
///
/// # Errors
/// [`gristmill_core::Error::Data`] when the lengths differ.
///
/// ```
/// # use gristmill_evaluate::compare::mcnemar;
/// let found = mcnemar(&[true, true, true, false], &[false, false, true, false])?;
/// assert_eq!((found.first_only, found.second_only), (2, 0));
/// assert!((found.p_value - 0.5).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn mcnemar(first_right: &[bool], second_right: &[bool]) -> Result<McNemar> {
    same_rows(first_right.len(), second_right.len())?;
    let pairs = || first_right.iter().zip(second_right);
    let first_only = pairs().filter(|(a, b)| **a && !**b).count() as u64;
    let second_only = pairs().filter(|(a, b)| !**a && **b).count() as u64;
    let below = fair_coin_below(first_only.min(second_only), first_only + second_only);
    Ok(McNemar { first_only, second_only, p_value: (2.0 * below).min(1.0) })
}
