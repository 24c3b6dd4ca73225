//! Growing isolation trees.

use std::sync::Arc;

use gristmill_core::{Error, FitContext, Frame, Random, Result, Target};
use rayon::prelude::*;

use super::cells::{Known, cells};
use super::model::{FittedIsolationForest, LEAF, Node, Tree, mean_depth};
use crate::ClassWeight;
use crate::tree::Weights;

/// What is to be grown.
pub(crate) struct Plan {
    pub(crate) trees: usize,
    /// How many rows each tree takes.
    pub(crate) samples: usize,
}

/// Grows the trees of a plan; each has a seed of its own, so the threads do not matter.
pub(crate) fn fit(
    plan: &Plan,
    train: &Frame,
    target: &Target,
    context: &FitContext<'_>,
) -> Result<FittedIsolationForest> {
    let rows = Weights::new(train, target, context, ClassWeight::None)?.rows();
    let samples = plan.samples.min(rows.len());
    if samples < 2 {
        return Err(Error::data("there is one row only; none can be set apart from it"));
    }
    let fields = train.schema().fields().iter().zip(train.columns());
    let known: Vec<Known> =
        fields.map(|(field, column)| Known::learn(field, column)).collect::<Result<_>>()?;
    let trees = (0..plan.trees)
        .into_par_iter()
        .map(|tree| {
            let mut random = context.seed.numbered(tree as u64).random();
            let drawn = draw(&rows, samples, &mut random);
            let cells = cells(&known, train, &drawn)?;
            let mut grower = Grower {
                cells: &cells,
                known: &known,
                random,
                max_depth: samples.next_power_of_two().trailing_zeros(),
                tree: Tree::default(),
            };
            grower.grow((0..samples as u32).collect());
            Ok(grower.tree)
        })
        .collect::<Result<_>>()?;
    Ok(FittedIsolationForest { input: Arc::clone(train.schema()), known, trees, samples })
}

/// So many different rows (Floyd's sampling: Bentley and Floyd, *Programming Pearls*, 1987).
fn draw(rows: &[u32], samples: usize, random: &mut Random) -> Vec<u32> {
    let mut drawn = std::collections::BTreeSet::new();
    for last in rows.len() - samples..rows.len() {
        let at = random.below(last + 1);
        if !drawn.insert(at) {
            drawn.insert(last);
        }
    }
    drawn.into_iter().map(|at| rows[at]).collect()
}

struct Grower<'a> {
    cells: &'a [f64],
    known: &'a [Known],
    random: Random,
    max_depth: u32,
    tree: Tree,
}

/// Some rows that are not set apart yet.
struct Open {
    rows: Vec<u32>,
    depth: u32,
    /// The node above, and on which side of it.
    place: Option<(usize, usize)>,
}

impl Grower<'_> {
    fn grow(&mut self, rows: Vec<u32>) {
        let mut open = vec![Open { rows, depth: 0, place: None }];
        while let Some(Open { rows, depth, place }) = open.pop() {
            let question = if depth < self.max_depth { self.question(&rows) } else { None };
            let child = match question {
                None => {
                    let depth = f64::from(depth) + mean_depth(rows.len());
                    self.tree.depths.push(depth);
                    LEAF | (self.tree.depths.len() as u32 - 1)
                }
                Some((column, value)) => {
                    let node = self.tree.nodes.len();
                    self.tree.nodes.push(Node { column, value, children: [LEAF; 2] });
                    let words = self.known[column as usize].is_words();
                    let left = |row: &u32| {
                        let cell = self.cell(*row, column);
                        if words { cell == value } else { cell <= value }
                    };
                    let (left, right): (Vec<u32>, Vec<u32>) =
                        rows.iter().partition(|row| left(row));
                    for (side, rows) in [left, right].into_iter().enumerate().rev() {
                        open.push(Open { rows, depth: depth + 1, place: Some((node, side)) });
                    }
                    node as u32
                }
            };
            if let Some((node, side)) = place {
                self.tree.nodes[node].children[side] = child;
            }
        }
    }

    fn cell(&self, row: u32, column: u32) -> f64 {
        self.cells[row as usize * self.known.len() + column as usize]
    }

    /// A random column that varies among the rows, and a random value that divides them.
    fn question(&mut self, rows: &[u32]) -> Option<(u32, f64)> {
        if rows.len() < 2 {
            return None;
        }
        let mut columns: Vec<u32> = (0..self.known.len() as u32).collect();
        for first in 0..columns.len() {
            let other = first + self.random.below(columns.len() - first);
            columns.swap(first, other);
            let column = columns[first];
            let value = if self.known[column as usize].is_words() {
                self.category(rows, column)
            } else {
                self.border(rows, column)
            };
            if let Some(value) = value {
                return Some((column, value));
            }
        }
        None
    }

    /// One of the categories of the rows, each equally likely.
    fn category(&mut self, rows: &[u32], column: u32) -> Option<f64> {
        let mut seen: Vec<f64> = rows.iter().map(|&row| self.cell(row, column)).collect();
        seen.sort_unstable_by(f64::total_cmp);
        seen.dedup();
        (seen.len() > 1).then(|| seen[self.random.below(seen.len())])
    }

    /// A value from the smallest up to the largest number of the rows, without the largest. Where some
    /// are missing and all others are equal, those are divided.
    fn border(&mut self, rows: &[u32], column: u32) -> Option<f64> {
        let cells = rows.iter().map(|&row| self.cell(row, column));
        let missing = cells.clone().any(|cell| cell == f64::NEG_INFINITY);
        let numbers = cells.filter(|cell| cell.is_finite());
        let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), cell| {
            (low.min(cell), high.max(cell))
        });
        if low < high {
            let unit = self.random.unit();
            let value = low * (1.0 - unit) + high * unit;
            return Some(if value >= low && value < high { value } else { low });
        }
        (missing && low == high)
            .then_some(f64::MIN.max(low.next_down()))
            .filter(|value| *value < low)
    }
}
