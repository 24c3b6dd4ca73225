//! Clusters around centers, learned from few rows at a time.
//! Method: Sculley, *Web-Scale K-Means Clustering*, WWW 2010.

use gristmill_core::{Estimator, FitContext, Frame, Model, Random, Result, Schema, Target, Task};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::center_model::CenterModel;
use super::centers::Centers;
use super::k_means::{check_counts, check_tolerance, mean_variance, note_few, refuse_few};
use super::lloyd::Ground;
use super::seeding::seeds;
use crate::points::{Points, Sample, check_columns, refuse_target};

/// Finds centers as [`crate::KMeans`] does, from batches of rows drawn at random: less exact, and
/// much faster where rows are many.
///
/// Each center moves towards the mean of its rows of a batch by their share of all rows that it
/// has seen. First centers are drawn from `max(3 · batch_rows, 3 · clusters)` rows. It stops after
/// `max_iter` times as many rows as there are, or once the mean squared distance, smoothed over
/// batches, has not become smaller for `patience` batches, or by `tolerance`. Otherwise as
/// [`crate::KMeans`].
///
/// ```
/// use gristmill_models::MiniBatchKMeans;
/// let model = MiniBatchKMeans { clusters: 100, ..Default::default() };
/// assert_eq!(model.batch_rows, 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MiniBatchKMeans {
    /// How many clusters there are.
    #[schemars(range(min = 1))]
    pub clusters: usize,
    /// How many rows a batch has.
    #[schemars(range(min = 1))]
    pub batch_rows: usize,
    /// How often first centers are drawn; those nearest to a sample of the rows start.
    #[schemars(range(min = 1))]
    pub inits: usize,
    /// How often all rows are gone through at most.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// Centers stay once Σ squared moves, smoothed over batches, is at most this times the mean
    /// variance of the columns; 0 leaves it to `patience`.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
    /// How many batches in a row may bring nothing.
    #[schemars(range(min = 1))]
    pub patience: usize,
}

impl MiniBatchKMeans {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    /// The best of several draws of first centers, by their distance from a sample of the rows.
    fn start(&self, ground: &Ground<'_>, context: &FitContext<'_>) -> Points {
        let rows = ground.sample.points.len();
        let count = (3 * self.batch_rows).max(3 * self.clusters).min(rows);
        let mut random = context.seed.named("sample").random();
        let judges = some_rows(rows, count, &mut random);
        let draw = |init: usize| {
            let mut random = context.seed.named("centers").numbered(init as u64).random();
            let drawn = some_rows(rows, count, &mut random);
            let part = part(ground.sample, &drawn);
            let centers = seeds(&Ground::new(&part), self.clusters, &mut random);
            let distance: f64 = if self.inits > 1 {
                let centers = Centers::new(&ground.scale, centers.clone());
                place(&centers, ground, &judges).iter().map(|(_, sum)| sum).sum()
            } else {
                0.0
            };
            (distance, centers)
        };
        let first = draw(0);
        let best = |best: (f64, Points), init| {
            let next = draw(init);
            // A draw from rows that happened to be equal has fewer centers.
            let more = next.1.len().cmp(&best.1.len());
            if more.is_gt() || (more.is_eq() && next.0 < best.0) { next } else { best }
        };
        (1..self.inits).fold(first, best).1
    }

    fn learn(&self, ground: &Ground<'_>, start: Points, context: &FitContext<'_>) -> Points {
        let rows = ground.sample.points.len();
        let mut random = context.seed.named("batches").random();
        let mut patience = Patience::new(self, rows, &ground.sample.points);
        let mut learned = Learned { seen: vec![0.0; start.len()], centers: start };
        let batches = (self.max_iter.saturating_mul(rows)).div_ceil(self.batch_rows);
        for _ in 0..batches {
            let batch: Vec<u32> =
                (0..self.batch_rows.min(rows)).map(|_| random.below(rows) as u32).collect();
            let centers = Centers::new(&ground.scale, learned.centers.clone());
            let placed = place(&centers, ground, &batch);
            let (distance, moved) = learned.follow(ground.sample, &batch, &placed);
            if patience.is_over(distance, moved) {
                break;
            }
        }
        learned.centers
    }
}

impl Default for MiniBatchKMeans {
    fn default() -> Self {
        Self {
            clusters: 8,
            batch_rows: 1024,
            inits: 3,
            max_iter: 100,
            tolerance: 0.0,
            patience: 10,
        }
    }
}

impl Estimator for MiniBatchKMeans {
    fn kind(&self) -> &'static str {
        CenterModel::MINI_BATCH
    }

    fn unsupervised(&self) -> bool {
        true
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_counts(&[
            ("clusters", self.clusters),
            ("batch_rows", self.batch_rows),
            ("inits", self.inits),
            ("max_iter", self.max_iter),
            ("patience", self.patience),
        ])?;
        check_tolerance(self.tolerance)?;
        refuse_target(self.kind(), task)?;
        check_columns(input)
    }

    fn fit(
        &self,
        train: &Frame,
        target: &Target,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        self.check(train.schema(), target.task())?;
        let sample = Sample::new(self.kind(), train, target.len(), context)?;
        refuse_few(self.clusters, sample.points.len())?;
        let ground = Ground::new(&sample);
        let start = self.start(&ground, context);
        note_few(self.kind(), self.clusters, start.len(), context);
        let centers = self.learn(&ground, start, context);
        let all: Vec<u32> = (0..sample.points.len() as u32).collect();
        let placed = place(&Centers::new(&ground.scale, centers.clone()), &ground, &all);
        let inertia = all.iter().zip(&placed).map(|(&r, p)| p.1 * sample.weight(r as usize)).sum();
        Ok(Box::new(CenterModel::new(self.kind(), train.schema(), centers, inertia)))
    }
}

