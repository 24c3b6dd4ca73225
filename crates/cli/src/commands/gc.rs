//! `gristmill gc`: gives back disk space.

use clap::Args;
use gristmill::flow::TimeSpan;
use gristmill::{GcAction, GcCount, GcOptions};

use crate::context::{Context, bytes};

/// Remove cached results that were not used for long, and files of deleted runs
#[derive(Debug, Args)]
pub struct Arguments {
    /// Cached results go that were not used for this long, such as 12h or 30d
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    unused: TimeSpan,
    /// Cached results may take this much, such as 10GB; those unused longest go first
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    size: Option<u64>,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let options = GcOptions {
        unused_micros: i64::try_from(arguments.unused.duration().as_micros()).unwrap_or(i64::MAX),
        most_bytes: arguments.size,
        action: if arguments.dry_run { GcAction::Look } else { GcAction::Remove },
    };
    let report = gristmill::gc(&context.home, &options)?;
    let verb = if arguments.dry_run { "would go" } else { "went" };
    context.print(&report, || {
        let line = |what: &str, count: &GcCount| {
            let (gone, stays) = (size(count.removed_bytes), size(count.kept_bytes));
            format!("{what:<10} {} {verb} ({gone}), {} stay ({stays})\n", count.removed, count.kept)
        };
        [
            line("cache", &report.cache),
            line("artifacts", &report.artifacts),
            line("logs", &report.logs),
        ]
        .concat()
    })
}

/// Bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = UNITS.iter().find(|(_, factor)| bytes as f64 >= *factor);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, factor)| format!("{:.1} {name}", bytes as f64 / factor),
    )
}
