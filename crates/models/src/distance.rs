//! Distances between many points: one kernel in 64 bits that is exact, and one in 32 bits that
//! rules out most points before it.
//!
//! The 32-bit kernel never decides anything: it comes with a bound on its error, and whatever it
//! cannot rule out is measured again in 64 bits. So answers do not depend on how points were put
//! together, nor on the processor.
//! Bounds on rounding: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd edition, 3.1.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::points::Points;

/// How many points stand side by side in a panel.
pub(crate) const PANEL: usize = 16;

/// How many queries are held against a panel at once.
pub(crate) const GROUP: usize = 4;

/// How the differences of coordinates add up. Sums are kept as they are (`sum`), and become a
/// distance by `root`.
pub(crate) trait Term: Copy + Send + Sync + 'static {
    /// `sum` and one more difference.
    fn add(sum: f64, difference: f64) -> f64;
    /// The same in 32 bits; `FUSED` where the processor multiplies and adds in one step.
    fn add_32<const FUSED: bool>(sum: f32, difference: f32) -> f32;
    /// The sum of two sums.
    fn join(a: f64, b: f64) -> f64;
    /// The distance that a sum stands for.
    fn root(sum: f64) -> f64;
    /// The sum that a distance has.
    fn raise(distance: f64) -> f64;
}

/// Σ d²: the distance of Euclid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squared;

/// Σ |d|: the distance along the axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Absolute;

/// max |d|: the distance of Chebyshev.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Largest;

impl Term for Squared {
    #[inline(always)]
    fn add(sum: f64, difference: f64) -> f64 {
        sum + difference * difference
    }
    #[inline(always)]
    fn add_32<const FUSED: bool>(sum: f32, difference: f32) -> f32 {
        if FUSED { difference.mul_add(difference, sum) } else { sum + difference * difference }
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a + b
    }
    fn root(sum: f64) -> f64 {
        sum.sqrt()
    }
    fn raise(distance: f64) -> f64 {
        distance * distance
    }
}

impl Term for Absolute {
    #[inline(always)]
    fn add(sum: f64, difference: f64) -> f64 {
        sum + difference.abs()
    }
    #[inline(always)]
    fn add_32<const FUSED: bool>(sum: f32, difference: f32) -> f32 {
        sum + difference.abs()
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a + b
    }
    fn root(sum: f64) -> f64 {
        sum
    }
    fn raise(distance: f64) -> f64 {
        distance
    }
}

impl Term for Largest {
    #[inline(always)]
    fn add(sum: f64, difference: f64) -> f64 {
        let size = difference.abs();
        if size > sum { size } else { sum }
    }
    #[inline(always)]
    fn add_32<const FUSED: bool>(sum: f32, difference: f32) -> f32 {
        let size = difference.abs();
        if size > sum { size } else { sum }
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        if a > b { a } else { b }
    }
    fn root(sum: f64) -> f64 {
        sum
    }
    fn raise(distance: f64) -> f64 {
        distance
    }
}

/// The sum over the coordinates of two points, in 64 bits. Terms are added in an order that
/// depends on the number of coordinates alone.
#[inline(always)]
pub(crate) fn exact<T: Term>(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
    let mut lanes = [0.0; LANES];
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] = T::add(lanes[lane], a[lane] - b[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(0.0, |sum, (a, b)| T::add(sum, a - b));
    let halves = [0, 1, 2, 3].map(|lane| T::join(lanes[lane], lanes[lane + 4]));
    let quarters = [T::join(halves[0], halves[2]), T::join(halves[1], halves[3])];
    T::join(T::join(quarters[0], quarters[1]), rest)
}

/// Work that is compiled anew for what the processor at hand can do.
pub(crate) trait Kernel {
    /// What comes out.
    type Output;
    /// Does it; `FUSED` where multiplying and adding is one step. It and what it calls must be
    /// `#[inline(always)]`.
    fn run<const FUSED: bool>(self) -> Self::Output;
}

/// Runs a kernel with the widest instructions there are.
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    struct Widest<K>(K);
    impl<K: Kernel> WithSimd for Widest<K> {
        type Output = K::Output;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> K::Output {
            if S::IS_SCALAR { self.0.run::<false>() } else { self.0.run::<true>() }
        }
    }
    pulp::Arch::new().dispatch(Widest(kernel))
}

/// Where 32-bit coordinates have their zero and their unit: at the middle of some points, so that
/// none of these is farther than 1 from it in any coordinate.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    center: Vec<f64>,
    factor: f64,
}

