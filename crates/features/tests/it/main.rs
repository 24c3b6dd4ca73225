//! What the transforms do, seen from outside.

mod conformance;
mod golden;
mod properties;
mod refusals;
mod scaling;
mod spelling;
mod support;
mod values;
