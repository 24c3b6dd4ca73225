//! How good searches are and what they cost: `search_bench branin|hartmann TRIALS SEEDS`.
//!
//! Prints the median over the seeds of the least value that each order of trying found, and the
//! seconds that a trial takes beside the function itself, as JSON.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::time::Instant;

use gristmill_core::Seed;
use gristmill_evaluate::search::{Next, Outcome, Point, Random, Search, Space, SpaceError, Tpe};
use serde_json::{Value, json};

/// Its least value is 0.397887.
fn branin(point: &Point) -> f64 {
    let (x, y) = (point["x"], point["y"]);
    let bent = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    bent * bent + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

/// Its least value is -3.32237.
fn hartmann(point: &Point) -> f64 {
    const HEIGHT: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const WIDTH: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const PLACE: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hills = HEIGHT.iter().zip(WIDTH.iter().zip(&PLACE));
    let hill = |(height, (width, place)): (&f64, (&[f64; 6], &[f64; 6]))| {
        let at = point.values().zip(width.iter().zip(place));
        height * (-at.map(|(x, (w, p))| w * (x - p) * (x - p)).sum::<f64>()).exp()
    };
    -hills.map(hill).sum::<f64>()
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
