//! Centers moved to the middle of their rows until they stay.
//! Method: Lloyd, *Least Squares Quantization in PCM*, 1982; rows that cannot have changed their
//! center are told by bounds, after Hamerly, *Making k-means Even Faster*, SDM 2010.

use gristmill_core::{Error, Result, fold_chunks};
use rayon::prelude::*;

use super::centers::{CHUNK, Centers, Placed};
use crate::distance::{Scale, Small, Squared, exact};
use crate::points::{Points, Sample};

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_iter: usize,
    /// Σ squared moves of the centers that counts as none.
    pub(super) moved: f64,
}

/// Where the centers came to rest.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) centers: Points,
    /// The center of each row.
    pub(super) labels: Vec<u32>,
    /// Σ weight · squared distance from the nearest center.
    pub(super) inertia: f64,
    /// Whether they did within `max_iter` moves.
    pub(super) converged: bool,
}

/// Rows in both precisions.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) sample: &'a Sample,
    pub(super) scale: Scale,
    pub(super) small: Small,
}

impl<'a> Ground<'a> {
    /// The rows of a sample.
    pub(super) fn new(sample: &'a Sample) -> Self {
        let scale = Scale::of(&sample.points);
        let small = scale.shrink::<Squared>(&sample.points);
        Self { sample, scale, small }
    }
}

/// Moves `centers` until they stay.
///
/// # Errors
/// [`Error::Bug`] when a promise within is broken.
pub(super) fn settle(ground: &Ground<'_>, centers: Points, limits: &Limits) -> Result<Settled> {
    let mut lloyd = Lloyd::new(ground, centers);
    let mut converged = false;
    for _ in 0..limits.max_iter {
        if lloyd.assign()? == 0 {
            converged = true;
            break;
        }
        if lloyd.step() <= limits.moved {
            converged = true;
            break;
        }
    }
    lloyd.assign()?;
    let inertia = lloyd.inertia()?;
    let centers = lloyd.centers.points().clone();
    let labels = lloyd.rows.into_iter().map(|row| row.center).collect();
    Ok(Settled { centers, labels, inertia, converged })
}

struct Lloyd<'a> {
    ground: &'a Ground<'a>,
    centers: Centers,
    rows: Vec<Placed>,
    sums: Sums,
    /// Half of the distance of each center from the next one.
    halves: Vec<f64>,
}

/// The sums of the rows of each center.
#[derive(Clone, Debug)]
struct Sums {
    /// `[center, coordinate]`.
    sums: Vec<f64>,
    weights: Vec<f64>,
    rows: Vec<u64>,
}

impl Sums {
    fn new(centers: &Points) -> Self {
        Self {
            sums: vec![0.0; centers.values().len()],
            weights: vec![0.0; centers.len()],
            rows: vec![0; centers.len()],
        }
    }

    fn add(&mut self, center: u32, point: &[f64], weight: f64) {
        let at = center as usize;
        let into = &mut self.sums[at * point.len()..(at + 1) * point.len()];
        into.iter_mut().zip(point).for_each(|(sum, x)| *sum += weight * x);
        self.weights[at] += weight;
    }

    fn merge(mut self, later: Self) -> Self {
        self.sums.iter_mut().zip(&later.sums).for_each(|(a, b)| *a += b);
        self.weights.iter_mut().zip(&later.weights).for_each(|(a, b)| *a += b);
        self.rows.iter_mut().zip(&later.rows).for_each(|(a, b)| *a += b);
        self
    }
}

/// A row that has another center than before.
#[derive(Clone, Copy, Debug)]
struct Changed {
    row: u32,
    before: u32,
}

/// Bounds are added up in 64 bits; this covers what that loses.
const CAUTION: f64 = 1.0 + 1e-12;

impl<'a> Lloyd<'a> {
    fn new(ground: &'a Ground<'a>, centers: Points) -> Self {
        let unknown = Placed { center: u32::MAX, upper: f64::INFINITY, lower: 0.0 };
        let rows = vec![unknown; ground.sample.points.len()];
        let (sums, halves) = (Sums::new(&centers), vec![0.0; centers.len()]);
        Self { ground, centers: Centers::new(&ground.scale, centers), rows, sums, halves }
    }

