//! Partial dependence: how answers change with one column, in the mean and row by row.
//! Sources: Friedman, *Annals of Statistics* 29 (2001); for single rows (ICE) Goldstein et al.,
//! *Journal of Computational and Graphical Statistics* 24 (2015).

use gristmill_core::{
    Column, Error, FittedPipeline, Frame, MISSING_CODE, MISSING_TIME, Prediction, Result, Seed,
    Table,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{sample, with_values_of};

/// How finely dependence is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DependenceSettings {
    /// How many values of the column are tried at most: of numbers and moments evenly by rank
    /// between their 5 % and their 95 % quantile, of words the most frequent.
    #[schemars(range(min = 2))]
    pub grid: usize,
    /// How many rows are asked at most; more are drawn from.
    #[schemars(range(min = 1))]
    pub rows: usize,
    /// How many of these rows are also shown one by one.
    pub lines: usize,
}

impl Default for DependenceSettings {
    fn default() -> Self {
        Self { grid: 20, rows: 2_000, lines: 50 }
    }
}

/// How answers change with one column while all others stay as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dependence {
    /// The column, as it comes into the pipeline.
    pub column: String,
    /// The values that were tried; each occurs in the data.
    pub grid: Vec<GridValue>,
    /// For numbers one, for classes one each but for the first of two.
    pub curves: Vec<Curve>,
}

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GridValue {
    /// A number, or 0 and 1 for no and yes.
    Number(f64),
    /// A word.
    Word(String),
    /// A moment in microseconds since 1970-01-01.
    Time(i64),
}

/// Answers by the values of the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The class whose probability it is; nothing for numbers.
    pub class: Option<String>,
    /// The mean answer over the rows when all have the value (partial dependence).
    pub mean: Vec<f64>,
    /// The answers for some rows, each by the values of the grid (ICE).
    pub lines: Vec<Vec<f64>>,
}

impl DependenceSettings {
    /// How the answers of `fitted` to the rows of `table` change with `column`: for each value of the
    /// grid all rows are given it and asked again. Combinations that never occur are asked too, so
    /// columns that move together are best read with care.
    ///
    /// # Errors
    /// [`Error::Setting`] for a grid of fewer than 2 values or no rows; [`Error::MissingColumn`] when
    /// the pipeline does not take the column; [`Error::Data`] when it has no value in any row, or is
    /// an image; as [`FittedPipeline::predict`].
    pub fn dependence(
        &self,
        fitted: &FittedPipeline,
        table: &Table,
        column: &str,
        seed: Seed,
    ) -> Result<Dependence> {
        for (name, value, least) in [("grid", self.grid, 2), ("rows", self.rows, 1)] {
            if value < least {
                return Err(Error::setting(name, value, format!("at least {least}")));
            }
        }
        let at = fitted.input().position(column)?;
        let table = sample(table, self.rows, seed.named("dependence"))?.conform(fitted.input())?;
        let grid = self.grid(&table, at, column)?;
        let answers = grid
            .par_iter()
            .map(|(_, row)| {
                let same = vec![*row; table.rows()];
                fitted.predict(&with_values_of(&table, at, &same)?)
            })
            .collect::<Vec<Result<Prediction>>>();
        let answers: Vec<Prediction> = answers.into_iter().collect::<Result<_>>()?;
        let shown = self.lines.min(table.rows());
        Ok(Dependence {
            column: column.into(),
            grid: grid.into_iter().map(|(value, _)| value).collect(),
            curves: curves(&answers, shown),
        })
    }

