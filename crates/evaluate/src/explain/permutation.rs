//! Permutation importance: how much worse a metric gets when a column's values are mixed up.
//! Sources: Breiman, *Machine Learning* 45 (2001); Fisher, Rudin and Dominici, *Journal of Machine
//! Learning Research* 20 (2019).

use gristmill_core::{Error, FittedPipeline, Result, Seed, Table};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{sample, with_values_of};
use crate::{FoldScores, Metric};

/// How columns are permuted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Permutation {
    /// How often each column is mixed up.
    #[schemars(range(min = 1))]
    pub repeats: usize,
    /// How many rows are asked at most; more are drawn from.
    #[schemars(range(min = 1))]
    pub rows: usize,
}

impl Default for Permutation {
    fn default() -> Self {
        Self { repeats: 5, rows: 50_000 }
    }
}

/// How much a metric depends on each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Importances {
    /// The metric.
    pub metric: String,
    /// Its value with all columns as they are.
    pub whole: f64,
    /// The most important first.
    pub columns: Vec<ColumnImportance>,
}

/// How much a metric depends on one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnImportance {
    /// The column, as it comes into the pipeline.
    pub column: String,
    /// By how much the metric is worse without knowing the column, over the repeats; about 0 for
    /// columns that the pipeline does not need, below 0 for those that mislead it.
    pub importance: FoldScores,
}

impl Permutation {
    /// How much `metric` of the answers of `fitted` to the rows of `table` depends on each column that
    /// the pipeline takes: the metric for the rows as they are less that with the column's values
    /// dealt out to other rows, or the other way round for losses. Columns that carry the same
    /// information hide each other.
    ///
    /// Equal rows and seed give equal numbers on any number of threads.
    ///
    /// # Errors
    /// [`Error::Setting`] for no repeats or no rows; [`Error::Data`] when the metric does not fit the
    /// target; as [`FittedPipeline::predict`] and [`Metric::compute`].
    pub fn importances(
        &self,
        fitted: &FittedPipeline,
        table: &Table,
        metric: Metric,
        seed: Seed,
    ) -> Result<Importances> {
        for (name, value) in [("repeats", self.repeats), ("rows", self.rows)] {
            if value == 0 {
                return Err(Error::setting(name, value, "at least 1"));
            }
        }
        let spec = fitted.target();
        let seed = seed.named("permutation");
        let table = sample(table, self.rows, seed.named("rows"))?;
        let target = spec.apply(&table)?;
        let rows = table.conform(fitted.input())?;
        let score = |rows: &Table| metric.compute(spec, &target, &fitted.predict(rows)?);
        let whole = score(&rows)?;
        let names = fitted.input().names();
        let fits: Vec<(usize, u64)> = (0..names.len())
            .flat_map(|at| (0..self.repeats as u64).map(move |repeat| (at, repeat)))
            .collect();
        let worse = fits
            .into_par_iter()
            .map(|(at, repeat)| {
                let mut dealt: Vec<u32> = (0..rows.rows() as u32).collect();
                seed.named(&names[at]).numbered(repeat).random().shuffle(&mut dealt);
                let without = score(&with_values_of(&rows, at, &dealt)?)?;
                Ok(if metric.greater_is_better() { whole - without } else { without - whole })
            })
            .collect::<Vec<Result<f64>>>();
        let worse: Vec<f64> = worse.into_iter().collect::<Result<_>>()?;
        let mut columns: Vec<ColumnImportance> = names
            .into_iter()
            .zip(worse.chunks(self.repeats))
            .map(|(column, worse)| ColumnImportance {
                column,
                importance: FoldScores::new(worse.to_vec()),
            })
            .collect();
        columns.sort_by(|a, b| b.importance.mean.total_cmp(&a.importance.mean));
        Ok(Importances { metric: metric.name().into(), whole, columns })
    }
}
