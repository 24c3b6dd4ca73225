//! What the transforms do, seen from outside.

mod bad_input;
mod conformance;
mod encoders;
mod golden;
mod golden_numeric;
mod imputing;
mod pixels;
mod properties;
mod reducing;
mod refusals;
mod scaling;
mod selecting;
mod spelling;
mod support;
mod texts;
mod values;
mod windows;
