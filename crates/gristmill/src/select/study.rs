//! A search of a Rust program, kept as those of pipeline files are.

use gristmill_core::Clock;
use gristmill_evaluate::search::{Pace, Point, RaceError, Record, Rules, Work, race};
use gristmill_flow::Digest;
use gristmill_track::{NewRun, RunId, RunStatus, RunUpdate};
use serde_json::json;

use super::cost::Costs;
use super::ledger::{Before, Trials};
use crate::alive::Alive;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::{Error, Home, Kind, Result};

/// A search for the best point of a space by the scores of a Rust function.
///
/// Every trial is written down in a home as it ends: a program that was killed and runs again goes on
/// where it was, and several programs on one home, or on homes that share a database, do the trials
/// of one search together.
///
/// ```
/// use gristmill::{Home, select::Study};
/// use gristmill_core::Seed;
/// use gristmill_evaluate::search::{
///     FoldScore, Objective, Pace, Prune, Rules, Search, Space, Tpe, Trial, Work,
/// };
///
/// struct Parabola;
/// impl Work for Parabola {
///     fn fold(&self, _: usize, trial: &Trial, _: usize) -> Result<FoldScore, String> {
///         let x = trial.point["x"];
///         Ok(FoldScore::from([("loss".into(), (x - 2.0) * (x - 2.0))]))
///     }
/// }
/// struct One;
/// impl Pace for One {
///     fn workers(&self) -> usize { 1 }
/// }
///
/// let folder = tempfile::tempdir()?;
/// let rules = Rules {
///     space: Space::parse(&serde_json::json!({"x": {"uniform": [-10, 10]}}))?,
///     search: Search::Tpe(Tpe::new(30)),
///     seed: Seed(1),
///     objectives: vec![Objective::least("loss")],
///     folds: 1,
///     prune: Prune::Never,
///     first: Vec::new(),
/// };
/// let study = Study { name: "parabola".into(), version: "1".into(), rules };
/// let records = study.run(&Home::at(folder.path()), &Parabola, &One)?;
/// let best = study.rules.best(&records).unwrap();
/// assert!((records[best].trial.point["x"] - 2.0).abs() < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// Another one whenever an equal point would score otherwise.
    pub version: String,
    /// What is tried, in which order, and what is best.
    pub rules: Rules,
}

impl Study {
    /// Does the trials that are not done yet; what became of all, in order.
    ///
    /// # Errors
    /// When the home cannot be used, the space does not suit the search, or `pace` stops it.
    pub fn run(&self, home: &Home, work: &dyn Work, pace: &dyn Pace) -> Result<Vec<Record>> {
        let keeper = Keeper::open(home)?;
        let search = self.digest();
        let started = SystemClock.now();
        let process = std::process::id().to_le_bytes();
        let run =
            RunId::from_parts(&[search.to_string().as_bytes(), &started.0.to_le_bytes(), &process]);
        let _alive = Alive::begin(home, run)?;
        let kind = Some("search".into());
        keeper.create_first(NewRun { kind, ..NewRun::new(run, &self.name, started) })?;
        let (costs, space) = (Costs::default(), &self.rules.space);
        let meaning = |point: &Point| space.settings(point).map_err(|e| Error::bug(e.message));
        let trials = Trials::new(
            (&keeper, home),
            (run, &self.name),
            (search, space, &meaning),
            &costs,
            Before::of(&keeper, search)?,
        )?;
        let raced = race(&self.rules, work, &trials, pace).map_err(|error| match error {
            RaceError::Space(error) => Error::input(error.message).with_hint(error.hint),
            RaceError::Ledger(error) => error,
            RaceError::Stopped => Error::new(Kind::Cancelled, "the search was stopped"),
        });
        let status = match &raced {
            Ok(_) => RunStatus::Succeeded,
            Err(error) if error.kind == Kind::Cancelled => RunStatus::Cancelled,
            Err(_) => RunStatus::Failed,
        };
        keeper.wait(|s| s.update_run(run, RunUpdate::ended(status, SystemClock.now())))?;
        raced
    }

    fn digest(&self) -> Digest {
        let rules = &self.rules;
        let parts = json!({
            "name": self.name,
            "version": self.version,
            "space": format!("{:?}", rules.space.template()),
            "search": super::unbounded(&rules.search),
            "seed": rules.seed.0,
            "objectives": rules.objectives,
            "folds": rules.folds,
            "prune": rules.prune,
            "first": rules.first,
        });
        Digest::of_json("gristmill study", &parts)
    }
}
