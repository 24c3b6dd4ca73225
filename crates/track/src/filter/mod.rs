//! The search language that MLflow's clients speak: comparisons joined by AND, and what to sort by.
//!
//! [`Filter::parse`] reads a filter and [`Order::parse`] a sort key, each against the table of what
//! one kind of search knows ([`Searchable`]). Both give typed trees; how they become SQL, with every
//! value bound, stands beside the other statements. Messages are MLflow's where clients show them.

mod lexer;
mod order;
mod parser;
mod searchable;
mod tree;

pub use order::Order;
pub use searchable::Searchable;
pub use tree::{Clause, Field, FieldKind, Filter, FilterError, Operand, Operator};
