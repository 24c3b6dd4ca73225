//! Results as people read them.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use gristmill::{Metrics, RunReport, RunStatus};

/// A table without lines, for a terminal of any width.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.iter().copied());
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 2));
    }
    table
}

/// The table as text, without blanks at the ends of lines.
pub fn draw(table: &Table) -> String {
    table.trim_fmt()
}

/// The end of a run: metrics, the model and the next command.
pub fn report(report: &RunReport) -> String {
    let mut text = String::new();
    if let Some(metrics) = &report.metrics {
        let _ = writeln!(text, "{}\n", draw(&metrics_table(metrics)));
    }
    let cached = report.tasks.iter().filter(|t| t.cached).count();
    let how = match report.status {
        RunStatus::Succeeded if cached == report.tasks.len() => "nothing changed".to_string(),
        RunStatus::Succeeded => format!("{} of {} tasks cached", cached, report.tasks.len()),
        RunStatus::Refused => "refused by the gate, not registered".to_string(),
    };
    let _ = writeln!(text, "run    {} in {:.2} s, {how}", short(&report.run_id), report.seconds);
    if let Some(found) = &report.found {
        let _ = writeln!(text, "found  {found}");
        let _ = writeln!(text, "file   gristmill runs file {}", short(&report.run_id));
    }
    if let Some(model) = &report.model {
        let aliases = match model.aliases.as_slice() {
            [] => String::new(),
            aliases => format!(" ({})", aliases.join(", ")),
        };
        let _ = writeln!(text, "model  {} version {}{aliases}", model.name, model.version);
        if let Some(comparison) = &report.comparison {
            let _ = writeln!(text, "alias  {}", comparison.note());
        }
        let _ = writeln!(text, "path   {}", model.path);
        let _ = writeln!(text, "next   gristmill predict {} --input ROWS", model.name);
    } else {
        let _ = writeln!(text, "next   gristmill runs show {}", short(&report.run_id));
    }
    text
}

fn metrics_table(metrics: &Metrics) -> Table {
    let mut header = vec!["metric", "train"];
    if !metrics.test.is_empty() {
        header.push("test");
    }
    if !metrics.cv.is_empty() {
        header.push("cross-validated");
    }
    let mut shown = table(&header);
    for (name, train) in &metrics.train {
        let mut row = vec![name.clone(), number(*train)];
        if !metrics.test.is_empty() {
            row.push(metrics.test.get(name).map_or_else(String::new, |v| number(*v)));
        }
        if let Some(cv) = metrics.cv.get(name) {
            row.push(format!("{} ± {}", number(cv.mean), number(cv.std)));
        }
        shown.add_row(row);
    }
    align_right(&mut shown);
    shown
}

/// Numbers line up by their last digit.
pub fn align_right(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// Four digits behind the point below 100, one above.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.4}") } else { format!("{value:.1}") }
}

/// The start of an id, enough to name it.
pub fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// How long ago, in the largest unit that says something.
pub fn moment(at: gristmill::Timestamp) -> String {
    gristmill::moment_words(at)
}
