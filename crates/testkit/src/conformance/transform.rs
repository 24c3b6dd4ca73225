//! What is true of every transform.
/// Placeholder, to be replaced.
pub fn transform() {}
