//! The nearest of stored rows: by a tree where columns are few, else all of them by the kernel.

use gristmill_core::graph::{Graph, Measure, Value};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kd_tree::KdTree;
use super::metric::Metric;
use super::nearest::Nearest;
use crate::distance::{
    Absolute, Filter, GROUP, Kernel, Largest, PANEL, Scale, Small, Squared, Term, dispatch, exact,
    tile,
};
use crate::points::Points;

/// How the nearest rows are found; all ways find the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// `tree` for up to 15 columns, else `brute`.
    #[default]
    Auto,
    /// Every row is looked at: best for many columns.
    Brute,
    /// A k-d tree leaves most rows out: best for few columns.
    Tree,
}

/// From this many columns on a tree leaves too little out.
const TREE_COLUMNS: usize = 15;

/// How many queries go together.
const CHUNK: usize = 64;

/// Stored rows, ready to be searched.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    metric: Metric,
    points: Points,
    index: Index,
}

#[derive(Clone, Debug)]
enum Index {
    Tree(KdTree),
    Brute { scale: Scale, filter: Filter },
}

/// For each query the same number of rows, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// How many rows each query has.
    pub(crate) k: usize,
    /// `[query, k]`.
    pub(crate) rows: Vec<u32>,
    /// `[query, k]`.
    pub(crate) distances: Vec<f64>,
}

impl Search {
    /// A search among points that the metric has prepared, of which there is at least one.
    pub(crate) fn new(points: Points, metric: Metric, algorithm: Algorithm) -> Self {
        let tree = match algorithm {
            Algorithm::Auto => points.width() <= TREE_COLUMNS,
            Algorithm::Tree => true,
            Algorithm::Brute => false,
        };
        let index = if tree {
            Index::Tree(KdTree::new(&points))
        } else {
            let scale = Scale::of(&points);
            let filter = match metric {
                Metric::Euclidean | Metric::Cosine => Filter::new::<Squared>(&scale, &points),
                Metric::Manhattan => Filter::new::<Absolute>(&scale, &points),
                Metric::Chebyshev => Filter::new::<Largest>(&scale, &points),
            };
            Index::Brute { scale, filter }
        };
        Self { metric, points, index }
    }

    /// The `k` nearest stored points of each row of `x` in a graph: distances and places, nearest
    /// first.
    pub(crate) fn express(&self, graph: &Graph, x: Value, k: usize) -> (Value, Value) {
        let measure = match self.metric {
            Metric::Euclidean | Metric::Cosine => Measure::Squares,
            Metric::Manhattan => Measure::Sizes,
            Metric::Chebyshev => Measure::Greatest,
        };
        let x = self.metric.express(graph, x);
        let (sums, places) = graph.least_ones(graph.distances(x, self.points.values(), measure), k);
        let distances = match self.metric {
            Metric::Euclidean => graph.root(sums),
            Metric::Cosine => graph.multiply(sums, graph.number(0.5)),
            Metric::Manhattan | Metric::Chebyshev => sums,
        };
        (distances, places)
    }

    /// The stored points.
    pub(crate) fn points(&self) -> &Points {
        &self.points
    }

    /// The `k` nearest stored points of each of `queries`, which the metric has prepared; of those
    /// at equal distance as many as are needed. `k` is at most the number of stored points.
    pub(crate) fn nearest(&self, queries: &Points, k: usize) -> Found {
        match self.metric {
            Metric::Euclidean | Metric::Cosine => self.nearest_by::<Squared>(queries, k),
            Metric::Manhattan => self.nearest_by::<Absolute>(queries, k),
            Metric::Chebyshev => self.nearest_by::<Largest>(queries, k),
        }
    }

    fn nearest_by<T: Term>(&self, queries: &Points, k: usize) -> Found {
        let chunks: Vec<Vec<(f64, u32)>> = queries
            .values()
            .par_chunks(CHUNK * queries.width())
            .map(|chunk| {
                let queries = Points::new(queries.width(), chunk.to_vec());
                match &self.index {
                    Index::Tree(tree) => dispatch(ByTree::<T> {
                        tree,
                        queries: &queries,
                        k,
                        term: Default::default(),
                    }),
                    Index::Brute { scale, filter } => dispatch(ByFilter::<T> {
                        points: &self.points,
                        filter,
                        small: scale.shrink::<T>(&queries),
                        queries: &queries,
                        k,
                        term: Default::default(),
                    }),
                }
            })
            .collect();
        let found = || chunks.iter().flatten();
        let distances = found().map(|found| self.metric.finish(T::root(found.0))).collect();
        Found { k, rows: found().map(|found| found.1).collect(), distances }
    }
}

