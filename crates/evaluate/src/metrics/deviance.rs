//! Deviances of counts, waiting times and amounts: errors that allow larger numbers larger ones.
//! Source: Jørgensen, *The Theory of Dispersion Models*, Chapman & Hall 1997.

use gristmill_core::{Error, Result};
use rayon::prelude::*;

use super::logarithm::ln;
use super::regression::{refuse_constant, sum_errors};
use super::sums::mean;
use super::{Entry, number_loss, number_metric, same_length, undefined};

/// The power of the metric `mean_tweedie_deviance`: half way between counts and amounts, as usual
/// for insurance claims.
const CLAIMS: f64 = 1.5;

pub(super) static ENTRIES: &[Entry] = &[
    number_loss("mean_poisson_deviance", |t, p| deviance("mean_poisson_deviance", t, p, 1.0)),
    number_loss("mean_gamma_deviance", |t, p| deviance("mean_gamma_deviance", t, p, 2.0)),
    number_loss("mean_tweedie_deviance", |t, p| deviance("mean_tweedie_deviance", t, p, CLAIMS)),
    number_metric("d2_poisson", |t, p| explained("d2_poisson", t, p, 1.0)),
    number_metric("d2_gamma", |t, p| explained("d2_gamma", t, p, 2.0)),
    number_metric("d2_tweedie", |t, p| explained("d2_tweedie", t, p, CLAIMS)),
];

/// The mean Tweedie deviance of this power: the squared error at 0, the Poisson deviance
/// 2 (y ln(y/μ) − y + μ) at 1, the gamma deviance 2 (ln(μ/y) + y/μ − 1) at 2, and elsewhere
/// 2 (max(y, 0)^(2−p) / ((1−p)(2−p)) − y μ^(1−p) / (1−p) + μ^(2−p) / (2−p)).
///
/// The metrics `mean_poisson_deviance`, `mean_gamma_deviance` and `mean_tweedie_deviance` have the
/// powers 1, 2 and 1.5.
///
/// # Errors
/// [`Error::Setting`] for a power that is not finite or lies between 0 and 1, where there is no such
/// distribution; [`Error::Data`] without rows, when a number is not finite, a truth is below 0
/// (from power 1 on) or 0 (from power 2 on), or an answer is not above 0 (at any power but 0).
///
/// ```
/// # use gristmill_evaluate::metrics::mean_tweedie_deviance;
/// assert_eq!(mean_tweedie_deviance(&[2.0, 0.0], &[2.0, 1.0], 1.0)?, 1.0);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn mean_tweedie_deviance(truth: &[f64], predicted: &[f64], power: f64) -> Result<f64> {
    deviance("mean_tweedie_deviance", truth, predicted, power)
}

/// The share of the Tweedie deviance that is explained, 1 − D(y, ŷ) / D(y, ȳ). The metrics
/// `d2_poisson`, `d2_gamma` and `d2_tweedie` have the powers 1, 2 and 1.5.
///
/// # Errors
/// As [`mean_tweedie_deviance`], and [`Error::Data`] when all of `truth` is equal.
pub fn d2_tweedie(truth: &[f64], predicted: &[f64], power: f64) -> Result<f64> {
    explained("d2_tweedie", truth, predicted, power)
}

fn explained(metric: &str, truth: &[f64], predicted: &[f64], power: f64) -> Result<f64> {
    let reached = deviance(metric, truth, predicted, power)?;
    refuse_constant(metric, truth)?;
    let constant = vec![mean(truth)?; truth.len()];
    Ok(1.0 - reached / deviance(metric, truth, &constant, power)?)
}

fn deviance(metric: &str, truth: &[f64], predicted: &[f64], power: f64) -> Result<f64> {
    if !power.is_finite() || (power > 0.0 && power < 1.0) {
        return Err(Error::setting("power", power, "0 or less, or 1 or more"));
    }
    same_length(metric, truth.len(), predicted.len())?;
    refuse_outside(metric, truth, predicted, power)?;
    let sum = match power {
        0.0 => sum_errors(metric, truth, predicted, |y, mu| (y - mu) * (y - mu)),
        // At y = 0 the logarithm is finite, and taken 0 times.
        1.0 => sum_errors(metric, truth, predicted, |y, mu| 2.0 * (y * ln(y / mu) - y + mu)),
        2.0 => sum_errors(metric, truth, predicted, |y, mu| 2.0 * ((mu / y).ln() + y / mu - 1.0)),
        p => sum_errors(metric, truth, predicted, |y, mu| {
            let first = y.max(0.0).powf(2.0 - p) / ((1.0 - p) * (2.0 - p));
            2.0 * (first - y * mu.powf(1.0 - p) / (1.0 - p) + mu.powf(2.0 - p) / (2.0 - p))
        }),
    };
    Ok(sum? / truth.len() as f64)
}

/// Refuses truths and answers that the deviance of this power has no value for.
fn refuse_outside(metric: &str, truth: &[f64], predicted: &[f64], power: f64) -> Result<()> {
    let bad_truth = |y: f64| (power >= 1.0 && y < 0.0) || (power >= 2.0 && y == 0.0);
    let bad_answer = |mu: f64| power != 0.0 && mu <= 0.0;
    let (what, value) = match (first(truth, bad_truth), first(predicted, bad_answer)) {
        (None, None) => return Ok(()),
        (Some(y), _) => ("a known answer", y),
        (None, Some(mu)) => ("an answer", mu),
    };
    Err(undefined(metric, &format!("{what} is {value}, which is too small"), "use rmse or mae"))
}

/// The first of `values` that is bad. Whole chunks are looked at without a branch.
fn first(values: &[f64], bad: impl Fn(f64) -> bool + Sync) -> Option<f64> {
    let any = |chunk: &&[f64]| chunk.iter().fold(false, |any, value| any | bad(*value));
    let chunk = values.par_chunks(1 << 14).find_first(any)?;
    chunk.iter().copied().find(|value| bad(*value))
}
