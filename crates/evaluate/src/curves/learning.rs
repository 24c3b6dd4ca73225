//! The learning curve: what more rows would bring.
//! Source: Perlich, *Encyclopedia of Machine Learning*, "Learning Curves in Machine Learning" (2010).

use gristmill_core::{
    Error, FittedPipeline, Notes, Pipeline, Result, Seed, Table, TargetSpec, Task,
};
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

/// Which rows a learning curve learns from.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningRows {
    /// The shares of the training rows of each fold.
    pub shares: Vec<f64>,
    /// How a share is drawn.
    pub draw: Draw,
    /// What chance follows from.
    pub seed: Seed,
}

/// How a share of rows is drawn. A larger share holds the smaller ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Rows by chance.
    Rows,
    /// Whole groups by chance, so that a row has its history.
    Groups(Vec<Vec<u32>>),
    /// The latest rows; given are those of each moment, moments in order.
    Latest(Vec<Vec<u32>>),
}

impl LearningRows {
    /// Fits `pipeline` to each share of the training rows of each fold and scores it on those rows
    /// and on the fold's test rows.
    ///
    /// # Errors
    /// [`Error::Setting`] for a share that is not above 0 and at most 1; [`Error::Data`] without
    /// folds or shares; as [`crate::cross_validate`].
    pub fn curve(
        &self,
        pipeline: &Pipeline,
        table: &Table,
        target: &TargetSpec,
        folds: &[Fold],
        metric: Metric,
    ) -> Result<LearningCurve> {
        if folds.is_empty() || self.shares.is_empty() {
            return Err(Error::data("a learning curve needs at least one fold and one share"));
        }
        if let Some(share) = self.shares.iter().find(|s| !(**s > 0.0 && **s <= 1.0)) {
            return Err(Error::setting("shares", share, "shares above 0 and at most 1"));
        }
        metric.check(target.task())?;
        let mut shares = self.shares.clone();
        shares.sort_by(f64::total_cmp);
        let fits: Vec<(f64, usize)> =
            shares.iter().flat_map(|&s| (0..folds.len()).map(move |at| (s, at))).collect();
        let scored = fits
            .into_par_iter()
            .map(|(share, at)| {
                let rows = self.drawn(&folds[at].train, share, at);
                let train = table.take(&rows)?;
                let fitted = pipeline.fit_target(&train, target.clone(), &Notes::default())?;
                let of = |rows: &[u32]| score_rows(metric, &fitted, table, rows);
                Ok((rows.len(), of(&rows)?, of(&folds[at].test)?))
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

    fn drawn(&self, rows: &[u32], share: f64, fold: usize) -> Vec<u32> {
        self.draw.share_of(rows, share, self.seed.named("learning").numbered(fold as u64))
    }
}

impl Draw {
    /// A share of these rows, at least one unit of them, in rising order.
    pub fn share_of(&self, rows: &[u32], share: f64, seed: Seed) -> Vec<u32> {
        let wanted = ((rows.len() as f64 * share).round() as usize).max(1);
        let mut random = seed.random();
        let mut drawn = match self {
            Self::Rows => {
                let mut rows = rows.to_vec();
                random.shuffle(&mut rows);
                rows.truncate(wanted);
                rows
            }
            Self::Groups(groups) => {
                let mut groups = within(groups, rows);
                random.shuffle(&mut groups);
                first(groups.into_iter(), wanted)
            }
            Self::Latest(moments) => first(within(moments, rows).into_iter().rev(), wanted),
        };
        drawn.sort_unstable();
        drawn
    }
}

/// What is left of the units when only these rows, which rise, count.
fn within(units: &[Vec<u32>], rows: &[u32]) -> Vec<Vec<u32>> {
    let known = |unit: &Vec<u32>| -> Vec<u32> {
        unit.iter().copied().filter(|row| rows.binary_search(row).is_ok()).collect()
    };
    units.iter().map(known).filter(|unit| !unit.is_empty()).collect()
}

/// So many whole units that they have about `wanted` rows, one at least.
fn first(units: impl Iterator<Item = Vec<u32>>, wanted: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = Vec::new();
    for unit in units {
        if !rows.is_empty() && rows.len() + unit.len() / 2 > wanted {
            break;
        }
        rows.extend(unit);
    }
    rows
}

/// The metric on these rows of `table`, which has their history.
fn score_rows(metric: Metric, fitted: &FittedPipeline, table: &Table, rows: &[u32]) -> Result<f64> {
    let spec = fitted.target();
    if spec.task() == Task::Unsupervised {
        let scores = score_fitted(&[metric], fitted, &table.take(rows)?)?;
        return Ok(scores.into_values().next().unwrap_or(f64::NAN));
    }
    metric.compute(spec, &spec.apply(&table.take(rows)?)?, &fitted.predict_rows(table, rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(draw: Draw, share: f64, expected: usize) -> Vec<u32> {
        let rows = LearningRows { shares: Vec::new(), draw, seed: Seed(1) };
        let fold: Vec<u32> = (0..20).filter(|row| row % 5 != 4).collect();
        let (some, all) = (rows.drawn(&fold, share, 0), rows.drawn(&fold, 1.0, 0));
        assert_eq!(some.len(), expected, "{some:?}");
        assert!(some.is_sorted() && some.iter().all(|row| all.contains(row)));
        assert_eq!(all, fold);
        some
    }

    #[test]
    fn a_share_holds_whole_groups_or_the_latest_rows() {
        let units = || -> Vec<Vec<u32>> { (0..4).map(|u| (u * 5..u * 5 + 5).collect()).collect() };
        check(Draw::Rows, 0.25, 4);
        let groups = check(Draw::Groups(units()), 0.5, 8);
        assert!(groups.chunks(4).all(|g| g[3] - g[0] == 3), "{groups:?}");
        assert_eq!(check(Draw::Latest(units()), 0.25, 4), [15, 16, 17, 18]);
        check(Draw::Groups(units()), 0.01, 4);
    }
}
