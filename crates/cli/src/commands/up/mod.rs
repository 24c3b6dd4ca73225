//! `gristmill up`: runs what is deployed when its time has come, and answers over HTTP.

mod flags;
mod secret_key;

use std::io::Write;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gristmill::up::{Premises, UpEvent, UpOptions, up};
use gristmill::{Error, Home, SystemClock, tokens};
use gristmill_server::{Access, HookAnswer, Hooks, Server, Settings};
use serde_json::{Value, json};

use crate::context::Context;
use crate::signals;

/// Run what is deployed when its time has come and answer over HTTP, until Ctrl-C
///
/// Clients of MLflow find what they need at the address that it prints: set MLFLOW_TRACKING_URI to it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 takes one that is free
    #[arg(long, short = 'p', default_value_t = 5000)]
    port: u16,
    /// How many runs may be at work at once
    #[arg(long, value_name = "N", default_value = "2")]
    runs: NonZeroUsize,
    /// A file with the token that callers must send [default: the variable GRISTMILL_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Ask callers on this machine for a token too, as `gristmill token` makes them
    #[arg(long)]
    require_token: bool,
    /// Another name under which browsers may call it, such as that of a proxy
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    allowed_hosts: Vec<String>,
    #[command(flatten)]
    of_mlflow: flags::OfMlflow,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let home = arguments.of_mlflow.home(&context.home)?;
    let options = UpOptions {
        runs: arguments.runs.get(),
        launch: context.launch()?,
        cancel: signals::cancel_on_interrupt()?,
    };
    let server = serve(arguments, &home)?;
    let tell = |event: &UpEvent| tell(event, context);
    tell(&UpEvent::Listening { url: format!("http://{}", server.address()) });
    up(&home, &options, &SystemClock, &tell)?;
    server.stop();
    Ok(())
}

fn serve(arguments: &Arguments, home: &Home) -> anyhow::Result<Server> {
    let premises = Arc::new(Premises::open(home)?);
    let settings = Settings {
        host: arguments.host.clone(),
        port: arguments.port,
        access: access(arguments, home)?,
        allowed_hosts: arguments.allowed_hosts.clone(),
        hooks: Some(Arc::new(Door(Arc::clone(&premises)))),
        seal_key: Some(secret_key::secret_key(home)?),
        scratch: home.root().join("artifacts").join("tmp"),
        ..Settings::new(premises.store(), premises.artifacts(), Arc::new(SystemClock))
    };
    Server::start(settings)
        .map_err(|error| Error::input(error.to_string()).with_hint(error.hint()).into())
}

/// Whom the server lets in: beyond this machine nobody without a token.
fn access(arguments: &Arguments, home: &Home) -> anyhow::Result<Access> {
    if let Some(token) = token(arguments.token_file.as_deref())? {
        return Ok(Access::Token(token));
    }
    let is_local = arguments.host == "localhost"
        || arguments.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let has_tokens = || -> anyhow::Result<bool> {
        Ok(tokens::list(home, &SystemClock)?.iter().any(|token| token.valid))
    };
    match (arguments.require_token, is_local) {
        (false, true) => Ok(Access::Loopback),
        _ if has_tokens()? => Ok(Access::Tokens),
        // The server refuses to be open to others.
        (false, false) => Ok(Access::Loopback),
        (true, _) => Err(Error::input("`--require-token` is given and there is no token")
            .with_hint("make one with `gristmill token create NAME --scope admin`")
            .into()),
    }
}

/// Takes webhooks in for the pipelines that wait for them.
struct Door(Arc<Premises>);

impl Hooks for Door {
    fn receive(&self, name: &str, payload: Value) -> HookAnswer {
        match self.0.raise(name, payload, &SystemClock) {
            Ok(Some(call)) => {
                HookAnswer::new(202, json!({"signal": call.signal, "pipelines": call.pipelines}))
            }
            Ok(None) => {
                let message = format!("no deployed pipeline has the trigger `webhook: {name}`");
                HookAnswer::refuse(404, &message)
            }
            Err(error) => HookAnswer::refuse(503, &error.message),
        }
    }
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
