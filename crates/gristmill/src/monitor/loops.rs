//! The loops of all models that deployed files watch.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use gristmill_core::Timestamp;
use gristmill_flow::Schedule;
use gristmill_track::{Deployment, RunId, Store};

use super::turn::{Deployed, Memory, Turn};
use crate::deploy::{Terms, snapshot_of};
use crate::file::DataSection;
use crate::keeper::Keeper;
use crate::snapshot::{Occasions, Watched, whole};
use crate::trigger::schedule_name;
use crate::{Home, Result};

/// Turns the loops of a home, one after another.
pub(crate) struct Loops {
    home: Home,
    keeper: Arc<Keeper>,
    /// By the name of the pipeline.
    known: BTreeMap<String, Known>,
}

/// A deployed file, read once.
struct Known {
    deployment: Deployment,
    /// Nothing where the file watches no model.
    read: Option<Read>,
    memory: Memory,
}

struct Read {
    file: PathBuf,
    folder: PathBuf,
    watched: Watched,
    data: DataSection,
    metrics: Vec<String>,
    slices: Vec<String>,
    seed: u64,
    schedules: Vec<(Schedule, i64)>,
}

/// What one round of all loops came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// How many loops took a step.
    pub taken: usize,
    /// What was done: the model, and words.
    pub steps: Vec<(String, String)>,
    /// What could not be done: the model, and why. The next round tries again.
    pub trouble: Vec<(String, String)>,
}

impl Loops {
    /// Those of the files that are deployed in a home.
    pub fn new(home: &Home, keeper: Arc<Keeper>) -> Self {
        Self { home: home.clone(), keeper, known: BTreeMap::new() }
    }

    /// Has each loop take at most one step.
    ///
    /// # Errors
    /// When the store cannot be asked what is deployed.
    pub fn round(&mut self, now: Timestamp) -> Result<Round> {
        let mut round = Round::default();
        self.refresh(&mut round)?;
        for (pipeline, known) in &mut self.known {
            let Some(read) = &known.read else { continue };
            let deployed = read.deployed(pipeline);
            let (home, keeper, memory) = (&self.home, &*self.keeper, &mut known.memory);
            let model = &read.watched.register.model;
            let turn = Turn { home, keeper, deployed: &deployed, memory, now }.take();
            match turn {
                Ok(words) => {
                    round.taken += usize::from(words.is_some());
                    let words = words.into_iter().flatten();
                    round.steps.extend(words.map(|words| (model.clone(), words)));
                }
                Err(error) => round.trouble.push((model.clone(), error.message)),
            }
        }
        Ok(round)
    }

    /// Runs of retrainings that take longer than they may.
    pub fn overdue(&self) -> impl Iterator<Item = RunId> {
        self.known.values().flat_map(|known| known.memory.overdue.iter().copied())
    }

    /// What the deployed files say that watch a model.
    pub fn watched(&self) -> impl Iterator<Item = (&Deployment, &Watched)> {
        self.known
            .values()
            .filter_map(|known| Some((&known.deployment, &known.read.as_ref()?.watched)))
    }

    /// Reads files that were deployed since, and forgets those that are no more.
    pub fn refresh(&mut self, round: &mut Round) -> Result<()> {
        let mut found = self.keeper.wait(Store::deployments)?;
        found.retain(Deployment::is_active);
        let mut earlier = std::mem::take(&mut self.known);
        for deployment in found {
            let name = deployment.name.clone();
            let same = earlier.remove(&name).filter(|known| known.deployment == deployment);
            let known = match same {
                Some(known) => known,
                None => match self.read(&deployment) {
                    Ok(read) => Known { deployment, read, memory: Memory::default() },
                    Err(error) => {
                        round.trouble.push((name, error.message));
                        continue;
                    }
                },
            };
            self.known.insert(name, known);
        }
        Ok(())
    }

    fn read(&self, deployment: &Deployment) -> Result<Option<Read>> {
        let file = snapshot_of(deployment, &self.home, &self.keeper)?;
        let occasions = Occasions::read(&file)?;
        let Some(watched) = occasions.watched.clone() else { return Ok(None) };
        let whole = whole(&file)?;
        let terms = Terms::of(deployment)?;
        let mut schedules = Vec::new();
        for spec in occasions.schedules.iter().filter(|_| occasions.schedule_retrains()) {
            let since = terms.since.get(&schedule_name(spec)).copied();
            let schedule = spec.check().map_err(|error| crate::Error::input(error.to_string()))?;
            schedules.push((schedule, since.unwrap_or(deployment.deployed.0)));
        }
        let Some(data) = whole.data else { return Ok(None) };
        let (metrics, slices) = (whole.evaluate.metrics, whole.evaluate.slices);
        let (folder, seed) = (terms.folder(), whole.seed);
        Ok(Some(Read { file, folder, watched, data, metrics, slices, seed, schedules }))
    }
}

impl Read {
    fn deployed<'a>(&'a self, pipeline: &'a str) -> Deployed<'a> {
        Deployed {
            pipeline,
            file: &self.file,
            folder: &self.folder,
            watched: &self.watched,
            data: &self.data,
            metrics: &self.metrics,
            slices: &self.slices,
            seed: self.seed,
            schedules: &self.schedules,
        }
    }
}
