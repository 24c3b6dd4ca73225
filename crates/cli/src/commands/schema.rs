//! `gristmill schema`: the JSON Schema of a pipeline file.

use clap::Args;

use crate::context::Context;

/// Print the JSON Schema of a pipeline file, for editors
#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_: &Arguments, context: &Context) -> anyhow::Result<()> {
    let schema = gristmill::schema();
    let text = serde_json::to_string_pretty(&schema)?;
    context.print(&schema, || text)
}
