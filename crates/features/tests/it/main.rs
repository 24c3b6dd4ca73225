//! What the transforms do, seen from outside.

mod conformance;
mod encoders;
mod golden;
mod properties;
mod refusals;
mod spelling;
mod support;
mod texts;
mod values;
mod windows;
