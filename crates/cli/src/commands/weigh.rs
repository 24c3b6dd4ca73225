//! `gristmill weigh FOLDER`: what a model costs where it answers. A search with a budget starts one
//! for each of its trials; it is of no use to people.

use std::path::PathBuf;

use clap::Args;

/// Load a model, answer its rows one by one and print what that took
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the search left the package and the rows
    folder: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let answering = gristmill::select::measure(&arguments.folder)?;
    println!("{}", serde_json::to_string(&answering)?);
    Ok(())
}
