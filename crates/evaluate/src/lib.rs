//! Metrics, splits and cross-validation.
