//! Runs: each with all that it logged, and whole before it counts as here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gristmill_track::{Artifact, BEING_ADOPTED, Batch, LeftOut, Metric, Run, RunId, tags};

use super::compare;
use super::copy;
use super::places::Place;
use super::source::{Latest, Source, SourceRun};
use super::taker::Taker;
use crate::Result;

/// How many runs become parts of others together.
const TOGETHER: usize = 500;

impl Taker<'_> {
    /// Takes all runs over, and makes those that are parts of others parts of them.
    pub fn runs(&mut self, source: &Source) -> Result<()> {
        let mut left_out = Vec::new();
        source.each_run(&mut left_out, &mut |given, left_out| {
            self.run(source, &given, left_out)?;
            self.leave_out(left_out);
            self.tell_progress();
            Ok(())
        })?;
        self.leave_out(&mut left_out);
        let parts = std::mem::take(&mut self.parts);
        if !self.is_dry {
            for pairs in parts.chunks(TOGETHER) {
                self.keeper()?.wait(|store| store.join_runs(pairs.to_vec()))?;
            }
        }
        Ok(())
    }

    fn run(
        &mut self,
        source: &Source,
        given: &SourceRun,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        let info = &given.run.info;
        let (id, what) = (info.id, format!("run {}", info.id));
        let Some(experiment) = self.experiments.get(&info.experiment).copied() else {
            let why = format!("experiment {}, which it is of, is not taken over", info.experiment);
            left_out.push(LeftOut::new(what, why));
            return Ok(());
        };
        let uri = info.artifact_location.as_deref();
        let place = self.places.of_run(uri, info.experiment, id, given.folder.as_deref());
        self.look_at(&place, &what, left_out);
        let (mut run, refused) = given.run.clone().storable();
        Self::refused(left_out, &what, refused);
        run.info.experiment = experiment;
        run.info.artifact_location = match &place {
            Place::Elsewhere(uri) => Some(uri.clone()),
            _ => None,
        };
        let parent = run.tags.get(tags::PARENT_RUN).and_then(|parent| parent.parse().ok());
        let ours = self.find(|store| store.run(id))?;
        let is_here = match ours {
            None if self.is_dry => self.would_take(source, given, &place, left_out)?,
            None => {
                let adopted = self.ask(|store| store.adopt_run(run.clone()))?;
                Self::or_leave_out(adopted, &what, left_out)?.is_some()
                    && self.fill(source, given, &run, &place, left_out)?
            }
            Some(ours) if ours.info.kind.as_deref() == Some(BEING_ADOPTED) => {
                match compare::begun(&ours, &run) {
                    None if self.is_dry => self.would_take(source, given, &place, left_out)?,
                    None => self.fill(source, given, &run, &place, left_out)?,
                    Some(why) => self.run_differs(&what, why),
                }
            }
            Some(ours) => {
                let summary = source.metric_summary(given, left_out)?;
                run.metrics = summary.latest.0;
                let mut refused = Vec::new();
                run.metrics.retain(|_, metric| {
                    let outcome = metric.storable();
                    let keeps = outcome.is_ok();
                    refused.extend(outcome.err());
                    keeps
                });
                Self::refused(left_out, &what, refused);
                let why = match compare::run(&ours, &run) {
                    None => self.other_values(&ours, summary.counts)?,
                    why => why,
                };
                self.compare_run((&ours, why), &place, &what, left_out)?
            }
        };
        if is_here {
            self.known_runs.insert(id);
            self.parts.extend(parent.map(|parent| (id, parent)));
        }
        Ok(())
    }

    fn run_differs(&mut self, what: &str, why: String) -> bool {
        self.report.runs.differing += 1;
        self.report.differs(LeftOut::new(what, why));
        false
    }

    /// Whether a metric has more or fewer values here.
    fn other_values(
        &self,
        ours: &Run,
        given: BTreeMap<String, Option<u64>>,
    ) -> Result<Option<String>> {
        let id = ours.info.id;
        let mut here = self.find(|store| store.metric_counts(id))?.unwrap_or_default();
        here.retain(|key, _| given.get(key).is_none_or(Option::is_some));
        let counted = given.into_iter().filter(|(key, _)| ours.metrics.contains_key(key));
        let there = counted.filter_map(|(key, count)| Some((key, count?))).collect();
        Ok(compare::counts(&here, &there))
    }

    /// Whether the run here is the one that is given, but for the difference that is known. Artifacts
    /// that it misses, because they could not be taken before, come now.
    fn compare_run(
        &mut self,
        (ours, mut why): (&Run, Option<String>),
        place: &Place,
        what: &str,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<bool> {
        let id = ours.info.id;
        if let (None, Place::Folder(folder)) = (&why, place) {
            let here = sizes(self.find(|store| store.artifacts(id))?.unwrap_or_default());
            let there = copy::listed(folder, left_out)?;
            why = compare::files(&here, &there);
            if why.is_none() && here.len() < there.len() {
                self.copy_artifacts(id, folder, (here, there), left_out)?;
            }
        }
        Ok(match why {
            Some(why) => self.run_differs(what, why),
            None => {
                self.report.runs.there += 1;
                true
            }
        })
    }

    /// Copies the artifacts of a run that are there and not here.
    fn copy_artifacts(
        &mut self,
        id: RunId,
        folder: &Path,
        (here, there): (BTreeMap<String, u64>, BTreeMap<String, u64>),
        left_out: &mut Vec<LeftOut>,
    ) -> Result<()> {
        if self.is_dry {
            self.report.would_copy(there.iter().filter(|(path, _)| !here.contains_key(*path)));
            return Ok(());
        }
        let keeper = self.keeper()?;
        let copied = copy::copy(keeper, folder, &here, left_out, &mut |new| {
            let new = new.into_iter().map(|(path, content)| Artifact { path, content });
            keeper.wait(|store| store.adopt_artifacts(id, new.collect()))
        })?;
        self.report.copied(copied);
        Ok(())
    }

    /// Counts what a run would bring.
    fn would_take(
        &mut self,
        source: &Source,
        given: &SourceRun,
        place: &Place,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<bool> {
        self.report.runs.taken += 1;
        self.report.metrics += source.metric_summary(given, left_out)?.total;
        if let Place::Folder(folder) = place {
            self.report.would_copy(copy::listed(folder, left_out)?.iter());
        }
        Ok(true)
    }

    /// Gives an adopted run its metrics and its artifacts, and settles it.
    fn fill(
        &mut self,
        source: &Source,
        given: &SourceRun,
        run: &Run,
        place: &Place,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<bool> {
        let id = run.info.id;
        self.report.metrics += self.log_metrics(source, given, left_out)?;
        if let Place::Folder(folder) = place {
            let known = sizes(self.keeper()?.wait(|store| store.artifacts(id))?);
            self.copy_artifacts(id, folder, (known, BTreeMap::new()), left_out)?;
        }
        self.keeper()?.wait(|store| store.settle_run(id, run.info.lifecycle))?;
        self.report.runs.taken += 1;
        Ok(true)
    }

    /// Logs all values of a run's metrics; how many there were. What counts as the latest of each
    /// there comes once more at the end: among equal steps and moments it is the last one logged here.
    fn log_metrics(
        &self,
        source: &Source,
        given: &SourceRun,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<u64> {
        let (keeper, id) = (self.keeper()?, given.run.info.id);
        let (mut count, mut latest) = (0, Latest::default());
        let mut refused: BTreeMap<String, String> = BTreeMap::new();
        let log = |metrics: Vec<Metric>| {
            let batch = Batch { metrics, ..Batch::default() };
            keeper.wait(|store| store.log(id, batch))
        };
        source.metrics(given, left_out, &mut |mut metrics| {
            metrics.retain(|metric| match metric.storable() {
                Ok(()) => true,
                Err(error) => {
                    refused.insert(metric.key.clone(), error.to_string());
                    false
                }
            });
            metrics.iter().for_each(|metric| latest.see(metric));
            count += metrics.len() as u64;
            if metrics.is_empty() { Ok(()) } else { log(metrics) }
        })?;
        latest.0.extend(given.run.metrics.clone());
        let last: Vec<Metric> = latest.0.into_values().filter(|m| m.storable().is_ok()).collect();
        if !last.is_empty() {
            log(last)?;
        }
        let reasons: BTreeSet<String> = refused.into_values().collect();
        left_out.extend(reasons.into_iter().map(|why| LeftOut::new(format!("run {id}"), why)));
        Ok(count)
    }
}

/// Artifacts of a run by path, with their sizes.
fn sizes(artifacts: Vec<Artifact>) -> BTreeMap<String, u64> {
    let pairs = artifacts.into_iter();
    pairs.map(|artifact| (artifact.path.to_string(), artifact.content.size)).collect()
}
