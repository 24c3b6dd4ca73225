//! Intervals of any metric by drawing rows again and again.
//! Sources: Efron and Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall 1993, ch. 13-14;
//! for groups of rows Davison and Hinkley, *Bootstrap Methods and their Application*, Cambridge 1997,
//! section 3.8.

use gristmill_core::{Error, Prediction, Result, Seed, Target, TargetSpec};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{check_confidence, same_rows, take};
use crate::Metric;
use crate::distributions::{normal_below, normal_quantile};

/// More groups tell the skewness of a statistic no better.
const JACKKNIFE_GROUPS: usize = 500;

/// How intervals are drawn. Equal rows and seed give equal intervals on any number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// How often as many rows as there are get drawn, with replacement.
    #[schemars(range(min = 20))]
    pub resamples: usize,
    /// How often the interval should hold the true value.
    pub confidence: f64,
    /// How the interval comes out of the draws.
    pub method: BootstrapMethod,
}

/// How an interval comes out of draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapMethod {
    /// The quantiles (1 − confidence) / 2 and (1 + confidence) / 2 of the draws.
    Percentile,
    /// Quantiles moved for bias and skewness (BCa): Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z))) for z of
    /// the plain ones, where Φ(z₀) is the share of draws below the value and a the skewness of the
    /// jackknife, over rows or over 500 groups of them.
    #[default]
    Bca,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1_000, confidence: 0.95, method: BootstrapMethod::Bca }
    }
}

/// A value and the bounds between which the true one lies with some confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The value for the rows as they are.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// How often such an interval holds the true value.
    pub confidence: f64,
    /// In how many draws the statistic had no value, such as an area without positive rows; they
    /// are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// The difference of a metric between two models on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The first model's metric less the second's.
    pub difference: Interval,
    /// Twice the smaller share of draws on either side of 0 (a draw of 0 is on both), at most 1.
    pub p_value: f64,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The answers of two models to the same rows.
struct Paired<'a> {
    metric: Metric,
    spec: &'a TargetSpec,
    target: &'a Target,
    answers: [&'a Prediction; 2],
}

impl Paired<'_> {
    /// By how much the first is above the second on these rows.
    fn difference(&self, rows: &[u32]) -> Result<f64> {
        let target = self.target.take(rows);
        let of = |answers| self.metric.compute(self.spec, &target, &take(answers, rows)?);
        Ok(of(self.answers[0])? - of(self.answers[1])?)
    }
}

