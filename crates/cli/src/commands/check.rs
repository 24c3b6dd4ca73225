//! `gristmill check FILE`: all mistakes at once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use gristmill::{Checked, Error};
use serde_json::{Value, json};

use crate::context::Context;

/// Find every mistake in a pipeline file, without reading all of the data
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file; or several, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change a value for this call: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    if let [file] = arguments.files.as_slice()
        && !file.is_dir()
    {
        let checked = gristmill::check(file, &arguments.set)?;
        tell_notes(&checked, context);
        context.print(&found(&checked), || words(file, &checked))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut said, mut shown, mut worst) = (Vec::new(), Vec::new(), 0);
    for file in gristmill::pipeline_files(&arguments.files)? {
        let mut line = match gristmill::check(&file, &arguments.set) {
            Ok(checked) => {
                tell_notes(&checked, context);
                shown.push(words(&file, &checked));
                found(&checked)
            }
            Err(error) => {
                worst = worst.max(error.kind.exit_code());
                shown.push(format!("{}: refused", file.display()));
                refused(&error, context)
            }
        };
        line["file"] = json!(file);
        said.push(line);
    }
    context.print(&said, || shown.join("\n"))?;
    Ok(ExitCode::from(worst))
}

fn refused(error: &Error, context: &Context) -> Value {
    if !context.json {
        eprintln!("{error}");
    }
    json!({"status": "failed", "error": error})
}

fn tell_notes(checked: &Checked, context: &Context) {
    for note in &checked.notes {
        context.say(&format!("note: {note}"));
    }
}

fn found(checked: &Checked) -> Value {
    json!({
        "status": "succeeded",
        "pipeline": checked.file.name,
        "stages": checked.stages(),
        "notes": checked.notes,
    })
}

fn words(file: &Path, checked: &Checked) -> String {
    let tasks =
        checked.stages().into_iter().map(Into::into).chain(checked.file.tasks.keys().cloned());
    format!("{}: no mistakes; {}", file.display(), tasks.collect::<Vec<String>>().join(" -> "))
}
