//! `gristmill plan FILE`: what is cached, what will run and why.

use std::path::PathBuf;

use clap::Args;

use crate::context::Context;
use crate::graph;

/// Show the tasks of a pipeline file: what is cached, what will run and why
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// Change a value for this call: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let planned = gristmill::plan(&arguments.file, &arguments.set, &context.home)?;
    context.print(&planned, || graph::plan(&planned))
}