impl Bootstrap {
    /// Between what bounds `statistic` of `rows` rows lies. It is given the numbers of the rows that
    /// were drawn.
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer than 20 resamples or a confidence that is no share;
    /// [`Error::Data`] without rows or when the statistic has no value in half of the draws; the
    /// error of the statistic for the rows as they are.
    ///
    /// ```
    /// # use gristmill_core::Seed;
    /// # use gristmill_evaluate::compare::Bootstrap;
    /// let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let mean = |rows: &[u32]| {
    ///     Ok(rows.iter().map(|&r| values[r as usize]).sum::<f64>() / rows.len() as f64)
    /// };
    /// let interval = Bootstrap::default().interval(6, Seed(1), mean)?;
    /// assert_eq!(interval.value, 3.5);
    /// assert!(2.0 < interval.low && interval.low < 3.5 && interval.high < 5.0);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn interval(
        &self,
        rows: usize,
        seed: Seed,
        statistic: impl Fn(&[u32]) -> Result<f64> + Sync,
    ) -> Result<Interval> {
        Ok(self.run(rows, seed, statistic)?.0)
    }

    /// Between what bounds `metric` lies for these answers.
    ///
    /// # Errors
    /// As [`Bootstrap::interval`] and [`Metric::compute`].
    pub fn interval_of(
        &self,
        metric: Metric,
        spec: &TargetSpec,
        target: &Target,
        prediction: &Prediction,
        seed: Seed,
    ) -> Result<Interval> {
        same_rows(target.len(), prediction.rows())?;
        self.interval(target.len(), seed, |rows| {
            metric.compute(spec, &target.take(rows), &take(prediction, rows)?)
        })
    }

    /// By how much `metric` of the answers `first` is above that of `second`, both for the same rows,
    /// which are drawn together.
    ///
    /// # Errors
    /// As [`Bootstrap::interval_of`], and [`Error::Data`] when the answers are not for equally many
    /// rows.
    pub fn difference_of(
        &self,
        metric: Metric,
        spec: &TargetSpec,
        target: &Target,
        [first, second]: [&Prediction; 2],
        seed: Seed,
    ) -> Result<Difference> {
        let paired = Paired { metric, spec, target, answers: [first, second] };
        self.difference(&paired, target.len(), seed, |rows| paired.difference(rows))
    }

    /// As [`Bootstrap::difference_of`] where the rows of each of `groups` belong together, such as
    /// those of one engine or one customer: groups are drawn, each with all its rows, since rows
    /// that are alike say less than as many that are not.
    ///
    /// # Errors
    /// As [`Bootstrap::difference_of`]; [`Error::Data`] for a row that is not there.
    pub fn difference_of_groups(
        &self,
        metric: Metric,
        spec: &TargetSpec,
        target: &Target,
        [first, second]: [&Prediction; 2],
        groups: &[Vec<u32>],
        seed: Seed,
    ) -> Result<Difference> {
        let beyond = groups.iter().flatten().find(|row| **row as usize >= target.len());
        if let Some(row) = beyond {
            return Err(Error::data(format!("a group has row {row} of {}", target.len())));
        }
        let paired = Paired { metric, spec, target, answers: [first, second] };
        self.difference(&paired, groups.len(), seed, |drawn| {
            let rows = drawn.iter().flat_map(|&group| groups[group as usize].iter().copied());
            paired.difference(&rows.collect::<Vec<u32>>())
        })
    }

    /// The difference by drawing `units` of rows.
    fn difference(
        &self,
        paired: &Paired<'_>,
        units: usize,
        seed: Seed,
        statistic: impl Fn(&[u32]) -> Result<f64> + Sync,
    ) -> Result<Difference> {
        let [first, second] = paired.answers;
        same_rows(first.rows(), second.rows())?;
        same_rows(paired.target.len(), first.rows())?;
        let (difference, draws) = self.run(units, seed, statistic)?;
        let side = |on: fn(f64) -> bool| draws.iter().filter(|d| on(**d)).count() as f64;
        let smaller = side(|d| d <= 0.0).min(side(|d| d >= 0.0));
        let p_value = (2.0 * smaller / draws.len() as f64).min(1.0);
        Ok(Difference { difference, p_value })
    }

    /// The interval, and the draws in rising order.
    fn run(
        &self,
        rows: usize,
        seed: Seed,
        statistic: impl Fn(&[u32]) -> Result<f64> + Sync,
    ) -> Result<(Interval, Vec<f64>)> {
        self.check(rows)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let value = statistic(&all)?;
        let draws = self.draws(rows, seed, &statistic)?;
        let tail = (1.0 - self.confidence) / 2.0;
        let [low, high] = match self.method {
            BootstrapMethod::Percentile => [tail, 1.0 - tail],
            BootstrapMethod::Bca => {
                let acceleration = acceleration(&all, &statistic)?;
                corrected(&draws, value, acceleration, tail)
            }
        };
        let interval = Interval {
            value,
            low: quantile(&draws, low),
            high: quantile(&draws, high),
            confidence: self.confidence,
            left_out: self.resamples - draws.len(),
        };
        Ok((interval, draws))
    }

    fn check(&self, rows: usize) -> Result<()> {
        check_confidence(self.confidence)?;
        if self.resamples < 20 {
            return Err(Error::setting("resamples", self.resamples, "at least 20, such as 1000"));
        }
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(Error::data(format!("{rows} rows cannot be drawn from")));
        }
        Ok(())
    }

    /// The statistic of each resample in rising order, without those that have none.
    fn draws(
        &self,
        rows: usize,
        seed: Seed,
        statistic: &(impl Fn(&[u32]) -> Result<f64> + Sync),
    ) -> Result<Vec<f64>> {
        let seed = seed.named("bootstrap");
        let draw = |resample: usize| {
            let mut random = seed.numbered(resample as u64).random();
            let mut drawn: Vec<u32> = (0..rows).map(|_| random.below(rows) as u32).collect();
            // Rows in order are read faster, and no statistic depends on their order.
            drawn.sort_unstable();
            statistic(&drawn)
        };
        let drawn: Vec<Result<f64>> = (0..self.resamples).into_par_iter().map(draw).collect();
        let mut values = Vec::with_capacity(self.resamples);
        let mut refused = None;
        for value in drawn {
            match value {
                Ok(value) if value.is_nan() => {}
                Ok(value) => values.push(value),
                Err(Error::Bug(bug)) => return Err(Error::Bug(bug)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        if values.len() * 2 < self.resamples {
            let reason = refused.map_or_else(String::new, |error| format!(": {error}"));
            return Err(Error::data_hint(
                format!("{rows} rows are too few for an interval{reason}"),
                "give more rows",
            ));
        }
        values.sort_by(f64::total_cmp);
        Ok(values)
    }
}

/// A sixth of the skewness of the statistic without each row, or without each of 500 groups.
fn acceleration(all: &[u32], statistic: &(impl Fn(&[u32]) -> Result<f64> + Sync)) -> Result<f64> {
    let groups = all.len().min(JACKKNIFE_GROUPS);
    let without = |group: usize| {
        let kept: Vec<u32> =
            all.iter().copied().filter(|row| *row as usize % groups != group).collect();
        statistic(&kept)
    };
    let values: Vec<Result<f64>> = (0..groups).into_par_iter().map(without).collect();
    // A group whose loss leaves no value says nothing about the skewness.
    let values: Vec<f64> = values.into_iter().flatten().filter(|v| v.is_finite()).collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let power = |p: i32| values.iter().map(|v| (mean - v).powi(p)).sum::<f64>();
    let spread = power(2).powf(1.5);
    Ok(if spread > 0.0 { power(3) / (6.0 * spread) } else { 0.0 })
}

/// The shares of the two quantiles, corrected for bias and skewness.
fn corrected(draws: &[f64], value: f64, acceleration: f64, tail: f64) -> [f64; 2] {
    let below = draws.partition_point(|d| *d < value);
    let equal = draws.partition_point(|d| *d <= value) - below;
    let bias = normal_quantile((below as f64 + 0.5 * equal as f64) / draws.len() as f64);
    if !bias.is_finite() {
        // All draws lie on one side of the value: there is nothing to correct by.
        return [tail, 1.0 - tail];
    }
    [tail, 1.0 - tail].map(|share| {
        let moved = bias + normal_quantile(share);
        normal_below(bias + moved / (1.0 - acceleration * moved))
    })
}

/// The quantile of sorted values, interpolated between the two nearest.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let at = place.floor() as usize;
    let next = sorted[(at + 1).min(last)];
    sorted[at] + (next - sorted[at]) * place.fract()
}
