//! `gristmill sql QUERY`: SQL over files and predictions.

use std::path::PathBuf;

use clap::Args;
use gristmill::SystemClock;

use crate::context::Context;

/// Print what a query selects from files and from what models were asked and answered: as CSV, or with --json as JSON
#[derive(Debug, Args)]
pub struct Arguments {
    /// The query, as DataFusion reads SQL. `predictions_churn` is what was kept of requests to the model churn
    query: String,
    /// A file or a glob under the name that the query calls it: --source trips=trips.parquet
    #[arg(long, value_name = "NAME=FILE", value_parser = named)]
    source: Vec<(String, PathBuf)>,
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.into(), path.into()))
        }
        _ => Err("write NAME=FILE, such as trips=trips.parquet".into()),
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let Arguments { query, source } = arguments;
    let selected = gristmill::sql(&context.home, query, source, &SystemClock)?;
    match context.json {
        true => Ok(selected.write_json(std::io::stdout().lock())?),
        false => Ok(selected.write_csv(std::io::stdout().lock())?),
    }
}
