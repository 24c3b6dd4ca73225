//! How much is kept of earlier rows, as Prometheus reads it.

use std::fmt::Write as _;

use gristmill_serve::{Fleet, HistoryFigures};

use super::meter::labels;

/// What is said of each model: a name, what it is, its kind, and its value.
type Line = (&'static str, &'static str, &'static str, fn(&HistoryFigures) -> u64);

const LINES: [Line; 4] = [
    ("groups", "Groups of which rows are kept.", "gauge", |figures| figures.groups as u64),
    ("rows", "Rows that are kept of all groups.", "gauge", |figures| figures.rows as u64),
    ("bytes", "Memory that rows take which are kept.", "gauge", |figures| figures.bytes as u64),
    (
        "forgotten_groups_total",
        "Groups that were forgotten since there were too many.",
        "counter",
        |figures| figures.forgotten,
    ),
];

/// The lines of all models that look at earlier rows.
pub(super) fn text(fleet: &Fleet) -> String {
    let models = fleet.list();
    let kept = || models.iter().filter_map(|(served, _)| Some((served, served.history()?)));
    let mut text = String::new();
    if kept().next().is_none() {
        return text;
    }
    for (name, help, kind, value) in LINES {
        let name = format!("gristmill_history_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (served, figures) in kept() {
            let labels = labels(served.name(), served.version());
            let _ = writeln!(text, "{name}{{{labels}}} {}", value(&figures));
        }
    }
    text
}
