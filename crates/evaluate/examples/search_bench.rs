//! How good searches are and what they cost: `search_bench branin|hartmann TRIALS SEEDS`.
//!
//! Prints the median over the seeds of the least value that each order of trying found, and the
//! seconds that a trial takes beside the function itself, as JSON.

use std::collections::BTreeMap;
use std::time::Instant;

use gristmill_core::Seed;
use gristmill_evaluate::search::{Next, Outcome, Point, Random, Search, Space, SpaceError, Tpe};
use gristmill_testkit as functions;
use serde_json::{Value, json};

fn branin(point: &Point) -> f64 {
    functions::branin(point["x"], point["y"])
}

fn hartmann(point: &Point) -> f64 {
    functions::hartmann([0, 1, 2, 3, 4, 5].map(|at| point[&format!("x{at}")]))
}

type Loss = fn(&Point) -> f64;

fn function(name: &str) -> (Loss, Value) {
    match name {
        "branin" => (branin, json!({"x": {"uniform": [-5, 10]}, "y": {"uniform": [0, 15]}})),
        _ => {
            let axis = |at: usize| (format!("x{at}"), json!({"uniform": [0, 1]}));
            (hartmann, Value::Object((0..6).map(axis).collect()))
        }
    }
}

/// The least value that a search finds.
fn least(search: &Search, space: &Space, loss: Loss, seed: u64) -> Result<f64, SpaceError> {
    let (mut trials, mut least) = (Vec::new(), f64::INFINITY);
    while let Next::Trial(trial) = search.next(space, &trials, Seed(seed))? {
        let found = loss(&trial.point);
        least = least.min(found);
        trials.push((trial, Outcome::Loss(found)));
    }
    Ok(least)
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, trials, seeds] = arguments.as_slice() else {
        return Err("usage: search_bench branin|hartmann TRIALS SEEDS".into());
    };
    let (trials, seeds): (usize, u64) = (trials.parse()?, seeds.parse()?);
    let (loss, space) = function(name);
    let space = Space::parse(&space)?;
    let mut told = BTreeMap::new();
    for (order, search) in
        [("random", Search::Random(Random { trials })), ("tpe", Search::Tpe(Tpe::new(trials)))]
    {
        let start = Instant::now();
        let found = (0..seeds).map(|seed| least(&search, &space, loss, seed));
        let mut found = found.collect::<Result<Vec<f64>, SpaceError>>()?;
        let seconds = start.elapsed().as_secs_f64() / (seeds as f64 * trials as f64);
        found.sort_by(f64::total_cmp);
        let middle = |at: u64| found.get(at as usize).copied().unwrap_or(f64::NAN);
        let median = 0.5 * (middle((seeds.max(1) - 1) / 2) + middle(seeds / 2));
        told.insert(order, json!({"median": median, "seconds_a_trial": seconds}));
    }
    println!("{}", json!({"function": name, "trials": trials, "seeds": seeds, "found": told}));
    Ok(())
}
