//! A tree of Parzen estimators: points that did well and points that did not each become a density,
//! and the next point is the draw from the first that is the least probable under the second.
//!
//! Method: Bergstra, Bardenet, Bengio, Kégl, *Algorithms for Hyper-Parameter Optimization*, NeurIPS
//! 2011; here with one density over all parameters together (Falkner, Klein, Hutter, *BOHB*, ICML
//! 2018), so that it sees which values go well with each other. A parameter that a point does not
//! have, because it belongs to another alternative, says nothing about it.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use gristmill_core::{Random, Seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::random::{self, coordinate};
use super::{Outcome, Point, Range, Space, Trial};
use crate::distributions::{normal_below, normal_quantile};

/// Points near those that did well.
///
/// The best of the trials, 15 in 100 and at most 25, are what did well. Trials that are open or failed count
/// among the others, so that nobody tries beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tpe {
    /// How many points are tried.
    #[schemars(range(min = 1))]
    pub trials: usize,
    /// How many of them by chance, before there is anything to learn from.
    #[serde(default = "ten")]
    pub startup: usize,
}

fn ten() -> usize {
    10
}

/// How many draws compete to be the next point.
const DRAWS: usize = 32;
/// The most trials that count as good.
const GOOD: usize = 25;
/// The share of the trials that counts as good.
const SHARE: f64 = 0.15;

impl Tpe {
    /// So many trials.
    pub fn new(trials: usize) -> Self {
        Self { trials, startup: ten() }
    }

    pub(super) fn draw(&self, space: &Space, trials: &[(Trial, Outcome)], seed: Seed) -> Point {
        let mut done: Vec<(f64, usize)> = Vec::new();
        for (at, (_, outcome)) in trials.iter().enumerate() {
            if let Outcome::Loss(loss) = outcome
                && loss.is_finite()
            {
                done.push((*loss, at));
            }
        }
        if done.len() < self.startup.max(2) {
            return random::draw(space, seed);
        }
        done.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let good = ((SHARE * done.len() as f64).ceil() as usize).min(GOOD);
        let good: Vec<usize> = done.iter().take(good).map(|(_, at)| *at).collect();
        let others: Vec<usize> = (0..trials.len()).filter(|at| !good.contains(at)).collect();
        let ranges = space.ranges();
        let (good, others) =
            (Density::of(&ranges, trials, &good), Density::of(&ranges, trials, &others));
        let mut random = seed.random();
        let mut best: Option<(f64, Point)> = None;
        for _ in 0..DRAWS {
            let point = good.draw(space, &mut random);
            let gain = good.log(&ranges, &point) - others.log(&ranges, &point);
            if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, point));
            }
        }
        best.map(|(_, point)| point).unwrap_or_default()
    }
}

/// A mixture of one kernel a trial and one that knows nothing.
struct Density {
    kernels: usize,
    columns: BTreeMap<String, Column>,
}

/// The kernels of one parameter.
struct Column {
    /// Its width, along the way from the least to the greatest.
    width: f64,
    /// By kernel: where it stands, as a share of the way or an alternative; NaN where the trial had
    /// no such parameter.
    at: Vec<f64>,
    /// By kernel: the logarithm of what its density is divided by.
    scale: Vec<f64>,
}

impl Density {
    fn of(
        ranges: &BTreeMap<String, &Range>,
        trials: &[(Trial, Outcome)],
        chosen: &[usize],
    ) -> Self {
        let (n, d) = (chosen.len().max(1) as f64, ranges.len() as f64);
        // Scott's rule for a normal density of d parameters. This factor and SHARE were chosen by the
        // medians of 300 searches for the least of Branin's function and of Hartmann's.
        let scott = 0.1 * n.powf(-1.0 / (d + 4.0));
        let columns = ranges.iter().map(|(path, range)| {
            let at = chosen.iter().map(|at| {
                let point = trials.get(*at).map(|(trial, _)| &trial.point);
                point.and_then(|p| p.get(path)).map_or(f64::NAN, |at| place(range, *at))
            });
            let at: Vec<f64> = at.collect();
            let width = scott.max(coarseness(range));
            let scale = at.iter().map(|at| match range {
                Range::Choice(_) => 0.0,
                _ => (width * TAU.sqrt() * within(*at, width)).ln(),
            });
            let scale = scale.collect();
            (path.clone(), Column { width, at, scale })
        });
        Self { kernels: chosen.len(), columns: columns.collect() }
    }

