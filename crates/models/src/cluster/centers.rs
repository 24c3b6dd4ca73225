//! The nearest of some centers for each row, and how far away the others are at least.

use std::marker::PhantomData;

use crate::distance::{
    Filter, GROUP, Kernel, PANEL, Scale, Small, Squared, Term, dispatch, exact, tile,
};
use crate::points::Points;

/// How many rows are answered at once.
pub(super) const CHUNK: usize = 1024;

/// Centers, ready to be compared with rows.
#[derive(Clone, Debug)]
pub(super) struct Centers {
    points: Points,
    filter: Filter,
}

/// What is known of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// The nearest center, the first of them on a tie.
    pub(super) center: u32,
    /// It is not farther than this.
    pub(super) upper: f64,
    /// No other center is nearer than this.
    pub(super) lower: f64,
}

impl Centers {
    /// These centers, on the scale of the rows that they are compared with.
    pub(super) fn new(scale: &Scale, points: Points) -> Self {
        let filter = Filter::new::<Squared>(scale, &points);
        Self { points, filter }
    }

    /// How many panels a row is held against.
    pub(super) fn panels(&self) -> usize {
        self.filter.panels().len()
    }

    /// Where they are.
    pub(super) fn points(&self) -> &Points {
        &self.points
    }

    /// Where the rows at `wanted` belong; `small` are all rows in 32 bits.
    pub(super) fn place(&self, rows: &Points, small: &Small, wanted: &[u32]) -> Vec<Placed> {
        dispatch(Place { centers: self, rows, small, wanted })
    }

    /// The squared distance of each row at `wanted` from the center that it is given.
    pub(super) fn measure(&self, rows: &Points, pairs: &[(u32, u32)]) -> Vec<f64> {
        dispatch(Measure { a: rows, b: &self.points, pairs, term: PhantomData::<Squared> })
    }
}

struct Place<'a> {
    centers: &'a Centers,
    rows: &'a Points,
    small: &'a Small,
    wanted: &'a [u32],
}

impl Kernel for Place<'_> {
    type Output = Vec<Placed>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Vec<Placed> {
        let padded = self.centers.filter.len().next_multiple_of(PANEL);
        let mut sums = vec![0.0f32; GROUP * padded];
        let mut placed = Vec::with_capacity(self.wanted.len());
        for group in self.wanted.chunks(GROUP) {
            let queries = self.small.group(group);
            for (at, panel) in self.centers.filter.panels().enumerate() {
                let tile = tile::<Squared, FUSED>(&queries, panel);
                for (query, found) in tile.iter().enumerate() {
                    let first = query * padded + at * PANEL;
                    sums[first..first + PANEL].copy_from_slice(found);
                }
            }
            for (&row, sums) in group.iter().zip(sums.chunks_exact(padded)) {
                placed.push(self.decide(row as usize, &sums[..self.centers.filter.len()]));
            }
        }
        placed
    }
}

impl Place<'_> {
    /// The nearest center by 32-bit sums where these can tell, else by measuring those that may be.
    #[inline(always)]
    fn decide(&self, row: usize, sums: &[f32]) -> Placed {
        let (mut best, mut least, mut second) = (0, f32::INFINITY, f32::INFINITY);
        for (at, &sum) in sums.iter().enumerate() {
            if sum < least {
                (best, second, least) = (at, least, sum);
            } else if sum < second {
                second = sum;
            }
        }
        let filter = &self.centers.filter;
        let upper = filter.most::<Squared>(self.small, row, least);
        let lower = filter.least::<Squared>(self.small, row, second);
        if upper < lower {
            return Placed { center: best as u32, upper, lower };
        }
        self.measure_all(self.rows.point(row))
    }

    fn measure_all(&self, point: &[f64]) -> Placed {
        let (mut center, mut least, mut second) = (0, f64::INFINITY, f64::INFINITY);
        for (at, other) in (0u32..).zip(self.centers.points.iter()) {
            let sum = exact::<Squared>(point, other);
            if sum < least {
                (center, second, least) = (at, least, sum);
            } else if sum < second {
                second = sum;
            }
        }
        Placed { center, upper: least.sqrt(), lower: second.sqrt() }
    }
}

/// The sums between pairs of points.
pub(super) struct Measure<'a, T> {
    pub(super) a: &'a Points,
    pub(super) b: &'a Points,
    pub(super) pairs: &'a [(u32, u32)],
    pub(super) term: PhantomData<T>,
}

impl<T: Term> Kernel for Measure<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Vec<f64> {
        let mut sums = Vec::with_capacity(self.pairs.len());
        for &(a, b) in self.pairs {
            sums.push(exact::<T>(self.a.point(a as usize), self.b.point(b as usize)));
        }
        sums
    }
}
