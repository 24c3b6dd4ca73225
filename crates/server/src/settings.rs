//! Where a server listens, whom it lets in, and what it serves.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gristmill_core::Clock;
use gristmill_serve::{Fleet, Witness};
use gristmill_track::{ArtifactStore, Store};

use crate::{
    AccessLog, Cards, Hooks, Ids, Monitors, Notices, RandomIds, Rate, SealKey, TraceSettings,
    WebhookSettings,
};

/// How long the record is kept when nobody says: 90 days.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Where a server listens, whom it lets in, and what it serves.
#[derive(Clone)]
pub struct Settings {
    /// The address to listen on, such as `127.0.0.1`, `::1` or `0.0.0.0`.
    pub host: String,
    /// The port; 0 takes one that is free.
    pub port: u16,
    /// Whom it lets in.
    pub access: Access,
    /// How often one caller with a token may ask.
    pub rate: Rate,
    /// How long the record of what was done is kept.
    pub audit_kept: Duration,
    /// How webhooks are told of what happens to models.
    pub webhooks: WebhookSettings,
    /// More names under which browsers may call it, beside those of this machine.
    pub allowed_hosts: Vec<String>,
    /// What it keeps things in.
    pub store: Arc<dyn Store>,
    /// Where artifacts are.
    pub artifacts: Arc<dyn ArtifactStore>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from.
    pub ids: Arc<dyn Ids>,
    /// The models that answer.
    pub fleet: Arc<Fleet>,
    /// Who looks on while they answer, if anybody does.
    pub witness: Option<Arc<dyn Witness>>,
    /// Whether that is all that is served.
    pub serves: Serves,
    /// What secrets are sealed with before they are kept; without one they are kept as they are.
    pub seal_key: Option<SealKey>,
    /// A folder in which files that arrive are put together; what is left there by an end amid it
    /// is in nobody's way.
    pub scratch: PathBuf,
    /// Who takes webhooks, if anybody does.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// Who makes model cards, if anybody does.
    pub cards: Option<Arc<dyn Cards>>,
    /// Who knows where the loops that watch models stand, if anybody does.
    pub monitors: Option<Arc<dyn Monitors>>,
    /// Who knows whom to tell of their steps, if anybody does.
    pub notices: Option<Arc<dyn Notices>>,
    /// How many requests to models may be under way, and for how long.
    pub requests: RequestLimits,
    /// Where the access log goes, if it goes anywhere.
    pub access_log: Option<AccessLog>,
    /// Where spans go, if they go anywhere.
    pub traces: Option<TraceSettings>,
    /// How long it says that it is not ready any more, and goes on to answer, before it ends.
    pub notice: Duration,
}

/// How many requests to models may be under way, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// How many may be under way at once, those that wait among them.
    pub count: usize,
    /// How long one may take from its last byte on, with all its waiting.
    pub time: Duration,
    /// Models that answer a small request in less than this do so where it arrives; those to others wait
    /// for a core, and are answered together there.
    pub inline: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { count: 512, time: Duration::from_secs(60), inline: Duration::from_millis(1) }
    }
}

/// Whom a server lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Whoever is on this machine; the server listens on no other address then.
    #[default]
    Loopback,
    /// Whoever sends this token, as `Authorization: Bearer TOKEN` or as the password of `Basic`; and
    /// whoever sends one that the store knows.
    Token(String),
    /// Whoever sends a token that the store knows.
    Tokens,
}

/// What a server serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serves {
    /// All that there is.
    #[default]
    Everything,
    /// Answers of models, and whether it lives.
    Models,
}

impl Settings {
    /// A server on 127.0.0.1:5000 for this machine alone, with ids by chance and no webhooks.
    pub fn new(
        store: Arc<dyn Store>,
        artifacts: Arc<dyn ArtifactStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 5000,
            access: Access::default(),
            rate: Rate::default(),
            audit_kept: KEPT,
            webhooks: WebhookSettings::default(),
            allowed_hosts: Vec::new(),
            store,
            artifacts,
            clock,
            ids: Arc::new(RandomIds::new()),
            fleet: Arc::default(),
            witness: None,
            serves: Serves::default(),
            seal_key: None,
            scratch: std::env::temp_dir(),
            hooks: None,
            cards: None,
            monitors: None,
            notices: None,
            requests: RequestLimits::default(),
            access_log: None,
            traces: None,
            notice: Duration::ZERO,
        }
    }
}
