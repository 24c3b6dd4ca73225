//! Where a server listens and whom it lets in, as the command line says it.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gristmill::serve::{ServeEvent, TellServing};
use gristmill::{Error, Home, SystemClock, tokens};
use gristmill_server::{Access, Server, ServerError};

use crate::context::Context;

#[derive(Debug, Args)]
pub struct Listen {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,
    /// A file with the token that callers must send [default: the variable GRISTMILL_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Ask callers on this machine for a token too, as `gristmill token` makes them
    #[arg(long)]
    require_token: bool,
    /// Another name under which browsers may call it, such as that of a proxy
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
}

impl Listen {
    /// Whom the server lets in: beyond this machine nobody without a token.
    pub fn access(&self, home: &Home) -> anyhow::Result<Access> {
        if let Some(token) = token(self.token_file.as_deref())? {
            return Ok(Access::Token(token));
        }
        let is_local = self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let has_tokens = || -> anyhow::Result<bool> {
            Ok(tokens::list(home, &SystemClock)?.iter().any(|token| token.valid))
        };
        match (self.require_token, is_local) {
            (false, true) => Ok(Access::Loopback),
            _ if has_tokens()? => Ok(Access::Tokens),
            // The server refuses to be open to others.
            (false, false) => Ok(Access::Loopback),
            (true, _) => Err(Error::input("`--require-token` is given and there is no token")
                .with_hint("make one with `gristmill token create NAME --scope admin`")
                .into()),
        }
    }
}

/// Tells of models that answer: on stdout as lines of JSON where that was asked for, else on stderr.
/// Whoever closed the pipe does not want to know; the models go on.
pub fn tell_serving(context: &Context) -> TellServing {
    let (json, quiet) = (context.json, context.quiet);
    Arc::new(move |event: &ServeEvent| {
        let _ = match json {
            true => say(&serde_json::to_string(event).unwrap_or_default()),
            false if quiet => Ok(()),
            false => writeln!(std::io::stderr().lock(), "{event}"),
        };
    })
}

/// Writes a line to stdout at once.
pub fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A server, or why it cannot begin.
pub fn started(server: Result<Server, ServerError>) -> anyhow::Result<Server> {
    server.map_err(|error| Error::input(error.to_string()).with_hint(error.hint()).into())
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
