//! `gristmill replay FILE`: how the loop of a file would have done in the past.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gristmill::replay::{Every, Replay, ReplayOptions, replay};

use crate::context::Context;

/// Say how the loop of a file would have done over rows of the past, beside a model that is trained once
#[derive(Debug, Args)]
pub struct Arguments {
    /// The pipeline file, with `monitor: {retrain: ...}`
    file: PathBuf,
    /// The column that says when a row was [default: that of a split by time]
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// After how long labels are known and the loop takes its steps
    #[arg(long, value_name = "PERIOD", default_value = "month")]
    every: Period,
    /// On how many periods the first version is trained
    #[arg(long, value_name = "N", default_value = "12")]
    first: NonZeroU32,
    /// A folder for the home of the replay, which stays; `--home` it to look at its models and runs
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Where to write a page about it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where to write the chart alone, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Change a value: --set monitor.retrain.cooldown=30d
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Period {
    Day,
    Week,
    Month,
}

impl From<Period> for Every {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
        }
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    let options = ReplayOptions {
        settings: arguments.set.clone(),
        time: arguments.time.clone(),
        every: arguments.every.into(),
        first: arguments.first.get(),
        into: arguments.into.clone(),
    };
    let progress = |at: usize, of: usize, from: &str| context.say(&format!("  {at}/{of}  {from}"));
    let found = replay(&arguments.file, &options, &progress)?;
    if let Some(path) = &arguments.output {
        found.save(path)?;
    }
    if let Some(path) = &arguments.chart {
        found.save_chart(path)?;
    }
    context.print(&found, || draw(&found))
}

fn draw(found: &Replay) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "-".into(), |value| format!("{value:.4}"));
    let mut lines = vec![format!(
        "{:<12}{:>8}{:>9}{:>16}{:>16}",
        "from", "rows", "version", "with the loop", "trained once"
    )];
    for period in &found.periods {
        let from: String = gristmill::moment_words(period.from).chars().take(10).collect();
        lines.push(format!(
            "{from:<12}{:>8}{:>9}{:>16}{:>16}",
            period.rows,
            period.version,
            number(period.with_loop),
            number(period.trained_once)
        ));
        lines.extend(period.steps.iter().map(|step| format!("    {step}")));
    }
    let word = if found.gain >= 0.0 { "better" } else { "worse" };
    let (with_loop, once, share) = (found.with_loop, found.trained_once, 100.0 * found.gain.abs());
    lines.push(format!(
        "{} of all {} rows: {with_loop:.4} with the loop, {once:.4} trained once, {share:.1} % {word}",
        found.metric, found.rows
    ));
    lines.join("\n")
}
