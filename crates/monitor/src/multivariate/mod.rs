//! Whether the columns together have moved, where each of them alone may look as before.
//!
//! [`Reconstruction`] asks whether columns still go together as they did; [`domain_auc`] asks whether
//! a classifier can tell the reference from what came later. An [`Encoder`] makes numbers of rows for both.

mod domain;
mod eigen;
mod encode;
mod judge;
mod reconstruction;

pub use domain::{DomainAuc, domain_auc};
pub use encode::{Encoder, Encoding};
pub use judge::MultivariateDrift;
pub use reconstruction::{Reconstruction, ReconstructionError};
