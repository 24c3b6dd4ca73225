//! Centres of clusters of points, each the mean of the points that are nearest to it.
//! Methods: Lloyd, *Least Squares Quantization in PCM*, 1982; the start by Arthur and Vassilvitskii,
//! *k-means++: The Advantages of Careful Seeding*, 2007, greedy as in scikit-learn.

use gristmill_core::{CHUNK_ROWS, Random, Seed};
use rayon::prelude::*;

/// Points, row after row, and how much each counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Points<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) width: usize,
    pub(crate) weights: Option<&'a [f64]>,
}

/// How centres are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    pub(crate) clusters: usize,
    pub(crate) max_iter: usize,
    /// The search ends when the centres move by less than this share of the mean variance.
    pub(crate) tolerance: f64,
}

/// Fewer different points than clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TooFew {
    pub(crate) found: usize,
}

/// Centres that were found, and whether they had come to rest.
#[derive(Clone, Debug)]
pub(crate) struct Centres {
    /// One centre after the other.
    pub(crate) values: Vec<f64>,
    pub(crate) settled: bool,
}

/// The centres of `points`, which has at least one column.
pub(crate) fn centres(points: Points<'_>, search: Search, seed: Seed) -> Result<Centres, TooFew> {
    let mut centres = points.start(search.clusters, &mut seed.named("centres").random())?;
    let limit = search.tolerance * points.mean_variance();
    let mut nearest = vec![u32::MAX; points.rows()];
    for _ in 0..search.max_iter {
        let step = points.assign(&centres, &mut nearest);
        if step.changed == 0 {
            return Ok(Centres { values: centres, settled: true });
        }
        let moved = points.moved(&centres, step);
        let way = squared(&centres, &moved);
        centres = moved;
        if way <= limit {
            return Ok(Centres { values: centres, settled: true });
        }
    }
    Ok(Centres { values: centres, settled: false })
}

/// Σ (aᵢ − bᵢ)².
pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// What one look at all points has found.
struct Step {
    sums: Vec<f64>,
    counts: Vec<f64>,
    changed: usize,
}

