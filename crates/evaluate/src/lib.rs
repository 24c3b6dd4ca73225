//! Metrics, splits and cross-validation: how well a pipeline does on rows that it never saw.
//!
//! [`Metric`] is looked up by name and scores answers; [`Split`] sets rows aside for a test;
//! [`Folds`] sets each row aside once, and [`cross_validate`] refits the whole pipeline for each
//! fold, so nothing leaks from test rows into any step.

pub mod compare;
mod cross_validation;
pub mod curves;
mod distributions;
pub mod explain;
mod leakage;
pub mod metrics;
mod require;
pub mod search;
mod slices;
mod split;

pub use cross_validation::{CrossValidation, FoldScores, cross_validate};
pub use leakage::{Finding, LeakKind, LeakageChecks, Severity};
pub use metrics::{ConfusionMatrix, Metric, MetricTask, score, score_fitted};
pub use require::{Miss, Require};
pub use slices::{Answers, Slice, SliceSettings, Slices, slice_rows};
pub use split::{Fold, Folds, Parts, Shares, Split};
