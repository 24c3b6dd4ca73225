//! `gristmill predictions MODEL`: what a model was asked and answered.

use std::num::NonZeroUsize;

use clap::Args;
use gristmill::SystemClock;
use gristmill::predictions::{QueriedPredictions, kept, query_predictions};
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
    /// Show what a query selects from all of them, which it calls `predictions`: as CSV, or with --json as JSON
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["last", "request"])]
    sql: Option<String>,
    /// Let the query see those of this version alone
    #[arg(long, value_name = "N", requires = "sql")]
    version: Option<u32>,
    /// Let the query see the last days alone
    #[arg(long, value_name = "N", requires = "sql")]
    days: Option<u32>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let Arguments { model, last, request, sql, version, days } = arguments;
    if let Some(sql) = sql {
        let which = QueriedPredictions { version: *version, days: *days };
        let selected = query_predictions(&context.home, model, which, sql, &SystemClock)?;
        return match context.json {
            true => Ok(selected.write_json(std::io::stdout().lock())?),
            false => Ok(selected.write_csv(std::io::stdout().lock())?),
        };
    }
    let found = kept(&context.home, model, request.as_deref(), last.get())?;
    context.print(&found, || found.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"))
}
