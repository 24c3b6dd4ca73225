//! Searching for the model and the transforms before it: `model: select` and `model: auto`.
//!
//! What is tried and in which order is `gristmill_evaluate::search`'s; here a trial becomes a
//! pipeline that is fitted and scored fold by fold, written down as a run, and weighed.

mod auto;
mod cost;
mod found;
pub(crate) mod ledger;
mod outcome;
mod progress;
mod searcher;
mod serving;
pub(crate) mod settings;
pub(crate) mod spelled;
mod study;
#[cfg(test)]
mod tests;

pub use self::auto::AutoSettings;
pub use self::serving::{Answering, measure};
pub use self::settings::{Budget, ModelSection, OneOrMore, SelectSettings};
pub use self::spelled::Steps;
pub use self::study::Study;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use gristmill_core::{Catalog, Notes, Seed, Stem, Table, TargetSpec, TransformSpec};
use gristmill_evaluate::search::{
    End, Point, RaceError, Record, Rules, Search, SharedFolds, Space, Weighed, race,
};
use gristmill_evaluate::{Metric, Split};
use gristmill_flow::{Cancel, Digest};
use gristmill_track::RunId;
use serde_json::{Value, json};

pub(crate) use self::auto::{CALIBRATED_BY, improve};
pub(crate) use self::found::{FOUND, Searching, in_words};
use self::ledger::{Before, Trials};
pub(crate) use self::outcome::{FILE, Judge, Parameter, SearchOutcome, Standing, TrialOutcome};
use self::searcher::Searcher;
use self::serving::Scales;
use crate::check::Checked;
use crate::keeper::Keeper;
use crate::{Error, Home, Kind, Result, machine};

/// Raised when equal rows and settings would be searched otherwise.
pub(crate) const VERSION: u32 = 2;

/// A search on some rows.
pub(crate) struct Selection<'a> {
    pub checked: &'a Checked,
    pub catalog: &'a Catalog,
    pub settings: &'a SelectSettings,
    pub space: &'a Space,
    /// How the space is spelled.
    pub spelled: &'a Value,
    /// What is tried before anything else.
    pub first: Vec<Point>,
    /// What the first steps of all candidates have learned already, for each fold.
    pub begun: &'a [Arc<Stem>],
    /// The rows to choose by, and no others.
    pub table: &'a Table,
    /// What these rows are, beside their table: equal texts for equal rows.
    pub rows: &'a str,
    pub target: &'a TargetSpec,
    pub split: &'a Split,
    /// The first decides.
    pub metrics: &'a [Metric],
    /// How many of them the search goes by; the others are only written down.
    pub deciding: usize,
}

/// Where and for whom a search runs.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub keeper: &'a Keeper,
    pub home: &'a Home,
    pub run: RunId,
    pub cancel: &'a Cancel,
    /// The `gristmill` binary, where one is known.
    pub binary: Option<&'a Path>,
    /// Where files may stand for a while.
    pub folder: &'a Path,
    /// Hears how many trials are done, of how many if that is known, and what there is to say.
    pub tell: &'a (dyn Fn(u64, Option<u64>, &str) + Sync),
}

/// What a search came to.
pub(crate) struct Selected {
    /// The steps that won.
    pub steps: Steps,
    /// Which trial tried them, counted through all heats.
    pub best: usize,
    /// The trials: those of the search, then those of models that were made of what it found.
    pub heats: Vec<Heat>,
}

/// Trials over one space.
pub(crate) struct Heat {
    pub space: Space,
    pub records: Vec<Record>,
}

impl Selected {
    /// How many trials there were.
    pub fn trials(&self) -> usize {
        self.heats.iter().map(|heat| heat.records.len()).sum()
    }
}

