//! The crate as its users see it: files, schemas and runs, in one test binary.

mod any_text;
mod cache;
#[cfg(unix)]
mod command;
mod document;
mod durable;
mod fragments;
mod parameters;
mod plan;
mod schemas;
mod tasks;
