//! `gristmill report RUN`: one self-contained HTML page about a run.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::context::Context;

/// Write a report of a run: one HTML page that opens without a network
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run: its id, the start of it, or `latest`
    #[arg(default_value = "latest")]
    run: String,
    /// Where to write the page; `-` for standard output [default: report-PIPELINE-RUN.html]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let page = gristmill::report(&context.home, &arguments.run)?;
    if arguments.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        println!("{}", page.html);
        return Ok(());
    }
    let path = arguments.output.clone().unwrap_or_else(|| page.file_name().into());
    page.save(&path)?;
    let path = fs_err::canonicalize(&path)?;
    let said = json!({"run_id": page.run_id, "path": path, "bytes": page.html.len()});
    context.print(&said, || format!("wrote {}", path.display()))
}
