//! Trials as people read them: a table below their run, twigs of a tree.

use std::fmt::Write as _;

use gristmill::{FoldScores, RunBranch, RunDetails, TrialLine};

use crate::show;

/// What trials cost where they answer, with the heads of their columns.
const COSTS: [(&str, &str); 3] = [
    ("serving.p99_ms", "p99 ms"),
    ("serving.size_mb", "size MB"),
    ("serving.memory_mb", "serving MB"),
];

/// The best trials of a run, at most so many, and how to see the others.
pub fn table(details: &RunDetails, most: usize) -> String {
    let trials = &details.trials;
    let shown: Vec<&TrialLine> = trials.iter().take(most).collect();
    let any = |holds: &dyn Fn(&TrialLine) -> bool| shown.iter().any(|trial| holds(trial));
    let partial = any(&|trial| trial.share < 1.0);
    let costs: Vec<_> =
        COSTS.iter().filter(|(name, _)| any(&|trial| trial.figures.contains_key(*name))).collect();
    let mut header = vec!["trial", "run", "model", "status"];
    header.extend(details.deciding.iter().map(String::as_str));
    header.extend(partial.then_some("rows"));
    header.extend(costs.iter().map(|(_, head)| *head));
    header.extend(["seconds", "MB", "settings"]);
    let mut table = show::table(&header);
    for trial in &shown {
        let mut row = vec![
            trial.number.to_string(),
            show::short(&trial.run_id).to_string(),
            trial.model.clone(),
            trial.status.replace('_', " "),
        ];
        row.extend(details.deciding.iter().map(|metric| score(trial.scores.get(metric))));
        row.extend(partial.then(|| percent(trial.share)));
        row.extend(costs.iter().map(|(name, _)| {
            trial.figures.get(*name).map_or_else(String::new, |figure| show::number(*figure))
        }));
        row.push(trial.seconds.map_or_else(String::new, |seconds| format!("{seconds:.2}")));
        row.push(trial.memory_mb.map_or_else(String::new, |memory| format!("{memory:.0}")));
        row.push(settings(trial));
        table.add_row(row);
    }
    let mut text = if shown.is_empty() { String::new() } else { show::draw(&table) };
    let more = trials.len() - shown.len();
    if more > 0 {
        let all = trials.len();
        let _ = write!(text, "\nand {more} more trials; `--trials {all}` shows all {all}");
    }
    if let Some(best) = trials.first() {
        let _ = write!(
            text,
            "\n`gristmill runs show {}` shows the steps of trial {}",
            show::short(&best.run_id),
            best.number
        );
    }
    text.trim_start_matches('\n').to_owned()
}

/// What it tried, or why it came to nothing.
fn settings(trial: &TrialLine) -> String {
    match (&trial.error, trial.tried.as_str()) {
        (Some(error), "") => error.clone(),
        (Some(error), tried) => format!("{tried}: {error}"),
        (None, tried) => tried.to_owned(),
    }
}

/// A share of the rows: `11.1 %`, `100 %`.
fn percent(share: f64) -> String {
    let percent = format!("{:.1}", share * 100.0);
    format!("{} %", percent.trim_end_matches(".0"))
}

fn score(scores: Option<&FoldScores>) -> String {
    scores.map_or_else(String::new, |scores| {
        format!("{} ± {}", show::number(scores.mean), show::number(scores.std))
    })
}

/// The trials of a run as rows of the table of runs.
pub fn twigs(branch: &RunBranch) -> Vec<[String; 6]> {
    let last = branch.trials.len().saturating_sub(1);
    let twig = |(at, trial): (usize, &TrialLine)| {
        let sign = if at == last && branch.more_trials == 0 { "└" } else { "├" };
        let scores = branch.deciding.iter().filter_map(|metric| {
            trial.scores.get(metric).map(|found| format!("{metric} {}", score(Some(found))))
        });
        let said: Vec<String> = scores.chain([settings(trial)]).filter(|s| !s.is_empty()).collect();
        [
            format!("{sign} {}", show::short(&trial.run_id)),
            format!("trial {} {}", trial.number, trial.model),
            trial.status.replace('_', " "),
            String::new(),
            trial.seconds.map_or_else(String::new, |seconds| format!("{seconds:.2}")),
            said.join(", "),
        ]
    };
    let mut rows: Vec<[String; 6]> = branch.trials.iter().enumerate().map(twig).collect();
    if branch.more_trials > 0 {
        let more = format!("and {} more", branch.more_trials);
        rows.push(["└".into(), more, String::new(), String::new(), String::new(), String::new()]);
    }
    rows
}
