//! The first centers: rows drawn far from one another.
//! Method: Arthur and Vassilvitskii, *k-means++: The Advantages of Careful Seeding*, SODA 2007, with
//! several draws for each center of which the best one stays, as in scikit-learn. Rows that the
//! best one cannot reach are told by the triangle inequality, after Elkan, ICML 2003.

use gristmill_core::Random;
use rayon::prelude::*;

use super::lloyd::Ground;
use crate::distance::{Filter, GROUP, Kernel, PANEL, Squared, dispatch, exact, tile};
use crate::points::{Points, Sample};

/// How many rows are summed up together.
const CHUNK: usize = 4096;

/// Up to `count` different rows as centers; fewer where there are fewer different rows.
pub(super) fn seeds(ground: &Ground<'_>, count: usize, random: &mut Random) -> Points {
    let mut seeding = Seeding::new(ground, random);
    let draws = (2 + (count as f64).ln() as usize).min(PANEL);
    while seeding.centers.len() < count {
        let candidates: Vec<u32> = (0..draws).filter_map(|_| seeding.draw(random)).collect();
        if candidates.is_empty() {
            break;
        }
        let totals = seeding.totals_with(&candidates);
        let best = (1..totals.len()).fold(0, |b, at| if totals[at] < totals[b] { at } else { b });
        seeding.add(candidates[best] as usize);
    }
    ground.sample.points.take(&seeding.centers)
}

struct Seeding<'a> {
    ground: &'a Ground<'a>,
    sample: &'a Sample,
    centers: Vec<u32>,
    /// The squared distance of each row from the nearest center, and which one that is.
    sums: Vec<f64>,
    nearest: Vec<u32>,
    /// Σ weight · squared distance of each chunk of rows.
    totals: Vec<f64>,
}

impl<'a> Seeding<'a> {
    fn new(ground: &'a Ground<'a>, random: &mut Random) -> Self {
        let sample = ground.sample;
        let rows = sample.points.len();
        let first = match &sample.weights {
            None => random.below(rows),
            Some(weights) => {
                let all: f64 = weights.iter().sum();
                pick(weights.iter().copied(), random.unit() * all).unwrap_or(0)
            }
        };
        let mut seeding = Self {
            ground,
            sample,
            centers: Vec::new(),
            sums: vec![f64::INFINITY; rows],
            nearest: vec![0; rows],
            totals: Vec::new(),
        };
        seeding.add(first);
        seeding
    }

    /// A row drawn by weight times squared distance; nothing when every row is a center.
    fn draw(&self, random: &mut Random) -> Option<u32> {
        let all: f64 = self.totals.iter().sum();
        let mut wanted = random.unit() * all;
        let chunk = pick(self.totals.iter().copied(), wanted)?;
        wanted -= self.totals[..chunk].iter().sum::<f64>();
        let first = chunk * CHUNK;
        let rows = first..(first + CHUNK).min(self.sums.len());
        let shares = rows.map(|row| self.sums[row] * self.sample.weight(row));
        pick(shares, wanted).map(|at| (first + at) as u32)
    }

    /// Σ weight · squared distance when each of the candidates is one more center.
    fn totals_with(&self, candidates: &[u32]) -> Vec<f64> {
        let candidates = self.sample.points.take(candidates);
        let filter = Filter::new::<Squared>(&self.ground.scale, &candidates);
        let chunks: Vec<[f64; PANEL]> = (0..self.totals.len())
            .into_par_iter()
            .map(|chunk| {
                let rows =
                    (chunk * CHUNK) as u32..((chunk + 1) * CHUNK).min(self.sums.len()) as u32;
                let (candidates, filter) = (&candidates, &filter);
                dispatch(Totals { seeding: self, candidates, filter, rows: rows.collect() })
            })
            .collect();
        (0..candidates.len()).map(|at| chunks.iter().map(|totals| totals[at]).sum()).collect()
    }

    /// The squared distance of a row from each center.
    fn reach(&self, row: usize) -> Vec<f64> {
        let point = self.sample.points.point(row);
        let center = |&center: &u32| self.sample.points.point(center as usize);
        self.centers.iter().map(|c| exact::<Squared>(point, center(c))).collect()
    }