impl Selection<'_> {
    /// Searches, or goes on with what was searched before.
    ///
    /// # Errors
    /// When no trial may win; when the store cannot be used; when it is stopped.
    pub fn run(&self, place: Place<'_>) -> Result<Selected> {
        let mut records = self.race(place)?;
        let rules = self.rules(self.seed());
        // The best that keeps within the budget when it has learned from all rows.
        loop {
            let best = rules.best(&records);
            let best = best.ok_or_else(|| outcome::none(&records, self.settings))?;
            let record = records.get_mut(best);
            let record = record.ok_or_else(|| Error::bug("a trial that is not there"))?;
            let steps = Steps::at(self.space, &record.trial.point);
            let steps = steps.map_err(|e| Error::bug(e.message))?;
            let weighed = self.weigh_whole(&steps, place)?;
            record.figures.extend(weighed.figures);
            if let Some(why) = weighed.refused {
                record.end = End::Refused(format!("learned from all rows: {why}"));
                continue;
            }
            let heats = vec![Heat { space: self.space.clone(), records }];
            return Ok(Selected { steps, best, heats });
        }
    }

    /// Does the trials, those that are not done yet, whether or not one of them may win.
    ///
    /// # Errors
    /// When the store cannot be used; when it is stopped.
    pub fn race(&self, place: Place<'_>) -> Result<Vec<Record>> {
        let seed = self.seed();
        let rules = self.rules(seed);
        let folds = self.settings.cross_validate.parts(
            self.split,
            self.table,
            Some(&self.target.apply(self.table)?),
            // As cross-validation deals them, so that a trial scores as it would there.
            Seed(self.checked.file.seed).named("folds"),
        )?;
        let rules = Rules { folds: folds.len(), ..rules };
        let folds = SharedFolds::new(
            self.table,
            self.target,
            folds,
            self.split.draw(self.table)?,
            seed,
            machine::share_for_rows(),
        );
        let fixed: Vec<String> =
            fixed(&self.checked.file.features).iter().map(|step| json!(step).to_string()).collect();
        for (at, stem) in self.begun.iter().enumerate() {
            folds.take_up(at, &fixed, Arc::clone(stem));
        }
        let search = self.digest();
        let before = Before::of(place.keeper, search)?;
        let searcher = Searcher::new(self, &rules, &folds, place, before.micros)?;
        let steps = |point: &Point| -> Result<Value> {
            let steps = Steps::at(self.space, point).map_err(|e| Error::bug(e.message))?;
            Ok(json!(steps))
        };
        let trials = Trials::new(
            (place.keeper, place.home),
            (place.run, &self.checked.file.name),
            (search, self.space, &steps),
            &searcher.costs,
            before,
        )?;
        let records = race(&rules, &searcher, &trials, &searcher).map_err(|error| match error {
            RaceError::Space(error) => Error::input(error.message).with_hint(error.hint),
            RaceError::Ledger(error) => error,
            RaceError::Stopped => Error::new(Kind::Cancelled, "the search was stopped"),
        })?;
        searcher.done();
        Ok(records)
    }

    /// What these steps take where they answer, learned from all rows; nothing where there is no
    /// budget.
    ///
    /// # Errors
    /// When they cannot learn, or do not answer.
    pub fn weigh_whole(&self, steps: &Steps, place: Place<'_>) -> Result<Weighed> {
        let Some(scales) = self.scales(place)? else { return Ok(Weighed::default()) };
        let pipeline = self.checked.pipeline_of(self.catalog, steps)?;
        let notes = Notes::default();
        let fit = || rayon::scope(|_| pipeline.fit_target(self.table, self.target.clone(), &notes));
        let fitted = serving::beside(fit)?;
        scales.weigh(&serving::name_of(&json!(steps)), &fitted)
    }

    /// What models are weighed by, where there is a budget.
    fn scales<'b>(&'b self, place: Place<'b>) -> Result<Option<Scales<'b>>> {
        let Some(budget) = self.settings.budget else { return Ok(None) };
        let binary = place.binary.ok_or_else(|| {
            Error::input("`budget` is measured by the `gristmill` binary, which is not known here")
                .with_hint("run the file by `gristmill run`, or give its path in `RunOptions`")
        })?;
        Ok(Some(Scales {
            budget,
            catalog: self.catalog,
            binary,
            folder: place.folder.join("scales"),
            table: self.table,
            profile: OnceLock::new(),
        }))
    }

    /// What chance follows from.
    pub fn seed(&self) -> Seed {
        Seed(self.checked.file.seed).named("select")
    }

    /// What decides how it goes, beside how many folds there turn out to be.
    pub fn rules(&self, seed: Seed) -> Rules {
        Rules {
            space: self.space.clone(),
            search: self.settings.search.clone(),
            seed,
            objectives: self.metrics.iter().take(self.deciding).map(|m| (*m).into()).collect(),
            folds: 0,
            prune: self.settings.prune(),
            first: self.first.clone(),
        }
    }

    /// Everything that decides its trials, and nothing that says how many there are.
    fn digest(&self) -> Digest {
        let file = &self.checked.file;
        let data = file.data.as_ref();
        let metrics: Vec<&str> = self.metrics.iter().map(|metric| metric.name()).collect();
        let parts = json!({
            "version": VERSION,
            "steps": self.spelled,
            "versions": self.catalog.version("steps", self.spelled),
            "search": unbounded(&self.settings.search),
            "first": self.first,
            "rows": self.rows,
            "table": self.table.rows(),
            "target": data.and_then(|data| data.target.as_ref()),
            "positive": data.and_then(|data| data.positive.as_ref()),
            "split": self.split,
            "folds": self.settings.cross_validate,
            "metrics": metrics,
            "deciding": self.deciding,
            "prune": self.settings.prune(),
            "budget": self.settings.budget,
            "seed": file.seed,
        });
        Digest::of_json("gristmill search", &parts)
    }
}

