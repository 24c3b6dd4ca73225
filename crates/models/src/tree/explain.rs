//! What each column adds to the answer of a row: Shapley values of the trees, exact in polynomial
//! time.
//! Method: path-dependent TreeSHAP, Lundberg et al., *Consistent Individualized Feature Attribution
//! for Tree Ensembles*, 2018, algorithm 2. A column that is not known sends a row both ways, in the
//! shares in which the training rows went.

use std::ops::Range;

use gristmill_core::{Contributions, DenseMatrix, Frame, Result};
use rayon::prelude::*;

use super::bins;
use super::grove::Grove;
use super::nodes::{LEAF, Tree};

/// How many rows a thread explains at a time.
const BLOCK: usize = 32;

impl Grove {
    /// The Shapley values of the sums of all trees times `factor`: for each output its mean without
    /// knowing any column, and what each column adds, `[rows, columns]`.
    ///
    /// # Errors
    /// When the rows have other columns.
    pub(crate) fn explain(&self, rows: &Frame, factor: f64) -> Result<Contributions> {
        self.check_columns(rows)?;
        let columns = self.bins.len();
        let blocks: Vec<Vec<f64>> = (0..rows.rows().div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| self.explain_rows(rows, b * BLOCK..((b + 1) * BLOCK).min(rows.rows())))
            .collect::<Result<_>>()?;
        let values = blocks.concat();
        let outputs = self.shape.outputs;
        let matrix = |output: usize| {
            let mut matrix = DenseMatrix::zeros(rows.rows(), columns);
            for column in 0..columns {
                let values =
                    values.iter().skip(output * columns + column).step_by(outputs * columns);
                let to = matrix.column_mut(column).iter_mut();
                to.zip(values).for_each(|(to, value)| *to = value * factor);
            }
            matrix
        };
        let base = self.means().iter().map(|mean| mean * factor).collect();
        Ok(Contributions { base, values: (0..outputs).map(matrix).collect() })
    }

    /// `[rows, outputs, columns]` for some rows.
    fn explain_rows(&self, rows: &Frame, range: Range<usize>) -> Result<Vec<f64>> {
        let (columns, shape) = (self.bins.len(), self.shape);
        let mut values = vec![0.0; range.len() * shape.outputs * columns];
        let codes = bins::encode_rows(&self.bins, rows, range)?;
        let mut walk = Walk::default();
        let rows =
            codes.chunks_exact(columns).zip(values.chunks_exact_mut(shape.outputs * columns));
        for (codes, values) in rows {
            for (number, tree) in self.trees.iter().enumerate() {
                let first = shape.first(number);
                walk.explain(tree, shape.width, codes, |column, answer, weight| {
                    for (at, answer) in answer.iter().enumerate() {
                        values[(first + at) * columns + column as usize] += weight * answer;
                    }
                });
            }
        }
        Ok(values)
    }

    /// The mean of each output over the training rows of the trees.
    fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.shape.outputs];
        for (number, tree) in self.trees.iter().enumerate() {
            let to = means[self.shape.first(number)..].iter_mut();
            to.zip(mean(tree, self.shape.width)).for_each(|(to, mean)| *to += mean);
        }
        means
    }
}

/// The mean answer of a tree over its training rows.
fn mean(tree: &Tree, width: usize) -> Vec<f64> {
    // Children stand behind their parents.
    let mut means: Vec<f64> = vec![0.0; tree.nodes.len().max(1) * width];
    if tree.nodes.is_empty() {
        return tree.answer(tree.root(), width).to_vec();
    }
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        let left = f64::from(tree.shares[at]);
        for (child, share) in node.children.into_iter().zip([left, 1.0 - left]) {
            for number in 0..width {
                let mean = match child & LEAF {
                    0 => means[child as usize * width + number],
                    _ => tree.answer(child, width)[number],
                };
                means[at * width + number] += share * mean;
            }
        }
    }
    means.truncate(width);
    means
}

/// A column on the way to a node.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The column; the first step of a path has none.
    column: u32,
    /// The share of rows that go this way when the column is not known.
    unknown: f64,
    /// 1 when the row goes this way, else 0.
    known: f64,
    /// The weight of the subsets of columns on the path, by their size.
    weight: f64,
}

