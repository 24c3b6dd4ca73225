//! A tree of Parzen estimators: points that did well and points that did not each become a density,
//! and the next point is the draw from the first that is the least probable under the second.
//!
//! Method: Bergstra, Bardenet, Bengio, Kégl, *Algorithms for Hyper-Parameter Optimization*, NeurIPS
//! 2011. Two views of the points are multiplied: each parameter by itself, as there, and all of them
//! together (Falkner, Klein, Hutter, *BOHB*, ICML 2018), which sees what values go well with each other
//! and needs more trials to see it. A parameter that a point does not have, because it belongs to another
//! alternative, says nothing about it.

use std::collections::{BTreeMap, BTreeSet};
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
/// among the others, so that nobody tries beside them. No point is tried twice while there are others.
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
/// The most others that count, the latest: a draw costs as much as there are kernels.
const OTHERS: usize = 200;
/// How wide a kernel is at least, in steps of a range that has steps: narrower ones hardly ever leave
/// their value, wider ones say little of it. Chosen by the searches of benches/search.py.
const COARSE: f64 = 0.85;
/// The share of the trials that counts as good.
const SHARE: f64 = 0.15;

impl Tpe {
    /// So many trials.
    pub fn new(trials: usize) -> Self {
        Self { trials, startup: ten() }
    }

    pub(super) fn draw(&self, space: &Space, trials: &[(&Trial, Outcome)], seed: Seed) -> Point {
        let mut done: Vec<(f64, usize)> = Vec::new();
        for (at, (_, outcome)) in trials.iter().enumerate() {
            if let Outcome::Loss(loss) = outcome
                && loss.is_finite()
            {
                done.push((*loss, at));
            }
        }
        let mut random = seed.random();
        if done.len() < self.startup.max(2) {
            return random::draw(space, &mut random);
        }
        done.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let good = ((SHARE * done.len() as f64).ceil() as usize).min(GOOD);
        let good: Vec<usize> = done.iter().take(good).map(|(_, at)| *at).collect();
        let others = (0..trials.len()).rev().filter(|at| !good.contains(at)).take(OTHERS);
        let others: Vec<usize> = others.collect();
        let ranges = space.ranges();
        let (good, others) =
            (Density::of(&ranges, trials, &good), Density::of(&ranges, trials, &others));
        let tried = Tried::of(&ranges, trials);
        let mut best: Option<(f64, Point)> = None;
        for draw in 0..DRAWS {
            let parents = if draw % 2 == 0 { Parents::One } else { Parents::Many };
            let point = good.draw(space, parents, &mut random);
            if tried.has(&point) {
                continue;
            }
            let gain = good.log(&ranges, &point) - others.log(&ranges, &point);
            if best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, point));
            }
        }
        // Everything near what did well was tried, or all there is.
        let mut by_chance = || random::draw(space, &mut random);
        let found = best.map(|(_, point)| point);
        found.unwrap_or_else(|| {
            let mut others = (0..DRAWS).map(|_| by_chance());
            others.find(|point| !tried.has(point)).unwrap_or_else(by_chance)
        })
    }
}

/// The points that were tried and can be met again: those of values that can be counted.
struct Tried<'a> {
    ranges: &'a BTreeMap<String, &'a Range>,
    points: BTreeSet<Vec<(&'a str, u64)>>,
}

