//! A run that somebody has to begin as a process of its own: what it is told.

use std::path::PathBuf;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{Batch, Due, NewRun, Run, RunId, RunStatus, RunUpdate, tags};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::recorder::experiment;
use crate::{Error, Home, Kind, Result};

/// What a due keeps in the store beside its moment, so that its run is the same whenever it begins,
/// also when another version was deployed meanwhile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// The snapshot that is run.
    pub file: PathBuf,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Parameters of this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// What came with the occasion.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
    /// Files of the home that took the occasion up, which other homes do not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<PathBuf>,
    /// The signal that it came with, in place of a copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u64>,
}

impl Ticket {
    /// # Errors
    /// When a path is no text.
    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(|e| {
            Error::input(format!("`{}` cannot be written down: {e}", self.folder.display()))
                .with_hint("use folder names in UTF-8")
        })
    }
}

/// A run to begin, or to go on with.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The id that was chosen for it.
    pub run: RunId,
    /// Its pipeline.
    pub name: String,
    /// What made it due.
    pub trigger: String,
    /// The moment that it is for.
    pub scheduled: Timestamp,
    /// What is run where.
    pub ticket: Ticket,
    /// Recorded with the run.
    pub tags: Vec<(String, String)>,
}

impl Job {
    /// The run that a due becomes.
    ///
    /// # Errors
    /// When the store holds something else than was put there.
    pub fn of(due: &Due) -> Result<Self> {
        let ticket: Ticket = serde_json::from_value(due.payload.clone()).map_err(|e| {
            let found = format!("the due {} of `{}` is damaged: {e}", due.key, due.deployment);
            Error::new(Kind::Stored, found).with_hint("undeploy the pipeline and deploy it again")
        })?;
        Ok(Self {
            run: due.run,
            name: due.deployment.clone(),
            trigger: due.trigger.clone(),
            scheduled: due.due,
            ticket,
            tags: vec![(tags::DEPLOYMENT.into(), due.deployment.clone())],
        })
    }

    /// Its tags: why it runs, and the moment that it is for.
    pub fn all_tags(&self) -> Vec<(String, String)> {
        let own = [
            (tags::TRIGGER.to_string(), self.trigger.clone()),
            (tags::SCHEDULED.to_string(), rfc3339(self.scheduled)),
        ];
        self.tags.iter().cloned().chain(own).collect()
    }

    /// What came with it: the payload itself, or that of the signal.
    pub fn payload(&self, keeper: &Keeper) -> Result<Value> {
        let Some(number) = self.ticket.signal else { return Ok(self.ticket.payload.clone()) };
        let found = keeper.wait(|s| s.signals_after(number.saturating_sub(1), 1))?;
        Ok(found.into_iter().find(|s| s.number == number).map_or(json!(null), |s| s.payload))
    }

    /// Where the process of a run writes what it says, and finds what came with it.
    pub fn paper(home: &Home, run: RunId, ending: &str) -> PathBuf {
        home.root().join("logs").join("up").join(format!("{run}.{ending}"))
    }
}

/// Records how a run ended that never began, as one of its own; `false` when it had begun.
pub(crate) fn record_end(keeper: &Keeper, job: &Job, status: RunStatus, why: &str) -> Result<bool> {
    if let Some(_begun) = known(keeper, job.run)? {
        return Ok(false);
    }
    let now = SystemClock.now();
    let mut batch = Batch::default();
    batch.tags.extend(job.all_tags());
    let new = NewRun {
        experiment: experiment(keeper, &job.name, now)?,
        kind: Some("pipeline".into()),
        pipeline: Some(job.name.clone()),
        source: Some(job.ticket.file.display().to_string()),
        batch,
        ..NewRun::new(job.run, &job.name, now)
    };
    keeper.wait(|s| s.create_run(new))?;
    let update = RunUpdate { error: Some(why.into()), ..RunUpdate::ended(status, now) };
    keeper.wait(|s| s.update_run(job.run, update))?;
    Ok(true)
}

/// The run of this id, if it has begun.
pub(crate) fn known(keeper: &Keeper, id: RunId) -> Result<Option<Run>> {
    match keeper.wait(|s| s.run(id)) {
        Ok(run) => Ok(Some(run)),
        Err(error) if error.kind == Kind::Input => Ok(None),
        Err(error) => Err(error),
    }
}

/// A moment as commands are told it.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |t| t.to_string())
}
