//! `gristmill why RUN TASK`: why a task ran, or was taken from the cache.

use clap::Args;

use crate::context::Context;

/// Say why a task of a run ran, or was taken from the cache
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run: its id, the start of it, or `latest`
    run: String,
    /// The task
    task: String,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let reason = gristmill::why(&context.home, &arguments.run, &arguments.task)?;
    context.print(&reason, || reason.to_string())
}
