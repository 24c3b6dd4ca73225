//! `gristmill backfill FILE --from --to`: the runs of a time gone by.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use gristmill::{Backfill, BackfillReport, DoneBefore, Error, Kind};

use crate::context::Context;
use crate::signals;

/// Run every moment that a schedule planned in a time gone by, each once
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file
    file: PathBuf,
    /// The first moment that counts: 2026-01-01, 2026-01-01T06:00 or 2026-01-01T06:00Z
    #[arg(long, value_name = "MOMENT")]
    from: String,
    /// The first moment that no longer counts
    #[arg(long, value_name = "MOMENT")]
    to: String,
    /// How many runs may be at work at once
    #[arg(long, value_name = "N", default_value = "1")]
    parallel: NonZeroUsize,
    /// Run moments again whose run succeeded before
    #[arg(long)]
    again: bool,
    /// Change a value: --set params.region=north
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let wanted = Backfill {
        file: arguments.file.clone(),
        settings: arguments.set.clone(),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        parallel: arguments.parallel.get(),
        done_before: if arguments.again { DoneBefore::Again } else { DoneBefore::Skip },
        launch: context.launch()?,
        cancel: signals::cancel_on_interrupt()?,
    };
    let progress = |done: usize, planned: usize, what: &str| {
        context.say(&format!("  {done}/{planned}  {what}"));
    };
    let report = gristmill::backfill(&context.home, &wanted, &progress)?;
    if let Some(error) = short_of(&report) {
        if !context.json {
            context.print(&report, || draw(&report))?;
            return Err(error.into());
        }
        let mut shown = serde_json::to_value(&report)?;
        shown["status"] = "failed".into();
        shown["error"] = serde_json::to_value(&error)?;
        context.print(&shown, String::new)?;
        return Err(crate::Told(error.kind).into());
    }
    context.print(&report, || draw(&report))
}

fn draw(report: &BackfillReport) -> String {
    if report.planned == 0 {
        return format!("{}: nothing is planned in that time", report.pipeline);
    }
    let parts = [
        (report.succeeded, "succeeded"),
        (report.done_before, "done before"),
        (report.failed.len(), "failed"),
        (report.stopped, "stopped"),
        (report.elsewhere, "at work elsewhere"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{}: {} moments: {}", report.pipeline, report.planned, parts.join(", "))
}

/// Why a backfill is not done.
fn short_of(report: &BackfillReport) -> Option<Error> {
    let again = "the same command runs what did not succeed";
    match report.failed.first() {
        Some(first) => {
            let run = first.run.get(..8).unwrap_or(&first.run);
            let found = format!("{} of {} moments failed", report.failed.len(), report.planned);
            Some(Error::input(found).with_hint(format!("see `gristmill runs show {run}`; {again}")))
        }
        None if report.stopped > 0 => {
            let found = "the backfill was stopped or cut short";
            Some(Error::new(Kind::Cancelled, found).with_hint(again))
        }
        None if report.elsewhere > 0 => {
            let found = "another process is at work on some of the moments";
            Some(Error::input(found).with_hint(format!("let it end; {again}")))
        }
        None => None,
    }
}
