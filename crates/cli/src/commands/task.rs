//! `gristmill task RUN TASK --file FILE`: one task of a run in a process of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gristmill::{RunOptions, Start, TaskCall, TaskOutcome};

use crate::commands::run::ended;
use crate::context::Context;
use crate::progress::Progress;
use crate::{show, signals};

/// Do one task of a run by itself, for Airflow, Kubernetes and others that start tasks
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run: any text that all its tasks are given, such as Airflow's run_id, or an id of ours
    run: String,
    /// The task
    #[arg(required_unless_present = "finish", conflicts_with = "finish")]
    task: Option<String>,
    /// The pipeline file
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Settle the run when all tasks have ended: its scores, its gate, its status
    #[arg(long)]
    finish: bool,
    /// Change a value for this run: --set data.split.test=0.3; the same for all its tasks
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The exit code when the task is skipped
    #[arg(long, value_name = "CODE", default_value_t = gristmill::export::SKIPPED)]
    skip_exit_code: u8,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let options = RunOptions {
        settings: arguments.set.clone(),
        start: Start::default(),
        cancel: signals::cancel_on_interrupt()?,
        binary: std::env::current_exe().ok(),
        ..RunOptions::default()
    };
    let Some(task) = &arguments.task else {
        let report =
            gristmill::finish_run(&arguments.file, &arguments.run, &options, &context.home)?;
        return ended(&report, context);
    };
    let progress = Progress::new(context.quiet);
    let call = TaskCall { file: &arguments.file, run: &arguments.run, task };
    let outcome = gristmill::run_task(&call, &options, &context.home, &progress)?;
    progress.finish();
    context.print(&outcome, || words(&outcome))?;
    Ok(match outcome.task.status.as_str() {
        "skipped" => ExitCode::from(arguments.skip_exit_code),
        _ => ExitCode::SUCCESS,
    })
}

fn words(outcome: &TaskOutcome) -> String {
    let TaskOutcome { task, reason, run_id, .. } = outcome;
    let (name, run) = (&task.name, show::short(run_id));
    match task.status.as_str() {
        "skipped" => format!("`{name}` is skipped in run {run}: {reason}"),
        _ if outcome.already_done => format!("`{name}` was done already in run {run}"),
        _ if task.cached => format!("`{name}` was taken from the cache in run {run}: {reason}"),
        _ => format!("`{name}` ran in run {run}, {:.2} s: {reason}", task.seconds),
    }
}