impl Scale {
    /// The scale of these points.
    pub(crate) fn of(points: &Points) -> Self {
        let (low, high) = points.extremes();
        let center = low.iter().zip(&high).map(|(low, high)| low / 2.0 + high / 2.0).collect();
        let reach = low.iter().zip(&high).map(|(low, high)| high / 2.0 - low / 2.0);
        let reach = reach.fold(0.0, f64::max);
        Self { center, factor: if reach > 1e-100 { 1.0 / reach } else { 1.0 } }
    }

    /// Points in 32 bits.
    pub(crate) fn shrink<T: Term>(&self, points: &Points) -> Small {
        let width = points.width();
        let mut values = vec![0.0; points.values().len()];
        let mut sizes = vec![0.0; points.len()];
        let shrink = |from: &[f64], to: &mut [f32]| {
            let mut sum = 0.0;
            for ((x, center), to) in from.iter().zip(&self.center).zip(to) {
                let scaled = (x - center) * self.factor;
                sum = T::add(sum, scaled);
                *to = scaled as f32;
            }
            T::root(sum)
        };
        let fill = |((values, sizes), points): ((&mut [f32], &mut [f64]), &[f64])| {
            let each = values.chunks_exact_mut(width).zip(points.chunks_exact(width));
            sizes.iter_mut().zip(each).for_each(|(size, (to, from))| *size = shrink(from, to));
        };
        if points.len() <= BLOCK_POINTS {
            // Another thread would take longer to wake than so few take.
            fill(((&mut values, &mut sizes), points.values()));
        } else {
            values
                .par_chunks_mut(BLOCK_POINTS * width)
                .zip(sizes.par_chunks_mut(BLOCK_POINTS))
                .zip(points.values().par_chunks(BLOCK_POINTS * width))
                .for_each(fill);
        }
        Small { width, values, sizes }
    }
}

/// Points in 32 bits, and how far each is from the middle.
#[derive(Clone, Debug)]
pub(crate) struct Small {
    width: usize,
    values: Vec<f32>,
    sizes: Vec<f64>,
}

impl Small {
    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// The coordinates of one point.
    pub(crate) fn point(&self, at: usize) -> &[f32] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// The points at `rows`; the last one again and again where there are fewer than a group.
    #[inline(always)]
    pub(crate) fn group(&self, rows: &[u32]) -> [&[f32]; GROUP] {
        let row = |at: usize| self.point(rows[at.min(rows.len() - 1)] as usize);
        [row(0), row(1), row(2), row(3)]
    }
}

/// Points in 32 bits side by side, with a bound on the error of distances to them.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    width: usize,
    count: usize,
    factor: f64,
    /// The largest distance of one of the points from the middle.
    largest: f64,
    /// `[panel, coordinate, PANEL]`; what is beyond the last point is infinitely far away.
    panels: Vec<f32>,
}

impl Filter {
    /// A filter for these points.
    pub(crate) fn new<T: Term>(scale: &Scale, points: &Points) -> Self {
        let small = scale.shrink::<T>(points);
        let (width, count) = (small.width, small.len());
        let mut panels = vec![f32::INFINITY; count.div_ceil(PANEL) * PANEL * width];
        for (at, point) in small.values.chunks_exact(width).enumerate() {
            let panel = &mut panels[at / PANEL * PANEL * width..];
            for (coordinate, &value) in point.iter().enumerate() {
                panel[coordinate * PANEL + at % PANEL] = value;
            }
        }
        let largest = small.sizes.iter().copied().fold(0.0, f64::max);
        Self { width, count, factor: scale.factor, largest, panels }
    }

