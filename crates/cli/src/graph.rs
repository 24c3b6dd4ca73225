//! The tasks of a plan or a run, drawn with what they need.

use std::collections::HashMap;

use gristmill::flow::{DrawNode, DrawSigns, DrawState, DrawStyle, draw_plan};
use gristmill::{PlannedTask, TaskLine};

/// The columns of a line where nobody says how many there are.
const WIDTH: usize = 100;

/// What would become of the tasks of a plan, and why.
pub fn plan(tasks: &[PlannedTask]) -> String {
    let nodes = tasks.iter().map(|task| DrawNode {
        name: task.name.clone(),
        needs: task.needs.clone(),
        state: match task.what.as_str() {
            "cached" => DrawState::Cached,
            "run" => DrawState::ToRun,
            _ => DrawState::MayRun,
        },
        label: task.why.clone(),
        detail: String::new(),
    });
    draw_plan(&nodes.collect::<Vec<_>>(), style())
}

/// What became of the tasks of a run, and how long each took.
pub fn run(tasks: &[TaskLine]) -> String {
    let needs = needs_with_parts(tasks);
    let nodes = tasks.iter().zip(needs).map(|(task, needs)| DrawNode {
        name: task.name.clone(),
        needs,
        state: match (task.status.as_str(), task.cached) {
            ("succeeded", true) => DrawState::Cached,
            ("succeeded", false) => DrawState::Succeeded,
            ("failed" | "refused", _) => DrawState::Failed,
            ("running", _) => DrawState::Running,
            ("pending", _) => DrawState::Waiting,
            ("cancelled", _) => DrawState::Cancelled,
            _ => DrawState::Skipped,
        },
        label: label(task),
        detail: if task.attempts > 0 { format!("{:.2} s", task.seconds) } else { String::new() },
    });
    draw_plan(&nodes.collect::<Vec<_>>(), style())
}

/// What each task needs, where parts such as `count[3]` stand between what `count` needs and
/// `count` itself.
fn needs_with_parts(tasks: &[TaskLine]) -> Vec<Vec<String>> {
    let names: HashMap<&str, &TaskLine> = tasks.iter().map(|t| (t.name.as_str(), t)).collect();
    let whole = |task: &TaskLine| -> Option<&TaskLine> {
        names.get(task.name.strip_suffix(']')?.rsplit_once('[')?.0).copied()
    };
    let mut parts: HashMap<&str, Vec<String>> = HashMap::new();
    for task in tasks {
        if let Some(whole) = whole(task) {
            parts.entry(&whole.name).or_default().push(task.name.clone());
        }
    }
    let mut needs = |task: &TaskLine| match parts.remove(task.name.as_str()) {
        Some(parts) => parts,
        None => whole(task).unwrap_or(task).needs.clone(),
    };
    tasks.iter().map(&mut needs).collect()
}

fn label(task: &TaskLine) -> String {
    let tries = (task.attempts > 1).then(|| format!("attempt {}", task.attempts));
    tries.into_iter().chain(task.why.clone()).collect::<Vec<_>>().join(", ")
}

/// As wide as the terminal, in characters that it has.
fn style() -> DrawStyle {
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
    DrawStyle { width: columns.unwrap_or(WIDTH), signs: signs() }
}

/// ASCII where the locale says that there is nothing else.
fn signs() -> DrawSigns {
    let named = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    let locale = named.into_iter().find(|value| !value.is_empty());
    match locale.map(|locale| locale.to_ascii_lowercase()) {
        Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => DrawSigns::Ascii,
        _ => DrawSigns::Unicode,
    }
}
