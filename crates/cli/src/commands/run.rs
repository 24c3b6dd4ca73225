//! `gristmill run FILE`: the main job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use gristmill::{Error, RunOptions, RunStatus, Start};

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
    /// Begin or go on with the run of this id: how `up` and `backfill` start runs
    #[arg(long = "as", value_name = "RUN", hide = true, conflicts_with = "new")]
    run_as: Option<String>,
    /// The folder that paths are relative to, in place of the file's own
    #[arg(long, value_name = "DIR", hide = true)]
    folder: Option<PathBuf>,
    /// Record a tag with the run
    #[arg(long, value_name = "KEY=VALUE", hide = true)]
    tag: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let progress = Progress::new(context.quiet);
    let options = RunOptions {
        settings: arguments.set.clone(),
        start: start(arguments)?,
        cancel: signals::cancel_on_interrupt()?,
        binary: std::env::current_exe().ok(),
        folder: arguments.folder.clone(),
        tags: tags(&arguments.tag)?,
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

fn start(arguments: &Arguments) -> Result<Start, Error> {
    match &arguments.run_as {
        Some(id) => Start::named(id),
        None if arguments.new => Ok(Start::Anew),
        None => Ok(Start::Resume),
    }
}

fn tags(tags: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_string(), value.to_string())),
        None => Err(Error::input(format!("`--tag {text}` is no `KEY=VALUE`"))),
    };
    tags.iter().map(pair).collect()
}
