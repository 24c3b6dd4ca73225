//! Parts of a task that was spread out, as one thing to draw.

use std::collections::HashMap;

use super::{DrawNode, DrawState};

/// Fewer parts than these are drawn one by one.
const MANY: usize = 4;
/// So many of the parts that failed are named.
const NAMED: usize = 5;

/// A task or several parts of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) name: String,
    /// The positions of what it needs among the items.
    pub(super) needs: Vec<usize>,
    /// Needs that are none of the items.
    pub(super) unknown: Vec<String>,
    pub(super) state: DrawState,
    pub(super) label: String,
    pub(super) detail: String,
}

/// The nodes in their order, many parts with equal needs as one at the place of the first.
pub(super) fn collapse(nodes: &[DrawNode]) -> Vec<Item> {
    let groups = groups(nodes);
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (position, group) in groups.iter().enumerate() {
        for node in group {
            at.entry(&node.name).or_insert(position);
        }
    }
    groups.iter().map(|group| item(group, &at)).collect()
}

/// The nodes that are drawn as one, in the order of their first.
fn groups(nodes: &[DrawNode]) -> Vec<Vec<&DrawNode>> {
    let mut sizes: HashMap<(&str, &[String]), usize> = HashMap::new();
    for node in nodes {
        if let Some((task, _)) = part(&node.name) {
            *sizes.entry((task, &node.needs)).or_default() += 1;
        }
    }
    let mut groups: Vec<Vec<&DrawNode>> = Vec::new();
    let mut begun: HashMap<(&str, &[String]), usize> = HashMap::new();
    for node in nodes {
        let key = part(&node.name).map(|(task, _)| (task, &node.needs[..]));
        let many = key.filter(|key| sizes.get(key).is_some_and(|size| *size >= MANY));
        match many.and_then(|key| begun.get(&key)) {
            Some(group) => groups[*group].push(node),
            None => {
                begun.extend(many.map(|key| (key, groups.len())));
                groups.push(vec![node]);
            }
        }
    }
    groups
}

/// The task and the part that a name such as `train[7]` names.
fn part(name: &str) -> Option<(&str, &str)> {
    let (task, rest) = name.split_once('[')?;
    Some((task, rest.strip_suffix(']')?)).filter(|(task, _)| !task.is_empty())
}

fn item(group: &[&DrawNode], at: &HashMap<&str, usize>) -> Item {
    let first = group[0];
    let mut needs = Vec::new();
    let mut unknown = Vec::new();
    for name in &first.needs {
        match at.get(name.as_str()) {
            Some(position) if !needs.contains(position) => needs.push(*position),
            Some(_) => {}
            None => unknown.push(name.clone()),
        }
    }
    let one = group.len() == 1;
    Item {
        name: if one { first.name.clone() } else { name(group) },
        needs,
        unknown,
        state: group.iter().map(|node| node.state).min().unwrap_or(first.state),
        label: if one { first.label.clone() } else { summary(group) },
        detail: if one { first.detail.clone() } else { String::new() },
    }
}

/// `train[0..99]` for parts that are numbered without a gap, else `train[*]`.
fn name(group: &[&DrawNode]) -> String {
    let parts: Vec<(&str, &str)> = group.iter().filter_map(|node| part(&node.name)).collect();
    let task = parts.first().map_or("", |(task, _)| task);
    let mut numbers: Vec<usize> = parts.iter().filter_map(|(_, key)| key.parse().ok()).collect();
    numbers.sort_unstable();
    match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) if last - first + 1 == group.len() => {
            format!("{task}[{first}..{last}]")
        }
        _ => format!("{task}[*]"),
    }
}

/// `100 parts: 2 failed (7, 31), 98 succeeded`.
fn summary(group: &[&DrawNode]) -> String {
    let mut states: Vec<DrawState> = group.iter().map(|node| node.state).collect();
    states.sort_unstable();
    let counts: Vec<String> = states
        .chunk_by(|a, b| a == b)
        .map(|equal| match equal[0] {
            DrawState::Failed => format!("{} failed{}", equal.len(), failed(group)),
            state => format!("{} {}", equal.len(), state.word()),
        })
        .collect();
    match &counts[..] {
        [_] => format!("{} parts {}", group.len(), states[0].word()),
        _ => format!("{} parts: {}", group.len(), counts.join(", ")),
    }
}

/// The parts that failed, the first of them by name: ` (7, 31)`.
fn failed(group: &[&DrawNode]) -> String {
    let failed: Vec<&str> = group
        .iter()
        .filter(|node| node.state == DrawState::Failed)
        .filter_map(|node| Some(part(&node.name)?.1))
        .collect();
    let rest = if failed.len() > NAMED { ", ..." } else { "" };
    format!(" ({}{rest})", failed[..failed.len().min(NAMED)].join(", "))
}
