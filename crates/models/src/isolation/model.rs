//! What an isolation forest learns.

use std::f64::consts::LN_2;
use std::sync::Arc;

use gristmill_core::graph::{Answers, Branch, Child, Graph, Split, Trees, Wire};
use gristmill_core::{Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use rayon::prelude::*;

use super::cells::{Known, cells};

/// Marks a child that is no node but a leaf.
pub(super) const LEAF: u32 = 1 << 31;

/// How many rows a thread scores at a time.
const BLOCK: usize = 1024;

/// A question: is the number at most `value`, or the category `value`?
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) column: u32,
    pub(super) value: f64,
    /// Where rows go for yes and for no: with [`LEAF`], to a leaf, else to a node that stands later.
    pub(super) children: [u32; 2],
}

/// An isolation tree. It starts at node 0, or is nothing but leaf 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// For each leaf how many questions it takes to set a row apart that ends there.
    pub(super) depths: Vec<f64>,
}

impl Tree {
    fn depth(&self, cells: &[f64], known: &[Known]) -> f64 {
        let mut at = if self.nodes.is_empty() { LEAF } else { 0 };
        while at & LEAF == 0 {
            let node = &self.nodes[at as usize];
            let cell = cells[node.column as usize];
            let words = known[node.column as usize].is_words();
            let left = if words { cell == node.value } else { cell <= node.value };
            at = node.children[usize::from(!left)];
        }
        self.depths[(at ^ LEAF) as usize]
    }

    /// The tree among others of a graph, whose answers are depths.
    fn express(&self, trees: &mut Trees, known: &[Known]) {
        let depth = |leaf: u32| self.depths[(leaf ^ LEAF) as usize];
        if self.nodes.is_empty() {
            return trees.constant_tree(0, depth(LEAF));
        }
        trees.begin_tree();
        let first = trees.next_branch();
        for node in &self.nodes {
            let [yes, no] = node.children.map(|child| match child & LEAF {
                0 => Child::Branch(first + child as usize),
                _ => trees.leaf(0, depth(child)),
            });
            let column = node.column as usize;
            let words = known[column].is_words();
            let split = if words { Split::Equal(node.value) } else { Split::AtMost(node.value) };
            // A missing number lies below all others.
            trees.branch(Branch { column, split, missing: !words, yes, no });
        }
    }
}

/// What [`crate::IsolationForest`] learns: random trees. Its scores are larger for rows that are more
/// anomalous.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedIsolationForest {
    pub(super) input: Arc<Schema>,
    pub(super) known: Vec<Known>,
    pub(super) trees: Vec<Tree>,
    /// How many rows each tree has seen.
    pub(super) samples: usize,
}

/// How many questions it takes on average to set apart one of so many rows.
pub(super) fn mean_depth(rows: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match rows {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let rows = rows as f64;
            2.0 * ((rows - 1.0).ln() + EULER) - 2.0 * (rows - 1.0) / rows
        }
    }
}

impl FittedIsolationForest {
    fn score(&self, cells: &[f64]) -> f64 {
        let sum: f64 = self.trees.iter().map(|tree| tree.depth(cells, &self.known)).sum();
        (-sum / self.trees.len() as f64 / mean_depth(self.samples)).exp2()
    }

    fn scores(&self, rows: &Frame, at: &[u32]) -> Result<Vec<f64>> {
        let cells = cells(&self.known, rows, at)?;
        Ok(cells.chunks_exact(self.known.len()).map(|cells| self.score(cells)).collect())
    }
}

impl Model for FittedIsolationForest {
    fn kind(&self) -> &'static str {
        "isolation_forest"
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        Task::Unsupervised
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        if rows.columns().len() != self.known.len() {
            return Err(Error::Bug(format!(
                "a model of {} columns was given {}",
                self.known.len(),
                rows.columns().len()
            )));
        }
        let all: Vec<u32> = (0..rows.rows() as u32).collect();
        if all.len() <= BLOCK {
            return self.scores(rows, &all).map(Scores::Values);
        }
        let blocks: Vec<Vec<f64>> =
            all.par_chunks(BLOCK).map(|at| self.scores(rows, at)).collect::<Result<_>>()?;
        Ok(Scores::Values(blocks.concat()))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let seen =
            self.known.iter().zip(columns).map(|(known, &column)| known.express(graph, column));
        let seen = seen.collect::<Result<Vec<Wire>>>()?;
        let mut trees = Trees::new();
        self.trees.iter().for_each(|tree| tree.express(&mut trees, &self.known));
        let sum = graph.trees(graph.matrix(&seen), &trees, 1);
        // 2 to a power, as an exponential.
        let unit = -LN_2 / self.trees.len() as f64 / mean_depth(self.samples);
        Ok(Answers::Values(graph.exp(graph.multiply(sum, graph.number(unit)))))
    }

    fn state(&self) -> State {
        super::stored::write(self)
    }
}

impl Load for FittedIsolationForest {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        super::stored::read(state, input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // scikit-learn 1.9.1: _average_path_length([0, 1, 2, 3, 256])
    fn mean_depths_are_those_of_the_paper() {
        assert_eq!([0, 1, 2].map(mean_depth), [0.0, 0.0, 1.0]);
        assert!((mean_depth(3) - 1.207_392_357_589_623).abs() < 1e-12);
        assert!((mean_depth(256) - 10.244_770_920_119_917).abs() < 1e-9);
    }
}