    /// A point from one of the kernels.
    fn draw(&self, space: &Space, random: &mut Random) -> Point {
        let kernel = random.below(self.kernels + 1);
        space.draw(&mut |path, range| {
            let column = self.columns.get(path);
            let stands = column.and_then(|c| Some((c.width, *c.at.get(kernel)?)));
            match (stands.filter(|(_, at)| !at.is_nan()), range) {
                (None, _) => coordinate(range, random),
                (Some((_, at)), Range::Choice(all)) => {
                    let stays = self.stays(all.len());
                    if random.unit() < stays { at } else { random.below(all.len()) as f64 }
                }
                (Some((width, at)), Range::Number(interval) | Range::Whole(interval)) => {
                    let (low, high) = (normal_below(-at / width), normal_below((1.0 - at) / width));
                    let share = low + random.unit() * (high - low);
                    interval.at((at + width * normal_quantile(share)).clamp(0.0, 1.0))
                }
            }
        })
    }

    /// How probable it is that a kernel keeps its alternative, rather than taking any.
    fn stays(&self, alternatives: usize) -> f64 {
        let n = self.kernels as f64 + 1.0;
        1.0 / (1.0 + alternatives as f64 / n)
    }

    /// The logarithm of the density at a point.
    fn log(&self, ranges: &BTreeMap<String, &Range>, point: &Point) -> f64 {
        // The kernel that knows nothing, last, is even: its logarithm is that of the choices alone.
        let mut sums = vec![0.0; self.kernels + 1];
        for (path, at) in point {
            let (Some(range), Some(column)) = (ranges.get(path), self.columns.get(path)) else {
                continue;
            };
            let at = place(range, *at);
            match range {
                Range::Choice(all) => self.add_choice(all.len(), at, column, &mut sums),
                _ => add_normal(at, column, &mut sums),
            }
        }
        let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = sums.iter().map(|sum| (sum - most).exp()).sum();
        most + (sum / sums.len() as f64).ln()
    }

    fn add_choice(&self, alternatives: usize, at: f64, column: &Column, sums: &mut [f64]) {
        let any = 1.0 / alternatives as f64;
        let stays = self.stays(alternatives);
        let (same, other) = ((stays + (1.0 - stays) * any).ln(), ((1.0 - stays) * any).ln());
        let unknown = any.ln();
        for (sum, stands) in sums.iter_mut().zip(&column.at) {
            *sum += if stands.is_nan() {
                unknown
            } else if *stands == at {
                same
            } else {
                other
            };
        }
        if let Some(last) = sums.last_mut() {
            *last += unknown;
        }
    }
}

fn add_normal(at: f64, column: &Column, sums: &mut [f64]) {
    let kernels = column.at.iter().zip(&column.scale);
    for (sum, (stands, scale)) in sums.iter_mut().zip(kernels) {
        if !stands.is_nan() {
            let far = (at - stands) / column.width;
            *sum -= 0.5 * far * far + scale;
        }
    }
}

/// Where a coordinate stands on the way from the least to the greatest; the alternative itself for
/// a choice.
fn place(range: &Range, at: f64) -> f64 {
    match range {
        Range::Choice(_) => at,
        Range::Number(interval) | Range::Whole(interval) => interval.share(at),
    }
}

/// Half of the way from one value to the next, where there is a next one: a narrower kernel would
/// see nothing but its own.
fn coarseness(range: &Range) -> f64 {
    match range {
        Range::Choice(_) => 0.0,
        Range::Number(interval) | Range::Whole(interval) => {
            let step = interval.step.unwrap_or_default();
            if interval.high > interval.low {
                0.5 * step / (interval.high - interval.low)
            } else {
                0.0
            }
        }
    }
}

/// How much of a normal density around `at` lies on the way, from 0 to 1.
fn within(at: f64, width: f64) -> f64 {
    roughly_below((1.0 - at) / width) - roughly_below(-at / width)
}

/// P(X ≤ x) of the standard normal distribution to 7 digits, which is enough to compare draws by:
/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 1964, 26.2.17.
fn roughly_below(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - roughly_below(-x);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let terms = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let series = terms.iter().fold(0.0, |sum, term| sum * t + term) * t;
    1.0 - (-0.5 * x * x).exp() / TAU.sqrt() * series
}
