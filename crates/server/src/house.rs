//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{ArtifactStore, Store};

use crate::access::{Keys, Rates};
use crate::audit::Recorder;
use crate::gate::Gate;
use crate::seal::Seals;
use crate::webhook::Sender;
use crate::{Hooks, Ids};

/// What all requests share.
pub(crate) struct House {
    pub store: Arc<dyn Store>,
    pub artifacts: Arc<dyn ArtifactStore>,
    pub ids: Arc<dyn Ids>,
    pub seals: Seals,
    /// Where drafts are put together.
    pub scratch: PathBuf,
    pub hooks: Option<Arc<dyn Hooks>>,
    pub gate: Gate,
    /// Whom the server lets in.
    pub keys: Keys,
    /// How often callers with a token ask.
    pub rates: Rates,
    /// How often somebody guesses one.
    pub guesses: Rates,
    pub recorder: Recorder,
    pub webhooks: Sender,
    pub clock: Arc<dyn Clock>,
}

impl House {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
