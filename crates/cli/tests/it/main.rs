//! The binary as its users see it, and the house that it is built of.

mod edges;
