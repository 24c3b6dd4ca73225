//! A pipeline that was written down as a graph of operators ([`gristmill_core::graph`]), as the
//! bytes of an ONNX file.
//!
//! The file says IR version 10, `ai.onnx` 21 and `ai.onnx.ml` 5. Each input is a table of one
//! column, `[rows, 1]`; `rows` is as many as are asked about. Nothing in it depends on the clock or
//! the machine: equal graphs give equal bytes.

mod encode;
mod error;
mod proto;
mod sound;

pub use encode::{About, encode};
pub use error::{Error, Result};

/// The version of the file format.
pub const IR_VERSION: i64 = 10;

/// The version of the operators of `ai.onnx`.
pub const OPSET: i64 = 21;

/// The version of the operators of `ai.onnx.ml`.
pub const LEARNING_OPSET: i64 = 5;
