//! A plan or a run as text for a terminal.
//!
//! Tasks stand below those that they need. A chain goes straight down; tasks that can run side by
//! side branch off, and flow together where another needs all of them. What the lines cannot
//! show is said in words: `needs a and b`, and `also needs split` for what would follow anyway.

mod graph;
mod layout;
mod parts;

use graph::Graph;
use layout::Line;
use parts::Item;

/// A task to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawNode {
    /// Its name. Parts of a task that was spread out are named `train[0]`, `train[1]`, ...
    pub name: String,
    /// The names of the tasks that it needs.
    pub needs: Vec<String>,
    /// How it stands.
    pub state: DrawState,
    /// What there is to say about it, in a few words; may be empty.
    pub label: String,
    /// A figure that is set flush right, such as its time; may be empty.
    pub detail: String,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrawState {
    /// It gave an error, or would.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It is at work.
    Running,
    /// It will be run.
    ToRun,
    /// It waits for others.
    Waiting,
    /// Whether it will be run is not known yet.
    MayRun,
    /// It does not run, since what it needs is missing or its condition did not hold.
    Skipped,
    /// It gave a result.
    Succeeded,
    /// Its result is taken from the cache.
    Cached,
}

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawStyle {
    /// The columns of the terminal. Lines are cut to it, down to 40.
    pub width: usize,
    /// The characters of the terminal.
    pub signs: DrawSigns,
}

/// The characters of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawSigns {
    /// `✔ ✘ ↻ · ◌` and lines.
    Unicode,
    /// `+ x > . -` and what ASCII has for lines.
    Ascii,
}

impl DrawState {
    fn sign(self, signs: DrawSigns) -> char {
        let (unicode, ascii) = match self {
            Self::Succeeded | Self::Cached => ('✔', '+'),
            Self::Failed => ('✘', 'x'),
            Self::Running | Self::ToRun => ('↻', '>'),
            Self::Waiting | Self::MayRun => ('·', '.'),
            Self::Skipped | Self::Cancelled => ('◌', '-'),
        };
        if signs == DrawSigns::Unicode { unicode } else { ascii }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Running => "running",
            Self::ToRun => "to run",
            Self::Waiting => "waiting",
            Self::MayRun => "may run",
            Self::Skipped => "skipped",
            Self::Succeeded => "succeeded",
            Self::Cached => "cached",
        }
    }
}

/// The tasks as lines of text, each with a line end; empty for no tasks.
///
/// Four or more parts of one task that need the same are one line. Tasks may come in any order;
/// equal tasks give equal text. No line is longer than the width, counted in characters.
///
/// ```
/// # use gristmill_flow::{DrawNode, DrawSigns, DrawState, DrawStyle, draw_plan};
/// let node = |name: &str, needs: &[&str]| DrawNode {
///     name: name.into(),
///     needs: needs.iter().map(ToString::to_string).collect(),
///     state: DrawState::Succeeded,
///     label: String::new(),
///     detail: "0.1 s".into(),
/// };
/// let nodes = [node("fetch", &[]), node("train", &["fetch"]), node("tell", &["fetch"])];
/// let style = DrawStyle { width: 80, signs: DrawSigns::Unicode };
/// assert_eq!(draw_plan(&nodes, style), "\
/// ✔ fetch    0.1 s
/// ├─✔ train  0.1 s
/// └─✔ tell   0.1 s
/// ");
/// ```
pub fn draw_plan(nodes: &[DrawNode], style: DrawStyle) -> String {
    let items = parts::collapse(nodes);
    let graph = Graph::new(&items);
    let rows: Vec<Row> = layout::lines(&graph)
        .into_iter()
        .map(|line| Row::new(&items[line.node], &line, &graph, &items, style.signs))
        .collect();
    let columns = Columns::of(&rows, style.width);
    rows.iter().flat_map(|row| columns.write(row)).map(|line| line + "\n").collect()
}

