//! `gristmill import mlflow PATH`: what MLflow kept, in this home.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use gristmill::{
    ImportOptions, ImportReport, ImportStatus, LeftOut, SystemClock, Tally, import_mlflow,
};

use crate::context::Context;

/// Take over what another system kept
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    system: System,
}

#[derive(Debug, Subcommand)]
enum System {
    /// Take over an MLflow store: experiments, runs, artifacts and models. It stays as it is
    ///
    /// What is here already is left as it is, so it may be called again. The exit code is 1 when
    /// something was left out or is here with other content.
    Mlflow {
        /// The folder `mlruns` or the file `mlflow.db`
        path: PathBuf,
        /// A folder with artifacts that do not lie in the store's own, such as a server's
        /// `mlartifacts`; may be given again
        #[arg(long, value_name = "DIR")]
        artifacts: Vec<PathBuf>,
        /// Only say what would come
        #[arg(long)]
        dry_run: bool,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let System::Mlflow { path, artifacts, dry_run } = &arguments.system;
    let options =
        ImportOptions { source: path.clone(), artifacts: artifacts.clone(), dry_run: *dry_run };
    let report = import_mlflow(&context.home, &options, &SystemClock, &|said| context.say(said))?;
    context.print(&report, || drawn(&report))?;
    Ok(match report.status {
        ImportStatus::Complete => ExitCode::SUCCESS,
        ImportStatus::Incomplete => ExitCode::from(1),
    })
}

fn drawn(report: &ImportReport) -> String {
    let what = if report.dry_run { "would import" } else { "imported" };
    let mut lines = vec![format!("{what} `{}`", report.source)];
    for (name, tally) in [
        ("experiments", report.experiments),
        ("runs", report.runs),
        ("logged models", report.logged_models),
        ("registered models", report.models),
    ] {
        lines.push(format!("  {name:<18} {}", counted(tally)));
    }
    let (files, bytes) = (report.artifacts.files, report.artifacts.bytes);
    lines.push(format!(
        "  new with them: {} values of metrics, {files} files ({bytes} bytes), {} versions",
        report.metrics, report.versions
    ));
    section(&mut lines, "here with other content, left as they are:", &report.differing);
    section(&mut lines, "left out:", &report.left_out);
    if report.untold > 0 {
        lines.push(format!("  and {} more", report.untold));
    }
    for not_taken in &report.not_taken {
        lines.push(format!("not taken over: {} {}", not_taken.count, not_taken.what));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}

fn counted(tally: Tally) -> String {
    let mut words = vec![format!("{} new", tally.taken)];
    if tally.there > 0 {
        words.push(format!("{} already there", tally.there));
    }
    if tally.differing > 0 {
        words.push(format!("{} differing", tally.differing));
    }
    words.join(", ")
}

fn section(lines: &mut Vec<String>, title: &str, things: &[LeftOut]) {
    if !things.is_empty() {
        lines.push(title.to_string());
    }
    lines.extend(things.iter().map(|thing| format!("  {}: {}", thing.what, thing.why)));
}
