//! Forgetting for good what was put away: runs, logged models and experiments that a client or a
//! person deleted.

use std::collections::{HashMap, HashSet};

use gristmill_core::Timestamp;
use gristmill_track::{Away, ContentHash, ExperimentId, Lifecycle, PutAway, RunId, TrackError};
use serde::Serialize;

use crate::gc::GcAction;
use crate::keeper::Keeper;
use crate::recorder::is_at_work;
use crate::{Error, Home, Result, moment_words, trials};

/// What is to be forgotten of all that was put away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forget {
    /// For how long it was put away, in microseconds.
    pub older_micros: i64,
    /// These runs, by their id or its start; with no names at all, everything.
    pub runs: Vec<String>,
    /// These experiments with their runs and models, by number or name.
    pub experiments: Vec<String>,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Runs, by id.
    pub runs: Vec<String>,
    /// Logged models, by id.
    pub logged_models: Vec<String>,
    /// Experiments, by number.
    pub experiments: Vec<String>,
    /// What was put away as long and stays.
    pub kept: Vec<KeptLine>,
    /// How often content was named by what is forgotten, as long as that is only looked at.
    #[serde(skip)]
    pub(crate) named: HashMap<ContentHash, u64>,
}

/// Something that was put away and stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptLine {
    /// `run`, `logged model` or `experiment`.
    pub what: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Why it stays.
    pub why: String,
    /// The experiment that it belongs to, or is.
    #[serde(skip)]
    pub(crate) within: ExperimentId,
}

/// Forgets, or says what would be forgotten.
///
/// # Errors
/// When a name means nothing, or something that is in use or was put away too lately; nothing is
/// forgotten then. When the home cannot be used.
pub(crate) fn forget(
    home: &Home,
    keeper: &Keeper,
    wish: &Forget,
    action: GcAction,
    now: Timestamp,
) -> Result<Forgotten> {
    if action == GcAction::Remove {
        keeper.wait(|s| s.note_put_away(now))?;
    }
    let until = Timestamp(now.0.saturating_sub(wish.older_micros));
    let all = keeper.wait(|s| s.put_away(until, now))?;
    let chosen = Choice { keeper, wish, until }.of(all)?;
    let (gone, done) = (HashSet::new(), Forgotten::default());
    let mut forgetting = Forgetting { home, keeper, action, now, gone, done };
    forgetting.runs(&chosen.runs)?;
    forgetting.logged_models(&chosen.logged_models)?;
    forgetting.experiments(&chosen.experiments)?;
    Ok(forgetting.done)
}

/// Which of all that was put away is meant.
struct Choice<'a> {
    keeper: &'a Keeper,
    wish: &'a Forget,
    until: Timestamp,
}

impl Choice<'_> {
    fn of(&self, all: PutAway) -> Result<PutAway> {
        if self.wish.runs.is_empty() && self.wish.experiments.is_empty() {
            return Ok(all);
        }
        let mut runs = HashSet::new();
        for name in &self.wish.runs {
            let id = self.keeper.find_run(name)?;
            if !all.runs.iter().any(|away| away.id == id) {
                let info = self.keeper.wait(|s| s.run(id))?.info;
                return Err(self.refusal(&format!("run {id}"), info.lifecycle));
            }
            runs.insert(id);
        }
        let mut experiments = HashSet::new();
        for name in &self.wish.experiments {
            let (id, lifecycle) = self.experiment(name)?;
            if !all.experiments.iter().any(|away| away.id == id) {
                return Err(self.refusal(&format!("experiment `{name}`"), lifecycle));
            }
            experiments.insert(id);
        }
        let within = |experiment| experiments.contains(&experiment);
        let mut chosen = all;
        chosen.runs.retain(|away| runs.contains(&away.id) || within(away.experiment));
        chosen.logged_models.retain(|away| within(away.experiment));
        chosen.experiments.retain(|away| within(away.id));
        Ok(chosen)
    }

    fn experiment(&self, name: &str) -> Result<(ExperimentId, Lifecycle)> {
        let named = self.keeper.wait(|s| s.experiment_named(name))?;
        let found = match (named, name.parse::<ExperimentId>()) {
            (Some(found), _) => found,
            (None, Ok(id)) => self.keeper.wait(|s| s.experiment(id))?,
            (None, Err(_)) => return Err(TrackError::not_found("experiment", name).into()),
        };
        Ok((found.id, found.lifecycle))
    }

    fn refusal(&self, what: &str, lifecycle: Lifecycle) -> Error {
        match lifecycle {
            Lifecycle::Active => Error::input(format!("{what} is in use"))
                .with_hint("only what was deleted by a client is forgotten here"),
            _ => {
                let until = moment_words(self.until);
                Error::input(format!("{what} was not put away yet at {until}"))
                    .with_hint("give a shorter time by --older-than")
            }
        }
    }
}

struct Forgetting<'a> {
    home: &'a Home,
    keeper: &'a Keeper,
    action: GcAction,
    now: Timestamp,
    /// Runs that are forgotten, or would be.
    gone: HashSet<RunId>,
    done: Forgotten,
}

