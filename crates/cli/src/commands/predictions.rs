//! `gristmill predictions MODEL`: what a model was asked and answered.

use std::num::NonZeroUsize;

use clap::Args;
use serde_json::Value;

use crate::context::Context;

/// Show predictions that were kept by `--log-predictions`, the latest first, with labels that have come
#[derive(Debug, Args)]
pub struct Arguments {
    /// The model's name
    model: String,
    /// Show so many
    #[arg(long, value_name = "N", default_value = "20")]
    last: NonZeroUsize,
    /// Show those of this request alone, by its `X-Request-Id`
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let Arguments { model, last, request } = arguments;
    let request = request.as_deref();
    let found = gristmill::predictions::kept(&context.home, model, request, last.get())?;
    context.print(&found, || found.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"))
}
