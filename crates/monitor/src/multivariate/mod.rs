//! Whether the columns together have moved, where each of them alone may look as before.
//!
//! [`Reconstruction`] asks whether columns still go together as they did; [`domain_auc`] asks whether
//! a classifier can tell the reference from what came later.

mod domain;
mod eigen;
mod reconstruction;

pub use domain::{DomainAuc, domain_auc};
pub use reconstruction::{Reconstruction, ReconstructionError};
