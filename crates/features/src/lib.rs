//! Transforms: settings that learn from training rows how to change columns.
//!
//! A new transform is a file here and a line in [`register`].

mod derive;

use gristmill_core::Catalog;

pub use derive::{Derive, FittedDerive};

/// Adds every transform of this crate to `catalog`: name in a pipeline file, settings, what is
/// learned, and the version of that.
pub fn register(catalog: &mut Catalog) {
    catalog.transform::<Derive, FittedDerive>("derive", 1);
}
