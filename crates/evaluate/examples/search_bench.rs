//! How good searches are and what they cost: `search_bench FUNCTION TRIALS SEEDS`.
//!
//! FUNCTION is `branin`, `hartmann`, or a JSON file `{"axes": [..], "losses": [..]}` with the loss of
//! every point of a grid, the last axis first, as a data set gave them. On fewer rows than all a
//! function is bent by as much as rows are missing, so that halving has something to be misled by.
//! Prints the median over the seeds of the least value on all rows that each order of trying found,
//! the seconds that a trial takes beside the function itself, and how many times all rows were looked
//! at, as JSON. Halving ends when it has cost as much as `TRIALS` on all rows.

use std::collections::BTreeMap;
use std::time::Instant;

use gristmill_core::Seed;
use gristmill_evaluate::search::{
    Halving, Next, Outcome, Random, Search, Space, SpaceError, Tpe, Trial,
};
use gristmill_testkit as functions;
use serde::Deserialize;
use serde_json::{Value, json};

/// The loss of every point of a grid.
#[derive(Deserialize)]
struct Grid {
    axes: Vec<usize>,
    losses: Vec<f64>,
}

enum Function {
    Branin,
    Hartmann,
    Grid(Grid),
}

impl Function {
    fn named(name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(match name {
            "branin" => Self::Branin,
            "hartmann" => Self::Hartmann,
            file => Self::Grid(serde_json::from_str(&fs_err::read_to_string(file)?)?),
        })
    }

    fn space(&self) -> Result<Space, SpaceError> {
        let axes = |count: usize, axis: &dyn Fn(usize) -> Value| {
            Value::Object((0..count).map(|at| (format!("x{at}"), axis(at))).collect())
        };
        Space::parse(&match self {
            Self::Branin => json!({"x0": {"uniform": [-5, 10]}, "x1": {"uniform": [0, 15]}}),
            Self::Hartmann => axes(6, &|_| json!({"uniform": [0, 1]})),
            Self::Grid(grid) => axes(grid.axes.len(), &|at| json!({"int": [0, grid.axes[at] - 1]})),
        })
    }

    fn loss(&self, trial: &Trial) -> f64 {
        let x = |at: usize| trial.point[&format!("x{at}")];
        match self {
            Self::Branin => {
                let bent = 20.0 * (1.0 - trial.share) * (3.0 * x(0) + x(1)).sin();
                functions::branin(x(0), x(1)) + bent
            }
            Self::Hartmann => {
                let bent = 0.3 * (1.0 - trial.share) * (20.0 * x(0) + 30.0 * x(1)).sin();
                functions::hartmann([0, 1, 2, 3, 4, 5].map(x)) + bent
            }
            Self::Grid(grid) => {
                let place = |place, (at, count)| place * count + x(at) as usize;
                grid.losses[grid.axes.iter().enumerate().fold(0, place)]
            }
        }
    }
}

/// The least value on all rows that a search finds, and how many trials on all rows it cost.
fn least(
    search: &Search,
    space: &Space,
    function: &Function,
    (seed, most): (u64, f64),
) -> Result<(f64, f64), SpaceError> {
    let mut done: Vec<(Trial, Outcome)> = Vec::new();
    let (mut least, mut cost) = (f64::INFINITY, 0.0);
    while cost < most {
        let known: Vec<_> = done.iter().map(|(trial, outcome)| (trial, *outcome)).collect();
        let Next::Trial(trial) = search.next(space, &known, Seed(seed))? else { break };
        let found = function.loss(&trial);
        if trial.share == 1.0 {
            least = least.min(found);
        }
        // What a promoted trial has seen it sees again: a model does not go on from fewer rows.
        cost += trial.share;
        done.push((trial, Outcome::Loss(found)));
    }
    Ok((least, cost))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
    0.5 * (at((values.len().max(1) - 1) / 2) + at(values.len() / 2))
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, trials, seeds] = arguments.as_slice() else {
        return Err("usage: search_bench branin|hartmann|FILE TRIALS SEEDS".into());
    };
    let (trials, seeds): (usize, u64) = (trials.parse()?, seeds.parse()?);
    let function = Function::named(name)?;
    let space = function.space()?;
    let mut searches =
        vec![("random", Search::Random(Random { trials })), ("tpe", Search::Tpe(Tpe::new(trials)))];
    if !matches!(function, Function::Grid(_)) {
        searches.push(("halving", Search::Halving(Halving::new(9 * trials))));
    }
    let mut told = BTreeMap::new();
    for (order, search) in searches {
        let start = Instant::now();
        let runs = (0..seeds).map(|seed| least(&search, &space, &function, (seed, trials as f64)));
        let runs = runs.collect::<Result<Vec<(f64, f64)>, SpaceError>>()?;
        let seconds = start.elapsed().as_secs_f64() / (seeds as f64 * trials as f64);
        let (found, costs): (Vec<f64>, Vec<f64>) = runs.into_iter().unzip();
        told.insert(
            order,
            json!({"median": middle(found), "cost": middle(costs), "seconds_a_trial": seconds}),
        );
    }
    println!("{}", json!({"function": name, "trials": trials, "seeds": seeds, "found": told}));
    Ok(())
}