impl Points<'_> {
    fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    fn row(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..][..self.width]
    }

    fn weight(&self, at: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[at])
    }

    /// The sum over all rows of what `of` gives, chunk by chunk, so that threads do not matter.
    fn sum(&self, of: impl Fn(usize) -> f64 + Sync) -> f64 {
        let rows = self.rows();
        let chunk = |from: usize| (from..(from + CHUNK_ROWS).min(rows)).map(&of).sum::<f64>();
        let starts: Vec<usize> = (0..rows).step_by(CHUNK_ROWS).collect();
        let sums: Vec<f64> = starts.into_par_iter().map(chunk).collect();
        sums.into_iter().sum()
    }

    /// The mean over the columns of their variances.
    fn mean_variance(&self) -> f64 {
        let total = self.sum(|row| self.weight(row)).max(f64::MIN_POSITIVE);
        let column = |at: usize| {
            let value = |row: usize| self.values[row * self.width + at];
            let mean = self.sum(|row| self.weight(row) * value(row)) / total;
            self.sum(|row| self.weight(row) * (value(row) - mean).powi(2)) / total
        };
        (0..self.width).map(column).sum::<f64>() / self.width as f64
    }

    /// Points far from each other, drawn by chance; of several draws the one that leaves least.
    fn start(&self, clusters: usize, random: &mut Random) -> Result<Vec<f64>, TooFew> {
        let rows = self.rows();
        let trials = 2 + (clusters as f64).ln() as usize;
        let mut nearest: Vec<f64> = vec![1.0; rows];
        let mut centres: Vec<f64> = Vec::with_capacity(clusters * self.width);
        for found in 0..clusters {
            let total = self.sum(|row| nearest[row] * self.weight(row));
            if total.is_nan() || total <= 0.0 {
                return Err(TooFew { found });
            }
            let draws = if found == 0 { 1 } else { trials };
            let best = (0..draws)
                .map(|_| self.draw(&nearest, total, random))
                .map(|row| {
                    let left = self.nearer(&nearest, row, found == 0);
                    (self.sum(|at| left[at] * self.weight(at)), row, left)
                })
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let Some((_, row, left)) = best else { return Err(TooFew { found }) };
            centres.extend(self.row(row));
            nearest = left;
        }
        Ok(centres)
    }

    /// A row, each with a probability in proportion to its share of `total`.
    fn draw(&self, nearest: &[f64], total: f64, random: &mut Random) -> usize {
        let wanted = random.unit() * total;
        let mut sum = 0.0;
        let mut last = 0;
        for (row, near) in nearest.iter().enumerate() {
            let share = near * self.weight(row);
            if share > 0.0 {
                last = row;
                sum += share;
                if sum > wanted {
                    break;
                }
            }
        }
        last
    }

    /// The squared distances to the nearest centre once `row` is one.
    fn nearer(&self, nearest: &[f64], row: usize, first: bool) -> Vec<f64> {
        let centre = self.row(row);
        let distance = |at: usize| squared(self.row(at), centre);
        let rows = (0..nearest.len()).into_par_iter();
        rows.map(|at| if first { distance(at) } else { distance(at).min(nearest[at]) }).collect()
    }

    /// Finds the nearest centre of each point, and sums the points of each centre.
    fn assign(&self, centres: &[f64], nearest: &mut [u32]) -> Step {
        let parts: Vec<Step> = nearest
            .par_chunks_mut(CHUNK_ROWS)
            .enumerate()
            .map(|(chunk, nearest)| self.assign_chunk(chunk * CHUNK_ROWS, centres, nearest))
            .collect();
        let clusters = centres.len() / self.width;
        let mut step =
            Step { sums: vec![0.0; centres.len()], counts: vec![0.0; clusters], changed: 0 };
        for part in parts {
            step.sums.iter_mut().zip(&part.sums).for_each(|(a, b)| *a += b);
            step.counts.iter_mut().zip(&part.counts).for_each(|(a, b)| *a += b);
            step.changed += part.changed;
        }
        step
    }

    fn assign_chunk(&self, from: usize, centres: &[f64], nearest: &mut [u32]) -> Step {
        let width = self.width;
        let clusters = centres.len() / width;
        let mut step =
            Step { sums: vec![0.0; centres.len()], counts: vec![0.0; clusters], changed: 0 };
        for (at, near) in nearest.iter_mut().enumerate() {
            let (row, weight) = (self.row(from + at), self.weight(from + at));
            let best = nearest_centre(row, centres);
            step.changed += usize::from(best as u32 != *near);
            *near = best as u32;
            step.counts[best] += weight;
            let sums = &mut step.sums[best * width..][..width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        step
    }

    /// The means of the points of each centre; one without points moves to the point that lies
    /// farthest from its own centre.
    fn moved(&self, centres: &[f64], mut step: Step) -> Vec<f64> {
        let empty: Vec<usize> = (0..step.counts.len()).filter(|&c| step.counts[c] <= 0.0).collect();
        for (&cluster, row) in empty.iter().zip(self.farthest(centres, empty.len())) {
            let (own, weight) = (nearest_centre(self.row(row), centres), self.weight(row));
            for (at, value) in self.row(row).iter().enumerate() {
                step.sums[own * self.width + at] -= weight * value;
                step.sums[cluster * self.width + at] = weight * value;
            }
            step.counts[own] -= weight;
            step.counts[cluster] = weight;
        }
        let mut moved = centres.to_vec();
        for ((centre, sums), count) in
            moved.chunks_mut(self.width).zip(step.sums.chunks(self.width)).zip(step.counts)
        {
            if count > 0.0 {
                centre.iter_mut().zip(sums).for_each(|(c, sum)| *c = sum / count);
            }
        }
        moved
    }

    /// The `count` points that lie farthest from their centre.
    fn farthest(&self, centres: &[f64], count: usize) -> Vec<usize> {
        if count == 0 {
            return Vec::new();
        }
        let distance = |row: usize| {
            let near = nearest_centre(self.row(row), centres);
            squared(self.row(row), &centres[near * self.width..][..self.width])
        };
        let rows = (0..self.rows()).into_par_iter().filter(|&row| self.weight(row) > 0.0);
        let mut rows: Vec<(f64, usize)> = rows.map(|row| (distance(row), row)).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.into_iter().take(count).map(|(_, row)| row).collect()
    }
}

/// The number of the centre nearest to `row`, the first of equally near ones.
pub(crate) fn nearest_centre(row: &[f64], centres: &[f64]) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (at, centre) in centres.chunks(row.len()).enumerate() {
        let distance = squared(row, centre);
        if distance < best.0 {
            best = (distance, at);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { clusters: 2, max_iter: 100, tolerance: 0.0 };

    fn found(values: &[f64], weights: Option<&[f64]>) -> Result<Vec<f64>, TooFew> {
        let points = Points { values, width: 1, weights };
        let mut centres = centres(points, SEARCH, Seed(1))?.values;
        centres.sort_by(f64::total_cmp);
        Ok(centres)
    }

    #[test] // by hand
    fn two_groups_have_their_means_as_centres() {
        assert_eq!(found(&[1.0, 2.0, 3.0, 11.0, 13.0], None), Ok(vec![2.0, 12.0]));
    }

    #[test] // by hand: (1 + 3 · 3) / 4
    fn a_point_counts_as_much_as_its_weight() {
        let weights = [1.0, 3.0, 1.0, 0.0];
        assert_eq!(found(&[1.0, 3.0, 50.0, 1e9], Some(&weights)), Ok(vec![2.5, 50.0]));
    }

    #[test]
    fn equal_points_have_one_centre_only() {
        assert_eq!(found(&[7.0; 100], None), Err(TooFew { found: 1 }));
    }
}