/// A node to go to, and the path that its parent has.
#[derive(Clone, Copy, Debug)]
struct Visit {
    node: u32,
    step: Step,
    parent: (usize, usize),
}

/// The column of a path's first step.
const NO_COLUMN: u32 = u32::MAX;

/// A walk down a tree, with memory that is used again.
#[derive(Debug, Default)]
struct Walk {
    /// The paths of the nodes above, one after the other.
    paths: Vec<Step>,
    waiting: Vec<Visit>,
}

impl Walk {
    /// Hands over for every leaf and every column on the way to it: the column, the answer, and how
    /// much of it the column adds.
    fn explain(
        &mut self,
        tree: &Tree,
        width: usize,
        codes: &[u8],
        mut add: impl FnMut(u32, &[f64], f64),
    ) {
        self.paths.clear();
        let step = Step { column: NO_COLUMN, unknown: 1.0, known: 1.0, weight: 0.0 };
        self.waiting.push(Visit { node: tree.root(), step, parent: (0, 0) });
        while let Some(Visit { node, step, parent: (start, end) }) = self.waiting.pop() {
            // What stands behind the parent's path belonged to a sibling.
            self.paths.truncate(end);
            self.paths.extend_from_within(start..end);
            extend(&mut self.paths, end, step);
            if node & LEAF == 0 {
                self.fork(tree, node, codes, end);
            } else {
                let path = &self.paths[end..];
                let answer = tree.answer(node, width);
                for (at, step) in path.iter().enumerate().skip(1) {
                    let weight = weight_without(path, at);
                    add(step.column, answer, weight * (step.known - step.unknown));
                }
            }
        }
    }

    /// Puts both children of a node on the list; its path starts at `start`.
    fn fork(&mut self, tree: &Tree, at: u32, codes: &[u8], start: usize) {
        let node = tree.nodes[at as usize];
        let column = tree.column(node);
        let (mut unknown, mut known) = (1.0, 1.0);
        // A column that is on the path already counts once.
        if let Some(earlier) = self.paths[start..].iter().position(|step| step.column == column) {
            let step = self.paths[start + earlier];
            (unknown, known) = (step.unknown, step.known);
            unwind(&mut self.paths, start, earlier);
        }
        let left = f64::from(tree.shares[at as usize]);
        let goes_left = tree.goes_left(node, |column| codes[column as usize]);
        let parent = (start, self.paths.len());
        for (child, share, goes) in
            [(node.children[0], left, goes_left), (node.children[1], 1.0 - left, !goes_left)]
        {
            let known = if goes { known } else { 0.0 };
            let step = Step { column, unknown: unknown * share, known, weight: 0.0 };
            self.waiting.push(Visit { node: child, step, parent });
        }
    }
}

/// Adds a step to the path that starts at `start`.
fn extend(paths: &mut Vec<Step>, start: usize, step: Step) {
    let length = paths.len() - start;
    paths.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let path = &mut paths[start..];
    let sizes = (length + 1) as f64;
    for at in (0..length).rev() {
        path[at + 1].weight += step.known * path[at].weight * (at + 1) as f64 / sizes;
        path[at].weight *= step.unknown * (length - at) as f64 / sizes;
    }
}

/// Takes the step at position `at` out of the path that starts at `start`.
fn unwind(paths: &mut Vec<Step>, start: usize, at: usize) {
    let path = &mut paths[start..];
    let Step { unknown, known, .. } = path[at];
    let last = path.len() - 1;
    let mut next = path[last].weight;
    for j in (0..last).rev() {
        (path[j].weight, next) = without(path, j, next, unknown, known);
    }
    for j in at..last {
        path[j] = Step { weight: path[j].weight, ..path[j + 1] };
    }
    paths.pop();
}