impl Forgetting<'_> {
    fn runs(&mut self, runs: &[Away<RunId>]) -> Result<()> {
        for run in runs {
            if self.gone.contains(&run.id) {
                continue;
            }
            if is_at_work(self.home, self.keeper, run.id)? {
                self.keep("run", run, "a process is at work on it".into());
                continue;
            }
            let mut needed_by = run.needed_by.clone();
            if needed_by.is_empty() {
                // Without the run that they are a part of, trials would look like whole runs.
                for trial in trials::children(self.keeper, run.id)? {
                    self.trial(trial.info.id)?;
                }
                needed_by = self.run(run.id)?;
            }
            if !needed_by.is_empty() {
                self.keep("run", run, needed(&needed_by));
            }
        }
        Ok(())
    }

    /// Forgets a run, unless versions need it: those come back.
    fn run(&mut self, id: RunId) -> Result<Vec<String>> {
        if self.action == GcAction::Look {
            let artifacts = self.keeper.wait(|s| s.artifacts(id))?;
            self.name_all(artifacts.into_iter().map(|artifact| artifact.content.hash));
        } else {
            let needed_by = self.keeper.wait(|s| s.forget_run(id))?;
            if !needed_by.is_empty() {
                return Ok(needed_by);
            }
        }
        self.gone.insert(id);
        self.done.runs.push(id.to_string());
        Ok(Vec::new())
    }

    /// A trial goes with its run, also when nobody put it away; a version that needs it keeps it.
    fn trial(&mut self, id: RunId) -> Result<()> {
        if self.gone.contains(&id) {
            return Ok(());
        }
        if self.action == GcAction::Remove {
            let now = self.now;
            self.keeper.wait(|s| s.set_run_lifecycle(id, Lifecycle::Deleted, now))?;
        }
        self.run(id).map(drop)
    }

    fn logged_models(&mut self, models: &[Away<String>]) -> Result<()> {
        for model in models {
            let needed_by = match self.action {
                GcAction::Look => model.needed_by.clone(),
                GcAction::Remove => self.keeper.wait(|s| s.forget_logged_model(&model.id))?,
            };
            if !needed_by.is_empty() {
                self.keep("logged model", model, needed(&needed_by));
                continue;
            }
            self.look_at_files(&format!("{}/models/{}", model.experiment, model.id))?;
            self.done.logged_models.push(model.id.clone());
        }
        Ok(())
    }

    fn experiments(&mut self, experiments: &[Away<ExperimentId>]) -> Result<()> {
        for experiment in experiments {
            let within = self.done.kept.iter().find(|kept| kept.within == experiment.id);
            let stays = match (within, self.action) {
                (Some(kept), _) => Some(format!("{} {} stays in it", kept.what, kept.id)),
                (None, GcAction::Look) => {
                    Some(&experiment.needed_by).filter(|n| !n.is_empty()).map(|n| needed(n))
                }
                (None, GcAction::Remove) => self.forget_experiment(experiment.id)?,
            };
            if let Some(why) = stays {
                self.keep("experiment", experiment, why);
                continue;
            }
            self.look_at_experiment(experiment.id)?;
            self.done.experiments.push(experiment.id.to_string());
        }
        Ok(())
    }

    /// Forgets an experiment, or says why it stays: somebody may have taken it back into use.
    fn forget_experiment(&self, id: ExperimentId) -> Result<Option<String>> {
        self.keeper.wait(|s| async move {
            match s.forget_experiment(id).await {
                Ok(needed_by) if needed_by.is_empty() => Ok(None),
                Ok(needed_by) => Ok(Some(needed(&needed_by))),
                Err(TrackError::Invalid { found, .. }) => Ok(Some(format!("it is {found}"))),
                Err(error) => Err(error),
            }
        })
    }

    fn keep<Id: ToString>(&mut self, what: &str, away: &Away<Id>, why: String) {
        let (id, name) = (away.id.to_string(), away.name.clone());
        let within = away.experiment;
        self.done.kept.push(KeptLine { what: what.into(), id, name, why, within });
    }

    /// Those below the models that are forgotten are counted already.
    fn look_at_experiment(&mut self, id: ExperimentId) -> Result<()> {
        if self.action == GcAction::Remove {
            return Ok(());
        }
        let counted: Vec<String> =
            self.done.logged_models.iter().map(|model| format!("{id}/models/{model}/")).collect();
        let files = self.keeper.wait(|s| async move { s.files_below(&id.to_string()).await })?;
        let others = files.into_iter().filter(|file| {
            !counted.iter().any(|folder| file.path.as_str().starts_with(folder.as_str()))
        });
        self.name_all(others.map(|file| file.content.hash).collect::<Vec<_>>());
        Ok(())
    }

    fn look_at_files(&mut self, folder: &str) -> Result<()> {
        if self.action == GcAction::Look {
            let files = self.keeper.wait(|s| s.files_below(folder))?;
            self.name_all(files.into_iter().map(|file| file.content.hash));
        }
        Ok(())
    }

    fn name_all(&mut self, hashes: impl IntoIterator<Item = ContentHash>) {
        for hash in hashes {
            *self.done.named.entry(hash).or_default() += 1;
        }
    }
}

fn needed(by: &[String]) -> String {
    format!("needed by {}", by.join(", "))
}