/// In which order points are tried, whatever their number.
fn unbounded(search: &Search) -> Value {
    let mut order = json!(search);
    for kind in order.as_object_mut().into_iter().flat_map(|kinds| kinds.values_mut()) {
        if let Some(settings) = kind.as_object_mut() {
            settings.remove("trials");
        }
    }
    order
}

/// How many trials a search has, where that is known before.
pub(crate) fn expected(search: &Search, space: &Space) -> Option<u64> {
    match search {
        Search::Grid => space.count().ok(),
        Search::Random(random) => Some(random.trials as u64),
        Search::Tpe(tpe) => Some(tpe.trials as u64),
        Search::Halving(halving) => {
            let rungs = halving.rungs().len() as u32;
            let on = |rung: u32| halving.trials / halving.factor.max(2).pow(rung);
            Some((0..rungs).map(|rung| on(rung).max(1) as u64).sum())
        }
    }
}

/// The first of these transforms, those in which nothing is to be chosen.
pub(crate) fn fixed(features: &[TransformSpec]) -> &[TransformSpec] {
    let is_fixed =
        |step: &TransformSpec| Space::parse(&json!(step)).is_ok_and(|space| space.is_single());
    let count = features.iter().take_while(|step| is_fixed(step)).count();
    features.get(..count).unwrap_or_default()
}

/// What a file searches, for some rows.
pub(crate) struct SearchPlan {
    pub settings: SelectSettings,
    pub space: Space,
    /// How the space is spelled.
    pub spelled: Value,
    /// What is tried before anything else.
    pub first: Vec<Point>,
    /// How many minutes the search and models made of what it finds may take together; nothing where
    /// there are to be no such models.
    pub finals: Option<f64>,
}

/// What the file searches for rows like these.
///
/// # Errors
/// None for a file that [`crate::check()`] gave.
pub(crate) fn plan(checked: &Checked, catalog: &Catalog, table: &Table) -> Result<SearchPlan> {
    match &checked.file.model {
        Some(ModelSection::Select(settings)) => {
            let space = spelled::space(&checked.file.features, &settings.candidates)
                .map_err(|error| Error::input(error.message).with_hint(error.hint))?;
            let spelled = spelled::spelling(&checked.file.features, &settings.candidates);
            let (settings, first) = ((**settings).clone(), Vec::new());
            Ok(SearchPlan { settings, space, spelled, first, finals: None })
        }
        Some(ModelSection::Auto(settings)) => auto::plan(settings, checked, catalog, table),
        _ => Err(Error::bug("a search without its section")),
    }
}
