//! Turns of guessing components and refitting them.
//!
//! One pass over the rows does both: while it guesses, it sums up differences from the present
//! means and their products, and the new covariance is what is left when the means have moved.

use gristmill_core::{Result, fold_chunks};

use super::blocks::{BLOCK, blocks, dots};
use super::shape::{Shape, triangle};
use super::{Covariance, GaussianMixture};
use crate::distance::{Kernel, dispatch};
use crate::points::{Points, Sample};

/// Normal distributions with their shares.
#[derive(Clone, Debug)]
pub(super) struct Components {
    pub(super) shares: Vec<f64>,
    pub(super) means: Points,
    /// One for each component, or one for all.
    pub(super) shapes: Vec<Shape>,
}

/// What was learned.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    pub(super) components: Components,
    /// The mean log-likelihood of a row.
    pub(super) likelihood: f64,
    pub(super) converged: bool,
}

/// Learns components, starting with rows that belong to `labels` around `centers`.
pub(super) fn learn(
    settings: &GaussianMixture,
    sample: &Sample,
    centers: &Points,
    labels: &[u32],
) -> Result<Fitted> {
    let start = Guess::Labels { centers, labels };
    let mut components = pass(settings.covariance, sample, &start)?.refit(settings, centers)?;
    let mut likelihood = f64::NEG_INFINITY;
    let mut converged = false;
    for _ in 0..settings.max_iter {
        let sums = pass(settings.covariance, sample, &Guess::Likeliest(&components))?;
        let now = sums.likelihood / sums.weight;
        components = sums.refit(settings, &components.means)?;
        converged = (now - likelihood).abs() < settings.tolerance;
        likelihood = now;
        if converged {
            break;
        }
    }
    Ok(Fitted { components, likelihood, converged })
}

impl Components {
    /// The shape of a component.
    pub(super) fn shape(&self, component: usize) -> &Shape {
        &self.shapes[component.min(self.shapes.len() - 1)]
    }

    /// The probability of each component for the rows of `range`, `[row, component]`.
    pub(super) fn probabilities(&self, points: &Points, range: std::ops::Range<usize>) -> Vec<f64> {
        dispatch(Answer { components: self, points, range })
    }

    /// ln πₖ − (width / 2) ln 2π − ln |L|, the part of the log-density that is the same for all.
    pub(super) fn constants(&self) -> Vec<f64> {
        let width = self.means.width();
        let bell = 0.5 * width as f64 * std::f64::consts::TAU.ln();
        let constant =
            |(at, share): (usize, &f64)| share.ln() - bell - self.shape(at).log_size(width);
        self.shares.iter().enumerate().map(constant).collect()
    }
}

/// Which component a row is from.
#[derive(Clone, Copy)]
enum Guess<'a> {
    Labels { centers: &'a Points, labels: &'a [u32] },
    Likeliest(&'a Components),
}

/// What one pass adds up.
#[derive(Clone, Debug)]
struct Sums {
    form: Covariance,
    weights: Vec<f64>,
    /// Σ weight · difference from the mean, `[component, column]`.
    firsts: Vec<f64>,
    /// Σ weight · products of differences: a lower triangle or one number a column.
    seconds: Vec<f64>,
    likelihood: f64,
    weight: f64,
}

fn pass(form: Covariance, sample: &Sample, guess: &Guess<'_>) -> Result<Sums> {
    fold_chunks(
        sample.points.len(),
        |rows| Ok(dispatch(Pass { form, sample, guess, rows })),
        |mut left, right| {
            left.weights.iter_mut().zip(&right.weights).for_each(|(a, b)| *a += b);
            left.firsts.iter_mut().zip(&right.firsts).for_each(|(a, b)| *a += b);
            left.seconds.iter_mut().zip(&right.seconds).for_each(|(a, b)| *a += b);
            left.likelihood += right.likelihood;
            left.weight += right.weight;
            Ok(left)
        },
    )
}

/// How many second sums a component has.
fn seconds(form: Covariance, width: usize) -> usize {
    match form {
        Covariance::Full | Covariance::Tied => triangle(width),
        Covariance::Diagonal | Covariance::Spherical => width,
    }
}

struct Pass<'a> {
    form: Covariance,
    sample: &'a Sample,
    guess: &'a Guess<'a>,
    rows: std::ops::Range<usize>,
}

