//! Which line an item stands on, and what leads to it.

use super::graph::Graph;

/// Guides are no wider than this; what is nested deeper is told in words alone.
const WIDEST: usize = 24;

/// An item's line.
pub(super) struct Line {
    /// Guides before the item.
    pub(super) lead: String,
    /// Guides of the same width that stand before what follows the item on further lines.
    pub(super) trail: String,
    pub(super) node: usize,
    /// The needs that the guides show.
    seen: Vec<usize>,
}

impl Line {
    /// The needs that have to be said in words: all direct ones, where the guides show others.
    pub(super) fn unseen(&self, graph: &Graph) -> Vec<usize> {
        let mut direct = graph.direct(self.node).to_vec();
        direct.sort_unstable();
        if direct == self.seen { Vec::new() } else { graph.direct(self.node).to_vec() }
    }
}

/// The items from top to bottom.
pub(super) fn lines(graph: &Graph) -> Vec<Line> {
    let ends = ends(graph);
    let top = graph.top();
    let mut lines = Vec::with_capacity(top);
    // Lines yet to be written, the next one last, each with the guides of what is below it.
    let mut open: Vec<(Line, String)> = Vec::new();
    below(graph, &ends, top, "", &mut open);
    while let Some((line, guides)) = open.pop() {
        below(graph, &ends, line.node, &guides, &mut open);
        lines.push(line);
    }
    lines
}

/// Opens the lines of what is drawn below an item.
fn below(
    graph: &Graph,
    ends: &[Option<usize>],
    at: usize,
    guides: &str,
    open: &mut Vec<(Line, String)>,
) {
    let (branches, join) = graph.below(at);
    let parent: Vec<usize> = Some(at).filter(|at| *at < graph.top()).into_iter().collect();
    if let Some(node) = join {
        let mut seen: Vec<usize> = branches.iter().filter_map(|branch| ends[*branch]).collect();
        seen.sort_unstable();
        let line = Line { lead: guides.to_owned(), trail: trail(graph, node, guides), node, seen };
        open.push((line, guides.to_owned()));
    }
    let straight = branches.len() == 1 || !graph.has_lines();
    for (i, node) in branches.iter().copied().enumerate().rev() {
        let last = i + 1 == branches.len() && join.is_none();
        let (turn, beside) = match (straight || guides.chars().count() >= WIDEST, last) {
            (true, _) => ("", ""),
            (_, true) => ("└─", "  "),
            _ if i == 0 && parent.is_empty() => ("┌─", "│ "),
            _ => ("├─", "│ "),
        };
        let lead = format!("{guides}{turn}");
        let seen = if straight || !turn.is_empty() { parent.clone() } else { Vec::new() };
        let guides = format!("{guides}{beside}");
        let trail = trail(graph, node, &guides);
        open.push((Line { lead, trail, node, seen }, guides));
    }
}

/// The guides beside an item's further lines: those of what is below it, and its own where it
/// branches.
fn trail(graph: &Graph, node: usize, guides: &str) -> String {
    let (branches, join) = graph.below(node);
    let branching = branches.len() + usize::from(join.is_some()) > 1;
    format!("{guides}{}", if branching { "│" } else { "" })
}

/// For each item, the one with which the branch that begins at it ends; nothing when it has
/// several ends.
fn ends(graph: &Graph) -> Vec<Option<usize>> {
    let top = graph.top();
    let mut ends = vec![None; top];
    let mut open: Vec<usize> = graph.below[top].clone();
    let mut order = Vec::with_capacity(top);
    while let Some(at) = open.pop() {
        order.push(at);
        open.extend(&graph.below[at]);
    }
    for at in order.into_iter().rev() {
        ends[at] = match graph.below(at) {
            ([], None) => Some(at),
            ([only], None) => ends[*only],
            (_, Some(join)) => ends[join],
            _ => None,
        };
    }
    ends
}
