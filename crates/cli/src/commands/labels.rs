//! `gristmill labels`: what turned out to be true of predictions.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gristmill::SystemClock;
use gristmill::predictions::{
    LabelColumns, LabelsReport, LiveScores, ScoredWindow, add_labels, live_scores,
};

use crate::context::Context;
use crate::show;

/// Add labels that came later, and show how good the answers turned out to be
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add the labels of a file (CSV, Parquet or JSON lines) by the ids of predictions
    Add {
        /// The model's name
        model: String,
        /// The file
        file: PathBuf,
        /// The column with the id of the prediction
        #[arg(long, value_name = "COLUMN", default_value = "id")]
        id: String,
        /// The column with the label
        #[arg(long, value_name = "COLUMN", default_value = "label")]
        label: String,
    },
    /// Show the metrics of a model over the predictions whose labels have come
    Show {
        /// The model's name
        model: String,
        /// Look at so many of the latest predictions that have a label
        #[arg(long, value_name = "N", default_value = "10000")]
        rows: NonZeroUsize,
        /// Look at none that is older than so many days
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
}

pub fn run(arguments: &Arguments, context: &Context) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Add { model, file, id, label } => {
            let columns = LabelColumns { id: id.clone(), label: label.clone() };
            let added = add_labels(&context.home, model, file, &columns, &SystemClock)?;
            context.print(&added, || told(&added))
        }
        Action::Show { model, rows, days } => {
            let window = ScoredWindow { rows: rows.get(), days: *days };
            let scores = live_scores(&context.home, model, window, &SystemClock)?;
            context.print(&scores, || drawn(&scores))
        }
    }
}

fn told(report: &LabelsReport) -> String {
    let LabelsReport { added, unknown } = report;
    format!(
        "{} new, {} repeated, {} contradicted what was known before, {unknown} of unknown predictions",
        added.new, added.repeated, added.contradicted
    )
}

fn drawn(scores: &LiveScores) -> String {
    let LiveScores { model, predictions, labelled, unusable, from, to, versions } = scores;
    let mut text = format!("{labelled} of {predictions} predictions of {model} have a label");
    if let (Some(from), Some(to)) = (from, to) {
        text.push_str(&format!(", made from {from} to {to}"));
    }
    if *unusable > 0 {
        text.push_str(&format!("; {unusable} labels are no answer that the model could give"));
    }
    let mut table = show::table(&["version", "rows", "metric", "value"]);
    for version in versions {
        let row = |name: &String, value: String| {
            [version.version.to_string(), version.rows.to_string(), name.clone(), value]
        };
        for (name, value) in &version.metrics {
            table.add_row(row(name, show::number(*value)));
        }
        for (name, why) in &version.undefined {
            table.add_row(row(name, why.clone()));
        }
    }
    if !versions.is_empty() {
        text.push_str(&format!("\n\n{}", show::draw(&table)));
    }
    text
}
