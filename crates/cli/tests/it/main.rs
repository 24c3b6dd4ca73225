//! The binary as its users see it, and the house that it is built of.

mod bad_disk;
mod bad_input;
mod champion;
mod changed;
mod churn;
mod ci;
mod edges;
mod examples;
mod export;
mod flow;
mod fragments;
mod kills;
mod lineage;
mod objects;
mod sandbox;
mod shared;
mod sources;
mod task;
mod up;
