//! `gristmill events raise NAME`: starts what waits for an event.

use clap::{Args, Subcommand};
use gristmill::Error;
use serde_json::Value;

use crate::context::Context;

/// Raise events that deployed pipelines wait for
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Raise an event: each pipeline deployed with `{event: NAME}` runs once for it
    Raise {
        /// The name of the event
        name: String,
        /// What comes with it, as JSON
        #[arg(long, value_name = "JSON")]
        payload: Option<String>,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let Command::Raise { name, payload } = &arguments.command;
    let payload: Value = match payload {
        None => Value::Null,
        Some(text) => serde_json::from_str(text).map_err(|e| {
            Error::input(format!("`--payload` is no JSON: {e}"))
                .with_hint("write it like `--payload '{\"column\": \"age\"}'`")
        })?,
    };
    let raised = gristmill::raise(&context.home, name, payload)?;
    if raised.pipelines.is_empty() {
        context.say(&format!("note: no deployed pipeline has the trigger `event: {name}`"));
    }
    context.print(&raised, || {
        let number = raised.number;
        match raised.pipelines.as_slice() {
            [] => format!("event `{name}` is raised, as number {number}"),
            names => {
                format!("event `{name}` is raised, as number {number}: runs {}", names.join(", "))
            }
        }
    })
}
