//! `gristmill tasks`: what the tasks of a run printed.

use std::io::Write;

use clap::{Args, Subcommand};

use gristmill::flow::TaskLog;
use serde_json::{Value, json};

use crate::context::Context;

/// What the tasks of a run printed
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what a task printed, of each attempt
    Logs {
        /// The run: its id, the start of it, or `latest`
        run: String,
        /// The task, or one of its parts: `count[3]`
        task: String,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let Command::Logs { run, task } = &arguments.command;
    let logs = gristmill::runs::logs(&context.home, run, task)?;
    if context.json {
        let logs = logs.iter().map(in_full).collect::<anyhow::Result<Vec<_>>>()?;
        return context.print(&logs, String::new);
    }
    if logs.is_empty() {
        context.say(&format!("`{task}` printed nothing"));
    }
    let several = logs.len() > 1;
    let mut out = std::io::stdout().lock();
    for log in logs {
        if several {
            context.say(&format!("attempt {}:", log.attempt));
        }
        log.copy_to(&mut out)?;
    }
    Ok(out.flush()?)
}

fn in_full(log: &TaskLog) -> anyhow::Result<Value> {
    let mut text = Vec::new();
    log.copy_to(&mut text)?;
    Ok(json!({"attempt": log.attempt, "text": String::from_utf8_lossy(&text)}))
}
