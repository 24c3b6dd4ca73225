//! How compact and how far apart clusters are, without known answers.

use gristmill_core::{DenseMatrix, Error, Result, Seed};
use rayon::prelude::*;

use super::{Entry, cluster_loss, cluster_metric, undefined};

/// How many rows the metric `silhouette` compares with each other at most: every pair counts.
const SILHOUETTE_ROWS: usize = 10_000;

pub(super) static ENTRIES: &[Entry] = &[
    cluster_metric("silhouette", |rows, clusters| {
        silhouette(rows, clusters, SILHOUETTE_ROWS, Seed::default())
    }),
    cluster_metric("calinski_harabasz", calinski_harabasz),
    cluster_loss("davies_bouldin", davies_bouldin),
];

/// The mean silhouette (b − a) / max(a, b) of the rows, between −1 and 1, where a is the mean
/// distance to the other rows of the same cluster and b that to the rows of the nearest other one; 0
/// for a row alone in its cluster. Distances are Euclidean.
///
/// `rows` is `[rows, columns]`. Of more than `most` rows, a seeded sample of `most` is compared, as
/// all pairs are; the metric `silhouette` compares 10,000.
///
/// Source: Rousseeuw, *Journal of Computational and Applied Mathematics* 20 (1987).
///
/// # Errors
/// [`Error::Data`] when there are fewer than 2 clusters, as many clusters as rows, or a value is not
/// finite; [`Error::Bug`] when the lengths differ.
///
/// ```
/// # use gristmill_core::{DenseMatrix, Seed};
/// # use gristmill_evaluate::metrics::silhouette;
/// let rows = DenseMatrix::from_columns(3, 1, vec![0.0, 1.0, 3.0])?;
/// let mean = silhouette(&rows, &[0, 0, 1], 100, Seed(0))?;
/// assert!((mean - (2.0 / 3.0 + 1.0 / 2.0 + 0.0) / 3.0).abs() < 1e-12);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn silhouette(rows: &DenseMatrix, clusters: &[u32], most: usize, seed: Seed) -> Result<f64> {
    let (points, clusters) = sampled(rows, clusters, most, seed)?;
    let groups = Groups::new("silhouette", &points, &clusters)?;
    let each: Vec<f64> =
        (0..points.rows).into_par_iter().map(|row| groups.silhouette(row)).collect();
    Ok(each.iter().sum::<f64>() / each.len() as f64)
}

/// The ratio of the variance between clusters to that within, (B / (k − 1)) / (W / (n − k)) for n
/// rows in k clusters; 1 when every row lies on its centre, as in scikit-learn.
///
/// Source: Caliński and Harabasz, *Communications in Statistics* 3 (1974).
///
/// # Errors
/// As [`silhouette`].
pub fn calinski_harabasz(rows: &DenseMatrix, clusters: &[u32]) -> Result<f64> {
    let points = Points::new(rows);
    let groups = Groups::new("calinski_harabasz", &points, clusters)?;
    let all = points.mean(0..points.rows);
    let between: f64 = (0..groups.count())
        .map(|c| groups.sizes[c] as f64 * square(&groups.centres[c], &all))
        .sum();
    let within: f64 =
        (0..points.rows).map(|r| square(points.row(r), &groups.centres[groups.of[r]])).sum();
    if within == 0.0 {
        return Ok(1.0);
    }
    let (n, k) = (points.rows as f64, groups.count() as f64);
    Ok(between * (n - k) / (within * (k - 1.0)))
}

/// The mean over the clusters of their likeness to the most alike other one, (sᵢ + sⱼ) / dᵢⱼ, where
/// s is the mean distance of rows to their centre and d that of two centres; 0 is best.
///
/// Source: Davies and Bouldin, *IEEE Transactions on Pattern Analysis and Machine Intelligence* 1
/// (1979).
///
/// # Errors
/// As [`silhouette`].
pub fn davies_bouldin(rows: &DenseMatrix, clusters: &[u32]) -> Result<f64> {
    let points = Points::new(rows);
    let groups = Groups::new("davies_bouldin", &points, clusters)?;
    let mut spread = vec![0.0; groups.count()];
    for row in 0..points.rows {
        let cluster = groups.of[row];
        spread[cluster] += square(points.row(row), &groups.centres[cluster]).sqrt();
    }
    spread.iter_mut().zip(&groups.sizes).for_each(|(s, size)| *s /= *size as f64);
    let likeness = |a: usize, b: usize| {
        let distance = square(&groups.centres[a], &groups.centres[b]).sqrt();
        if distance == 0.0 { 0.0 } else { (spread[a] + spread[b]) / distance }
    };
    let count = groups.count();
    let most_alike =
        |a: usize| (0..count).filter(|&b| b != a).map(|b| likeness(a, b)).fold(0.0, f64::max);
    let each: Vec<f64> = (0..count).into_par_iter().map(most_alike).collect();
    Ok(each.iter().sum::<f64>() / count as f64)
}