/// A line before its columns are set.
struct Row {
    task: String,
    /// What stands below the task where the text takes further lines.
    trail: String,
    text: String,
    detail: String,
}

impl Row {
    fn new(item: &Item, line: &Line, graph: &Graph, items: &[Item], signs: DrawSigns) -> Self {
        let (lead, trail) = (guides(&line.lead, signs), guides(&line.trail, signs));
        let mut text = vec![printable(&item.label)];
        text.extend(sentence("needs", &line.unseen(graph), item, items));
        text.extend(sentence("also needs", graph.shortcuts(line.node), item, items));
        text.retain(|part| !part.is_empty());
        Self {
            task: format!("{lead}{} {}", item.state.sign(signs), printable(&item.name)),
            trail,
            text: text.join("; "),
            detail: printable(&item.detail),
        }
    }
}

fn guides(lead: &str, signs: DrawSigns) -> String {
    match signs {
        DrawSigns::Unicode => lead.to_owned(),
        DrawSigns::Ascii => {
            lead.replace(['├', '┌'], "|").replace('└', "`").replace('│', "|").replace('─', "-")
        }
    }
}

/// `needs a, b and 18 more`, together with names that are no task of the plan.
fn sentence(verb: &str, needs: &[usize], item: &Item, items: &[Item]) -> Option<String> {
    const SHOWN: usize = 3;
    let unknown: &[String] = if verb == "needs" { &item.unknown } else { &[] };
    let names: Vec<&str> = needs
        .iter()
        .map(|at| items[*at].name.as_str())
        .chain(unknown.iter().map(String::as_str))
        .collect();
    let list = match &names[..] {
        [] => return None,
        [only] => (*only).to_owned(),
        [start @ .., last] if names.len() <= SHOWN => format!("{} and {last}", start.join(", ")),
        names => format!("{} and {} more", names[..SHOWN - 1].join(", "), names.len() - SHOWN + 1),
    };
    Some(printable(&format!("{verb} {list}")))
}

/// Where the columns stand.
struct Columns {
    task: usize,
    text: usize,
    detail: usize,
}

impl Columns {
    const GAP: usize = 2;
    const NARROWEST: usize = 40;

    /// As wide as what stands in them, the text giving way first and the names second.
    fn of(rows: &[Row], width: usize) -> Self {
        let width = width.max(Self::NARROWEST);
        let widest = |column: fn(&Row) -> &str| {
            rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0)
        };
        let detail = widest(|row| &row.detail).min(width / 4);
        let gaps = |columns: &[usize]| columns.iter().filter(|c| **c > 0).count() * Self::GAP;
        let left = width - detail - gaps(&[detail]);
        let text = widest(|row| &row.text);
        let task = widest(|row| &row.task).min(if text > 0 { left * 3 / 5 } else { left });
        let text = text.min(left.saturating_sub(task + gaps(&[text])));
        Self { task, text, detail }
    }

    fn write(&self, row: &Row) -> Vec<String> {
        let text = wrap(&row.text, self.text);
        let mut lines = vec![self.line(&row.task, &text[0], &row.detail)];
        lines.extend(text[1..].iter().map(|text| self.line(&row.trail, text, "")));
        lines
    }

    fn line(&self, task: &str, text: &str, detail: &str) -> String {
        let gap = " ".repeat(Self::GAP);
        let mut line = pad(task, self.task);
        if self.text > 0 {
            line += &format!("{gap}{}", pad(text, self.text));
        }
        if self.detail > 0 {
            let detail = cut(detail, self.detail);
            let indent = " ".repeat(self.detail - detail.chars().count());
            line += &format!("{gap}{indent}{detail}");
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text in lines, at least one and at most three, the last of which takes what is left.
fn wrap(text: &str, width: usize) -> Vec<String> {
    const MOST: usize = 3;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.len() == MOST;
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if full || line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn pad(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let missing = width - text.chars().count();
    text + &" ".repeat(missing)
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(Some('…').filter(|_| width > 0)).collect()
}

/// A label may hold characters that would move the cursor or recolour the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
