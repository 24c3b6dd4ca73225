//! The model package: save, load, verify.