/// Rows as points, one after the other.
struct Points {
    rows: usize,
    width: usize,
    values: Vec<f64>,
}

impl Points {
    fn new(matrix: &DenseMatrix) -> Self {
        let all: Vec<usize> = (0..matrix.rows()).collect();
        Self::of(matrix, &all)
    }

    fn of(matrix: &DenseMatrix, rows: &[usize]) -> Self {
        let width = matrix.columns();
        let values = rows.iter().flat_map(|&r| (0..width).map(move |c| matrix.get(r, c))).collect();
        Self { rows: rows.len(), width, values }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    fn mean(&self, rows: impl Iterator<Item = usize>) -> Vec<f64> {
        let (mut mean, mut count) = (vec![0.0; self.width], 0_usize);
        for row in rows {
            mean.iter_mut().zip(self.row(row)).for_each(|(m, v)| *m += v);
            count += 1;
        }
        mean.iter_mut().for_each(|m| *m /= count as f64);
        mean
    }
}

fn sampled(
    rows: &DenseMatrix,
    clusters: &[u32],
    most: usize,
    seed: Seed,
) -> Result<(Points, Vec<u32>)> {
    if rows.rows() != clusters.len() {
        return Err(differ(rows.rows(), clusters.len()));
    }
    let mut chosen: Vec<usize> = (0..rows.rows()).collect();
    if chosen.len() > most {
        seed.named("silhouette").random().shuffle(&mut chosen);
        chosen.truncate(most);
        chosen.sort_unstable();
    }
    let clusters = chosen.iter().map(|&row| clusters[row]).collect();
    Ok((Points::of(rows, &chosen), clusters))
}

fn differ(rows: usize, clusters: usize) -> Error {
    Error::Bug(format!("{clusters} clusters for {rows} rows"))
}

/// Points with the clusters that occur, numbered from 0.
struct Groups<'a> {
    points: &'a Points,
    of: Vec<usize>,
    sizes: Vec<usize>,
    centres: Vec<Vec<f64>>,
}

impl<'a> Groups<'a> {
    fn new(metric: &str, points: &'a Points, clusters: &[u32]) -> Result<Self> {
        if points.rows != clusters.len() {
            return Err(differ(points.rows, clusters.len()));
        }
        if points.values.iter().any(|v| !v.is_finite()) {
            return Err(undefined(
                metric,
                "a value is missing or infinite",
                "impute missing values before the model",
            ));
        }
        let mut known = clusters.to_vec();
        known.sort_unstable();
        known.dedup();
        if known.len() < 2 || known.len() >= clusters.len() {
            let reason = format!("there are {} clusters of {} rows", known.len(), clusters.len());
            return Err(undefined(metric, &reason, "ask for at least 2, and fewer than rows"));
        }
        let of: Vec<usize> = clusters.iter().map(|c| known.partition_point(|k| k < c)).collect();
        let mut members = vec![Vec::new(); known.len()];
        of.iter().enumerate().for_each(|(row, &cluster)| members[cluster].push(row));
        let sizes = members.iter().map(Vec::len).collect();
        let centres = members.into_iter().map(|rows| points.mean(rows.into_iter())).collect();
        Ok(Self { points, of, sizes, centres })
    }

    fn count(&self) -> usize {
        self.sizes.len()
    }

    fn silhouette(&self, row: usize) -> f64 {
        let own = self.of[row];
        if self.sizes[own] == 1 {
            return 0.0;
        }
        let mut sums = vec![0.0; self.count()];
        let point = self.points.row(row);
        for (other, &cluster) in self.of.iter().enumerate() {
            sums[cluster] += square(point, self.points.row(other)).sqrt();
        }
        let inside = sums[own] / (self.sizes[own] - 1) as f64;
        let others = sums.iter().zip(&self.sizes).enumerate().filter(|(c, _)| *c != own);
        let nearest = others.map(|(_, (s, size))| s / *size as f64).fold(f64::INFINITY, f64::min);
        let larger = inside.max(nearest);
        if larger == 0.0 { 0.0 } else { (nearest - inside) / larger }
    }
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
