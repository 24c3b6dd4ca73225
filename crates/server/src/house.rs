//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gristmill_core::{Clock, Timestamp};
use gristmill_serve::Fleet;
use gristmill_track::{ArtifactStore, Store};

use crate::access::{Keys, Links, Rates};
use crate::audit::Recorder;
use crate::gate::Gate;
use crate::inference::Desk;
use crate::observe::{Exporter, Log};
use crate::seal::Seals;
use crate::webhook::Sender;
use crate::{Cards, Hooks, Ids, Monitors, Notices};

/// What all requests share.
pub(crate) struct House {
    pub store: Arc<dyn Store>,
    pub artifacts: Arc<dyn ArtifactStore>,
    pub ids: Arc<dyn Ids>,
    pub seals: Seals,
    /// Where drafts are put together.
    pub scratch: PathBuf,
    pub hooks: Option<Arc<dyn Hooks>>,
    /// Where requests to models wait.
    pub desk: Desk,
    /// The models that answer.
    pub fleet: Arc<Fleet>,
    pub cards: Option<Arc<dyn Cards>>,
    pub monitors: Option<Arc<dyn Monitors>>,
    /// Asked by tasks in the background for as long as the server stands.
    pub _notices: Option<Arc<dyn Notices>>,
    /// How many steps they gave up telling.
    pub given_up: Option<Arc<AtomicU64>>,
    pub gate: Gate,
    /// Addresses that open something for a time.
    pub links: Links,
    /// Whom the server lets in.
    pub keys: Keys,
    /// How often callers with a token ask.
    pub rates: Rates,
    /// How often somebody guesses one.
    pub guesses: Rates,
    pub recorder: Recorder,
    /// The access log.
    pub log: Option<Log>,
    /// Where spans go.
    pub exporter: Option<Exporter>,
    /// Whether the server is about to end.
    pub leaving: Arc<AtomicBool>,
    pub webhooks: Sender,
    pub clock: Arc<dyn Clock>,
}

impl House {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether it is to be asked: there is a model to ask, and the server is not about to end.
    pub fn is_ready(&self) -> bool {
        self.fleet.is_ready() && !self.leaving.load(Ordering::Relaxed)
    }
}