/// The center of each row and the squared distance from it.
fn place(centers: &Centers, ground: &Ground<'_>, rows: &[u32]) -> Vec<(u32, f64)> {
    /// Few enough that a batch keeps every thread busy.
    const ROWS: usize = 256;
    rows.par_chunks(ROWS)
        .flat_map_iter(|rows| {
            let points = &ground.sample.points;
            let placed = centers.place(points, &ground.small, rows);
            let pairs: Vec<(u32, u32)> =
                rows.iter().zip(&placed).map(|(&row, placed)| (row, placed.center)).collect();
            let sums = centers.measure(points, &pairs);
            pairs.into_iter().zip(sums).map(|((_, center), sum)| (center, sum))
        })
        .collect()
}

/// `count` different rows in random order; all of them in order where that is all.
fn some_rows(rows: usize, count: usize, random: &mut Random) -> Vec<u32> {
    let mut all: Vec<u32> = (0..rows as u32).collect();
    if count < rows {
        for at in 0..count {
            all.swap(at, at + random.below(rows - at));
        }
        all.truncate(count);
    }
    all
}

fn part(sample: &Sample, rows: &[u32]) -> Sample {
    let weights = sample.weights.as_ref();
    Sample {
        points: sample.points.take(rows),
        kept: rows.to_vec(),
        weights: weights.map(|w| rows.iter().map(|&row| w[row as usize]).collect()),
    }
}

/// Centers and the weight of the rows that each has seen.
struct Learned {
    centers: Points,
    seen: Vec<f64>,
}

impl Learned {
    /// Moves centers towards their rows of a batch, whose order does not matter much but is fixed;
    /// gives the mean squared distance of the rows and Σ squared moves.
    fn follow(&mut self, sample: &Sample, batch: &[u32], placed: &[(u32, f64)]) -> (f64, f64) {
        let width = self.centers.width();
        let mut sums = vec![0.0; self.centers.values().len()];
        let mut weights = vec![0.0; self.seen.len()];
        let (mut distance, mut all) = (0.0, 0.0);
        for (&row, &(center, sum)) in batch.iter().zip(placed) {
            let (center, weight) = (center as usize, sample.weight(row as usize));
            let into = &mut sums[center * width..(center + 1) * width];
            let point = sample.points.point(row as usize);
            into.iter_mut().zip(point).for_each(|(sum, x)| *sum += weight * x);
            weights[center] += weight;
            distance += weight * sum;
            all += weight;
        }
        let mut moved = 0.0;
        let centers = self.centers.values_mut().chunks_exact_mut(width);
        for (at, (center, sums)) in centers.zip(sums.chunks_exact(width)).enumerate() {
            if weights[at] > 0.0 {
                self.seen[at] += weights[at];
                for (x, sum) in center.iter_mut().zip(sums) {
                    let step = (sum / weights[at] - *x) * (weights[at] / self.seen[at]);
                    *x += step;
                    moved += step * step;
                }
            }
        }
        (distance / all, moved)
    }
}

/// When batches have brought nothing for long enough.
struct Patience {
    /// How much a batch counts in the smoothed values.
    share: f64,
    limit: usize,
    moved_limit: f64,
    distance: Option<f64>,
    moved: f64,
    best: f64,
    waited: usize,
}

impl Patience {
    fn new(settings: &MiniBatchKMeans, rows: usize, points: &Points) -> Self {
        let share = (2.0 * settings.batch_rows as f64 / (rows as f64 + 1.0)).min(1.0);
        let moved_limit = match settings.tolerance > 0.0 {
            true => settings.tolerance * mean_variance(points),
            false => 0.0,
        };
        let (distance, moved) = (None, f64::INFINITY);
        let (best, waited) = (f64::INFINITY, 0);
        Self { share, limit: settings.patience, moved_limit, distance, moved, best, waited }
    }

    fn is_over(&mut self, distance: f64, moved: f64) -> bool {
        let Some(before) = self.distance else {
            (self.distance, self.moved) = (Some(distance), moved);
            return false;
        };
        let smooth = |before: f64, now: f64| before * (1.0 - self.share) + now * self.share;
        let distance = smooth(before, distance);
        (self.distance, self.moved) = (Some(distance), smooth(self.moved, moved));
        if self.moved_limit > 0.0 && self.moved <= self.moved_limit {
            return true;
        }
        if distance < self.best {
            (self.best, self.waited) = (distance, 0);
        } else {
            self.waited += 1;
        }
        self.waited >= self.limit
    }
}