struct ByTree<'a, T> {
    tree: &'a KdTree,
    queries: &'a Points,
    k: usize,
    term: std::marker::PhantomData<T>,
}

impl<T: Term> Kernel for ByTree<'_, T> {
    type Output = Vec<(f64, u32)>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Self::Output {
        let mut all = Vec::with_capacity(self.queries.len() * self.k);
        for query in self.queries.iter() {
            let mut nearest = Nearest::new(self.k);
            self.tree.search::<T>(query, &mut nearest);
            all.extend_from_slice(nearest.found());
        }
        all
    }
}

struct ByFilter<'a, T> {
    points: &'a Points,
    filter: &'a Filter,
    queries: &'a Points,
    small: Small,
    k: usize,
    term: std::marker::PhantomData<T>,
}

impl<T: Term> Kernel for ByFilter<'_, T> {
    type Output = Vec<(f64, u32)>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Self::Output {
        let count = self.queries.len();
        let mut nearest = vec![Nearest::new(self.k); count];
        let mut limits = vec![f32::INFINITY; count];
        let rows: Vec<u32> = (0..count as u32).collect();
        // A panel stays in the processor's cache while all queries pass by.
        for (at, panel) in self.filter.panels().enumerate() {
            for group in rows.chunks(GROUP) {
                let sums = tile::<T, FUSED>(&self.small.group(group), panel);
                for (sums, &query) in sums.iter().zip(group) {
                    let query = query as usize;
                    if least(sums) <= limits[query] {
                        self.measure(query, at * PANEL, sums, &mut limits, &mut nearest[query]);
                    }
                }
            }
        }
        nearest.iter().flat_map(Nearest::found).copied().collect()
    }
}

impl<T: Term> ByFilter<'_, T> {
    /// Measures the points of a panel that the filter leaves.
    #[inline(always)]
    fn measure(
        &self,
        query: usize,
        first: usize,
        sums: &[f32; PANEL],
        limits: &mut [f32],
        nearest: &mut Nearest,
    ) {
        for (row, &sum) in (first..self.filter.len()).zip(sums) {
            if sum <= limits[query] {
                let sum = exact::<T>(self.queries.point(query), self.points.point(row));
                nearest.offer(sum, row as u32);
                limits[query] = self.filter.limit::<T>(&self.small, query, nearest.limit());
            }
        }
    }
}

#[inline(always)]
fn least(sums: &[f32; PANEL]) -> f32 {
    let mut least = *sums;
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            least[lane] =
                if least[lane + half] < least[lane] { least[lane + half] } else { least[lane] };
        }
    }
    least[0]
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::*;

    fn points(seed: u64, rows: usize, width: usize) -> Points {
        let mut random = Seed(seed).random();
        // Rounded, so that some distances are equal.
        let values = (0..rows * width).map(|_| (random.normal() * 8.0).round()).collect();
        Points::new(width, values)
    }

    fn by_hand<T: Term>(stored: &Points, query: &[f64], k: usize) -> Vec<f64> {
        let mut all: Vec<f64> = stored.iter().map(|p| T::root(exact::<T>(query, p))).collect();
        all.sort_by(f64::total_cmp);
        all.truncate(k);
        all
    }

    #[track_caller]
    fn check<T: Term>(metric: Metric, width: usize) {
        let (stored, queries) = (points(1, 500, width), points(2, 70, width));
        for algorithm in [Algorithm::Brute, Algorithm::Tree] {
            let search = Search::new(stored.clone(), metric, algorithm);
            let found = search.nearest(&queries, 7);
            for (at, query) in queries.iter().enumerate() {
                let expected = by_hand::<T>(&stored, query, 7);
                let distances = &found.distances[at * 7..(at + 1) * 7];
                for (found, expected) in distances.iter().zip(&expected) {
                    assert!((found - expected).abs() < 1e-12 * expected.max(1.0), "{algorithm:?}");
                }
            }
        }
    }

    #[test]
    fn every_algorithm_finds_the_nearest() {
        for width in [1, 2, 9, 40] {
            check::<Squared>(Metric::Euclidean, width);
            check::<Absolute>(Metric::Manhattan, width);
            check::<Largest>(Metric::Chebyshev, width);
        }
    }

    #[test]
    fn a_million_equal_rows_are_searched_at_once() {
        let stored = Points::new(1, vec![7.0; 1_000_000]);
        let search = Search::new(stored, Metric::Euclidean, Algorithm::Auto);
        let found = search.nearest(&Points::new(1, vec![7.0; 10_000]), 5);
        assert!(found.distances.iter().all(|d| *d == 0.0));
    }
}
