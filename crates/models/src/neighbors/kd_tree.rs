//! A k-d tree: points in boxes in boxes, for few columns.
//! Method: Friedman, Bentley and Finkel, *An Algorithm for Finding Best Matches in Logarithmic
//! Expected Time*, ACM TOMS 3 (1977). Halves are equal by number, so equal points do no harm.

use std::ops::Range;

use rayon::prelude::*;

use super::nearest::Nearest;
use crate::distance::Term;
use crate::points::Points;

/// A leaf has at most this many points.
const LEAF: usize = 32;

/// How many points of a leaf are measured at once.
pub(crate) const LANES: usize = 8;

/// A full binary tree over points; the children of node i are 2i + 1 and 2i + 2.
#[derive(Clone, Debug)]
pub(crate) struct KdTree {
    width: usize,
    /// Which points each node has, as positions in `rows`.
    ranges: Vec<Range<u32>>,
    /// `[node, low and high, coordinate]`.
    boxes: Vec<f64>,
    /// The points in the order of the leaves.
    rows: Vec<u32>,
    /// Where the panels of each leaf begin.
    starts: Vec<usize>,
    /// `[panel, coordinate, LANES]`; what is beyond the last point of a leaf is infinitely far.
    panels: Vec<f64>,
}

impl KdTree {
    /// The tree of these points, of which there is at least one.
    pub(crate) fn new(points: &Points) -> Self {
        let count = points.len();
        let all = 0..count as u32;
        let levels = (count.div_ceil(LEAF)).next_power_of_two().trailing_zeros() as usize + 1;
        let mut tree = Self {
            width: points.width(),
            ranges: Vec::from([all.clone()]),
            boxes: Vec::new(),
            rows: (0..count as u32).collect(),
            starts: Vec::new(),
            panels: Vec::new(),
        };
        let mut level = Vec::from([all]);
        for depth in 0..levels {
            let halves = tree.divide(points, &level, depth + 1 == levels);
            if depth + 1 < levels {
                tree.ranges.extend_from_slice(&halves);
                level = halves;
            }
        }
        tree.fill(points, &level);
        tree
    }

    /// Boxes the nodes of a level and puts the points of each into two halves, unless it is the
    /// last; gives the ranges of the halves.
    fn divide(&mut self, points: &Points, level: &[Range<u32>], last: bool) -> Vec<Range<u32>> {
        let mut rest = self.rows.as_mut_slice();
        let mut nodes = Vec::with_capacity(level.len());
        for range in level {
            let (node, after) = rest.split_at_mut(range.len());
            nodes.push(node);
            rest = after;
        }
        let boxes: Vec<Vec<f64>> = nodes
            .into_par_iter()
            .map(|rows| {
                let bounds = bounds(points, rows);
                if !last {
                    halve(points, rows, widest(&bounds));
                }
                bounds
            })
            .collect();
        self.boxes.extend(boxes.into_iter().flatten());
        let half = |range: &Range<u32>| {
            let middle = range.start + (range.end - range.start) / 2;
            [range.start..middle, middle..range.end]
        };
        level.iter().flat_map(half).collect()
    }

    /// Puts the points of the leaves side by side.
    fn fill(&mut self, points: &Points, leaves: &[Range<u32>]) {
        let panel = LANES * self.width;
        for leaf in leaves {
            let rows = &mut self.rows[leaf.start as usize..leaf.end as usize];
            rows.sort_unstable();
            let start = self.panels.len();
            self.starts.push(start);
            self.panels.resize(start + rows.len().div_ceil(LANES) * panel, f64::INFINITY);
            for (at, &row) in rows.iter().enumerate() {
                let first = start + at / LANES * panel + at % LANES;
                for (coordinate, &value) in points.point(row as usize).iter().enumerate() {
                    self.panels[first + coordinate * LANES] = value;
                }
            }
        }
    }

    /// Offers every point that can be among the nearest of `query`.
    #[inline(always)]
    pub(crate) fn search<T: Term>(&self, query: &[f64], nearest: &mut Nearest) {
        let mut open = vec![(self.gap::<T>(0, query), 0)];
        while let Some((gap, node)) = open.pop() {
            // A point as far as the last one is no nearer; without this a million equal rows would
            // all be looked at for each of them.
            if gap >= nearest.limit() {
                continue;
            }
            if let Some(leaf) = self.leaf(node) {
                self.offer::<T>(node, leaf, query, nearest);
                continue;
            }
            let (left, right) = (2 * node + 1, 2 * node + 2);
            let (near, far) =
                ((self.gap::<T>(left, query), left), (self.gap::<T>(right, query), right));
            let (near, far) = if far.0 < near.0 { (far, near) } else { (near, far) };
            open.push(far);
            open.push(near);
        }
    }

