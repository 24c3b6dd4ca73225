//! What a durable trial costs: `study_bench TRIALS`, of Hartmann's function of six parameters.
//!
//! Prints the seconds on the clock and the least value found, as JSON. Every trial is committed to
//! the SQLite database of a home of its own before the next one that knows of it is chosen.

use std::time::Instant;

use gristmill::Home;
use gristmill::select::Study;
use gristmill_core::Seed;
use gristmill_evaluate::search::{
    FoldScore, Objective, Pace, Prune, Rules, Search, Space, Tpe, Trial, Work,
};
use serde_json::{Value, json};

struct Hartmann;

impl Work for Hartmann {
    fn fold(&self, _: usize, trial: &Trial, _: usize) -> Result<FoldScore, String> {
        let x = [0, 1, 2, 3, 4, 5].map(|at| trial.point[&format!("x{at}")]);
        Ok(FoldScore::from([("loss".into(), gristmill_testkit::hartmann(x))]))
    }
}

struct One;

impl Pace for One {
    fn workers(&self) -> usize {
        1
    }
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trials: usize = std::env::args().nth(1).ok_or("usage: study_bench TRIALS")?.parse()?;
    let axis = |at: usize| (format!("x{at}"), json!({"uniform": [0, 1]}));
    let rules = Rules {
        space: Space::parse(&Value::Object((0..6).map(axis).collect()))?,
        search: Search::Tpe(Tpe::new(trials)),
        seed: Seed(1),
        objectives: vec![Objective::least("loss")],
        folds: 1,
        prune: Prune::Never,
        first: Vec::new(),
    };
    let study = Study { name: "hartmann".into(), version: "1".into(), rules };
    let home = tempfile::tempdir()?;
    let start = Instant::now();
    let records = study.run(&Home::at(home.path()), &Hartmann, &One)?;
    let seconds = start.elapsed().as_secs_f64();
    let best = study.rules.best(&records).ok_or("no trial")?;
    let least = records[best].scores_of("loss").map(|scores| scores.mean);
    println!("{}", json!({"trials": records.len(), "seconds": seconds, "least": least}));
    Ok(())
}
