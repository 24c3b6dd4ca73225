//! `gristmill up`: runs what is deployed when its time has come.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use gristmill::up::{UpEvent, UpOptions, up};
use gristmill::{Error, SystemClock};

use crate::context::Context;
use crate::signals;

/// Run what is deployed when its time has come, until Ctrl-C
#[derive(Debug, Args)]
pub struct Arguments {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 takes one that is free
    #[arg(long, default_value_t = 5000)]
    port: u16,
    /// How many runs may be at work at once
    #[arg(long, value_name = "N", default_value = "2")]
    runs: NonZeroUsize,
    /// A file with the token that webhooks must send [default: the variable GRISTMILL_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let options = UpOptions {
        host: arguments.host.clone(),
        port: arguments.port,
        token: token(arguments.token_file.as_deref())?,
        runs: arguments.runs.get(),
        launch: context.launch()?,
        cancel: signals::cancel_on_interrupt()?,
    };
    let tell = |event: &UpEvent| tell(event, context);
    Ok(up(&context.home, &options, &SystemClock, &tell)?)
}

/// Where it listens is its result; with `--json` everything is, one object a line.
fn tell(event: &UpEvent, context: &Context) {
    let line = match (context.json, event) {
        (true, _) => serde_json::to_string(event).unwrap_or_default(),
        (false, UpEvent::Listening { .. }) => event.to_string(),
        (false, _) => return context.say(&event.to_string()),
    };
    let mut out = std::io::stdout().lock();
    // Whoever closed the pipe does not want to know; the runs go on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn token(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let (text, from) = match file {
        Some(file) => (fs_err::read_to_string(file)?, format!("`{}`", file.display())),
        None => match std::env::var("GRISTMILL_TOKEN") {
            Ok(text) => (text, "GRISTMILL_TOKEN".to_string()),
            Err(_) => return Ok(None),
        },
    };
    let token = text.trim();
    if token.len() < 16 {
        return Err(Error::input(format!("the token in {from} is shorter than 16 characters"))
            .with_hint("make one with `head -c 32 /dev/urandom | base64`")
            .into());
    }
    Ok(Some(token.to_string()))
}