    /// How many points there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The panels in order.
    pub(crate) fn panels(&self) -> std::slice::ChunksExact<'_, f32> {
        self.panels.chunks_exact(PANEL * self.width)
    }

    /// The largest 32-bit sum that a point can have whose sum in 64 bits is at most `sum`, seen
    /// from the query at this position.
    pub(crate) fn limit<T: Term>(&self, queries: &Small, query: usize, sum: f64) -> f32 {
        let distance = T::root(sum) * self.factor + self.slack(queries, query);
        let limit = T::raise(distance) * (1.0 + self.growth()) + self.dust();
        if limit < f64::from(f32::MAX) { (limit * (1.0 + 1e-6)) as f32 } else { f32::INFINITY }
    }

    /// The least distance in 64 bits that a point can have whose 32-bit sum is `sum`.
    pub(crate) fn least<T: Term>(&self, queries: &Small, query: usize, sum: f32) -> f64 {
        let sum = ((f64::from(sum) - self.dust()) / (1.0 + self.growth())).max(0.0);
        // A sum beyond 32 bits says that the point is at least as far as they reach.
        let distance = T::root(sum.min(f64::from(f32::MAX) / 2.0)) - self.slack(queries, query);
        (distance / self.factor * (1.0 - 1e-9)).max(0.0)
    }

    /// The largest distance in 64 bits that a point can have whose 32-bit sum is `sum`.
    pub(crate) fn most<T: Term>(&self, queries: &Small, query: usize, sum: f32) -> f64 {
        let sum = (f64::from(sum) + self.dust()) * (1.0 + self.growth());
        (T::root(sum) + self.slack(queries, query)) / self.factor * (1.0 + 1e-9)
    }

    /// How much the coordinates move a distance when they lose their last bits.
    fn slack(&self, queries: &Small, query: usize) -> f64 {
        3.0 * ROUNDING * (queries.sizes[query] + self.largest)
    }

    /// How much adding up in 32 bits changes a sum, as a share of it.
    fn growth(&self) -> f64 {
        2.0 * (self.width + 8) as f64 * ROUNDING
    }

    /// How much is lost where terms are too small for 32 bits.
    fn dust(&self) -> f64 {
        f64::from(f32::MIN_POSITIVE) * (self.width + 8) as f64
    }
}

/// How many points are turned to 32 bits by one thread at once.
const BLOCK_POINTS: usize = 2048;

/// Half of the distance from 1 to the next 32-bit number.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;

/// The 32-bit sums of a group of queries to the points of one panel.
#[inline(always)]
pub(crate) fn tile<T: Term, const FUSED: bool>(
    queries: &[&[f32]; GROUP],
    panel: &[f32],
) -> [[f32; PANEL]; GROUP] {
    let mut sums = [[0.0f32; PANEL]; GROUP];
    let [a, b, c, d] = queries;
    let (panel, _) = panel.as_chunks::<PANEL>();
    for ((((points, a), b), c), d) in panel.iter().zip(*a).zip(*b).zip(*c).zip(*d) {
        let x = [*a, *b, *c, *d];
        for query in 0..GROUP {
            for lane in 0..PANEL {
                let difference = x[query] - points[lane];
                sums[query][lane] = T::add_32::<FUSED>(sums[query][lane], difference);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::*;

    fn points(seed: u64, rows: usize, width: usize, spread: f64) -> Points {
        let mut random = Seed(seed).random();
        let values = (0..rows * width).map(|_| 1e3 + spread * random.normal()).collect();
        Points::new(width, values)
    }

    #[test] // by hand: 3² + 4², |3| + |4|, max(3, 4)
    fn sums_are_those_of_the_metric() {
        let (a, b) = ([1.0, 2.0], [4.0, 6.0]);
        assert_eq!(exact::<Squared>(&a, &b), 25.0);
        assert_eq!(exact::<Absolute>(&a, &b), 7.0);
        assert_eq!(exact::<Largest>(&a, &b), 4.0);
    }

    struct Sums<'a, T>(&'a Filter, &'a Small, T);
    impl<T: Term> Kernel for Sums<'_, T> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<const FUSED: bool>(self) -> Vec<f32> {
            let group = self.1.group(&[0]);
            self.0.panels().flat_map(|panel| tile::<T, FUSED>(&group, panel)[0]).collect()
        }
    }

    #[track_caller]
    fn check_bounds<T: Term>(term: T, width: usize, spread: f64) {
        let (stored, query) = (points(1, 50, width, spread), points(2, 1, width, spread * 3.0));
        let scale = Scale::of(&stored);
        let filter = Filter::new::<T>(&scale, &stored);
        let small = scale.shrink::<T>(&query);
        let sums = dispatch(Sums(&filter, &small, term));
        for (point, &sum) in stored.iter().zip(&sums) {
            let truth = exact::<T>(query.point(0), point);
            assert!(sum <= filter.limit::<T>(&small, 0, truth), "{sum} is ruled out by {truth}");
            let least = filter.least::<T>(&small, 0, sum);
            assert!(least <= T::root(truth), "{least} is not below {}", T::root(truth));
            let most = filter.most::<T>(&small, 0, sum);
            assert!(most >= T::root(truth), "{most} is not above {}", T::root(truth));
        }
    }

    #[test]
    fn no_point_is_ruled_out_by_rounding() {
        for width in [1, 3, 16, 300] {
            for spread in [1e-9, 1e-3, 1.0, 1e6, 1e99] {
                check_bounds(Squared, width, spread);
                check_bounds(Absolute, width, spread);
                check_bounds(Largest, width, spread);
            }
        }
    }
}
