//! `gristmill models [list|show|card|promote|alias|rollback|decline|history|monitor|served|rule|traffic]`.

mod monitor;
mod traffic;

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use gristmill::models::{self, AliasRule, Approval};
use gristmill::{Error, SystemClock};

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
    /// Give an alias to a version: `promote NAME/VERSION --to ALIAS`
    Promote {
        /// The version, as NAME/VERSION
        name: String,
        /// The version, where only the name stands before it
        #[arg(hide = true)]
        version: Option<u32>,
        /// The alias, where `--to` does not name it
        #[arg(hide = true)]
        alias: Option<String>,
        /// The alias
        #[arg(long, value_name = "ALIAS", conflicts_with = "alias")]
        to: Option<String>,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Let an alias name a version
    Alias {
        /// The model
        name: String,
        /// The alias
        alias: String,
        /// The version
        version: u32,
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
    /// Decline a version whose approval is waited for: `decline NAME VERSION --why "..."`
    Decline(monitor::Decline),
    /// Every version, alias move, alarm, retraining, refusal and rollback, with time and reason
    History {
        /// The model
        name: String,
    },
    /// Where the loop that watches a model stands: what is wrong, what comes next, what was found
    Monitor(monitor::Monitor),
    /// What an alias named at a moment, and who let it
    Served {
        /// The model
        name: String,
        /// The alias
        alias: String,
        /// The moment, such as 2026-01-31T12:00:00Z [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// What an alias needs before it moves; without an option, what it needs now
    Rule(Rule),
    /// How requests are divided among the versions: a canary, an A/B test, a shadow; without an option,
    /// how they are divided now
    Traffic(traffic::Traffic),
    /// What is known of a version, from where it came to how it serves, as Markdown
    Card {
        /// NAME (its champion, else the newest version), NAME@ALIAS or NAME/VERSION
        model: String,
    },
}

#[derive(Debug, Args)]
struct Rule {
    /// The model
    name: String,
    /// The alias
    alias: String,
    /// Let versions take it that passed the gate of their run
    #[arg(long)]
    passed_gate: bool,
    /// Let this person or token move it; may be given several times
    #[arg(long, value_name = "NAME")]
    by: Vec<String>,
    /// Let everybody move it again
    #[arg(long, conflicts_with_all = ["passed_gate", "by"])]
    none: bool,
    /// Why
    #[arg(long, default_value = "")]
    why: String,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.what {
        None | Some(What::List) => list(context),
        Some(What::Show { name }) => show_model(context, name),
        Some(What::Promote { name, version, alias, to, why }) => {
            let (name, version) = version_of(name, *version)?;
            let alias = alias.as_ref().or(to.as_ref()).ok_or_else(no_alias)?;
            promote(context, name, version, alias, why)
        }
        Some(What::Alias { name, alias, version, why }) => {
            promote(context, name, *version, alias, why)
        }
        Some(What::Rollback { name, alias, why }) => {
            let version = models::rollback(&context.home, name, alias, why)?;
            moved(context, name, version, alias)
        }
        Some(What::Decline(wish)) => monitor::decline(wish, context),
        Some(What::History { name }) => history(context, name),
        Some(What::Monitor(wish)) => monitor::run(wish, context),
        Some(What::Served { name, alias, at }) => served(context, name, alias, at.as_deref()),
        Some(What::Rule(rule)) => set_rule(context, rule),
        Some(What::Traffic(wish)) => traffic::run(wish, context),
        Some(What::Card { model }) => card(context, model),
    }
}

fn version_of(name: &str, version: Option<u32>) -> anyhow::Result<(&str, u32)> {
    match version {
        Some(version) => Ok((name, version)),
        None => Ok(models::versioned(name).ok_or_else(|| {
            Error::input(format!("`{name}` names no version"))
                .with_hint("write NAME/VERSION, such as churn/3")
        })?),
    }
}

fn no_alias() -> Error {
    Error::input("no alias is named").with_hint("name it: `--to champion`")
}

fn promote(
    context: &Context,
    name: &str,
    version: u32,
    alias: &str,
    why: &str,
) -> anyhow::Result<()> {
    models::promote(&context.home, name, version, alias, why)?;
    moved(context, name, version, alias)
}

fn served(context: &Context, name: &str, alias: &str, at: Option<&str>) -> anyhow::Result<()> {
    let at = at.map(gristmill::moment).transpose()?;
    let served = models::served(&context.home, name, alias, at, &SystemClock)?;
    context.print(&served, || match (&served.by, &served.words) {
        (Some(by), Some(words)) => format!("{}  {words}", show::moment(by.note.at)),
        _ => format!("{name}@{alias} named no version at {}", show::moment(served.at)),
    })
}

fn set_rule(context: &Context, wish: &Rule) -> anyhow::Result<()> {
    let by = wish.by.iter().cloned().map(Approval::By);
    let approvals: Vec<Approval> =
        wish.passed_gate.then_some(Approval::PassedGate).into_iter().chain(by).collect();
    let (name, alias) = (&wish.name, &wish.alias);
    let rule = match approvals.is_empty() && !wish.none {
        true => models::rules(&context.home, name)?.into_iter().find(|rule| rule.alias == *alias),
        false => Some(models::set_rule(&context.home, name, alias, approvals, &wish.why)?),
    };
    let rule = rule.unwrap_or_else(|| AliasRule {
        model: name.clone(),
        alias: alias.clone(),
        approvals: Vec::new(),
    });
    context.print(&rule, || match rule.approvals.is_empty() {
        true => format!("{name}@{alias} needs nothing before it moves"),
        false => format!("{name}@{alias} needs {}", rule.needs()),
    })
}

fn card(context: &Context, model: &str) -> anyhow::Result<()> {
    let card = models::card(&context.home, model)?;
    context.print(&card, || card.markdown.clone())
}

fn moved(context: &Context, name: &str, version: u32, alias: &str) -> anyhow::Result<()> {
    context.print(&serde_json::json!({"model": name, "version": version, "alias": alias}), || {
        format!("{name}@{alias} is version {version}")
    })
}

fn list(context: &Context) -> anyhow::Result<()> {
    let models = models::list(&context.home)?;
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
    let versions = models::versions(&context.home, name)?;
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
    let events = models::history(&context.home, name)?;
    context.print(&events, || {
        let mut text = String::new();
        for event in &events {
            let _ = writeln!(text, "{}  {}", show::moment(event.at), event.words);
        }
        text
    })
}
