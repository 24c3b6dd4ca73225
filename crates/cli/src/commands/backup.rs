//! `gristmill backup` and `gristmill restore`: a home's way to another disk and back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use gristmill::{BackupReport, Kind, Occupied, RestoreReport, SystemClock, moment_words};

use super::gc::size;
use crate::context::Context;

/// How many lost things are named.
const NAMED: usize = 5;

/// Write a copy of the home that `gristmill restore` makes a home of, also while it is in use
///
/// It holds the database, all content that it names and the logs of runs. Neither the cache is in it nor
/// the folder `secrets`. Keep it as safe as the home: hashes of tokens and keys of webhooks are in it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file that ends in `.tar`, or a folder: content that a folder has already is not copied again
    path: PathBuf,
}

/// Make the home that a backup is of
///
/// It is made beside its place, looked at from end to end, and put there at once.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The file or folder that `gristmill backup` wrote
    path: PathBuf,
    /// Put a home that is there aside, under another name beside it
    #[arg(long)]
    replace: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<ExitCode> {
    let report = gristmill::backup(&context.home, &arguments.path, &SystemClock)?;
    context.print(&report, || saved(&report))?;
    if report.missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    context.say(&format!(
        "warning: the home has lost {} pieces of content that its database names: {}",
        report.missing.len(),
        few(&report.missing)
    ));
    Ok(ExitCode::from(Kind::Stored.exit_code()))
}

pub fn restore(arguments: &RestoreArguments, context: &Context) -> anyhow::Result<()> {
    let occupied = if arguments.replace { Occupied::PutAside } else { Occupied::Refused };
    let report = gristmill::restore(&context.home, &arguments.path, occupied, &SystemClock)?;
    context.print(&report, || restored(&report))?;
    if !report.missing.is_empty() {
        context.say(&format!("note: lost before the backup: {}", few(&report.missing)));
    }
    if !report.deployed.is_empty() {
        let names = report.deployed.join(", ");
        context.say(&format!("note: `gristmill up` will run what is deployed: {names}"));
    }
    Ok(())
}

fn saved(report: &BackupReport) -> String {
    format!(
        "{} holds the home as it was at {}: {}\n{} files, {}; copied {} of them, {}",
        report.path.display(),
        moment_words(report.taken),
        counts(&report.counts),
        report.files,
        size(report.bytes),
        report.copied,
        size(report.copied_bytes),
    )
}

fn restored(report: &RestoreReport) -> String {
    let mut text = format!(
        "{} is as it was at {}: {}\n{} files, {}",
        report.home.display(),
        moment_words(report.taken),
        counts(&report.counts),
        report.files,
        size(report.bytes),
    );
    if let Some(aside) = &report.aside {
        text.push_str(&format!("\nthe home of before is {}", aside.display()));
    }
    text
}

fn counts(counts: &std::collections::BTreeMap<String, u64>) -> String {
    const ORDER: [&str; 5] = ["experiments", "runs", "models", "versions", "deployments"];
    let count = |word: &&str| Some(format!("{} {word}", counts.get(*word)?));
    ORDER.iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

fn few(lines: &[String]) -> String {
    let more = lines.len().saturating_sub(NAMED);
    let named: Vec<&str> = lines.iter().take(NAMED).map(String::as_str).collect();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", named.join("; "))
}
