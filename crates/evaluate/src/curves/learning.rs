//! The learning curve: what more rows would bring.
//! Source: Perlich, *Encyclopedia of Machine Learning*, "Learning Curves in Machine Learning" (2010).

use gristmill_core::{Error, Notes, Pipeline, Result, Seed, Table, TargetSpec};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fold, FoldScores, Metric, score_fitted};

/// A metric by the number of rows that were learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningCurve {
    /// The metric.
    pub metric: String,
    /// By rising number of rows.
    pub points: Vec<LearningPoint>,
}

/// The pipelines that learned from one share of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningPoint {
    /// The share of the training rows of each fold.
    pub share: f64,
    /// How many rows that is, in the mean over the folds.
    pub rows: f64,
    /// The metric on the rows that were learned from.
    pub train: FoldScores,
    /// The metric on the test rows of the folds.
    pub test: FoldScores,
}

/// Fits `pipeline` to these `shares` of the training rows of each fold, drawn by the seed so that a
/// larger share holds the smaller ones, and scores it on those rows and on the fold's test rows.
///
/// # Errors
/// [`Error::Setting`] for a share that is not above 0 and at most 1; [`Error::Data`] without folds
/// or shares; as [`crate::cross_validate`].
pub fn learning_curve(
    pipeline: &Pipeline,
    table: &Table,
    target: &TargetSpec,
    folds: &[Fold],
    metric: Metric,
    shares: &[f64],
    seed: Seed,
) -> Result<LearningCurve> {
    if folds.is_empty() || shares.is_empty() {
        return Err(Error::data("a learning curve needs at least one fold and one share"));
    }
    if let Some(share) = shares.iter().find(|s| !(**s > 0.0 && **s <= 1.0)) {
        return Err(Error::setting("shares", share, "shares above 0 and at most 1"));
    }
    metric.check(target.task())?;
    let mut shares = shares.to_vec();
    shares.sort_by(f64::total_cmp);
    let fits: Vec<(f64, usize)> =
        shares.iter().flat_map(|&s| (0..folds.len()).map(move |at| (s, at))).collect();
    let scored = fits
        .into_par_iter()
        .map(|(share, at)| {
            let rows = drawn(&folds[at].train, share, seed.named("learning").numbered(at as u64));
            let train = table.take(&rows)?;
            let fitted = pipeline.fit_target(&train, target.clone(), &Notes::default())?;
            let score = |table: &Table| -> Result<f64> {
                let scores = score_fitted(&[metric], &fitted, table)?;
                Ok(scores.into_values().next().unwrap_or(f64::NAN))
            };
            Ok((rows.len(), score(&train)?, score(&table.take(&folds[at].test)?)?))
        })
        .collect::<Vec<Result<(usize, f64, f64)>>>();
    let scored: Vec<(usize, f64, f64)> = scored.into_iter().collect::<Result<_>>()?;
    let points =
        shares.iter().zip(scored.chunks(folds.len())).map(|(&share, folds)| LearningPoint {
            share,
            rows: folds.iter().map(|f| f.0).sum::<usize>() as f64 / folds.len() as f64,
            train: FoldScores::new(folds.iter().map(|f| f.1).collect()),
            test: FoldScores::new(folds.iter().map(|f| f.2).collect()),
        });
    Ok(LearningCurve { metric: metric.name().into(), points: points.collect() })
}

/// A share of the rows, at least one, in rising order.
fn drawn(rows: &[u32], share: f64, seed: Seed) -> Vec<u32> {
    let mut rows = rows.to_vec();
    seed.random().shuffle(&mut rows);
    rows.truncate(((rows.len() as f64 * share).round() as usize).max(1));
    rows.sort_unstable();
    rows
}
