//! `gristmill report RUN|MODEL`: one self-contained HTML page about a run or a model.

use std::path::PathBuf;

use clap::Args;
use gristmill::{Kind, ModelPage, Page, SystemClock};
use serde_json::json;

use crate::context::Context;

/// Write a report of a run, or of a model over time: one HTML page that opens without a network
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run: its id, the start of it, or `latest`; or a model by its name
    #[arg(default_value = "latest", value_name = "RUN|MODEL")]
    run: String,
    /// Where to write the page; `-` for standard output [default: report-PIPELINE-RUN.html, report-MODEL.html]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A page about either.
enum Found {
    Run(Page),
    Model(ModelPage),
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let found = find(&arguments.run, context)?;
    let html = match &found {
        Found::Run(page) => &page.html,
        Found::Model(page) => &page.html,
    };
    if arguments.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        println!("{html}");
        return Ok(());
    }
    let (name, about) = match &found {
        Found::Run(page) => (page.file_name(), ("run_id", &page.run_id)),
        Found::Model(page) => (page.file_name(), ("model", &page.model)),
    };
    let path = arguments.output.clone().unwrap_or_else(|| name.into());
    match &found {
        Found::Run(page) => page.save(&path)?,
        Found::Model(page) => page.save(&path)?,
    }
    let path = fs_err::canonicalize(&path)?;
    let said = json!({about.0: about.1, "path": path, "bytes": html.len()});
    context.print(&said, || format!("wrote {}", path.display()))
}

/// The page of the run that the word means, or else of the model of that name.
fn find(word: &str, context: &Context) -> Result<Found, gristmill::Error> {
    let no_run = match gristmill::report(&context.home, word) {
        Err(error) if error.kind == Kind::Input => error,
        found => return found.map(Found::Run),
    };
    match gristmill::model_report(&context.home, word, &SystemClock) {
        // A word that is neither was most likely meant as a run.
        Err(error) if error.kind == Kind::Input => Err(no_run),
        found => found.map(Found::Model),
    }
}
