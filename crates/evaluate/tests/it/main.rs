//! Metrics, splits and cross-validation through their public face.

mod compare;
mod cross_validation;
mod curves;
mod explain;
mod leakage;
mod metrics;
mod race;
mod reference;
mod search;
mod split;
