//! What `gristmill up` answers: webhooks, whether it lives, and which version it is.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use gristmill_core::Clock;
use serde_json::{Value, json};

use super::http::{Answer, Request, read};
use crate::clock::SystemClock;
use crate::deploy::listening;
use crate::keeper::Keeper;
use crate::trigger::TriggerSpec;
use crate::{Error, Home, Result};

/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;
/// Where webhooks are.
const HOOKS: &str = "/api/v1/hooks/";

/// A listening server; dropping it ends it.
pub(crate) struct Server {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections share.
struct House {
    home: Home,
    keeper: Mutex<Keeper>,
    token: Option<String>,
    connections: AtomicUsize,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the address is no one's, taken, or reachable from elsewhere without a token.
    pub fn start(home: &Home, host: &str, port: u16, token: Option<String>) -> Result<Self> {
        let address = address(host, port)?;
        if token.is_none() && !address.ip().is_loopback() {
            return Err(Error::input(format!("`{host}` can be reached from elsewhere"))
                .with_hint("give a token by --token-file or GRISTMILL_TOKEN, or use 127.0.0.1"));
        }
        let listener = TcpListener::bind(address).map_err(|e| {
            Error::input(format!("cannot listen on {address}: {e}"))
                .with_hint("choose another --port; 0 takes one that is free")
        })?;
        let address = listener.local_addr()?;
        let connections = AtomicUsize::new(0);
        let keeper = Mutex::new(Keeper::open(home)?);
        let house = House { home: home.clone(), keeper, token, connections };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("gristmill-http".into())
            .spawn(move || serve(&listener, &Arc::new(house), &stopped))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A connection wakes the thread that waits for one.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let local = if address.is_ipv4() { "127.0.0.1" } else { "::1" };
            address.set_ip(local.parse().unwrap_or(address.ip()));
        }
        let woken = TcpStream::connect_timeout(&address, std::time::Duration::from_secs(1));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn address(host: &str, port: u16) -> Result<SocketAddr> {
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    let ip: IpAddr = host.parse().map_err(|_| {
        Error::input(format!("`{host}` is no address to listen on"))
            .with_hint("use 127.0.0.1, ::1, or 0.0.0.0 with a token")
    })?;
    Ok(SocketAddr::new(ip, port))
}

fn serve(listener: &TcpListener, house: &Arc<House>, stop: &AtomicBool) {
    loop {
        let connection = listener.accept();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        match connection {
            Ok((stream, _)) => receive(stream, house),
            // Too many open files, or a caller that left: neither lasts.
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(50)),
        }
    }
}

fn receive(mut stream: TcpStream, house: &Arc<House>) {
    if house.connections.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
        house.connections.fetch_sub(1, Ordering::SeqCst);
        Answer::refuse(503, "too many connections at once").send(&mut stream);
        return;
    }
    let shared = Arc::clone(house);
    let work = move || {
        let answer = match read(&mut stream) {
            Ok(request) => shared.answer(&request),
            Err(refusal) => refusal,
        };
        answer.send(&mut stream);
        shared.connections.fetch_sub(1, Ordering::SeqCst);
    };
    if std::thread::Builder::new().name("gristmill-request".into()).spawn(work).is_err() {
        house.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

impl House {
    fn answer(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/health") => Answer::new(200, json!({"status": "ok"})),
            ("GET", "/version") => Answer::new(200, json!({"version": env!("CARGO_PKG_VERSION")})),
            ("POST", path) if path.starts_with(HOOKS) => {
                let name = path.strip_prefix(HOOKS).unwrap_or_default();
                self.allowed(request)
                    .and_then(|()| payload(request))
                    .and_then(|payload| self.hook(name, payload))
                    .unwrap_or_else(|refusal| refusal)
            }
            (_, "/health" | "/version") => Answer::refuse(405, "this answers GET only"),
            (_, path) if path.starts_with(HOOKS) => {
                Answer::refuse(405, "a webhook takes POST only")
            }
            _ => Answer::refuse(404, "there is nothing here; webhooks are at /api/v1/hooks/NAME"),
        }
    }

    fn allowed(&self, request: &Request) -> Result<(), Answer> {
        let Some(token) = &self.token else {
            // Any page that a browser of this machine shows could post here.
            return match request.header("origin") {
                Some(_) => Err(Answer::refuse(403, "a web page may not call this without a token")),
                None => Ok(()),
            };
        };
        let given = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        // Hashes of equal length, compared in constant time.
        let hash = |text: &str| blake3::hash(text.trim().as_bytes());
        match given {
            Some(given) if hash(given) == hash(token) => Ok(()),
            _ => Err(Answer::refuse(401, "send the token as `Authorization: Bearer TOKEN`")),
        }
    }

    /// Raises the signal of a webhook: when this answers 202, it is kept.
    fn hook(&self, name: &str, payload: Value) -> Result<Answer, Answer> {
        let signal = TriggerSpec::Webhook(name.into());
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = |e: Error| Answer::refuse(503, &e.message);
        let listening = listening(&self.home, &keeper, &signal).map_err(trouble)?;
        if listening.is_empty() {
            let message = format!("no deployed pipeline has the trigger `webhook: {name}`");
            return Err(Answer::refuse(404, &message));
        }
        let signal = signal.to_string();
        let raised = keeper.wait(|s| s.raise(&signal, payload, SystemClock.now()));
        let number = raised.map_err(trouble)?;
        Ok(Answer::new(202, json!({"signal": number, "pipelines": listening})))
    }
}

fn payload(request: &Request) -> Result<Value, Answer> {
    if request.body.is_empty() {
        return Ok(Value::Null);
    }
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Answer::refuse(415, "send JSON, with `Content-Type: application/json`"));
    }
    serde_json::from_slice(&request.body)
        .map_err(|e| Answer::refuse(400, &format!("the body is no JSON: {e}")))
}
