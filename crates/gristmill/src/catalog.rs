//! Everything that a pipeline file can name.

use gristmill_core::Catalog;

/// The transforms and estimators of all crates by their names in a pipeline file.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    gristmill_features::register(&mut catalog);
    gristmill_models::register(&mut catalog);
    catalog
}
