//! The store of a home, opened for one command.

use std::future::Future;
use std::sync::Arc;

use gristmill_core::Clock;
use gristmill_track::{
    ArtifactStore, NewRun, Note, Page, Parent, Run, RunId, RunInfo, RunQuery, Store, TaskRecord,
    TrackError, Untold, WebhookEvent, open_store,
};
use tokio::runtime::{Builder, Runtime};

use crate::clock::SystemClock;
use crate::{Error, Home, Kind, Result};

/// A store and the runtime that waits for it.
pub(crate) struct Keeper {
    runtime: Runtime,
    store: Arc<dyn Store>,
    artifacts: Arc<dyn ArtifactStore>,
}

impl Keeper {
    /// The store of `home`, made if there is none yet.
    pub fn open(home: &Home) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let store = runtime.block_on(open_store(home.root(), home.database()))?;
        Ok(Self { runtime, store, artifacts: home.open_artifacts()? })
    }

    /// Content by its hash.
    pub fn artifacts(&self) -> &dyn ArtifactStore {
        &*self.artifacts
    }

    /// A store that is open already.
    pub fn over(store: Arc<dyn Store>, artifacts: Arc<dyn ArtifactStore>) -> Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()?, store, artifacts })
    }

    /// What the store answers to `ask`.
    pub fn wait<'a, T, F>(&'a self, ask: impl FnOnce(&'a dyn Store) -> F) -> Result<T>
    where
        F: Future<Output = gristmill_track::Result<T>> + 'a,
    {
        Ok(self.runtime.block_on(ask(self.store.as_ref()))?)
    }

    /// Leaves word for webhooks, which a server tells when one is there, that an alias names a version.
    pub fn leave_alias(&self, model: &str, alias: &str, version: u32) -> Result<()> {
        let (version, alias) = (Some(version), Some(alias.to_string()));
        self.leave(WebhookEvent::AliasCreated, model, version, alias)
    }

    /// The same when requests to a model are divided anew.
    pub fn leave_traffic(&self, model: &str) -> Result<()> {
        self.leave(WebhookEvent::TrafficSet, model, None, None)
    }

    /// The same for a version that was registered, and for the model if that was made with it.
    pub fn leave_version(&self, model: &str, version: u32) -> Result<()> {
        if version == 1 {
            self.leave(WebhookEvent::ModelCreated, model, None, None)?;
        }
        self.leave(WebhookEvent::VersionCreated, model, Some(version), None)
    }

    fn leave(
        &self,
        event: WebhookEvent,
        model: &str,
        version: Option<u32>,
        alias: Option<String>,
    ) -> Result<()> {
        let at = SystemClock.now();
        let untold = Untold { event, model: model.into(), version, alias, line: None, at };
        self.wait(|s| s.leave_untold(untold))
    }

    /// What a work in progress comes to.
    pub fn wait_for<T>(&self, work: impl Future<Output = gristmill_track::Result<T>>) -> Result<T> {
        Ok(self.runtime.block_on(work)?)
    }

    /// What any other work in progress comes to.
    pub fn drive<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T>
    where
        Error: From<E>,
    {
        Ok(self.runtime.block_on(work)?)
    }

    /// Creates this run, unless one of its id is there already; whether it did.
    pub fn create_first(&self, new: NewRun) -> Result<bool> {
        self.wait(|store| async move {
            match store.create_run(new).await {
                Ok(_) => Ok(true),
                Err(TrackError::Exists { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }

    /// The run of this id, if there is one.
    pub fn find_or_none(&self, id: RunId) -> Result<Option<Run>> {
        match self.wait(|s| s.run(id)) {
            Ok(run) => Ok(Some(run)),
            Err(error) if error.kind == Kind::Input => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The task of this name in a run.
    pub fn find_task(&self, run: RunId, task: &str) -> Result<TaskRecord> {
        const SHOWN: usize = 20;
        let tasks = self.wait(|s| s.tasks(run))?;
        let mut names: Vec<String> = tasks.iter().map(|t| t.name.clone()).collect();
        if let Some(found) = tasks.into_iter().find(|t| t.name == task) {
            return Ok(found);
        }
        let error = Error::input(format!("the run has no task `{task}`"));
        Err(match gristmill_core::nearest(task, &names) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => {
                let more = names.len().saturating_sub(SHOWN);
                names.truncate(SHOWN);
                let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                error.with_hint(format!("its tasks are {}{more}", names.join(", ")))
            }
        })
    }

    /// The run that `name` means: its id, the start of it, or `latest`.
    pub fn find_run(&self, name: &str) -> Result<RunId> {
        if name == "latest" {
            let (page, parent) = (Page { limit: 1, offset: 0 }, Parent::None);
            let query = RunQuery { page, parent, ..RunQuery::default() };
            let found = self.wait(|s| async move { s.search_runs(&query).await })?;
            return found.first().map(|r| r.info.id).ok_or_else(|| {
                Error::input("there are no runs yet")
                    .with_hint("start one with `gristmill run FILE`")
            });
        }
        let found: Vec<RunInfo> = self.wait(|s| s.runs_starting_with(name))?;
        match found.as_slice() {
            [one] => Ok(one.id),
            [] => Err(Error::input(format!("no run `{name}`"))
                .with_hint("see `gristmill runs list`; `latest` is the last one")),
            many => Err(Error::input(format!("`{name}` is the start of {} runs", many.len()))
                .with_hint("give more of its id")),
        }
    }
}

/// A note of what a person did on the command line, under the name that the system has for them.
pub(crate) fn by_hand(why: &str) -> Note {
    let names = ["USER", "LOGNAME", "USERNAME"].iter();
    let name =
        names.filter_map(|name| std::env::var(name).ok()).find(|name| !name.trim().is_empty());
    Note::new(SystemClock.now(), name.unwrap_or_else(|| "command line".into()), why)
}