impl Kernel for Pass<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Sums {
        let means = match self.guess {
            Guess::Labels { centers, .. } => centers,
            Guess::Likeliest(components) => &components.means,
        };
        let (width, count) = (means.width(), means.len());
        let mut sums = Sums {
            form: self.form,
            weights: vec![0.0; count],
            firsts: vec![0.0; count * width],
            seconds: vec![0.0; count * seconds(self.form, width)],
            likelihood: 0.0,
            weight: 0.0,
        };
        let mut room = Room::new(count, width);
        let constants = match self.guess {
            Guess::Labels { .. } => Vec::new(),
            Guess::Likeliest(components) => components.constants(),
        };
        for (first, rows, block) in blocks(&self.sample.points, self.rows.clone()) {
            match self.guess {
                Guess::Labels { labels, .. } => room.mark(&labels[first..first + rows]),
                Guess::Likeliest(components) => {
                    room.score(components, &constants, &block);
                    room.share(components, rows);
                }
            }
            for at in 0..rows {
                let weight = self.sample.weight(first + at);
                sums.weight += weight;
                sums.likelihood += weight * room.logs[at];
                room.shares.iter_mut().skip(at).step_by(BLOCK).for_each(|s| *s *= weight);
            }
            for component in 0..count {
                room.subtract(&block, means.point(component));
                sums.add(component, width, &mut room);
            }
        }
        sums
    }
}

struct Answer<'a> {
    components: &'a Components,
    points: &'a Points,
    range: std::ops::Range<usize>,
}

impl Kernel for Answer<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<const FUSED: bool>(self) -> Vec<f64> {
        let (width, count) = (self.points.width(), self.components.shares.len());
        let (mut room, constants) = (Room::new(count, width), self.components.constants());
        let mut answers = Vec::with_capacity(self.range.len() * count);
        for (_, rows, block) in blocks(self.points, self.range) {
            room.score(self.components, &constants, &block);
            room.share(self.components, rows);
            for at in 0..rows {
                answers.extend(room.shares.iter().skip(at).step_by(BLOCK));
            }
        }
        answers
    }
}

/// Scratch for one block.
struct Room {
    /// `[component, BLOCK]`: log-densities, then probabilities, then weights.
    shares: Vec<f64>,
    /// The log-likelihood of each row.
    logs: [f64; BLOCK],
    differences: Vec<f64>,
    solved: Vec<f64>,
}

impl Room {
    fn new(components: usize, width: usize) -> Self {
        Self {
            shares: vec![0.0; components * BLOCK],
            logs: [0.0; BLOCK],
            differences: vec![0.0; width * BLOCK],
            solved: vec![0.0; width * BLOCK],
        }
    }

    /// Probability 1 for the component of each row.
    fn mark(&mut self, labels: &[u32]) {
        self.shares.fill(0.0);
        for (at, &label) in labels.iter().enumerate() {
            self.shares[label as usize * BLOCK + at] = 1.0;
        }
    }

    #[inline(always)]
    fn subtract(&mut self, block: &[f64], mean: &[f64]) {
        let columns = self.differences.chunks_exact_mut(BLOCK).zip(block.chunks_exact(BLOCK));
        for ((into, column), mean) in columns.zip(mean) {
            into.iter_mut().zip(column).for_each(|(into, x)| *into = x - mean);
        }
    }

    /// The log-densities of the rows of a block.
    #[inline(always)]
    fn score(&mut self, components: &Components, constants: &[f64], block: &[f64]) {
        let mut sums = [0.0; BLOCK];
        for (at, constant) in constants.iter().enumerate() {
            self.subtract(block, components.means.point(at));
            components.shape(at).distances(&self.differences, &mut self.solved, &mut sums);
            let logs = &mut self.shares[at * BLOCK..(at + 1) * BLOCK];
            logs.iter_mut().zip(&sums).for_each(|(log, sum)| *log = constant - 0.5 * sum);
        }
    }

    /// Log-densities into probabilities that sum to 1.
    #[inline(always)]
    fn share(&mut self, components: &Components, rows: usize) {
        let count = components.shares.len();
        for at in 0..rows {
            let value = |component: usize| component * BLOCK + at;
            let most = (0..count).fold(f64::NEG_INFINITY, |m, c| m.max(self.shares[value(c)]));
            if most == f64::NEG_INFINITY {
                // Too far from every component to tell them apart.
                (0..count).for_each(|c| self.shares[value(c)] = components.shares[c]);
                self.logs[at] = f64::MIN;
                continue;
            }
            let mut sum = 0.0;
            for component in 0..count {
                let share = (self.shares[value(component)] - most).exp();
                self.shares[value(component)] = share;
                sum += share;
            }
            (0..count).for_each(|c| self.shares[value(c)] /= sum);
            self.logs[at] = most + sum.ln();
        }
        // Rows that are not there weigh nothing.
        for shares in self.shares.chunks_exact_mut(BLOCK) {
            shares[rows..].fill(0.0);
        }
    }
}

