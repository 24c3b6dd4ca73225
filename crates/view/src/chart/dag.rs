//! The tasks of a run and their needs, from left to right, with state and time.
//! Layout in layers after Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of
//! Hierarchical System Structures", IEEE Transactions on Systems, Man, and Cybernetics, 1981.

use serde::{Deserialize, Serialize};

use super::layers::{Layers, Slot};
use crate::frame::{Drawing, FONT, WIDE, empty, plural};
use crate::svg::{Area, Path, Svg};
use crate::text::cut;

const BOX: (f64, f64) = (138.0, 42.0);
/// The room for the lines between layers, and between the boxes of a layer.
const GAP: (f64, f64) = (32.0, 14.0);

/// Tasks with the tasks that they need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dag {
    /// The tasks.
    pub tasks: Vec<DagTask>,
}

/// One task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DagTask {
    /// Its name.
    pub name: String,
    /// The names of the tasks that it needs; unknown ones are left out.
    pub needs: Vec<String>,
    /// How it stands.
    pub state: TaskState,
    /// How long it took, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why it stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How a task stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It has not begun.
    #[default]
    Waiting,
    /// It is at work.
    Running,
    /// It ran.
    Done,
    /// Its result was known already.
    Cached,
    /// It failed.
    Failed,
    /// It did not run, because another failed or was not asked for.
    Skipped,
}

impl TaskState {
    /// A class, a sign that needs no colour, and a word.
    fn looks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Waiting => ("waiting", "○", "waiting"),
            Self::Running => ("running", "▶", "running"),
            Self::Done => ("done", "✓", "done"),
            Self::Cached => ("cached", "≡", "cached"),
            Self::Failed => ("failed", "✕", "failed"),
            Self::Skipped => ("skipped", "–", "skipped"),
        }
    }
}

impl DagTask {
    fn status(&self) -> String {
        let (_, sign, word) = self.state.looks();
        let time = self.seconds.map(|s| format!(" · {}", crate::duration(s))).unwrap_or_default();
        format!("{sign} {word}{time}")
    }
}

impl Dag {
    pub(crate) fn draw(&self) -> Drawing {
        if self.tasks.is_empty() {
            return empty("no tasks");
        }
        let layers = Layers::of(&self.needs());
        let tallest = layers.slots.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let height = tallest * (BOX.1 + GAP.1) + 4.0;
        let count = layers.slots.len() as f64;
        let width = (count * (BOX.0 + GAP.0) - GAP.0 + 4.0).max(WIDE * 0.5);
        let mut svg = Svg::default();
        for edge in &layers.edges {
            draw_edge(&mut svg, &edge.iter().map(|s| layers.place(*s, height)).collect::<Vec<_>>());
        }
        for (column, layer) in layers.slots.iter().enumerate() {
            for (row, slot) in layer.iter().enumerate() {
                if let Slot::Task(task) = slot {
                    let (x, y) = layers.place((column, row), height);
                    draw_task(&mut svg, (x, y), &self.tasks[*task]);
                }
            }
        }
        Drawing { width, height, body: svg.finish(), description: self.describe() }
    }

    /// For each task the positions of those that it needs.
    fn needs(&self) -> Vec<Vec<usize>> {
        let position = |name: &String| self.tasks.iter().position(|t| t.name == *name);
        self.tasks.iter().map(|t| t.needs.iter().filter_map(position).collect()).collect()
    }

    fn describe(&self) -> String {
        let tasks: Vec<String> =
            self.tasks.iter().take(30).map(|t| format!("{} {}", t.name, t.status())).collect();
        format!("{}: {}.", plural(self.tasks.len(), "task"), tasks.join("; "))
    }
}

impl Layers {
    /// The middle of a slot's left edge.
    fn place(&self, (column, row): (usize, usize), height: f64) -> (f64, f64) {
        let count = self.slots[column].len() as f64;
        let top = (height - count * (BOX.1 + GAP.1)) / 2.0;
        let y = top + (row as f64 + 0.5) * (BOX.1 + GAP.1);
        (2.0 + column as f64 * (BOX.0 + GAP.0), y)
    }
}

/// A line from the right edge of the first place to the left edge of the last, through those
/// between.
fn draw_edge(svg: &mut Svg, places: &[(f64, f64)]) {
    let mut path = Path::default();
    for pair in places.windows(2) {
        let from = (pair[0].0 + BOX.0, pair[0].1);
        if path.is_empty() {
            path.lift(from);
        } else {
            path.draw(from);
        }
        path.bend(pair[1], from);
    }
    svg.path("edge", &path).close();
    if let Some(&(x, y)) = places.last() {
        let mut head = Path::default();
        [(x - 6.0, y - 4.0), (x, y), (x - 6.0, y + 4.0)].into_iter().for_each(|p| head.draw(p));
        svg.path("edge", &head).close();
    }
}

fn draw_task(svg: &mut Svg, (x, y): (f64, f64), task: &DagTask) {
    let (class, ..) = task.state.looks();
    let area = Area { left: x, top: y - BOX.1 / 2.0, right: x + BOX.0, bottom: y + BOX.1 / 2.0 };
    let note = task.note.as_ref().map(|n| format!("\n{n}")).unwrap_or_default();
    let tip = format!("{}\n{}{note}", task.name, task.status());
    svg.group(&format!("task {class}"));
    svg.rect("", area).at("rx", 6.0).titled(&tip);
    svg.words("name", (x + 10.0, y - 3.0), &cut(&task.name, BOX.0 - 18.0, FONT));
    svg.words("state", (x + 10.0, y + 13.0), &task.status());
    svg.end("g");
}
