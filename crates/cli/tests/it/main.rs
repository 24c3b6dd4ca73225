//! The binary as its users see it, and the house that it is built of.

mod bad_disk;
mod bad_input;
mod champion;
mod churn;
mod edges;
mod examples;
mod fragments;
mod sandbox;
mod sources;
mod up;