impl Sums {
    /// Adds the rows of a block, whose differences from the mean of the component are in `room`.
    #[inline(always)]
    fn add(&mut self, component: usize, width: usize, room: &mut Room) {
        let Room { shares, differences, solved, .. } = room;
        let shares = &shares[component * BLOCK..(component + 1) * BLOCK];
        self.weights[component] += dots(shares, [&[1.0; BLOCK]])[0];
        let columns = || differences.chunks_exact(BLOCK);
        for (into, column) in solved.chunks_exact_mut(BLOCK).zip(columns()) {
            let terms = into.iter_mut().zip(column).zip(shares);
            terms.for_each(|((into, x), share)| *into = x * share);
        }
        let weighted = &*solved;
        let column = |at: usize| &differences[at * BLOCK..(at + 1) * BLOCK];
        let count = seconds(self.form, width);
        let firsts = &mut self.firsts[component * width..(component + 1) * width];
        let seconds = &mut self.seconds[component * count..(component + 1) * count];
        for (at, own) in weighted.chunks_exact(BLOCK).enumerate() {
            firsts[at] += dots(own, [&[1.0; BLOCK]])[0];
            if matches!(self.form, Covariance::Diagonal | Covariance::Spherical) {
                seconds[at] += dots(own, [column(at)])[0];
                continue;
            }
            let row = &mut seconds[triangle(at)..triangle(at + 1)];
            let fours = row.len() / 4 * 4;
            for other in (0..fours).step_by(4) {
                let four = [other, other + 1, other + 2, other + 3].map(column);
                let found = dots(own, four);
                row[other..other + 4].iter_mut().zip(found).for_each(|(sum, f)| *sum += f);
            }
            for (other, sum) in row.iter_mut().enumerate().skip(fours) {
                *sum += dots(own, [column(other)])[0];
            }
        }
    }

    /// The components of the greatest likelihood; `means` are those that differences were taken from.
    fn refit(mut self, settings: &GaussianMixture, means: &Points) -> Result<Components> {
        let (width, count) = (means.width(), self.weights.len());
        let size = seconds(self.form, width);
        let mut moved = means.clone();
        for at in 0..count {
            let weight = self.weights[at];
            let firsts = &mut self.firsts[at * width..(at + 1) * width];
            if weight <= 0.0 {
                // Nothing is from it: it keeps its place.
                firsts.fill(0.0);
                continue;
            }
            firsts.iter_mut().for_each(|first| *first /= weight);
            let mean = &mut moved.values_mut()[at * width..(at + 1) * width];
            mean.iter_mut().zip(&*firsts).for_each(|(mean, step)| *mean += step);
            let step = &self.firsts[at * width..(at + 1) * width];
            let seconds = &mut self.seconds[at * size..(at + 1) * size];
            take_step(self.form, seconds, step, weight);
        }
        let shapes = self.shapes(settings, width)?;
        let floor = 10.0 * f64::EPSILON;
        let all: f64 = self.weights.iter().map(|w| w + floor).sum();
        let shares = self.weights.iter().map(|w| (w + floor) / all).collect();
        Ok(Components { shares, means: moved, shapes })
    }

    fn shapes(&self, settings: &GaussianMixture, width: usize) -> Result<Vec<Shape>> {
        let (form, extra) = (self.form, settings.regularization);
        let size = seconds(form, width);
        if form == Covariance::Tied {
            let mut all = vec![0.0; size];
            for seconds in self.seconds.chunks_exact(size) {
                all.iter_mut().zip(seconds).for_each(|(all, s)| *all += s / self.weight);
            }
            return Ok(vec![shape_of(form, all, width, extra)?]);
        }
        let each = self.seconds.chunks_exact(size).zip(&self.weights);
        let shape = |(seconds, weight): (&[f64], &f64)| {
            let weight = weight + 10.0 * f64::EPSILON;
            let covariance = seconds.iter().map(|s| s / weight).collect();
            shape_of(form, covariance, width, extra)
        };
        each.map(shape).collect()
    }
}

/// Second sums about the mean after it has moved by `step`.
fn take_step(form: Covariance, seconds: &mut [f64], step: &[f64], weight: f64) {
    match form {
        Covariance::Full | Covariance::Tied => {
            for (row, a) in step.iter().enumerate() {
                let seconds = &mut seconds[triangle(row)..triangle(row + 1)];
                seconds.iter_mut().zip(step).for_each(|(second, b)| *second -= weight * a * b);
            }
        }
        Covariance::Diagonal | Covariance::Spherical => {
            let pairs = seconds.iter_mut().zip(step);
            pairs.for_each(|(second, a)| *second = (*second - weight * a * a).max(0.0));
        }
    }
}

fn shape_of(form: Covariance, mut numbers: Vec<f64>, width: usize, extra: f64) -> Result<Shape> {
    match form {
        Covariance::Full | Covariance::Tied => {
            (0..width).for_each(|at| numbers[triangle(at) + at] += extra);
            Shape::of_covariance(numbers, width)
        }
        Covariance::Diagonal => Shape::of_variances(numbers.iter().map(|v| v + extra).collect()),
        Covariance::Spherical => {
            let variance = numbers.iter().sum::<f64>() / width as f64 + extra;
            Shape::of_variances(vec![variance; width])
        }
    }
}
