//! `gristmill plan FILE`: what is cached, what will run and why.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::graph;

/// Show the tasks of a pipeline file: what is cached, what will run and why
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file; or several, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change a value for this call: --set data.split.test=0.3
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let plan = |file: &PathBuf| gristmill::plan(file, &arguments.set, &context.home);
    if let [file] = arguments.files.as_slice()
        && !file.is_dir()
    {
        let planned = plan(file)?;
        return context.print(&planned, || graph::plan(&planned));
    }
    let files = gristmill::pipeline_files(&arguments.files)?;
    let plans = files.iter().map(plan).collect::<Result<Vec<_>, _>>()?;
    let both = || files.iter().zip(&plans);
    let said: Vec<_> = both().map(|(file, tasks)| json!({"file": file, "tasks": tasks})).collect();
    context.print(&said, || {
        let shown =
            both().map(|(file, tasks)| format!("{}\n{}\n", file.display(), graph::plan(tasks)));
        shown.collect::<Vec<_>>().join("\n")
    })
}
