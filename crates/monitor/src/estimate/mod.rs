//! How well a model probably does on rows whose truth nobody knows yet.
//!
//! [`Cbpe`] is for classes and trusts that probabilities are calibrated; [`dle`] is for numbers and
//! trusts a model of the errors. Neither sees a change of what the truth is for equal rows.

mod cbpe;
mod dle;
mod roc_auc;

pub use cbpe::Cbpe;
pub use dle::{dle, dle_root};

use serde::Serialize;

/// A metric that was estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// What the metric is expected to be.
    pub value: f64,
    /// How far the metric of the true answers is from that: the deviation which is left when the
    /// probabilities, or the expected errors, are right. It says nothing of how right they are.
    pub standard_error: f64,
}
