//! What a server over a home serves: its store, its artifacts, and the webhooks of what is deployed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gristmill_core::Clock;
use gristmill_flow::{Secrets, UsualSecrets};
use gristmill_track::{ArtifactStore, Note, Secret, Store, open_store};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::card::card_of;
use crate::deploy::listening;
use crate::keeper::Keeper;
use crate::monitor::{Desk, FindingsAsked, MonitorReport, NoticeTo};
use crate::trigger::TriggerSpec;
use crate::{Home, Result};

/// What a server over a home serves.
pub struct Premises {
    home: Home,
    keeper: Mutex<Keeper>,
    /// The loops of the models that deployed files watch.
    desk: Mutex<Desk>,
    store: Arc<dyn Store>,
    artifacts: Arc<dyn ArtifactStore>,
    /// Moves what the connections of the store wait for, whoever asks it.
    _runtime: Runtime,
}

/// What became of a call of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number of the signal, which is kept.
    pub signal: u64,
    /// The pipelines that wait for it.
    pub pipelines: Vec<String>,
}

impl Premises {
    /// Those of this home.
    ///
    /// # Errors
    /// When the home or its database cannot be used.
    pub fn open(home: &Home) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gristmill-premises")
            .enable_all()
            .build()?;
        let store = runtime.block_on(open_store(home.root(), home.database()))?;
        let artifacts = home.open_artifacts()?;
        let over = Keeper::over(Arc::clone(&store), Arc::clone(&artifacts))?;
        Ok(Self {
            home: home.clone(),
            keeper: Mutex::new(Keeper::open(home)?),
            desk: Mutex::new(Desk::new(home, Arc::new(over))),
            store,
            artifacts,
            _runtime: runtime,
        })
    }

    /// Runs, metrics and models.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Content by its hash.
    pub fn artifacts(&self) -> Arc<dyn ArtifactStore> {
        Arc::clone(&self.artifacts)
    }

    /// The card of a version as Markdown. Must not be called from inside an asynchronous runtime.
    ///
    /// # Errors
    /// When there is no such version, or the home cannot be used.
    pub fn card(&self, model: &str, version: u32) -> Result<String> {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let version = keeper.wait(|s| s.version(model, version))?;
        Ok(card_of(&keeper, version)?.markdown)
    }

    /// Raises the signal of the webhook `name`, if a deployed pipeline waits for it: when this comes
    /// back it is kept. Must not be called from inside an asynchronous runtime.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn raise(&self, name: &str, payload: Value, clock: &dyn Clock) -> Result<Option<Call>> {
        let signal = TriggerSpec::Webhook(name.into());
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let pipelines = listening(&self.home, &keeper, &signal)?;
        if pipelines.is_empty() {
            return Ok(None);
        }
        let signal = signal.to_string();
        let signal = keeper.wait(|s| s.raise(&signal, payload, clock.now()))?;
        Ok(Some(Call { signal, pipelines }))
    }

    /// Whom to tell of the steps of which loops. Must not be called from inside an asynchronous runtime, as the
    /// calls below.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn notices(&self) -> Result<Vec<NoticeTo>> {
        self.desk().notices()
    }

    /// The secret that messages are signed with, from the environment.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn secret(&self, name: &str) -> Result<Secret> {
        let found = UsualSecrets::of_environment().get(name);
        let found = found.map_err(|error| crate::Error::input(error.to_string()))?;
        Ok(Secret::new(found.reveal()))
    }

    /// Where the loop of a model stands.
    ///
    /// # Errors
    /// When there is no such model, or the home cannot be used.
    pub fn standing(
        &self,
        model: &str,
        findings: FindingsAsked,
        clock: &dyn Clock,
    ) -> Result<MonitorReport> {
        self.desk().standing(model, findings, clock.now())
    }

    /// Declines a version whose approval is waited for.
    ///
    /// # Errors
    /// When nobody waits for a word on it, or the home cannot be used.
    pub fn decline(&self, model: &str, version: u32, note: Note) -> Result<()> {
        self.desk().decline(model, version, note)
    }

    /// All loops as Prometheus reads them.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn loop_metrics(&self) -> Result<String> {
        self.desk().metrics()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
