//! What a server over a home serves: its store, its artifacts, and the webhooks of what is deployed.

use std::sync::{Arc, Mutex, PoisonError};

use gristmill_core::Clock;
use gristmill_track::{ArtifactStore, Store, open_store};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::card::card_of;
use crate::deploy::listening;
use crate::keeper::Keeper;
use crate::trigger::TriggerSpec;
use crate::{Home, Result};

/// What a server over a home serves.
pub struct Premises {
    home: Home,
    keeper: Mutex<Keeper>,
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
        Ok(Self {
            home: home.clone(),
            keeper: Mutex::new(Keeper::open(home)?),
            store,
            artifacts: home.open_artifacts()?,
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
}
