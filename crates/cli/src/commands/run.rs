//! `gristmill run FILE`: the main job.

use std::path::PathBuf;

use clap::Args;
use gristmill::{RunOptions, RunStatus, Start};

use crate::context::Context;
use crate::progress::Progress;
use crate::{show, signals};

/// Run a pipeline file: ingest, split, features, train, evaluate, register
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// Change a value for this run: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Start over, even where the latest run of this file was cut short
    #[arg(long)]
    new: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let progress = Progress::new(context.quiet);
    let options = RunOptions {
        settings: arguments.set.clone(),
        start: if arguments.new { Start::Anew } else { Start::Resume },
        cancel: signals::cancel_on_interrupt()?,
        binary: std::env::current_exe().ok(),
    };
    let report = gristmill::run(&arguments.file, &options, &context.home, &progress)?;
    progress.finish();
    context.print(&report, || show::report(&report))?;
    match report.status {
        RunStatus::Refused => Err(crate::refused(report.gate.join("; "))
            .with_hint("improve the model, or change `require`")
            .into()),
        _ => Ok(()),
    }
}
