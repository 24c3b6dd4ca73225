//! `gristmill gc`: gives back disk space.

use clap::Args;
use gristmill::flow::TimeSpan;
use gristmill::{Forget, Forgotten, GcAction, GcCount, GcOptions};

use crate::context::{Context, bytes};

/// Remove cached results that were not used for long, files of deleted runs, and rows laid aside for retrainings that are over
#[derive(Debug, Args)]
pub struct Arguments {
    /// Cached results go that were not used for this long, such as 12h or 30d
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    unused: TimeSpan,
    /// Cached results may take this much, such as 10GB; those unused longest go first
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    size: Option<u64>,
    /// Forget runs, logged models and experiments that clients deleted this long ago or longer, such as
    /// 30d, with all that they logged
    #[arg(long, value_name = "SPAN")]
    older_than: Option<TimeSpan>,
    /// Predictions that were kept go when their day ended this long ago, such as 90d, and labels of that age
    #[arg(long, value_name = "SPAN")]
    predictions: Option<TimeSpan>,
    /// Forget this deleted run alone, by its id or its start; may be given several times
    #[arg(long = "run", value_name = "RUN")]
    runs: Vec<String>,
    /// Forget this deleted experiment and what is in it, by its number or name; may be given several times
    #[arg(long = "experiment", value_name = "EXPERIMENT")]
    experiments: Vec<String>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let options = GcOptions {
        unused_micros: micros(arguments.unused),
        most_bytes: arguments.size,
        predictions_micros: arguments.predictions.map(micros),
        forget: forget(arguments),
        action: if arguments.dry_run { GcAction::Look } else { GcAction::Remove },
    };
    let report = gristmill::gc(&context.home, &options)?;
    let verb = if arguments.dry_run { "would go" } else { "went" };
    context.print(&report, || {
        let line = |what: &str, count: &GcCount| {
            let (gone, stays) = (size(count.removed_bytes), size(count.kept_bytes));
            format!("{what:<11} {} {verb} ({gone}), {} stay ({stays})\n", count.removed, count.kept)
        };
        let counts = [
            line("cache", &report.cache),
            line("artifacts", &report.artifacts),
            line("logs", &report.logs),
            line("predictions", &report.predictions),
            line("retraining", &report.retraining),
        ];
        let forgotten = report.forgotten.as_ref().map(|forgotten| told(forgotten, verb));
        forgotten.into_iter().chain(counts).collect()
    })
}

fn forget(arguments: &Arguments) -> Option<Forget> {
    let Arguments { older_than, runs, experiments, .. } = arguments;
    if older_than.is_none() && runs.is_empty() && experiments.is_empty() {
        return None;
    }
    let older_micros = older_than.map_or(0, micros);
    Some(Forget { older_micros, runs: runs.clone(), experiments: experiments.clone() })
}

fn micros(span: TimeSpan) -> i64 {
    i64::try_from(span.duration().as_micros()).unwrap_or(i64::MAX)
}

/// What was forgotten, and what stays and why.
fn told(forgotten: &Forgotten, verb: &str) -> String {
    let Forgotten { runs, logged_models, experiments, kept, .. } = forgotten;
    let (runs, models, experiments) = (runs.len(), logged_models.len(), experiments.len());
    let mut text = format!(
        "deleted     {runs} runs, {models} logged models, {experiments} experiments {verb}\n"
    );
    for line in kept {
        text.push_str(&format!(
            "            {} {} ({}) stays: {}\n",
            line.what, line.id, line.name, line.why
        ));
    }
    text
}

/// Bytes in the largest unit of which there is one.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = UNITS.iter().find(|(_, factor)| bytes as f64 >= *factor);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, factor)| format!("{:.1} {name}", bytes as f64 / factor),
    )
}
