//! `gristmill models [list|show|promote|rollback|history]`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::show;

/// Look at registered models and move their aliases
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All models
    List,
    /// One model and its versions
    Show {
        /// The model
        name: String,
    },
    /// Give an alias to a version
    Promote {
        /// The model
        name: String,
        /// The version
        version: u32,
        /// The alias
        alias: String,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Give an alias back to the version that held it before
    Rollback {
        /// The model
        name: String,
        /// The alias
        alias: String,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Every version, alias move and refusal, with time and reason
    History {
        /// The model
        name: String,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.what {
        None | Some(What::List) => list(context),
        Some(What::Show { name }) => show_model(context, name),
        Some(What::Promote { name, version, alias, why }) => {
            gristmill::models::promote(&context.home, name, *version, alias, why)?;
            moved(context, name, *version, alias)
        }
        Some(What::Rollback { name, alias, why }) => {
            let version = gristmill::models::rollback(&context.home, name, alias, why)?;
            moved(context, name, version, alias)
        }
        Some(What::History { name }) => history(context, name),
    }
}

fn moved(context: &Context, name: &str, version: u32, alias: &str) -> anyhow::Result<()> {
    context.print(&serde_json::json!({"model": name, "version": version, "alias": alias}), || {
        format!("{name}@{alias} is version {version}")
    })
}

fn list(context: &Context) -> anyhow::Result<()> {
    let models = gristmill::models::list(&context.home)?;
    context.print(&models, || {
        if models.is_empty() {
            return "no models yet; a pipeline file with `register:` makes one".into();
        }
        let mut shown = show::table(&["model", "newest", "aliases"]);
        for model in &models {
            let aliases: Vec<String> = model
                .aliases
                .iter()
                .map(|(alias, version)| format!("{alias} = {version}"))
                .collect();
            let newest = model.newest.map_or_else(|| "-".into(), |v| v.to_string());
            shown.add_row([model.name.clone(), newest, aliases.join(", ")]);
        }
        show::draw(&shown)
    })
}

fn show_model(context: &Context, name: &str) -> anyhow::Result<()> {
    let versions = gristmill::models::versions(&context.home, name)?;
    context.print(&versions, || {
        let mut shown = show::table(&["version", "registered", "aliases", "scores", "path"]);
        for version in &versions {
            let scores: Vec<String> =
                version.metrics.iter().map(|(k, v)| format!("{k} {}", show::number(*v))).collect();
            shown.add_row([
                version.version.to_string(),
                show::moment(version.registered),
                version.aliases.join(", "),
                scores.join(", "),
                version.path.clone(),
            ]);
        }
        show::draw(&shown)
    })
}

fn history(context: &Context, name: &str) -> anyhow::Result<()> {
    let events = gristmill::models::history(&context.home, name)?;
    context.print(&events, || {
        let mut text = String::new();
        for event in &events {
            let _ = writeln!(text, "{}  {}", show::moment(event.at), event.words);
        }
        text
    })
}