/// The sum of the weights of a path without the step at position `at`.
fn weight_without(path: &[Step], at: usize) -> f64 {
    let Step { unknown, known, .. } = path[at];
    let last = path.len() - 1;
    let mut next = path[last].weight;
    let mut sum = 0.0;
    for j in (0..last).rev() {
        let (weight, rest) = without(path, j, next, unknown, known);
        sum += weight;
        next = rest;
    }
    sum
}

/// The weight at position `j` without a step of these fractions, and what is left for the position
/// before.
#[inline]
fn without(path: &[Step], j: usize, next: f64, unknown: f64, known: f64) -> (f64, f64) {
    let last = path.len() - 1;
    let (sizes, left) = (path.len() as f64, (last - j) as f64);
    if known == 0.0 {
        return (path[j].weight * sizes / (unknown * left), next);
    }
    let weight = next * sizes / ((j + 1) as f64 * known);
    (weight, path[j].weight - weight * unknown * left / sizes)
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::super::histogram::CodeSet;
    use super::super::nodes::{Growing, Place};
    use super::super::split::Rule;
    use super::*;

    const COLUMNS: usize = 4;

    /// A random tree in which columns come again and again, with answers of 2 numbers.
    fn random_tree(seed: u64, nodes: usize) -> Tree {
        let mut random = Seed(seed).random();
        let mut growing = Growing::new(2);
        let mut places = vec![Place::Root];
        for _ in 0..nodes {
            let at = random.below(places.len());
            let place = places.swap_remove(at);
            let column = random.below(COLUMNS) as u32;
            let bound = random.below(200) as u8;
            let rule = match random.below(3) {
                0 => Rule::Among { column, codes: CodeSet::of(bound..=bound + 40) },
                shift => Rule::Below { column, bound, shift: shift as u8 - 1 },
            };
            let node = growing.add_node(place, &rule);
            growing.set_share(node, random.unit());
            places.extend([Place::LeftOf(node), Place::RightOf(node)]);
        }
        for place in places {
            growing.add_leaf(place, &[random.normal(), random.normal()]);
        }
        growing.finish()
    }

    /// The mean answer when only the columns in `known`, a set of bits, are known.
    fn answer(tree: &Tree, at: u32, codes: &[u8], known: usize) -> f64 {
        if at & LEAF != 0 {
            return tree.answer(at, 2)[1];
        }
        let node = tree.nodes[at as usize];
        let [left, right] = node.children.map(|child| answer(tree, child, codes, known));
        if known >> tree.column(node) & 1 == 1 {
            return if tree.goes_left(node, |c| codes[c as usize]) { left } else { right };
        }
        let share = f64::from(tree.shares[at as usize]);
        share * left + (1.0 - share) * right
    }

    /// Shapley's definition, over all subsets of the other columns.
    fn shapley(tree: &Tree, codes: &[u8], column: usize) -> f64 {
        let factorial = |n: usize| (1..=n).product::<usize>() as f64;
        let subsets = (0..1usize << COLUMNS).filter(|set| set >> column & 1 == 0);
        let term = |set: usize| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(COLUMNS - size - 1) / factorial(COLUMNS);
            let value = |known| answer(tree, tree.root(), codes, known);
            weight * (value(set | 1 << column) - value(set))
        };
        subsets.map(term).sum()
    }

    #[test]
    fn values_are_those_of_the_definition() {
        let mut walk = Walk::default();
        for seed in 0..40 {
            let tree = random_tree(seed, seed as usize);
            let mut random = Seed(seed).named("row").random();
            let codes: Vec<u8> = (0..COLUMNS).map(|_| random.below(256) as u8).collect();
            let mut found = [0.0; COLUMNS];
            walk.explain(&tree, 2, &codes, |column, answer, weight| {
                found[column as usize] += weight * answer[1];
            });
            for (column, found) in found.iter().enumerate() {
                let expected = shapley(&tree, &codes, column);
                assert!((found - expected).abs() < 1e-9, "{seed}: {found}, not {expected}");
            }
            let whole = mean(&tree, 2)[1] + found.iter().sum::<f64>();
            let reached = tree.answer_of(2, |column| codes[column as usize])[1];
            assert!((whole - reached).abs() < 1e-9, "{seed}: the values do not add up");
        }
    }
}
