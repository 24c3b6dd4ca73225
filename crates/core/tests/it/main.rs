//! What this crate promises to those who use it.

mod expr;
