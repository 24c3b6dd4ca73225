//! `gristmill run FILE`: the main job; and of many files those that have something to do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gristmill::{
    Changes, Error, Kind, RunId, RunOptions, RunReport, RunStatus, Standing, Start, Tell,
    pipeline_files,
};
use serde::Serialize;

use crate::context::Context;
use crate::progress::Progress;
use crate::{show, signals};

/// Run a pipeline file: ingest, split, features, train, evaluate, register
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file; or several, or folders of them, which run one after the other
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change a value for this run: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Start over, even where the latest run of this file was cut short
    #[arg(long)]
    new: bool,
    /// Begin the run of this id, or go on with it
    #[arg(long = "as", value_name = "RUN", conflicts_with = "new")]
    id: Option<RunId>,
    /// Append what happens to this file, a JSON object a line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Send OpenLineage events to this file or http:// address
    #[arg(long, value_name = "TARGET", env = "GRISTMILL_LINEAGE")]
    lineage: Option<String>,
    /// Keep the run on this server too, which is shown the token in GRISTMILL_TOKEN or
    /// MLFLOW_TRACKING_TOKEN; while it is away, `gristmill send` sends the run later
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Only files of which something would come out differently than in their last run
    #[arg(long)]
    changed: bool,
    /// Since when git is asked whether inputs of commands that keep nothing changed [default: where
    /// HEAD left the default branch]
    #[arg(long, value_name = "COMMIT", requires = "changed")]
    since: Option<String>,
    /// The folder that paths are relative to, in place of the file's own
    #[arg(long, value_name = "DIR", hide = true)]
    folder: Option<PathBuf>,
    /// Record a tag with the run
    #[arg(long, value_name = "KEY=VALUE", hide = true)]
    tag: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let options = RunOptions {
        settings: arguments.set.clone(),
        start: match arguments.id {
            Some(id) => Start::As(id),
            None if arguments.new => Start::Anew,
            None => Start::Resume,
        },
        cancel: signals::cancel_on_interrupt()?,
        binary: std::env::current_exe().ok(),
        tell: Tell { events: arguments.events.clone(), lineage: arguments.lineage.clone() },
        folder: arguments.folder.clone(),
        tags: tags(&arguments.tag)?,
        server: arguments.server.clone(),
        at: None,
    };
    match arguments.files.as_slice() {
        [file] if !arguments.changed && !file.is_dir() => {
            ended(&one(file, &options, context)?, context)
        }
        _ => many(arguments, &options, context),
    }
}

fn one(file: &Path, options: &RunOptions, context: &Context) -> gristmill::Result<RunReport> {
    let progress = Progress::new(context.quiet);
    gristmill::run(file, options, &context.home, &progress)
}

/// Prints how a run ended; a refusal is an exit code of its own.
pub fn ended(report: &RunReport, context: &Context) -> anyhow::Result<ExitCode> {
    context.print(report, || show::report(report))?;
    match report.status {
        // The report says so.
        RunStatus::Refused if context.json => Err(crate::Told(Kind::Refused).into()),
        RunStatus::Refused => Err(refusal(report).into()),
        RunStatus::Succeeded => Ok(ExitCode::SUCCESS),
    }
}

fn refusal(report: &RunReport) -> Error {
    crate::refused(report.gate.join("; ")).with_hint("improve the model, or change `require`")
}

/// What became of one of many files.
#[derive(Debug, Serialize)]
struct Line {
    file: PathBuf,
    /// `unchanged`, `succeeded`, `refused` or `failed`.
    status: &'static str,
    /// Why it ran or did not.
    why: String,
    /// What the run said at its end, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<RunReport>,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error>,
}

fn many(
    arguments: &Arguments,
    options: &RunOptions,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let mut lines = Vec::new();
    for file in pipeline_files(&arguments.files)? {
        let line = one_of_many(file, arguments, options, context);
        if let Some(error) = line.error.as_ref().filter(|_| !context.json) {
            eprintln!("{error}");
        }
        lines.push(line);
        if options.cancel.is_cancelled() {
            break;
        }
    }
    context.print(&lines, || table(&lines))?;
    Ok(ExitCode::from(worst(&lines)))
}

fn one_of_many(
    file: PathBuf,
    arguments: &Arguments,
    options: &RunOptions,
    context: &Context,
) -> Line {
    let changes = Changes { since: arguments.since.clone() };
    let standing = match arguments.changed {
        true => changes.standing(&file, &options.settings, &context.home),
        false => Ok(Standing::Due("it was asked for".into())),
    };
    let why = match standing {
        Ok(Standing::Due(why)) => why,
        Ok(Standing::Unchanged(why)) => {
            return Line { file, status: "unchanged", why, report: None, error: None };
        }
        Err(error) => {
            let why = String::new();
            return Line { file, status: "failed", why, report: None, error: Some(error) };
        }
    };
    context.say(&format!("{}: {why}", file.display()));
    match one(&file, options, context) {
        Ok(report) if report.status == RunStatus::Refused => {
            let error = refusal(&report).with_place(file.display().to_string());
            Line { file, status: "refused", why, report: Some(report), error: Some(error) }
        }
        Ok(report) => Line { file, status: "succeeded", why, report: Some(report), error: None },
        Err(error) => Line { file, status: "failed", why, report: None, error: Some(error) },
    }
}

fn table(lines: &[Line]) -> String {
    let mut shown = show::table(&["file", "status", "seconds", "why"]);
    for line in lines {
        let seconds = line.report.as_ref().map(|report| format!("{:.2}", report.seconds));
        shown.add_row([
            line.file.display().to_string(),
            line.status.into(),
            seconds.unwrap_or_default(),
            line.why.clone(),
        ]);
    }
    show::draw(&shown)
}

/// 2 when something is our fault, else 1 when a file failed, else 3 when a gate refused a model.
fn worst(lines: &[Line]) -> u8 {
    let kinds = || lines.iter().filter_map(|line| line.error.as_ref()).map(|error| error.kind);
    [Kind::Bug, Kind::Input, Kind::Refused]
        .into_iter()
        .find(|kind| kinds().any(|found| found.exit_code() == kind.exit_code()))
        .map_or(0, Kind::exit_code)
}

fn tags(tags: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_string(), value.to_string())),
        None => Err(Error::input(format!("`--tag {text}` is no `KEY=VALUE`"))),
    };
    tags.iter().map(pair).collect()
}