impl<'a> Tried<'a> {
    fn of(ranges: &'a BTreeMap<String, &'a Range>, trials: &[(&'a Trial, Outcome)]) -> Self {
        let points = trials.iter().map(|(trial, _)| &trial.point);
        let points = points.filter(|point| is_countable(ranges, point)).map(exactly).collect();
        Self { ranges, points }
    }

    /// Whether this point was tried.
    fn has(&self, point: &Point) -> bool {
        is_countable(self.ranges, point) && self.points.contains(&exactly(point))
    }
}

fn is_countable(ranges: &BTreeMap<String, &Range>, point: &Point) -> bool {
    point.keys().all(|path| match ranges.get(path) {
        Some(Range::Number(interval) | Range::Whole(interval)) => interval.step.is_some(),
        Some(Range::Choice(_)) | None => true,
    })
}

fn exactly(point: &Point) -> Vec<(&str, u64)> {
    point.iter().map(|(path, at)| (path.as_str(), at.to_bits())).collect()
}

/// Whose values a draw has, or values near them.
#[derive(Clone, Copy)]
enum Parents {
    /// Those of one kernel.
    One,
    /// For each parameter those of any kernel.
    Many,
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
        trials: &[(&Trial, Outcome)],
        chosen: &[usize],
    ) -> Self {
        let (n, d) = (chosen.len().max(1) as f64, ranges.len() as f64);
        // Scott's rule for a normal density of d parameters. This factor was chosen by the medians of 60
        // searches for the least of Branin's function and of Hartmann's, and SHARE by 300 such searches.
        let scott = 0.07 * n.powf(-1.0 / (d + 4.0));
        let points = chosen.iter().filter_map(|at| trials.get(*at)).map(|(trial, _)| &trial.point);
        let mut places: Vec<Vec<f64>> = vec![Vec::with_capacity(chosen.len()); ranges.len()];
        for point in points {
            // Both are in the order of the paths.
            let mut coordinates = point.iter().peekable();
            for ((path, range), places) in ranges.iter().zip(&mut places) {
                while coordinates.next_if(|(other, _)| *other < path).is_some() {}
                let at = coordinates.next_if(|(other, _)| *other == path);
                places.push(at.map_or(f64::NAN, |(_, at)| place(range, *at)));
            }
        }
        let columns = ranges.iter().zip(places).map(|((path, range), at)| {
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

    /// A point from the kernels.
    fn draw(&self, space: &Space, parents: Parents, random: &mut Random) -> Point {
        let one = random.below(self.kernels + 1);
        space.draw(&mut |path, range| {
            let kernel = match parents {
                Parents::One => one,
                Parents::Many => random.below(self.kernels + 1),
            };
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
                    interval.wide().at((at + width * normal_quantile(share)).clamp(0.0, 1.0))
                }
            }
        })
    }

    /// How probable it is that a kernel keeps its alternative, rather than taking any.
    fn stays(&self, alternatives: usize) -> f64 {
        let n = self.kernels as f64 + 1.0;
        1.0 / (1.0 + alternatives as f64 / n)
    }

    /// The logarithm of the density at a point, that of all parameters together times those of each.
    fn log(&self, ranges: &BTreeMap<String, &Range>, point: &Point) -> f64 {
        let (mut sums, mut of_one) = (vec![0.0; self.kernels + 1], vec![0.0; self.kernels + 1]);
        let mut each = 0.0;
        for (path, at) in point {
            let (Some(range), Some(column)) = (ranges.get(path), self.columns.get(path)) else {
                continue;
            };
            let at = place(range, *at);
            match range {
                Range::Choice(all) => self.choice(all.len(), at, column, &mut of_one),
                _ => normal(at, column, &mut of_one),
            }
            each += mean(&of_one);
            sums.iter_mut().zip(&of_one).for_each(|(sum, one)| *sum += one);
        }
        mean(&sums) + each
    }

    /// For each kernel the logarithm of its density at an alternative; that of the last one, which
    /// knows nothing, is even.
    fn choice(&self, alternatives: usize, at: f64, column: &Column, densities: &mut [f64]) {
        let any = 1.0 / alternatives as f64;
        let stays = self.stays(alternatives);
        let (same, other) = ((stays + (1.0 - stays) * any).ln(), ((1.0 - stays) * any).ln());
        let unknown = any.ln();
        for (density, stands) in densities.iter_mut().zip(&column.at) {
            *density = if stands.is_nan() {
                unknown
            } else if *stands == at {
                same
            } else {
                other
            };
        }
        if let Some(last) = densities.last_mut() {
            *last = unknown;
        }
    }
}

/// The same at a place on the way from the least to the greatest, where an even density is 1.
fn normal(at: f64, column: &Column, densities: &mut [f64]) {
    let kernels = column.at.iter().zip(&column.scale);
    for (density, (stands, scale)) in densities.iter_mut().zip(kernels) {
        let far = (at - stands) / column.width;
        *density = if stands.is_nan() { 0.0 } else { -0.5 * far * far - scale };
    }
    if let Some(last) = densities.last_mut() {
        *last = 0.0;
    }
}

/// The logarithm of the mean of what these are the logarithms of.
fn mean(logarithms: &[f64]) -> f64 {
    // Less than a millionth of a millionth of the greatest: nothing beside it.
    const NOTHING: f64 = -28.0;
    let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let others = logarithms.iter().map(|log| log - most).filter(|log| *log > NOTHING);
    let sum: f64 = others.map(f64::exp).sum();
    most + (sum / logarithms.len() as f64).ln()
}

/// Where a coordinate stands on the way from the least to the greatest; the alternative itself for
/// a choice.
fn place(range: &Range, at: f64) -> f64 {
    match range {
        Range::Choice(_) => at,
        Range::Number(interval) | Range::Whole(interval) => interval.wide().share(at),
    }
}

/// The least width of a kernel, as a share of the way; 0 where numbers have no steps.
fn coarseness(range: &Range) -> f64 {
    match range {
        Range::Choice(_) => 0.0,
        Range::Number(interval) | Range::Whole(interval) => {
            let (step, wide) = (interval.step.unwrap_or_default(), interval.wide());
            if wide.high > wide.low { COARSE * step / (wide.high - wide.low) } else { 0.0 }
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
