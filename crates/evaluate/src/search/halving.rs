//! Asynchronous successive halving: every point begins on few rows, and those that are among the
//! best of their rung go on with more.
//!
//! Method: Li, Jamieson, Rostamizadeh and others, *A System for Massively Parallel Hyperparameter
//! Tuning*, MLSys 2020; two of three points begin near those that did well, as in Falkner, Klein,
//! Hutter, *BOHB*, ICML 2018.

use gristmill_core::Seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Next, Outcome, Point, Space, Tpe, Trial, random};

/// Many points on few rows, the better ones on more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// How many points are tried.
    #[schemars(range(min = 1))]
    pub trials: usize,
    /// One of so many goes on from each rung, with so many times the rows.
    #[serde(default = "three")]
    #[schemars(range(min = 2))]
    pub factor: usize,
    /// The share of the training rows that points begin on, at least.
    #[serde(default = "a_ninth")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub least: f64,
}

fn three() -> usize {
    3
}

fn a_ninth() -> f64 {
    1.0 / 9.0
}

impl Halving {
    /// So many points, a third of which goes on from each rung, the first on a ninth of the rows.
    pub fn new(trials: usize) -> Self {
        Self { trials, factor: three(), least: a_ninth() }
    }

    /// The share of the rows on each rung, from the first on; the last is 1.
    pub fn rungs(&self) -> Vec<f64> {
        let factor = self.factor.max(2) as f64;
        let mut rungs = vec![1.0];
        while let Some(next) = rungs.last().map(|last| last / factor)
            && next >= self.least * (1.0 - 1e-9)
            && next > 1e-6
        {
            rungs.push(next);
        }
        rungs.reverse();
        rungs
    }

    pub(super) fn next(&self, space: &Space, trials: &[(&Trial, Outcome)], seed: Seed) -> Next {
        let rungs = self.rungs();
        let promoted: Vec<usize> = trials.iter().filter_map(|(t, _)| t.promoted).collect();
        for pair in rungs.windows(2).rev() {
            let [share, more] = pair else { continue };
            let ranked = ranked(trials, *share);
            let go_on = ranked.iter().take(ranked.len() / self.factor.max(2));
            if let Some(at) = go_on.copied().find(|at| !promoted.contains(at)) {
                return promote(trials, at, *more);
            }
        }
        let first = rungs.first().copied().unwrap_or(1.0);
        let begun = trials.iter().filter(|(trial, _)| trial.promoted.is_none()).count();
        if begun < self.trials {
            let point = draw(space, trials, (&rungs, begun), seed);
            return Next::Trial(Trial { point, share: first, promoted: None });
        }
        if trials.iter().any(|(_, outcome)| *outcome == Outcome::Open) {
            return Next::Wait;
        }
        // Too few for a whole step: the best goes on all the same, so that one has seen all rows.
        for pair in rungs.windows(2).rev() {
            let [share, more] = pair else { continue };
            if !ranked(trials, *more).is_empty() {
                return Next::End;
            }
            if let Some(at) = ranked(trials, *share).first().copied()
                && !promoted.contains(&at)
            {
                return promote(trials, at, *more);
            }
        }
        Next::End
    }
}

/// Where the next point begins, after so many that began: by the trials on most rows, once there are
/// enough of them; every third by chance, since few rows may mislead.
fn draw(
    space: &Space,
    trials: &[(&Trial, Outcome)],
    (rungs, begun): (&[f64], usize),
    seed: Seed,
) -> Point {
    let tpe = Tpe::new(trials.len() + 1);
    let told = |share: &f64| -> Vec<(&Trial, Outcome)> {
        trials.iter().filter(|(trial, _)| trial.share == *share).copied().collect()
    };
    let enough = |told: &Vec<(&Trial, Outcome)>| {
        let scored = |outcome: &Outcome| matches!(outcome, Outcome::Loss(_));
        told.iter().filter(|(_, outcome)| scored(outcome)).count() >= tpe.startup
    };
    match rungs.iter().rev().map(told).find(enough) {
        Some(told) if begun % 3 != 2 => tpe.draw(space, &told, seed),
        _ => random::draw(space, &mut seed.random()),
    }
}

/// The trials that are done on this share of the rows, the best first.
fn ranked(trials: &[(&Trial, Outcome)], share: f64) -> Vec<usize> {
    let mut done: Vec<(f64, usize)> = Vec::new();
    for (at, (trial, outcome)) in trials.iter().enumerate() {
        if let Outcome::Loss(loss) = outcome
            && trial.share == share
        {
            done.push((*loss, at));
        }
    }
    done.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    done.into_iter().map(|(_, at)| at).collect()
}

fn promote(trials: &[(&Trial, Outcome)], at: usize, share: f64) -> Next {
    let point = trials.get(at).map(|(trial, _)| trial.point.clone()).unwrap_or_default();
    Next::Trial(Trial { point, share, promoted: Some(at) })
}