    fn add(&mut self, row: usize) {
        let (reach, center) = (self.reach(row), self.centers.len() as u32);
        self.centers.push(row as u32);
        let sample = self.sample;
        self.totals = self
            .sums
            .par_chunks_mut(CHUNK)
            .zip(self.nearest.par_chunks_mut(CHUNK))
            .enumerate()
            .map(|(chunk, (sums, nearest))| {
                let first = chunk * CHUNK;
                dispatch(Add { sample, row, center, reach: &reach, first, sums, nearest })
            })
            .collect();
    }
}

/// Whether a row at this squared distance from its center can be nearer to a point at that squared
/// distance from the same center: |x − p| ≥ |p − c| − |x − c|.
#[inline(always)]
fn can_be_nearer(own: f64, reach: f64) -> bool {
    reach < 4.0 * own * (1.0 + 1e-9)
}

struct Totals<'a> {
    seeding: &'a Seeding<'a>,
    candidates: &'a Points,
    filter: &'a Filter,
    rows: Vec<u32>,
}

impl Kernel for Totals<'_> {
    type Output = [f64; PANEL];

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> [f64; PANEL] {
        let Seeding { ground, sample, sums, .. } = self.seeding;
        let mut totals = [0.0; PANEL];
        let Some(panel) = self.filter.panels().next() else { return totals };
        for group in self.rows.chunks(GROUP) {
            let tile = tile::<Squared, FUSED>(&ground.small.group(group), panel);
            for (found, &row) in tile.iter().zip(group) {
                let (row, own) = (row as usize, sums[row as usize]);
                let limit = self.filter.limit::<Squared>(&ground.small, row, own);
                let weight = sample.weight(row);
                totals.iter_mut().for_each(|total| *total += own * weight);
                for at in (0..self.candidates.len()).filter(|&at| found[at] <= limit) {
                    let point = (sample.points.point(row), self.candidates.point(at));
                    let gain = own - exact::<Squared>(point.0, point.1);
                    totals[at] -= if gain > 0.0 { gain * weight } else { 0.0 };
                }
            }
        }
        totals
    }
}

struct Add<'a> {
    sample: &'a Sample,
    row: usize,
    center: u32,
    reach: &'a [f64],
    first: usize,
    sums: &'a mut [f64],
    nearest: &'a mut [u32],
}

impl Kernel for Add<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> f64 {
        let center = self.sample.points.point(self.row);
        let mut total = 0.0;
        for (at, (sum, nearest)) in self.sums.iter_mut().zip(self.nearest).enumerate() {
            let row = self.first + at;
            // The first center finds no other one to compare it with.
            let reach = self.reach.get(*nearest as usize).copied().unwrap_or(0.0);
            if can_be_nearer(*sum, reach) {
                let found = exact::<Squared>(self.sample.points.point(row), center);
                if found < *sum {
                    (*sum, *nearest) = (found, self.center);
                }
            }
            total += *sum * self.sample.weight(row);
        }
        total
    }
}

/// The first position at which the shares so far exceed `wanted`; the last one above 0 where
/// rounding leaves none, and nothing where none is above 0.
fn pick(shares: impl Iterator<Item = f64>, mut wanted: f64) -> Option<usize> {
    let mut last = None;
    for (at, share) in shares.enumerate().filter(|(_, share)| *share > 0.0) {
        if wanted < share {
            return Some(at);
        }
        wanted -= share;
        last = Some(at);
    }
    last
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::*;

    fn sample(values: &[f64]) -> Sample {
        let kept = (0..values.len() as u32).collect();
        Sample { points: Points::new(1, values.to_vec()), kept, weights: None }
    }

    #[test]
    fn every_different_row_is_drawn_once() {
        let values = [1.0, 1.0, 5.0, 5.0, 5.0, 9.0];
        let found = seeds(&Ground::new(&sample(&values)), 6, &mut Seed(1).random());
        let mut found = found.values().to_vec();
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [1.0, 5.0, 9.0]);
    }

    #[test] // by hand: three far groups
    fn far_groups_get_a_center_each() {
        let values: Vec<f64> = (0..300).map(|i| f64::from(i % 3) * 1e6 + f64::from(i)).collect();
        let found = seeds(&Ground::new(&sample(&values)), 3, &mut Seed(3).random());
        let mut groups: Vec<i64> = found.values().iter().map(|v| (v / 1e6) as i64).collect();
        groups.sort_unstable();
        assert_eq!(groups, [0, 1, 2]);
    }
}