    #[inline(always)]
    fn offer<T: Term>(&self, node: usize, leaf: usize, query: &[f64], nearest: &mut Nearest) {
        let rows = self.rows(node);
        for (panel, rows) in self.leaf_panels(leaf, rows.len()).zip(rows.chunks(LANES)) {
            let sums = panel_sums::<T>(query, panel);
            for (&sum, &row) in sums.iter().zip(rows) {
                if sum <= nearest.limit() {
                    nearest.offer(sum, row);
                }
            }
        }
    }

    /// The number of a node among the leaves, if it is one.
    #[inline(always)]
    pub(crate) fn leaf(&self, node: usize) -> Option<usize> {
        let first = self.ranges.len() / 2;
        node.checked_sub(first)
    }

    /// The points of a node.
    #[inline(always)]
    pub(crate) fn rows(&self, node: usize) -> &[u32] {
        let range = &self.ranges[node];
        &self.rows[range.start as usize..range.end as usize]
    }

    /// The panels of a leaf of so many points.
    #[inline(always)]
    pub(crate) fn leaf_panels(
        &self,
        leaf: usize,
        count: usize,
    ) -> std::slice::ChunksExact<'_, f64> {
        let panel = LANES * self.width;
        let start = self.starts[leaf];
        self.panels[start..start + count.div_ceil(LANES) * panel].chunks_exact(panel)
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.ranges.len()
    }

    /// The least sum that a point of the node can have.
    #[inline(always)]
    pub(crate) fn gap<T: Term>(&self, node: usize, query: &[f64]) -> f64 {
        let (low, high) = self.sides(node);
        let mut sum = 0.0;
        for ((&x, &low), &high) in query.iter().zip(low).zip(high) {
            let (below, above) = (low - x, x - high);
            let outside = if below > above { below } else { above };
            sum = T::add(sum, if outside > 0.0 { outside } else { 0.0 });
        }
        sum
    }

    /// The largest sum that a point of the node can have.
    #[inline(always)]
    pub(crate) fn span<T: Term>(&self, node: usize, query: &[f64]) -> f64 {
        let (low, high) = self.sides(node);
        let mut sum = 0.0;
        for ((&x, &low), &high) in query.iter().zip(low).zip(high) {
            let (from_low, from_high) = ((x - low).abs(), (x - high).abs());
            sum = T::add(sum, if from_low > from_high { from_low } else { from_high });
        }
        sum
    }

    #[inline(always)]
    fn sides(&self, node: usize) -> (&[f64], &[f64]) {
        self.boxes[2 * node * self.width..2 * (node + 1) * self.width].split_at(self.width)
    }
}

/// The sums of a query to the points of a panel.
#[inline(always)]
pub(crate) fn panel_sums<T: Term>(query: &[f64], panel: &[f64]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    for (&x, points) in query.iter().zip(panel.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] = T::add(sums[lane], x - points[lane]);
        }
    }
    sums
}

/// The lowest and then the highest value of each coordinate.
fn bounds(points: &Points, rows: &[u32]) -> Vec<f64> {
    let width = points.width();
    let mut bounds = vec![f64::INFINITY; width];
    bounds.resize(2 * width, f64::NEG_INFINITY);
    let (low, high) = bounds.split_at_mut(width);
    for &row in rows {
        for ((low, high), &x) in low.iter_mut().zip(&mut *high).zip(points.point(row as usize)) {
            *low = if x < *low { x } else { *low };
            *high = if x > *high { x } else { *high };
        }
    }
    bounds
}

fn widest(bounds: &[f64]) -> usize {
    let (low, high) = bounds.split_at(bounds.len() / 2);
    let spread = |at: usize| high[at] - low[at];
    (1..low.len()).fold(0, |best, at| if spread(at) > spread(best) { at } else { best })
}

fn halve(points: &Points, rows: &mut [u32], coordinate: usize) {
    let middle = rows.len() / 2;
    if middle == 0 {
        return;
    }
    let value = |row: &u32| points.point(*row as usize)[coordinate];
    rows.select_nth_unstable_by(middle, |a, b| value(a).total_cmp(&value(b)).then(a.cmp(b)));
}
