//! `gristmill token`: keys to the server.

use clap::{Args, Subcommand};
use gristmill::flow::TimeSpan;
use gristmill::tokens::{self, Grant, TokenLine, TokenWish};
use gristmill::{Error, SystemClock};
use serde_json::json;

use crate::context::Context;
use crate::show;

/// How many bytes of chance a token holds.
const BYTES: usize = 32;

/// Make, list and revoke tokens, by which callers from elsewhere may use the server
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token; it is shown once and not kept
    Create {
        /// A name, under which the record shows what was done with it
        name: String,
        /// What it may do: `read`, `write` or `admin`
        #[arg(long, value_name = "LEVEL", default_value = "write")]
        scope: String,
        /// How long it opens, such as `90d`; without it until it is revoked
        #[arg(long, value_name = "TIME")]
        expires: Option<TimeSpan>,
    },
    /// All tokens, with what each may do
    List,
    /// Take a token out of use for good
    Revoke {
        /// The name of the token
        name: String,
    },
    /// Let a token do more or less with one thing than its scope says
    Grant {
        #[command(flatten)]
        on: On,
        /// `none`, `read`, `write` or `admin`
        level: String,
    },
    /// Let a token's scope decide about a thing again
    Withdraw {
        #[command(flatten)]
        on: On,
    },
}

#[derive(Debug, Args)]
struct On {
    /// The name of the token
    name: String,
    /// `model` or `experiment`
    kind: String,
    /// The name of the model, or the number of the experiment
    thing: String,
}

impl From<&On> for Grant {
    fn from(on: &On) -> Self {
        Self { token: on.name.clone(), kind: on.kind.clone(), thing: on.thing.clone() }
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let home = &context.home;
    match &arguments.command {
        Command::Create { name, scope, expires } => {
            let word = word()?;
            let wish = TokenWish {
                name: name.clone(),
                scope: scope.clone(),
                lifetime: expires.map(TimeSpan::duration),
                word: word.clone(),
            };
            let made = tokens::create(home, &wish, &SystemClock)?;
            context.say("note: the token is shown now and never again; whoever has it may use it");
            context.print(&json!({"token": word, "made": made}), || word.clone())
        }
        Command::List => {
            let lines = tokens::list(home, &SystemClock)?;
            context.print(&lines, || listed(&lines))
        }
        Command::Revoke { name } => {
            tokens::revoke(home, name, &SystemClock)?;
            context.print(&json!({"revoked": name}), || {
                format!("`{name}` opens nothing any more; servers forget it within seconds")
            })
        }
        Command::Grant { on, level } => {
            tokens::grant(home, &on.into(), level)?;
            let On { name, kind, thing } = on;
            context
                .print(&json!({"token": name, "level": level, "kind": kind, "name": thing}), || {
                    format!("`{name}` has `{level}` on {kind} `{thing}`")
                })
        }
        Command::Withdraw { on } => {
            tokens::withdraw(home, &on.into())?;
            let On { name, kind, thing } = on;
            context.print(&json!({"token": name, "kind": kind, "name": thing}), || {
                format!("the scope of `{name}` decides about {kind} `{thing}`")
            })
        }
    }
}

fn word() -> Result<String, Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::input(format!("the system gives no chance: {error}")))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("gm_{digits}"))
}

fn listed(lines: &[TokenLine]) -> String {
    if lines.is_empty() {
        return "there are no tokens; `gristmill token create NAME` makes one".into();
    }
    let mut shown = show::table(&["name", "scope", "opens", "roles", "made", "last used"]);
    for line in lines {
        let token = &line.token;
        let opens = match (line.valid, token.revoked, token.expires) {
            (_, Some(at), _) => format!("revoked {}", show::moment(at)),
            (false, None, Some(at)) => format!("expired {}", show::moment(at)),
            (_, None, Some(at)) => format!("until {}", show::moment(at)),
            (_, None, None) => "yes".into(),
        };
        shown.add_row([
            token.name.clone(),
            token.scope.to_string(),
            opens,
            line.roles.join("\n"),
            show::moment(token.created),
            token.used.map_or_else(|| "never".into(), show::moment),
        ]);
    }
    show::draw(&shown)
}
