//! `gristmill send`: what waits for a server, on its way.

use std::process::ExitCode;

use clap::Args;
use gristmill::{Kind, SendOptions, SendReport};
use serde_json::json;

use crate::context::Context;

/// Send runs to a server: those that `run --server` could not send, or these
///
/// The server is shown the token in GRISTMILL_TOKEN or MLFLOW_TRACKING_TOKEN. What it has already is
/// not sent again, so a run may be sent any number of times.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Runs by their ids or the start of them, or `latest` [default: all that wait]
    #[arg(value_name = "RUN")]
    runs: Vec<String>,
    /// The server, in place of the one that a run was to be sent to
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Send nothing: let these, or all, wait no longer
    #[arg(long, conflicts_with = "server")]
    forget: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    if arguments.forget {
        let forgotten = gristmill::forget(&context.home, &arguments.runs)?;
        let text = || format!("{forgotten} no longer wait");
        context.print(&json!({"forgotten": forgotten}), text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = SendOptions { runs: arguments.runs.clone(), server: arguments.server.clone() };
    let report = gristmill::send(&context.home, &options)?;
    context.print(&report, || text(&report))?;
    Ok(match report.all_sent() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(Kind::Input.exit_code()),
    })
}

fn text(report: &SendReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in &report.runs {
        lines.push(line.words());
        let hint = line.error.as_ref().and_then(|error| error.hint.as_ref());
        lines.extend(hint.map(|hint| format!("hint: {hint}")));
    }
    match lines.is_empty() {
        true => "nothing waits".into(),
        false => lines.join("\n"),
    }
}
