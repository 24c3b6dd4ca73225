//! Searching for settings: what may be tried ([`Space`]), and in which order ([`Search`]).
//!
//! A strategy is asked for the next trial with all trials before it, and is a function of these, the
//! space and the seed. Whoever has the list of trials can go on with a search that was cut short, and
//! gets what it would have got.

mod halving;
mod importance;
mod pareto;
mod race;
mod random;
mod rules;
mod shared;
mod space;
mod tpe;

use gristmill_core::Seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use halving::Halving;
pub use importance::{Binning, ParameterImportance, parameter_importance};
pub use pareto::{dominates, pareto_front};
pub use race::{Claim, FoldScore, Ledger, NoLedger, Pace, RaceError, Weighed, Work, race};
pub use rules::{Choice, End, Objective, Prune, Record, Rules};
pub use shared::{Named, Scored, SharedFolds};
pub use space::{Interval, Point, Range, Scale, Space, SpaceError, Template};
pub use tpe::Tpe;

/// In which order points are tried, and when enough are; a pipeline file writes `grid`,
/// `{random: {trials: 50}}`, `{tpe: {trials: 50}}` or `{halving: {trials: 50}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// Every point of a space that can be counted, in order.
    Grid,
    /// Points by chance.
    Random(Random),
    /// Points near those that did well: a tree of Parzen estimators.
    Tpe(Tpe),
    /// Many points on few rows, the better ones on more: asynchronous successive halving.
    Halving(Halving),
}

/// Points by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {
    /// How many.
    #[schemars(range(min = 1))]
    pub trials: usize,
}

/// One try of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The point.
    pub point: Point,
    /// On which share of the training rows, in `(0, 1]`.
    pub share: f64,
    /// Where it came from: an earlier trial of the same point on fewer rows, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<usize>,
}

impl Trial {
    /// A try of this point on all rows.
    pub fn of(point: Point) -> Self {
        Self { point, share: 1.0, promoted: None }
    }
}

/// What is known of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It is not done yet.
    Open,
    /// It came to nothing: its settings do not work, or it was given up.
    Failed,
    /// What it came to; less is better.
    Loss(f64),
}

/// What comes next in a search.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This trial.
    Trial(Trial),
    /// Nothing, until a trial that is open is done.
    Wait,
    /// Nothing any more.
    End,
}

impl Search {
    /// What to try after these trials, of which those that are open may be among the last.
    ///
    /// # Errors
    /// For a grid over a range without an end of values.
    pub fn next(
        &self,
        space: &Space,
        trials: &[(&Trial, Outcome)],
        seed: Seed,
    ) -> Result<Next, SpaceError> {
        let seed = seed.named("search").numbered(trials.len() as u64);
        let until = |most: usize, draw: &dyn Fn() -> Point| match trials.len() < most {
            true => Next::Trial(Trial::of(draw())),
            false => Next::End,
        };
        Ok(match self {
            Self::Grid => match (trials.len() as u64) < space.count()? {
                true => Next::Trial(Trial::of(space.nth(trials.len() as u64)?)),
                false => Next::End,
            },
            Self::Random(random) => {
                until(random.trials, &|| random::draw(space, &mut seed.random()))
            }
            Self::Tpe(tpe) => until(tpe.trials, &|| tpe.draw(space, trials, seed)),
            Self::Halving(halving) => halving.next(space, trials, seed),
        })
    }
}
