//! Metrics, splits and cross-validation through their public face.

mod cross_validation;
mod metrics;
mod reference;
mod split;