    /// Gives each row its nearest center; says how many rows have another one than before.
    fn assign(&mut self) -> Result<usize> {
        let (ground, centers, halves) = (self.ground, &self.centers, &self.halves);
        let changed: Vec<Vec<Changed>> = self
            .rows
            .par_chunks_mut(CHUNK)
            .enumerate()
            .map(|(chunk, rows)| {
                let first = (chunk * CHUNK) as u32;
                let wanted = uncertain(ground, centers, halves, rows, first);
                let placed = centers.place(&ground.sample.points, &ground.small, &wanted);
                let mut changed = Vec::new();
                for (row, placed) in wanted.into_iter().zip(placed) {
                    let known = &mut rows[(row - first) as usize];
                    if known.center != placed.center {
                        changed.push(Changed { row, before: known.center });
                    }
                    *known = placed;
                }
                changed
            })
            .collect();
        let changed = changed.concat();
        self.count(&changed)?;
        Ok(changed.len())
    }

    /// Brings the sums up to date: row by row where few have changed, else from nothing.
    fn count(&mut self, changed: &[Changed]) -> Result<()> {
        let (sample, rows) = (self.ground.sample, &self.rows);
        if changed.len() < rows.len() / 8 {
            for &Changed { row, before } in changed {
                let (row, after) = (row as usize, rows[row as usize].center);
                let (point, weight) = (sample.points.point(row), sample.weight(row));
                self.sums.add(before, point, -weight);
                self.sums.rows[before as usize] -= 1;
                self.sums.add(after, point, weight);
                self.sums.rows[after as usize] += 1;
            }
            return Ok(());
        }
        let centers = self.centers.points();
        let chunk = |range: std::ops::Range<usize>| {
            let mut sums = Sums::new(centers);
            for row in range {
                sums.add(rows[row].center, sample.points.point(row), sample.weight(row));
                sums.rows[rows[row].center as usize] += 1;
            }
            Ok(sums)
        };
        self.sums = fold_chunks(rows.len(), chunk, |left, right| Ok(left.merge(right)))?;
        Ok(())
    }

    /// Moves each center to the middle of its rows; gives Σ squared moves.
    fn step(&mut self) -> f64 {
        let old = self.centers.points();
        let mut means = self.sums.sums.clone();
        for (at, mean) in means.chunks_exact_mut(old.width()).enumerate() {
            match self.sums.rows[at] > 0 {
                true => mean.iter_mut().for_each(|sum| *sum /= self.sums.weights[at]),
                false => mean.copy_from_slice(old.point(at)),
            }
        }
        let mut new = Points::new(old.width(), means);
        self.fill_empty(&mut new);
        let pairs = old.iter().zip(new.iter());
        let moves: Vec<f64> = pairs.map(|(a, b)| exact::<Squared>(a, b).sqrt()).collect();
        self.loosen(&moves);
        self.halves = halves(&new);
        self.centers = Centers::new(&self.ground.scale, new);
        moves.iter().map(|m| m * m).sum()
    }

    /// Puts centers without rows where rows are farthest from theirs.
    fn fill_empty(&self, centers: &mut Points) {
        let empty: Vec<usize> = (0..centers.len()).filter(|&at| self.sums.rows[at] == 0).collect();
        if empty.is_empty() {
            return;
        }
        let mut far: Vec<(f64, usize)> = self.distances().into_iter().zip(0..).collect();
        far.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let width = centers.width();
        for (&at, &(_, row)) in empty.iter().zip(far.iter().filter(|(sum, _)| *sum > 0.0)) {
            let point = self.ground.sample.points.point(row);
            centers.values_mut()[at * width..(at + 1) * width].copy_from_slice(point);
        }
    }

    /// What the moves of the centers leave of what was known.
    fn loosen(&mut self, moves: &[f64]) {
        let farthest = (0..moves.len()).fold(0, |b, at| if moves[at] > moves[b] { at } else { b });
        let others = (0..moves.len()).filter(|&at| at != farthest);
        let second = others.fold(0.0, |most: f64, at| most.max(moves[at]));
        self.rows.par_iter_mut().with_min_len(CHUNK).for_each(|row| {
            let center = row.center as usize;
            row.upper = (row.upper + moves[center]) * CAUTION;
            let other = if center == farthest { second } else { moves[farthest] };
            row.lower -= other * CAUTION;
        });
    }

