//! `gristmill models monitor NAME` and `decline NAME VERSION`.

use std::fmt::Write as _;

use clap::Args;
use gristmill::SystemClock;
use gristmill::monitor::{self, FindingsAsked, MonitorReport};
use serde_json::json;

use super::version_of;
use crate::context::Context;
use crate::show;

#[derive(Debug, Args)]
pub struct Monitor {
    /// The model
    name: String,
    /// How many of the last findings to show
    #[arg(long, value_name = "N", default_value = "10")]
    findings: u32,
}

#[derive(Debug, Args)]
pub struct Decline {
    /// The model, or the version as NAME/VERSION
    name: String,
    /// The version, where only the name stands before it
    version: Option<u32>,
    /// Why
    #[arg(long)]
    why: String,
}

/// Says where the loop of a model stands.
pub fn run(wish: &Monitor, context: &Context) -> anyhow::Result<()> {
    let asked = FindingsAsked::Last(wish.findings);
    let report = monitor::standing(&context.home, &wish.name, asked, &SystemClock)?;
    context.print(&report, || drawn(&report))
}

/// Keeps a version from the alias that it is proposed for.
pub fn decline(wish: &Decline, context: &Context) -> anyhow::Result<()> {
    let (name, version) = version_of(&wish.name, wish.version)?;
    monitor::decline(&context.home, name, version, &wish.why)?;
    let said = json!({"model": name, "version": version, "declined": true});
    context.print(&said, || format!("{name} version {version} is declined"))
}

fn drawn(report: &MonitorReport) -> String {
    let mut text = format!("{}: {}\n", report.model, report.headline());
    let mut line = |name: &str, words: &str| {
        let _ = writeln!(text, "{name:<12}{words}");
    };
    if let (Some(pipeline), Some(alias)) = (&report.pipeline, &report.alias) {
        let holds = report
            .champion
            .map_or_else(|| "no version".into(), |champion| format!("version {champion}"));
        line("watched by", &format!("the pipeline `{pipeline}`; {holds} holds `{alias}`"));
    }
    if let Some(why) = &report.why {
        line("why", why);
    }
    if let Some(approval) = &report.approval {
        line("to approve", &approval.approve);
        line("to decline", &approval.decline);
    }
    for wrong in &report.wrong {
        let since = show::moment(wrong.since);
        line("wrong", &format!("{} since {since}: {}", wrong.occasion, wrong.words));
    }
    if report.wrong.is_empty() && report.phase.is_some() {
        line("wrong", "nothing");
    }
    if let Some(next) = report.next() {
        line("retraining", &next);
    }
    if !report.findings.is_empty() {
        let _ = write!(text, "\n{}", findings(report));
    }
    text
}

fn findings(report: &MonitorReport) -> String {
    let mut shown =
        show::table(&["found", "version", "what", "value", "threshold", "rows", "alarm"]);
    let number = |value: Option<f64>| value.map_or_else(|| "-".into(), show::number);
    for finding in report.findings.iter().rev() {
        let found = &finding.found;
        shown.add_row([
            show::moment(found.at),
            found.version.to_string(),
            format!("{}: {}", found.what, found.name),
            number(found.value),
            number(found.threshold),
            found.rows.to_string(),
            if found.alarm { "yes" } else { "" }.into(),
        ]);
    }
    show::draw(&shown)
}
