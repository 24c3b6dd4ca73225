//! What takes a store over: the home's store, what is known so far, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;

use gristmill_core::Timestamp;
use gristmill_track::{ExperimentId, LeftOut, Note, RunId, RunInfo, Store, TrackError};

use super::ImportOptions;
use super::places::{Place, Places};
use super::report::ImportReport;
use super::source::Source;
use crate::keeper::Keeper;
use crate::{Error, Home, Result};

/// Takes one store over.
pub(super) struct Taker<'a> {
    /// Nothing in a dry run over a home that is not there yet.
    pub keeper: Option<Keeper>,
    pub places: Places,
    pub is_dry: bool,
    pub note: Note,
    pub report: ImportReport,
    /// Which experiment of ours each of theirs became.
    pub experiments: BTreeMap<ExperimentId, ExperimentId>,
    /// Runs with those that they say they are a part of.
    pub parts: Vec<(RunId, RunId)>,
    /// Runs that are known to be here.
    pub known_runs: BTreeSet<RunId>,
    /// Folders of artifacts that are not there, and how many things say that they have theirs there.
    gone: BTreeMap<PathBuf, u64>,
    tell: &'a dyn Fn(&str),
}

impl<'a> Taker<'a> {
    pub fn new(
        home: &Home,
        source: &Source,
        options: &ImportOptions,
        now: Timestamp,
        tell: &'a dyn Fn(&str),
    ) -> Result<Self> {
        let places = Places::new(source, &options.artifacts)?;
        let is_there = home.is_shared() || home.root().join("gristmill.db").exists();
        let keeper = match options.dry_run && !is_there {
            true => None,
            false => Some(Keeper::open(home)?),
        };
        Ok(Self {
            keeper,
            places,
            is_dry: options.dry_run,
            note: Note::new(now, "import", "imported from MLflow"),
            report: ImportReport {
                source: source.path().display().to_string(),
                dry_run: options.dry_run,
                ..ImportReport::default()
            },
            experiments: BTreeMap::new(),
            parts: Vec::new(),
            known_runs: BTreeSet::new(),
            gone: BTreeMap::new(),
            tell,
        })
    }

    /// The store that is written to.
    pub fn keeper(&self) -> Result<&Keeper> {
        self.keeper.as_ref().ok_or_else(|| Error::bug("a dry run would have written"))
    }

    /// What the store has of this, if it has it.
    pub fn find<'k, T, F>(&'k self, ask: impl FnOnce(&'k dyn Store) -> F) -> Result<Option<T>>
    where
        F: Future<Output = gristmill_track::Result<T>> + 'k,
    {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        keeper.wait(|store| {
            let asked = ask(store);
            async move {
                match asked.await {
                    Ok(found) => Ok(Some(found)),
                    Err(TrackError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// What the store answers, also when it refuses.
    pub fn ask<'k, T, F>(
        &'k self,
        ask: impl FnOnce(&'k dyn Store) -> F,
    ) -> Result<Result<T, TrackError>>
    where
        F: Future<Output = gristmill_track::Result<T>> + 'k,
    {
        self.keeper()?.wait(|store| {
            let asked = ask(store);
            async move { Ok(asked.await) }
        })
    }

    /// The run of this id, if it is here.
    pub fn run_here(&self, id: RunId) -> Result<Option<RunInfo>> {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        let prefix = id.to_string();
        let found = keeper.wait(|store| async move { store.runs_starting_with(&prefix).await })?;
        Ok(found.into_iter().next())
    }

    /// Names what was left out on the way, each thing once: a folder may have been read twice.
    pub fn leave_out(&mut self, left_out: &mut Vec<LeftOut>) {
        let told: BTreeSet<LeftOut> = left_out.drain(..).collect();
        told.into_iter().for_each(|left_out| self.report.leave_out(left_out));
    }

    /// Names parts of a thing that cannot be stored.
    pub fn refused(left_out: &mut Vec<LeftOut>, what: &str, errors: Vec<TrackError>) {
        left_out.extend(errors.into_iter().map(|e| LeftOut::new(what, e.to_string())));
    }

    /// Notes of a place from where nothing can be taken that this is so.
    pub fn look_at(&mut self, place: &Place, what: &str, left_out: &mut Vec<LeftOut>) {
        match place {
            Place::Closed(why) => left_out.push(LeftOut::new(what, why.clone())),
            Place::Gone(root) => *self.gone.entry(root.clone()).or_default() += 1,
            Place::Folder(_) | Place::Nowhere | Place::Elsewhere(_) => {}
        }
    }

    /// Tells every now and then how many runs have been looked at.
    pub fn tell_progress(&self) {
        const EVERY: u64 = 500;
        let runs = self.report.runs;
        let seen = runs.taken + runs.there + runs.differing;
        if seen > 0 && seen.is_multiple_of(EVERY) {
            (self.tell)(&format!("{seen} runs"));
        }
    }

    /// What was stored. A thing that this store has no room for is left out; whatever else went wrong
    /// ends the import.
    pub fn or_leave_out<T>(
        outcome: Result<T, TrackError>,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Option<T>> {
        match outcome {
            Ok(stored) => Ok(Some(stored)),
            Err(error @ (TrackError::Invalid { .. } | TrackError::Exists { .. })) => {
                left_out.push(LeftOut::new(what, error.to_string()));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The end: what the source has beside, and whether it stood still.
    pub fn finish(mut self, source: &Source) -> Result<ImportReport> {
        self.report.not_taken = source.not_taken()?;
        for (root, count) in std::mem::take(&mut self.gone) {
            self.report.note(format!(
                "{count} runs and logged models had their artifacts in `{}`, which is not there; if \
                 they had any, name the folder that has them now by `--artifacts DIR`",
                root.display()
            ));
        }
        if source.was_changed()? {
            let why = "it was written to while it was read; import it again when nothing writes";
            self.report.leave_out(LeftOut::new(format!("`{}`", source.path().display()), why));
        }
        Ok(self.report)
    }
}
