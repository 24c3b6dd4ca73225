//! Clusters around centers.

use gristmill_core::{Error, Estimator, FitContext, Frame, Model, Result, Schema, Target, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::center_model::CenterModel;
use super::lloyd::{Ground, Limits, Settled, settle};
use super::seeding::seeds;
use crate::points::{Points, Sample, check_columns, refuse_target};
use rayon::prelude::*;

/// Finds `clusters` centers so that Σ wᵢ |xᵢ − nearest center|² is small, and answers with the
/// cluster of the nearest center: probability 1 for it and 0 for the others. Clusters are called
/// `0`, `1`, ...
///
/// First centers are rows drawn far from one another (k-means++); then rows go to their nearest
/// center and centers to the mean of their rows, in turns. It learns without a target. Weights of
/// rows count as so many equal rows. Columns should come standardised. A center that loses all
/// rows starts again at the row farthest from its own; with fewer different rows than `clusters`
/// there are as many clusters as different rows, and a note says so.
///
/// # Errors
/// Fitting fails when there are fewer training rows than `clusters`.
///
/// ```
/// # use gristmill_core::Pipeline;
/// # use gristmill_models::KMeans;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [1.0, 2.0, 101.0, 102.0]).build();
/// let model = KMeans { clusters: 2, ..KMeans::default() };
/// let fitted = Pipeline::new().model(model).fit(&rows)?;
/// let answers = fitted.predict(&rows)?;
/// let words = answers.words().unwrap();
/// assert!(words[0] == words[1] && words[2] == words[3] && words[1] != words[2]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KMeans {
    /// How many clusters there are.
    #[schemars(range(min = 1))]
    pub clusters: usize,
    /// How often first centers are drawn; the best end counts.
    #[schemars(range(min = 1))]
    pub inits: usize,
    /// How often centers move at most.
    #[schemars(range(min = 1))]
    pub max_iter: usize,
    /// Centers stay once Σ squared moves is at most this times the mean variance of the columns.
    #[schemars(range(min = 0.0))]
    pub tolerance: f64,
}

impl KMeans {
    /// The version of what it learns: raised whenever equal rows would teach it something else.
    pub const VERSION: u32 = 2;

    /// The best of several starts, with the sample that was learned from.
    pub(super) fn settle(
        &self,
        sample: &Sample,
        context: &FitContext<'_>,
        kind: &str,
    ) -> Result<Settled> {
        refuse_few(self.clusters, sample.points.len())?;
        let ground = Ground::new(sample);
        let moved = self.tolerance * mean_variance(&sample.points);
        let limits = Limits { max_iter: self.max_iter, moved };
        let mut best: Option<Settled> = None;
        for init in 0..self.inits.max(1) {
            let mut random = context.seed.named("centers").numbered(init as u64).random();
            let settled = settle(&ground, seeds(&ground, self.clusters, &mut random), &limits)?;
            if best.as_ref().is_none_or(|best| settled.inertia < best.inertia) {
                best = Some(settled);
            }
        }
        let best = best.ok_or_else(|| Error::Bug("there was no start".into()))?;
        note_few(kind, self.clusters, best.centers.len(), context);
        if !best.converged {
            context.notes.add(format!(
                "`{kind}` stopped after {} moves before its centers stayed: raise `max_iter`",
                self.max_iter
            ));
        }
        Ok(best)
    }
}

impl Default for KMeans {
    fn default() -> Self {
        Self { clusters: 8, inits: 1, max_iter: 300, tolerance: 1e-4 }
    }
}

impl Estimator for KMeans {
    fn kind(&self) -> &'static str {
        CenterModel::K_MEANS
    }

    fn unsupervised(&self) -> bool {
        true
    }

    fn check(&self, input: &Schema, task: Task) -> Result<()> {
        check_counts(&[
            ("clusters", self.clusters),
            ("inits", self.inits),
            ("max_iter", self.max_iter),
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
        let settled = self.settle(&sample, context, self.kind())?;
        let model = CenterModel::new(self.kind(), train.schema(), settled.centers, settled.inertia);
        Ok(Box::new(model))
    }
}

/// Refuses counts of 0.
pub(super) fn check_counts(counts: &[(&str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, count)| *count == 0) {
        None => Ok(()),
        Some((name, _)) => Err(Error::setting(name, 0, "at least 1")),
    }
}

pub(super) fn check_tolerance(tolerance: f64) -> Result<()> {
    if tolerance.is_finite() && tolerance >= 0.0 {
        return Ok(());
    }
    Err(Error::setting("tolerance", tolerance, "a number from 0 on"))
}

/// Refuses fewer rows than clusters.
pub(super) fn refuse_few(clusters: usize, rows: usize) -> Result<()> {
    if rows >= clusters {
        return Ok(());
    }
    Err(Error::data_hint(
        format!("{clusters} clusters are asked of {rows} training rows"),
        "lower `clusters`, or give more rows",
    ))
}

pub(super) fn note_few(kind: &str, wanted: usize, found: usize, context: &FitContext<'_>) {
    if found < wanted {
        context.notes.add(format!(
            "`{kind}` found {found} clusters instead of {wanted}: the training rows have no more \
             different values"
        ));
    }
}

/// How many rows are summed up together for their variance.
const VARIANCE_ROWS: usize = 4096;

/// The mean of the variances of the columns.
pub(super) fn mean_variance(points: &Points) -> f64 {
    let (rows, width) = (points.len() as f64, points.width());
    let means: Vec<f64> = sums(points, |_, x| x).iter().map(|sum| sum / rows).collect();
    let squares = sums(points, |at, x| (x - means[at]) * (x - means[at]));
    squares.iter().sum::<f64>() / rows / width as f64
}

/// Σ `value` of each coordinate, summed block after block, so that the number of threads does not
/// matter.
fn sums(points: &Points, value: impl Fn(usize, f64) -> f64 + Sync) -> Vec<f64> {
    let width = points.width();
    let blocks = points.values().par_chunks(VARIANCE_ROWS * width).map(|block| {
        let mut sums = vec![0.0; width];
        for point in block.chunks_exact(width) {
            let each = sums.iter_mut().zip(point).enumerate();
            each.for_each(|(at, (sum, x))| *sum += value(at, *x));
        }
        sums
    });
    let mut all = vec![0.0; width];
    for sums in blocks.collect::<Vec<_>>() {
        all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
    }
    all
}
