//! `gristmill predict MODEL --input ROWS`.

use std::path::PathBuf;

use clap::Args;

use crate::context::Context;

/// Answer every row of a file by a registered model
#[derive(Debug, Args)]
pub struct Arguments {
    /// `name`, `name@alias`, `name/version`, or the path of a package
    model: String,
    /// The file with the rows
    #[arg(long, short, value_name = "ROWS")]
    input: PathBuf,
    /// Where to write the answers, as .csv, .jsonl or .parquet [default: CSV on stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let answers = gristmill::predict(&context.home, &arguments.model, &arguments.input)?;
    for note in &answers.notes {
        context.say(&format!("note: {note}"));
    }
    match &arguments.output {
        None if context.json => context.print(&answers.rows_as_json()?, String::new),
        None => Ok(answers.write_csv(std::io::stdout().lock())?),
        Some(path) => {
            answers.write(path)?;
            let shown =
                serde_json::json!({"status": "succeeded", "rows": answers.rows(), "output": path});
            context.print(&shown, || format!("wrote {} rows to {}", answers.rows(), path.display()))
        }
    }
}
