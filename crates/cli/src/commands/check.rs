//! `gristmill check FILE`: all mistakes at once.

use std::path::PathBuf;

use clap::Args;

use crate::context::Context;

/// Find every mistake in a pipeline file, without reading all of the data
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// Change a value for this call: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let checked = gristmill::check(&arguments.file, &arguments.set)?;
    let stages = checked.stages();
    for note in &checked.notes {
        context.say(&format!("note: {note}"));
    }
    let shown = serde_json::json!({
        "status": "succeeded",
        "pipeline": checked.file.name,
        "stages": stages,
        "notes": checked.notes,
    });
    context.print(&shown, || {
        format!("{}: no mistakes; {}", arguments.file.display(), stages.join(" -> "))
    })
}
