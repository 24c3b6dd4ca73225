//! Runs, metrics, artifacts and the model registry.