    /// The values to try, each with a row that has it.
    fn grid(&self, table: &Table, at: usize, column: &str) -> Result<Vec<(GridValue, u32)>> {
        let frame = Frame::from_table(&table.select(&[at]))?.dense()?;
        let found = match frame.columns().first() {
            Some(Column::Numbers(values)) => {
                let known = (0..).zip(values).filter(|(_, v)| !v.is_nan());
                let known = known.map(|(row, v)| (GridValue::Number(*v), row)).collect();
                self.by_rank(known, |a, b| match (a, b) {
                    (GridValue::Number(a), GridValue::Number(b)) => a.total_cmp(b),
                    _ => std::cmp::Ordering::Equal,
                })
            }
            Some(Column::Times(times)) => {
                let known = (0..).zip(times).filter(|(_, t)| **t != MISSING_TIME);
                let known = known.map(|(row, t)| (GridValue::Time(*t), row)).collect();
                self.by_rank(known, |a, b| match (a, b) {
                    (GridValue::Time(a), GridValue::Time(b)) => a.cmp(b),
                    _ => std::cmp::Ordering::Equal,
                })
            }
            Some(Column::Words(words)) => self.most_frequent(&words.codes, &words.dictionary),
            _ => Vec::new(),
        };
        if found.is_empty() {
            return Err(Error::data_hint(
                format!("column `{column}` has no value to vary"),
                "choose another column, or give rows in which it is known",
            ));
        }
        Ok(found)
    }

    /// Values evenly by rank; all of them when there are few.
    fn by_rank(
        &self,
        mut known: Vec<(GridValue, u32)>,
        order: impl Fn(&GridValue, &GridValue) -> std::cmp::Ordering,
    ) -> Vec<(GridValue, u32)> {
        known.sort_by(|a, b| order(&a.0, &b.0));
        let mut distinct = known.clone();
        distinct.dedup_by(|a, b| a.0 == b.0);
        if distinct.len() <= self.grid {
            return distinct;
        }
        let last = (known.len() - 1) as f64;
        let share = |step: usize| 0.05 + 0.9 * step as f64 / (self.grid - 1) as f64;
        let mut chosen: Vec<(GridValue, u32)> = (0..self.grid)
            .map(|step| known[(last * share(step)).round() as usize].clone())
            .collect();
        chosen.dedup_by(|a, b| a.0 == b.0);
        chosen
    }

    fn most_frequent(&self, codes: &[u32], dictionary: &[String]) -> Vec<(GridValue, u32)> {
        let mut found: Vec<(usize, u32)> = vec![(0, 0); dictionary.len()];
        for (&code, row) in codes.iter().zip(0..) {
            if code != MISSING_CODE {
                let (count, first) = &mut found[code as usize];
                if *count == 0 {
                    *first = row;
                }
                *count += 1;
            }
        }
        let mut words: Vec<(&String, usize, u32)> = dictionary
            .iter()
            .zip(found)
            .filter(|(_, (count, _))| *count > 0)
            .map(|(word, (count, row))| (word, count, row))
            .collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        words.truncate(self.grid);
        words.into_iter().map(|(word, _, row)| (GridValue::Word(word.clone()), row)).collect()
    }
}

fn curves(answers: &[Prediction], shown: usize) -> Vec<Curve> {
    let curve = |class: Option<String>, of: &dyn Fn(&Prediction) -> Vec<f64>| {
        let by_value: Vec<Vec<f64>> = answers.iter().map(of).collect();
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let line = |row: usize| by_value.iter().map(|values| values[row]).collect();
        Curve {
            class,
            mean: by_value.iter().map(mean).collect(),
            lines: (0..shown).map(line).collect(),
        }
    };
    match answers.first() {
        None => Vec::new(),
        Some(Prediction::Numbers(_)) => vec![curve(None, &|answer| match answer {
            Prediction::Numbers(values) => values.clone(),
            Prediction::Classes { .. } => Vec::new(),
        })],
        Some(Prediction::Classes { labels, .. }) => {
            let names = labels.names();
            // Of two probabilities one says all.
            let first = usize::from(names.len() == 2);
            (first..names.len())
                .map(|class| {
                    curve(Some(names[class].clone()), &|answer| match answer {
                        Prediction::Classes { probabilities, .. } => {
                            probabilities.column(class).to_vec()
                        }
                        Prediction::Numbers(_) => Vec::new(),
                    })
                })
                .collect()
        }
    }
}
