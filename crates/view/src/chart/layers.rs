//! The layout of a graph in layers: each task stands right of all that it needs, and lines over
//! several layers keep a place in each, so that they do not run through boxes.

/// What stands at a place of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A task, by its position.
    Task(usize),
    /// A line that passes.
    Passing,
}

/// Slots layer by layer, and edges as the slots that they touch, by layer and row.
pub(crate) struct Layers {
    pub(crate) slots: Vec<Vec<Slot>>,
    pub(crate) edges: Vec<Vec<(usize, usize)>>,
}

/// A node of the layout before rows are settled.
struct Node {
    slot: Slot,
    layer: usize,
    /// The nodes of the layer before and after that it is joined to.
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Layers {
    /// The layout of tasks, for each of which the positions of its needs are given.
    pub(crate) fn of(needs: &[Vec<usize>]) -> Self {
        let depth = depths(needs);
        let mut nodes: Vec<Node> =
            depth.iter().enumerate().map(|(task, &layer)| node(Slot::Task(task), layer)).collect();
        let mut chains = Vec::new();
        for (task, needs) in needs.iter().enumerate() {
            // What a circle would turn back is not drawn.
            for &need in needs.iter().filter(|&&n| depth[n] < depth[task]) {
                chains.push(chain(&mut nodes, need, task));
            }
        }
        let rows = settle(&nodes, depth.iter().max().map_or(0, |d| d + 1));
        let place = |id: &usize| {
            let layer = nodes[*id].layer;
            (layer, rows[layer].iter().position(|other| other == id).unwrap_or(0))
        };
        let edges = chains.iter().map(|chain| chain.iter().map(place).collect()).collect();
        let slots = rows.iter().map(|row| row.iter().map(|&id| nodes[id].slot).collect()).collect();
        Self { slots, edges }
    }
}

fn node(slot: Slot, layer: usize) -> Node {
    Node { slot, layer, before: Vec::new(), after: Vec::new() }
}

/// How many tasks stand on the longest way to each; a circle is cut where it closes.
fn depths(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut depth = vec![0; needs.len()];
    // Without circles, as many rounds as there are tasks settle all; with one, they end it.
    for _ in 0..needs.len() {
        let mut moved = false;
        for task in 0..needs.len() {
            let least = needs[task].iter().filter(|&&n| n != task).map(|&n| depth[n] + 1).max();
            let least = least.unwrap_or(0).min(needs.len() - 1);
            if least > depth[task] {
                depth[task] = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    close_ranks(&mut depth);
    depth
}

/// Layers that a circle left empty are taken out.
fn close_ranks(depth: &mut [usize]) {
    let mut used: Vec<usize> = depth.to_vec();
    used.sort_unstable();
    used.dedup();
    for layer in depth.iter_mut() {
        *layer = used.partition_point(|u| u < layer);
    }
}

/// The nodes from one task to another, one in each layer; those between are new.
fn chain(nodes: &mut Vec<Node>, from: usize, to: usize) -> Vec<usize> {
    let mut chain = vec![from];
    for layer in nodes[from].layer + 1..nodes[to].layer {
        nodes.push(node(Slot::Passing, layer));
        chain.push(nodes.len() - 1);
    }
    chain.push(to);
    for pair in chain.windows(2) {
        nodes[pair[0]].after.push(pair[1]);
        nodes[pair[1]].before.push(pair[0]);
    }
    chain
}

/// The order in each layer: by the mean place of the neighbours, forth and back some times.
fn settle(nodes: &[Node], count: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (id, node) in nodes.iter().enumerate() {
        rows[node.layer].push(id);
    }
    for sweep in 0..8 {
        let mut place = vec![0.0; nodes.len()];
        let forth = sweep % 2 == 0;
        let order: Vec<usize> =
            if forth { (0..count).collect() } else { (0..count).rev().collect() };
        for layer in order {
            let row = &mut rows[layer];
            let wish = |place: &[f64], id: usize, now: usize| {
                let joined = if forth { &nodes[id].before } else { &nodes[id].after };
                let sum: f64 = joined.iter().map(|&n| place[n]).sum();
                if joined.is_empty() { now as f64 } else { sum / joined.len() as f64 }
            };
            let mut wishes: Vec<(f64, usize)> =
                row.iter().enumerate().map(|(now, &id)| (wish(&place, id, now), id)).collect();
            wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = wishes.into_iter().map(|(_, id)| id).collect();
            // Places are measured from the middle, as layers are drawn.
            let middle = (row.len() as f64 - 1.0) / 2.0;
            for (now, &id) in row.iter().enumerate() {
                place[id] = now as f64 - middle;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_stands_right_of_its_needs() {
        let layers = Layers::of(&[vec![], vec![0], vec![1], vec![0, 2]]);
        assert_eq!(layers.slots.len(), 4);
        assert_eq!(layers.slots[1], [Slot::Task(1), Slot::Passing]);
        assert_eq!(layers.edges.len(), 4);
        assert!(
            layers.edges.iter().any(|e| e.len() == 4),
            "the long line has a place in each layer"
        );
    }

    #[test]
    fn lines_that_need_not_cross_do_not() {
        // 0 feeds 3, 1 feeds 2: the second layer turns around.
        let layers = Layers::of(&[vec![], vec![], vec![1], vec![0]]);
        let rows: Vec<_> = layers.edges.iter().map(|e| (e[0].1, e[1].1)).collect();
        assert!(rows.iter().all(|(from, to)| from == to), "{rows:?}");
    }

    #[test]
    fn a_circle_ends() {
        let layers = Layers::of(&[vec![1], vec![0], vec![2]]);
        assert_eq!(layers.slots.iter().flatten().count(), 3);
    }

    #[test]
    fn nothing_is_nothing() {
        assert!(Layers::of(&[]).slots.is_empty());
    }
}
