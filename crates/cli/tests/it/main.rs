//! The binary as its users see it, and the house that it is built of.

mod auto;
mod bad_disk;
mod bad_input;
mod champion;
mod changed;
mod churn;
mod ci;
mod daemon;
mod edges;
mod examples;
mod export;
mod faults;
mod flow;
mod fragments;
mod homes;
mod kills;
mod lineage;
mod objects;
mod sandbox;
mod search;
mod search_view;
mod shared;
mod sources;
mod task;
mod token;
mod up;
