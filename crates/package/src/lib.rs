//! The model package: a fitted pipeline as a folder that can be copied, verified and loaded.
//!
//! ```text
//! MLmodel               MLflow's YAML, so that its clients see the model
//! model.json            format version, steps, schemas, classes, and a hash of every other file
//! tensors.safetensors   all learned numbers
//! profile.json          what the training data looked like
//! golden.arrow          some rows with the answers expected of them
//! ```
//!
//! [`save`] writes all of it or nothing, and the same fitted pipeline gives the same bytes
//! everywhere: there is no clock, path, run id or version number in it. [`load`] believes nothing:
//! sizes and hashes come first, then every part is checked against the others, and at last the
//! golden rows are answered again. Loading runs no code that a package brings.

mod arrow_file;
mod contents;
mod digest;
mod error;
mod folder;
mod golden;
mod info;
mod load;
mod manifest;
mod mlmodel;
mod save;
mod steps;
mod tensors;

pub use digest::Digest;
pub use error::{PackageError, Result};
pub use golden::{Check, Golden};
pub use info::{FileInfo, PackageInfo, StepInfo};
pub use load::{Package, describe, digest, load};
pub use manifest::FORMAT_VERSION;
pub use save::save;
pub use steps::{load_steps, save_steps};
