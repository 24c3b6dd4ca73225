//! What follows what: the needs that others imply, and where branches begin.
//!
//! A task is drawn below the last one that every way to it passes, its immediate dominator
//! (Prosser 1959); in a graph without circles that is the deepest one above all that it needs.

use super::parts::Item;

/// More items than these are listed without lines, which no one could follow.
const MOST: usize = 4_000;

/// The items with their needs, in an order in which needs come first.
pub(super) struct Graph {
    /// For each item, the needs that no other need implies.
    direct: Vec<Vec<usize>>,
    /// For each item, the needs that follow from others.
    shortcuts: Vec<Vec<usize>>,
    /// For each item, those that are drawn below it; the last entry holds those below none.
    pub(super) below: Vec<Vec<usize>>,
    /// For each item, whether it comes after another.
    after: Vec<Bits>,
    lines: bool,
}

#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
}

impl Graph {
    pub(super) fn new(items: &[Item]) -> Self {
        let n = items.len();
        let mut graph = Self {
            direct: vec![Vec::new(); n],
            shortcuts: vec![Vec::new(); n],
            below: vec![Vec::new(); n + 1],
            after: Vec::new(),
            lines: n <= MOST,
        };
        if !graph.lines {
            graph.direct = items.iter().map(|item| item.needs.clone()).collect();
            graph.below[n] = (0..n).collect();
            return graph;
        }
        graph.after = vec![Bits(vec![0; n.div_ceil(64)]); n];
        let (mut parent, mut depth) = (vec![n; n], vec![1_usize; n]);
        let mut level = vec![0_usize; n];
        let mut placed = vec![false; n];
        for &at in &order(items) {
            graph.reduce(at, &items[at].needs, &placed);
            placed[at] = true;
            let needs = graph.direct[at].iter().copied().filter(|need| graph.after[at].has(*need));
            if let Some(above) = needs.reduce(|a, b| meet(a, b, &parent, &depth, n)) {
                parent[at] = above;
                depth[at] = 1 + if above == n { 0 } else { depth[above] };
            }
            level[at] = graph.direct[at].iter().map(|need| level[*need] + 1).max().unwrap_or(0);
            graph.below[parent[at]].push(at);
        }
        graph.sort(&level);
        graph
    }

    /// The needs that no other need implies.
    pub(super) fn direct(&self, at: usize) -> &[usize] {
        &self.direct[at]
    }

    /// The needs that follow from others.
    pub(super) fn shortcuts(&self, at: usize) -> &[usize] {
        &self.shortcuts[at]
    }

    /// What is drawn below an item: branches, and what they flow into, if there is such a thing.
    pub(super) fn below(&self, at: usize) -> (&[usize], Option<usize>) {
        let below = &self.below[at];
        match below.split_last() {
            Some((last, branches))
                if self.lines
                    && !branches.is_empty()
                    && branches.iter().all(|branch| self.after[*last].has(*branch)) =>
            {
                (branches, Some(*last))
            }
            _ => (below, None),
        }
    }

    /// The place of what is drawn below none.
    pub(super) fn top(&self) -> usize {
        self.below.len() - 1
    }

    pub(super) fn has_lines(&self) -> bool {
        self.lines
    }

    /// Parts the needs of an item into those that others imply and the rest. What is not placed
    /// yet stands in a circle with it, and implies nothing.
    fn reduce(&mut self, at: usize, needs: &[usize], placed: &[bool]) {
        let mut after = self.after[at].clone();
        for &need in needs.iter().filter(|need| placed[**need]) {
            after.join(&self.after[need]);
        }
        let (shortcuts, direct) = needs.iter().partition(|need| after.has(**need));
        for &need in needs.iter().filter(|need| placed[**need]) {
            after.set(need);
        }
        (self.shortcuts[at], self.direct[at], self.after[at]) = (shortcuts, direct, after);
    }

    /// Branches that begin at once come before those that wait for others, short ones before
    /// long ones.
    fn sort(&mut self, level: &[usize]) {
        let n = level.len();
        let mut size = vec![1_usize; n];
        let mut by_level: Vec<usize> = (0..n).collect();
        by_level.sort_by_key(|at| std::cmp::Reverse(level[*at]));
        for at in by_level {
            size[at] += self.below[at].iter().map(|child| size[*child]).sum::<usize>();
        }
        for below in &mut self.below {
            below.sort_by_key(|at| (level[*at], size[*at], *at));
        }
    }
}

/// The deepest item above both.
fn meet(mut a: usize, mut b: usize, parent: &[usize], depth: &[usize], top: usize) -> usize {
    while a != b {
        if a == top || b == top {
            return top;
        }
        if depth[a] >= depth[b] { a = parent[a] } else { b = parent[b] }
    }
    a
}

/// Positions with needs first, otherwise as given; items of a circle come last.
fn order(items: &[Item]) -> Vec<usize> {
    let mut missing: Vec<usize> = items.iter().map(|item| item.needs.len()).collect();
    let mut needed_by = vec![Vec::new(); items.len()];
    for (at, item) in items.iter().enumerate() {
        item.needs.iter().for_each(|need| needed_by[*need].push(at));
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..items.len()).filter(|at| missing[*at] == 0).collect();
    let mut order = Vec::with_capacity(items.len());
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for &next in &needed_by[at] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order.extend((0..items.len()).filter(|at| missing[*at] > 0));
    order
}
