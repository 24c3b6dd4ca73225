//! The gate: what scores a model must reach before it may be registered.

use std::collections::BTreeMap;
use std::fmt;

use gristmill_core::{Error, Result, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Metric;

/// A bound for each of some metrics: at least it where greater is better, at most it otherwise. A
/// pipeline file writes `{roc_auc: 0.80, log_loss: 0.5}`.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use gristmill_evaluate::Require;
/// let require = Require(BTreeMap::from([("roc_auc".to_string(), 0.8)]));
/// let misses = require.misses(&BTreeMap::from([("roc_auc".to_string(), 0.75)]))?;
/// assert_eq!(misses[0].to_string(), "roc_auc is 0.75, required is at least 0.8");
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Require(pub BTreeMap<String, f64>);

/// A score that is not good enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Miss {
    /// The name of the metric.
    pub metric: String,
    /// What was reached.
    pub value: f64,
    /// What was asked for.
    pub required: f64,
    /// Whether more was asked for, or less.
    pub greater_is_better: bool,
}

impl Require {
    /// The metrics that it speaks of, in the order of their names.
    ///
    /// # Errors
    /// [`Error::UnknownName`].
    pub fn metrics(&self) -> Result<Vec<Metric>> {
        self.0.keys().map(|name| Metric::named(name)).collect()
    }

    /// Whether all bounds make sense for `task`; reads no rows.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; as [`Metric::check`]; [`Error::Setting`] for a bound that is not
    /// finite.
    pub fn check(&self, task: Task) -> Result<()> {
        self.metrics()?.iter().try_for_each(|m| m.check(task))?;
        match self.0.iter().find(|(_, bound)| !bound.is_finite()) {
            None => Ok(()),
            Some((name, bound)) => Err(Error::setting(name, bound, "a finite number")),
        }
    }

    /// The scores that miss their bounds; a score that is not a number always does.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; [`Error::Bug`] when a metric was not scored.
    pub fn misses(&self, scores: &BTreeMap<String, f64>) -> Result<Vec<Miss>> {
        let mut misses = Vec::new();
        for (metric, (name, &required)) in self.metrics()?.iter().zip(&self.0) {
            let value = *scores
                .get(name)
                .ok_or_else(|| Error::Bug(format!("metric `{name}` was required, not scored")))?;
            let greater_is_better = metric.greater_is_better();
            let reached = if greater_is_better { value >= required } else { value <= required };
            if !reached {
                misses.push(Miss { metric: name.clone(), value, required, greater_is_better });
            }
        }
        Ok(misses)
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.greater_is_better { "at least" } else { "at most" };
        write!(f, "{} is {}, required is {bound} {}", self.metric, self.value, self.required)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(required: &str, score: (&str, f64), expected: &[&str]) {
        let require: Require = serde_json::from_str(required).unwrap();
        let scores = BTreeMap::from([(score.0.to_string(), score.1)]);
        let misses: Vec<String> =
            require.misses(&scores).unwrap().iter().map(Miss::to_string).collect();
        assert_eq!(misses, expected);
    }

    #[test]
    fn a_bound_that_is_reached_is_no_miss() {
        check(r#"{"roc_auc": 0.8}"#, ("roc_auc", 0.8), &[]);
        check(r#"{"rmse": 3}"#, ("rmse", 2.5), &[]);
    }

    #[test]
    fn losses_are_bounded_from_above() {
        check(r#"{"rmse": 3}"#, ("rmse", 3.5), &["rmse is 3.5, required is at most 3"]);
    }

    #[test]
    fn what_is_no_number_is_a_miss() {
        check(r#"{"r2": 0}"#, ("r2", f64::NAN), &["r2 is NaN, required is at least 0"]);
    }

    #[test]
    fn unknown_metrics_and_those_of_another_task_are_refused() {
        let require = |name: &str| Require(BTreeMap::from([(name.to_string(), 0.5)]));
        assert!(require("roc").check(Task::Regression).is_err());
        assert!(require("roc_auc").check(Task::Regression).is_err());
        assert!(require("r2").check(Task::Regression).is_ok());
        assert!(require("r2").misses(&BTreeMap::new()).is_err());
    }
}
