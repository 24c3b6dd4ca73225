//! `gristmill runs [list|show ID|file ID|compare A B|delete ID]`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use gristmill::{RunDetails, RunSummary};

use crate::context::Context;
use crate::{graph, show, trials};

/// Look at runs
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The latest runs
    List {
        /// Only those of this pipeline
        #[arg(long)]
        pipeline: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// With the best trials of each run's search below it
        #[arg(long)]
        tree: bool,
        /// At most this many trials below each run
        #[arg(long, default_value_t = 5, requires = "tree")]
        trials: usize,
    },
    /// One run: its settings, scores, tasks and trials
    Show {
        /// Its id, the start of it, or `latest`
        run: String,
        /// At most this many trials
        #[arg(long, default_value_t = 20)]
        trials: usize,
    },
    /// Its pipeline file; of a run that searched for its steps, with those that it found
    File {
        /// Its id, the start of it, or `latest`
        run: String,
    },
    /// What differs between two runs
    Compare {
        /// The first run
        a: String,
        /// The second run
        b: String,
    },
    /// Delete a run with its trials; models that it registered stay
    Delete {
        /// Its id, or the start of it
        run: String,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.what {
        None => list(context, None, 20),
        Some(What::List { pipeline, limit, tree: true, trials }) => {
            tree(context, pipeline.as_deref(), *limit, *trials)
        }
        Some(What::List { pipeline, limit, .. }) => list(context, pipeline.as_deref(), *limit),
        Some(What::Show { run, trials }) => {
            let details = gristmill::runs::show(&context.home, run)?;
            context.print(&details, || draw(&details, *trials))
        }
        Some(What::File { run }) => {
            let text = gristmill::runs::file(&context.home, run)?;
            context.print(&serde_json::json!({"text": text}), || text.trim_end().to_owned())
        }
        Some(What::Compare { a, b }) => compare(context, a, b),
        Some(What::Delete { run }) => {
            let gone = gristmill::runs::delete(&context.home, run)?;
            context.print(&gone, || match gone.trials {
                0 => format!("deleted {}", gone.deleted),
                1 => format!("deleted {} and one trial", gone.deleted),
                trials => format!("deleted {} and {trials} trials", gone.deleted),
            })
        }
    }
}

const COLUMNS: [&str; 6] = ["run", "pipeline", "status", "started", "seconds", "scores"];

fn list(context: &Context, pipeline: Option<&str>, limit: u32) -> anyhow::Result<()> {
    let runs = gristmill::runs::list(&context.home, pipeline, limit)?;
    context.print(&runs, || {
        let mut shown = show::table(&COLUMNS);
        for run in &runs {
            shown.add_row(row(run));
        }
        drawn(&shown)
    })
}

/// Runs with the best trials of their searches below them.
fn tree(
    context: &Context,
    pipeline: Option<&str>,
    limit: u32,
    trials: usize,
) -> anyhow::Result<()> {
    let branches = gristmill::runs::tree(&context.home, pipeline, limit, trials)?;
    context.print(&branches, || {
        let mut shown = show::table(&COLUMNS);
        for branch in &branches {
            shown.add_row(row(&branch.run));
            for twig in trials::twigs(branch) {
                shown.add_row(twig);
            }
        }
        drawn(&shown)
    })
}

fn row(run: &RunSummary) -> [String; 6] {
    let scores: Vec<String> = run
        .metrics
        .iter()
        .filter_map(|(k, v)| k.strip_prefix("test.").map(|k| (k, v)))
        .map(|(k, v)| format!("{k} {}", show::number(*v)))
        .collect();
    [
        show::short(&run.run_id).to_string(),
        run.pipeline.clone(),
        run.status.clone(),
        show::moment(run.started),
        run.seconds.map_or_else(String::new, |s| format!("{s:.2}")),
        scores.join(", "),
    ]
}

fn drawn(runs: &comfy_table::Table) -> String {
    match runs.is_empty() {
        true => "no runs yet; start one with `gristmill run FILE`".into(),
        false => show::draw(runs),
    }
}

fn draw(details: &RunDetails, most: usize) -> String {
    let mut text = String::new();
    let summary = &details.summary;
    let _ = writeln!(text, "run       {}", summary.run_id);
    if let Some(of) = &details.part_of {
        let number = of.trial.map_or_else(String::new, |number| format!("trial {number} of "));
        let _ = writeln!(text, "part of   {number}{} ({})", of.run_id, of.pipeline);
    } else {
        let _ = writeln!(text, "pipeline  {}", summary.pipeline);
    }
    let _ = writeln!(text, "status    {}", summary.status);
    let _ = writeln!(text, "started   {}", show::moment(summary.started));
    if let Some(error) = &details.error {
        let _ = writeln!(text, "error     {error}");
    }
    if let Some(steps) = &details.steps_text {
        let _ = writeln!(text, "\n{}", steps.trim_end());
    }
    if !details.tasks.is_empty() {
        let _ = writeln!(text, "\n{}", graph::run(&details.tasks).trim_end());
    }
    section(&mut text, "metric", summary.metrics.iter().map(|(k, v)| (k, show::number(*v))));
    if !details.trials.is_empty() {
        let _ = writeln!(text, "\n{}", trials::table(details, most));
    }
    section(&mut text, "param", details.params.iter().map(|(k, v)| (k, v.clone())));
    // The texts that a search goes on from are for programs; `--json` has them.
    let told = details.tags.iter().filter(|(key, _)| !key.starts_with("gristmill.trial."));
    section(&mut text, "tag", told.map(|(k, v)| (k, v.clone())));
    text
}

fn section<'a>(text: &mut String, name: &str, rows: impl Iterator<Item = (&'a String, String)>) {
    let mut shown = show::table(&[name, "value"]);
    for (key, value) in rows {
        shown.add_row([key, &value]);
    }
    if shown.row_count() > 0 {
        let _ = writeln!(text, "\n{}", show::draw(&shown));
    }
}

fn compare(context: &Context, a: &str, b: &str) -> anyhow::Result<()> {
    let (a, b) =
        (gristmill::runs::show(&context.home, a)?, gristmill::runs::show(&context.home, b)?);
    let rows = differences(&a, &b);
    context.print(
        &serde_json::json!({"a": a.summary.run_id, "b": b.summary.run_id, "differences": rows}),
        || {
            if rows.is_empty() {
                return "the two runs have equal settings and scores".into();
            }
            let header = ["", show::short(&a.summary.run_id), show::short(&b.summary.run_id)];
            let mut shown = show::table(&header);
            for (name, a, b) in &rows {
                shown.add_row([name, a, b]);
            }
            show::draw(&shown)
        },
    )
}

/// Settings and scores that differ: name, first, second.
fn differences(a: &RunDetails, b: &RunDetails) -> Vec<(String, String, String)> {
    let values = |run: &RunDetails| {
        let metrics = run.summary.metrics.iter().map(|(k, v)| (k.clone(), show::number(*v)));
        let params = run.params.iter().map(|(k, v)| (k.clone(), v.clone()));
        metrics.chain(params).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (a, b) = (values(a), values(b));
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let of = |map: &std::collections::BTreeMap<String, String>, name: &String| {
        map.get(name).cloned().unwrap_or_else(|| "-".into())
    };
    names
        .into_iter()
        .map(|name| (name.clone(), of(&a, name), of(&b, name)))
        .filter(|(_, a, b)| a != b)
        .collect()
}
