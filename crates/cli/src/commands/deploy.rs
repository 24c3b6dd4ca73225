//! `gristmill deploy FILE`, `undeploy NAME`, `deployments`.

use std::path::PathBuf;

use clap::Args;
use gristmill::DeploymentLine;

use crate::context::Context;
use crate::show;

/// Let `gristmill up` run a pipeline file, as it is now, by its schedule and triggers
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// Change a value: --set params.region=north
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// Take a pipeline out of use; runs that are at work go on to their end
#[derive(Debug, Args)]
pub struct UndeployArguments {
    /// The name of the pipeline
    name: String,
}

/// What is deployed, and when it runs next
#[derive(Debug, Args)]
pub struct ListArguments {}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let deployed = gristmill::deploy(&context.home, &arguments.file, &arguments.set)?;
    deployed.notes.iter().for_each(|note| context.say(&format!("note: {note}")));
    context.print(&deployed, || {
        let name = &deployed.name;
        let what = match deployed.what {
            "unchanged" => format!("`{name}` is deployed already, just so"),
            "replaced" => format!("`{name}` is deployed in place of its earlier version"),
            _ => format!("`{name}` is deployed"),
        };
        let runs_on = deployed.deployment.runs_on.join("\n         ");
        let next = planned(&deployed.deployment);
        format!("{what}\nruns on  {runs_on}\nplanned  {next}\nnext     gristmill up")
    })
}

pub fn undeploy(arguments: &UndeployArguments, context: &Context) -> anyhow::Result<()> {
    let done = gristmill::undeploy(&context.home, &arguments.name)?;
    context.print(&done, || {
        let mut text = format!("`{}` is no longer deployed", done.name);
        if done.cancelled > 0 {
            text.push_str(&format!("; {} waiting runs are cancelled", done.cancelled));
        }
        if done.at_work > 0 {
            text.push_str(&format!("; {} at work goes on to its end", done.at_work));
        }
        text
    })
}

pub fn list(_: &ListArguments, context: &Context) -> anyhow::Result<()> {
    let lines = gristmill::deployments(&context.home)?;
    context.print(&lines, || {
        if lines.is_empty() {
            return "nothing is deployed; `gristmill deploy FILE` does so".into();
        }
        let mut shown =
            show::table(&["pipeline", "planned", "open runs", "runs on", "deployed", "file"]);
        for line in &lines {
            shown.add_row([
                line.name.clone(),
                planned(line),
                line.open.to_string(),
                line.runs_on.join(", "),
                show::moment(line.deployed),
                line.file.clone(),
            ]);
        }
        show::draw(&shown)
    })
}

fn planned(line: &DeploymentLine) -> String {
    line.next.map_or_else(|| "-".into(), |next| format!("{} UTC", show::moment(next)))
}