    /// The squared distance of each row from its center.
    fn distances(&self) -> Vec<f64> {
        let chunks = self.rows.par_chunks(CHUNK).enumerate().map(|(chunk, rows)| {
            let first = (chunk * CHUNK) as u32;
            let pairs: Vec<_> = (first..).zip(rows).map(|(row, b)| (row, b.center)).collect();
            self.centers.measure(&self.ground.sample.points, &pairs)
        });
        chunks.collect::<Vec<_>>().concat()
    }

    fn inertia(&self) -> Result<f64> {
        let (sums, sample) = (self.distances(), self.ground.sample);
        let chunk = |rows: std::ops::Range<usize>| {
            Ok(rows.map(|row| sums[row] * sample.weight(row)).sum::<f64>())
        };
        let inertia = fold_chunks(sums.len(), chunk, |a, b| Ok(a + b))?;
        match inertia.is_finite() {
            true => Ok(inertia),
            false => Err(Error::Bug("the rows are infinitely far from their centers".into())),
        }
    }
}

/// The rows of a chunk whose bounds do not tell their center.
fn uncertain(
    ground: &Ground<'_>,
    centers: &Centers,
    halves: &[f64],
    rows: &mut [Placed],
    first: u32,
) -> Vec<u32> {
    let known = |row: &Placed| {
        let safe = halves.get(row.center as usize).is_some_and(|half| row.upper <= *half);
        safe || row.upper <= row.lower
    };
    let at = |row: u32| (row - first) as usize;
    let doubtful: Vec<u32> = (first..)
        .zip(&*rows)
        .filter(|(_, known_row)| !known(known_row))
        .map(|(row, _)| row)
        .collect();
    // With few centers it costs less to compare a row with all of them than to measure it first.
    if centers.panels() < 3 || doubtful.iter().any(|&row| rows[at(row)].center == u32::MAX) {
        return doubtful;
    }
    let pairs: Vec<(u32, u32)> = doubtful.iter().map(|&row| (row, rows[at(row)].center)).collect();
    for (&row, sum) in doubtful.iter().zip(centers.measure(&ground.sample.points, &pairs)) {
        rows[at(row)].upper = sum.sqrt();
    }
    doubtful.into_iter().filter(|&row| !known(&rows[at(row)])).collect()
}

/// Half of the distance of each center from the next one, a little less than that.
fn halves(centers: &Points) -> Vec<f64> {
    let nearest = |at: usize| {
        let others = (0..centers.len()).filter(|&other| other != at);
        let sums = others.map(|other| exact::<Squared>(centers.point(at), centers.point(other)));
        sums.fold(f64::INFINITY, f64::min)
    };
    (0..centers.len()).into_par_iter().map(|at| nearest(at).sqrt() / 2.0 / CAUTION).collect()
}

#[cfg(test)]
mod tests {
    use gristmill_core::Seed;

    use super::super::seeding::seeds;
    use super::*;

    #[test]
    fn bounds_change_no_answer() {
        let mut random = Seed(4).random();
        let values: Vec<f64> = (0..3000 * 4).map(|_| random.normal().powi(3)).collect();
        let kept = (0..3000).collect();
        let sample = Sample { points: Points::new(4, values), kept, weights: None };
        let ground = Ground::new(&sample);
        let start = seeds(&ground, 12, &mut random);
        let limits = Limits { max_iter: 30, moved: 0.0 };
        let settled = settle(&ground, start, &limits).unwrap();
        let mut inertia = 0.0;
        for (point, &label) in sample.points.iter().zip(&settled.labels) {
            let sums: Vec<f64> =
                settled.centers.iter().map(|c| exact::<Squared>(point, c)).collect();
            let best = (1..sums.len()).fold(0, |b, at| if sums[at] < sums[b] { at } else { b });
            assert_eq!(best, label as usize);
            inertia += sums[best];
        }
        assert!((settled.inertia - inertia).abs() < 1e-9 * inertia);
    }
}
