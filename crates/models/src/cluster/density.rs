//! Core rows and how they hang together.
//!
//! Neighbors are found by a k-d tree and never listed. Counting stops once a row has enough of
//! them, and takes boxes whole that lie within reach. Joining asks only for rows that no cluster
//! has yet and forgets those it has found, so a million equal rows cost no more than others.

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::distance::{Kernel, Term, dispatch};
use crate::neighbors::kd_tree::{KdTree, LANES, panel_sums};
use crate::points::Points;

/// How many rows are counted together.
const CHUNK: usize = 256;

/// Rows that are to be joined.
#[derive(Debug)]
pub(super) struct Density<'a> {
    points: &'a Points,
    weights: Option<&'a [f64]>,
    tree: KdTree,
    /// What the rows of each node weigh.
    totals: Vec<f64>,
}

impl<'a> Density<'a> {
    /// Rows with their weights.
    pub(super) fn new(points: &'a Points, weights: Option<&'a [f64]>) -> Self {
        let tree = KdTree::new(points);
        let weigh = |&row: &u32| weights.map_or(1.0, |weights| weights[row as usize]);
        let totals = (0..tree.nodes()).map(|node| tree.rows(node).iter().map(weigh).sum());
        let totals = totals.collect();
        Self { points, weights, tree, totals }
    }

    /// The cluster of each core row: those whose neighbors within `eps` weigh at least `needed`.
    pub(super) fn join<T: Term>(&self, eps: f64, needed: f64) -> Vec<Option<u32>> {
        let reach = T::raise(eps);
        let core: Vec<bool> = (0..self.points.len().div_ceil(CHUNK))
            .into_par_iter()
            .flat_map_iter(|chunk| {
                let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(self.points.len());
                dispatch(Count { density: self, rows, reach, needed, term: PhantomData::<T> })
            })
            .collect();
        let mut open = Open::new(&self.tree, &core);
        let mut labels = vec![None; core.len()];
        let mut clusters = 0;
        for row in 0..core.len() {
            if core[row] && labels[row].is_none() {
                open.grow::<T>(self.points, row as u32, reach, |found| {
                    labels[found as usize] = Some(clusters);
                });
                clusters += 1;
            }
        }
        labels
    }

    /// What the rows within reach of `query` weigh, or at least `needed` once they weigh that.
    #[inline(always)]
    fn count<T: Term>(&self, query: &[f64], reach: f64, needed: f64, open: &mut Vec<usize>) -> f64 {
        let mut found = 0.0;
        open.clear();
        open.push(0);
        while let Some(node) = open.pop() {
            if found >= needed {
                break;
            }
            if self.tree.gap::<T>(node, query) > reach {
                continue;
            }
            if self.tree.span::<T>(node, query) <= reach {
                found += self.totals[node];
            } else if let Some(leaf) = self.tree.leaf(node) {
                let rows = self.tree.rows(node);
                let panels = self.tree.leaf_panels(leaf, rows.len());
                for (panel, rows) in panels.zip(rows.chunks(LANES)) {
                    let sums = panel_sums::<T>(query, panel);
                    for (&row, _) in rows.iter().zip(sums).filter(|(_, sum)| *sum <= reach) {
                        found += self.weights.map_or(1.0, |weights| weights[row as usize]);
                    }
                }
            } else {
                open.push(2 * node + 1);
                open.push(2 * node + 2);
            }
        }
        found
    }
}

struct Count<'a, T> {
    density: &'a Density<'a>,
    rows: std::ops::Range<usize>,
    reach: f64,
    needed: f64,
    term: PhantomData<T>,
}

impl<T: Term> Kernel for Count<'_, T> {
    type Output = Vec<bool>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Vec<bool> {
        let mut open = Vec::new();
        let mut core = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let query = self.density.points.point(row);
            let found = self.density.count::<T>(query, self.reach, self.needed, &mut open);
            core.push(found >= self.needed);
        }
        core
    }
}

/// The core rows that no cluster has yet.
struct Open<'a> {
    tree: &'a KdTree,
    is_open: Vec<bool>,
    /// How many open rows each node has.
    counts: Vec<u32>,
    /// The leaf of each row.
    leaves: Vec<u32>,
}

impl<'a> Open<'a> {
    fn new(tree: &'a KdTree, core: &[bool]) -> Self {
        let mut counts = vec![0; tree.nodes()];
        let mut leaves = vec![0; core.len()];
        for (node, count) in counts.iter_mut().enumerate() {
            let rows = tree.rows(node);
            *count = rows.iter().filter(|&&row| core[row as usize]).count() as u32;
            if tree.leaf(node).is_some() {
                rows.iter().for_each(|&row| leaves[row as usize] = node as u32);
            }
        }
        Self { tree, is_open: core.to_vec(), counts, leaves }
    }

    /// Takes out `first` and every open row that hangs together with it, and tells of each.
    fn grow<T: Term>(
        &mut self,
        points: &Points,
        first: u32,
        reach: f64,
        mut tell: impl FnMut(u32),
    ) {
        let mut border = vec![first];
        let mut found = Vec::new();
        self.close(first);
        while let Some(row) = border.pop() {
            tell(row);
            dispatch(Near {
                open: self,
                query: points.point(row as usize),
                reach,
                found: &mut found,
                term: PhantomData::<T>,
            });
            for row in found.drain(..) {
                self.close(row);
                border.push(row);
            }
        }
    }

    fn close(&mut self, row: u32) {
        self.is_open[row as usize] = false;
        let mut node = self.leaves[row as usize] as usize;
        self.counts[node] -= 1;
        while node > 0 {
            node = (node - 1) / 2;
            self.counts[node] -= 1;
        }
    }
}

struct Near<'a, 'b, T> {
    open: &'a Open<'b>,
    query: &'a [f64],
    reach: f64,
    found: &'a mut Vec<u32>,
    term: PhantomData<T>,
}

impl<T: Term> Kernel for Near<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let Self { open, query, reach, found, .. } = self;
        let mut nodes = vec![0];
        while let Some(node) = nodes.pop() {
            if open.counts[node] == 0 || open.tree.gap::<T>(node, query) > reach {
                continue;
            }
            let Some(leaf) = open.tree.leaf(node) else {
                nodes.push(2 * node + 2);
                nodes.push(2 * node + 1);
                continue;
            };
            let rows = open.tree.rows(node);
            for (panel, rows) in open.tree.leaf_panels(leaf, rows.len()).zip(rows.chunks(LANES)) {
                let sums = panel_sums::<T>(query, panel);
                let near = rows.iter().zip(sums).filter(|(_, sum)| *sum <= reach);
                found.extend(near.map(|(&row, _)| row).filter(|&row| open.is_open[row as usize]));
            }
        }
    }
}
