//! A server on threads of its own.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{Keys, Links, Rates};
use crate::audit::Recorder;
use crate::connections::serve;
use crate::gate::Gate;
use crate::house::House;
use crate::inference::Desk;
use crate::observe::{Exporter, Log};
use crate::routes::router;
use crate::seal::Seals;
use crate::webhook::{self, Sender};
use crate::{Access, Rate, ServerError, Settings, limits, tidy};

/// How often one address may show a token that is none.
const GUESSES: Rate = Rate { per_second: 5.0, burst: 50.0 };

/// A listening server. Dropping it stops it: requests that are under way are answered first.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    leaving: Arc<AtomicBool>,
    notice: Duration,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the address is no one's, taken, or can be reached from elsewhere without a token.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use gristmill_core::{FixedClock, Timestamp};
    /// # use gristmill_server::{Server, ServerError, Settings};
    /// # use gristmill_track::{LocalArtifacts, open_store};
    /// # let home = tempfile::tempdir().unwrap();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # let store = runtime.block_on(open_store(home.path(), None)).unwrap();
    /// # let clock = Arc::new(FixedClock(Timestamp(0)));
    /// let artifacts = Arc::new(LocalArtifacts::in_home(home.path()));
    /// let settings = Settings { port: 0, ..Settings::new(store, artifacts, clock) };
    /// let server = Server::start(settings.clone())?;
    /// assert!(server.address().ip().is_loopback());
    /// let open = Settings { host: "0.0.0.0".into(), ..settings };
    /// assert!(matches!(Server::start(open), Err(ServerError::Open { .. })));
    /// # Ok::<(), ServerError>(())
    /// ```
    pub fn start(settings: Settings) -> Result<Self, ServerError> {
        let wanted = address(&settings)?;
        let listener = listen(wanted)?;
        let address = listener.local_addr().map_err(|error| start_error(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("gristmill-http")
            .enable_all()
            .build()
            .map_err(|error| start_error(&error))?;
        let (serves, notice) = (settings.serves, settings.notice);
        let (router, leaving, last) = {
            let _inside = runtime.enter();
            let (house, last) = house(settings)?;
            let leaving = Arc::clone(&house.leaving);
            (router(Arc::new(house), serves), leaving, last)
        };
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("gristmill-http".into())
            .spawn(move || {
                runtime.block_on(async move {
                    // It fails for a listener that is no socket, which this one is.
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        serve(listener, router, stopped).await;
                    }
                    // What was done last is on record and told too, unless whoever takes it hangs.
                    let ended = async {
                        for last in last {
                            let _ = last.await;
                        }
                    };
                    let _ = tokio::time::timeout(limits::FAREWELL, ended).await;
                });
                runtime.shutdown_background();
            })
            .map_err(|error| start_error(&error))?;
        Ok(Self { address, stop, leaving, notice, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says that it is not ready any more for as long as its settings say, stops listening, answers what
    /// is under way, and comes back when that is done.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.thread.is_none() {
            return;
        }
        self.leaving.store(true, Ordering::Relaxed);
        std::thread::sleep(self.notice);
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// What all requests share, and what ends when the record is written and spans are sent. Its background
/// work begins on the runtime that this is called from.
fn house(settings: Settings) -> Result<(House, Vec<JoinHandle<()>>), ServerError> {
    let Settings { store, clock, .. } = &settings;
    let seals = Seals::new(settings.seal_key.as_ref(), Arc::clone(&settings.ids));
    let (recorder, recorded) =
        Recorder::start(Arc::clone(store), Arc::clone(clock), settings.audit_kept);
    let desk = webhook::Desk {
        store: Arc::clone(store),
        clock: Arc::clone(clock),
        recorder: recorder.clone(),
        seals: seals.clone(),
    };
    let webhooks = Sender::start(desk, settings.webhooks)
        .map_err(|error| ServerError::Start { found: error.to_string() })?;
    let given_up = start_notices(&settings, recorder.clone())?;
    let secret = settings.ids.next().ok_or_else(no_chance)?;
    let log = settings.access_log.as_ref().map(Log::start).transpose()?;
    let (exporter, sent) = match &settings.traces {
        Some(traces) => {
            Exporter::start(traces).map(|(exporter, sent)| (Some(exporter), Some(sent)))?
        }
        None => (None, None),
    };
    tidy::start(Arc::clone(&settings.artifacts), Arc::clone(&settings.clock));
    let house = House {
        links: Links::new(&secret),
        gate: Gate::new(&settings.access, &settings.allowed_hosts),
        keys: Keys::new(&settings.access),
        rates: Rates::new(settings.rate),
        guesses: Rates::new(GUESSES),
        recorder,
        log,
        exporter,
        leaving: Arc::default(),
        webhooks,
        store: settings.store,
        artifacts: settings.artifacts,
        ids: settings.ids,
        seals,
        scratch: settings.scratch,
        hooks: settings.hooks,
        fleet: settings.fleet,
        desk: Desk::new(Arc::clone(&settings.clock), settings.requests, settings.witness),
        cards: settings.cards,
        monitors: settings.monitors,
        _notices: settings.notices,
        given_up,
        clock: settings.clock,
    };
    Ok((house, std::iter::once(recorded).chain(sent).collect()))
}

/// Begins to tell of the steps of loops, where anybody knows whom; what comes back counts those that were given up.
fn start_notices(
    settings: &Settings,
    recorder: Recorder,
) -> Result<Option<Arc<AtomicU64>>, ServerError> {
    let Some(notices) = &settings.notices else { return Ok(None) };
    let means = webhook::Means {
        store: Arc::clone(&settings.store),
        clock: Arc::clone(&settings.clock),
        notices: Arc::downgrade(notices),
        recorder,
        id: settings.ids.next().ok_or_else(no_chance)?,
    };
    let given_up = webhook::start_notices(means, settings.webhooks)
        .map_err(|error| ServerError::Start { found: error.to_string() })?;
    Ok(Some(given_up))
}

fn no_chance() -> ServerError {
    ServerError::Start { found: "the system gives no random numbers".into() }
}

fn address(settings: &Settings) -> Result<SocketAddr, ServerError> {
    let host = &settings.host;
    let plain = if host == "localhost" { "127.0.0.1" } else { host.as_str() };
    let ip: IpAddr = plain.parse().map_err(|_| ServerError::Address { host: host.clone() })?;
    if settings.access == Access::Loopback && !ip.is_loopback() {
        return Err(ServerError::Open { host: host.clone() });
    }
    Ok(SocketAddr::new(ip, settings.port))
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| ServerError::Listen {
        address: address.to_string(),
        found: error.to_string(),
    })
}

fn start_error(error: &std::io::Error) -> ServerError {
    ServerError::Start { found: error.to_string() }
}
