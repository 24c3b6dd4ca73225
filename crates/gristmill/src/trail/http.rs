//! Lineage on its way to a server, such as Marquez: each event is the body of a POST.
//!
//! One thread sends the events, in their order. As long as the server answers, whoever has an event
//! waits for the answer, so that none is lost. Once the server has kept somebody waiting too long,
//! events queue up instead until all of them are answered: a server that hangs holds up no run.

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gristmill_flow::{Emit, EmitError, LineageEvent};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Url, redirect};
use tokio::sync::mpsc;

use crate::{Error, Result};

/// The path that OpenLineage has by default.
const PATH: &str = "/api/v1/lineage";
/// How much longer a caller waits who stands behind others.
const GRACE: Duration = Duration::from_secs(1);
/// The longest answer that is read so that the connection can be used again.
const MAX_ANSWER: u64 = 64 << 10;

/// How long and how much is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long an answer may take.
    pub patience: Duration,
    /// How many events wait for a server that does not answer.
    pub queue: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { patience: Duration::from_secs(5), queue: 1000 }
    }
}

/// A server that takes events.
pub(super) struct Server {
    bounds: Bounds,
    desk: Arc<Desk>,
    open: Mutex<Option<Open>>,
}

/// The way to the thread that sends.
struct Open {
    letters: mpsc::Sender<Letter>,
    /// Closed when the thread is at its end; nothing is ever sent.
    ended: Receiver<()>,
}

/// An event on its way, with whoever waits to hear what became of it.
struct Letter {
    body: Vec<u8>,
    answer: Option<SyncSender<Result<(), Failure>>>,
}

/// Why an event did not arrive.
#[derive(Debug)]
struct Failure {
    message: String,
    /// Whether the server was waited for in vain.
    timed_out: bool,
}

/// What both sides know of the events on their way.
#[derive(Default)]
struct Desk {
    /// The server did not answer in time, and nobody waits for it any more.
    late: AtomicBool,
    /// No more events come.
    closing: AtomicBool,
    waiting: AtomicUsize,
    /// Events that were lost without a word, and why the first of them was.
    lost: Mutex<(usize, Option<String>)>,
}

impl Desk {
    fn lose(&self, message: String) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.0 += 1;
        lost.1.get_or_insert(message);
    }
}

impl Server {
    /// The server at `address`, which is asked for nothing yet. It is shown `token`, and nobody
    /// else is: no redirect is followed.
    ///
    /// # Errors
    /// When it is no address that events can be sent to, or the token cannot be a header.
    pub fn open(address: &str, token: Option<&str>, bounds: Bounds) -> Result<Self> {
        let post = Post {
            url: target(address)?,
            client: client(address.starts_with("https:"), token, bounds.patience)?,
            patience: bounds.patience,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (letters, received) = mpsc::channel(bounds.queue);
        let (at_end, ended) = sync_channel(0);
        let desk = Arc::new(Desk::default());
        let behind = Arc::clone(&desk);
        std::thread::Builder::new().name("lineage".into()).spawn(move || {
            runtime.block_on(carry(received, &post, &behind));
            // A name that is still being looked up must not hold it up.
            runtime.shutdown_background();
            drop(at_end);
        })?;
        Ok(Self { bounds, desk, open: Mutex::new(Some(Open { letters, ended })) })
    }

    /// Hands an event to the thread that sends, unless too many wait there already.
    fn hand_over(&self, letter: Letter) -> Result<(), EmitError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.as_ref() else { return Err(EmitError::new("the run has ended")) };
        self.desk.waiting.fetch_add(1, Ordering::SeqCst);
        if open.letters.try_send(letter).is_err() {
            self.desk.waiting.fetch_sub(1, Ordering::SeqCst);
            self.desk.lose(format!("more than {} waited for the server", self.bounds.queue));
        }
        Ok(())
    }
}

impl Emit for Server {
    fn emit(&self, event: &LineageEvent) -> Result<(), EmitError> {
        let body = serde_json::to_vec(event)?;
        if self.desk.late.load(Ordering::SeqCst) {
            return self.hand_over(Letter { body, answer: None });
        }
        let (answer, answered) = sync_channel(1);
        self.hand_over(Letter { body, answer: Some(answer) })?;
        // Other threads' events may stand before this one; they count as well.
        match answered.recv_timeout(self.bounds.patience + GRACE) {
            Ok(done) => done.map_err(|failure| EmitError::new(failure.message)),
            Err(_) => {
                self.desk.late.store(true, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    fn finish(&self) -> Result<(), EmitError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Open { letters, ended }) = open else { return Ok(()) };
        self.desk.closing.store(true, Ordering::SeqCst);
        drop(letters);
        let _ = ended.recv_timeout(self.bounds.patience * 2);
        let lost = self.desk.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match lost.0 + self.desk.waiting.load(Ordering::SeqCst) {
            0 => Ok(()),
            events => {
                let message = lost.1.clone().unwrap_or_else(|| "they came too slowly".into());
                Err(EmitError { events, ..EmitError::new(message) })
            }
        }
    }
}

/// Sends what comes until no more can come, or the server is waited for in vain at the end.
async fn carry(mut letters: mpsc::Receiver<Letter>, post: &Post, desk: &Desk) {
    while let Some(Letter { body, answer }) = letters.recv().await {
        let done = post.send(body).await;
        let left = desk.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
        let timed_out = done.as_ref().is_err_and(|failure| failure.timed_out);
        // Asked before the answer is given: whoever hears it may end the run at once.
        let in_vain = timed_out && desk.closing.load(Ordering::SeqCst);
        if timed_out {
            desk.late.store(true, Ordering::SeqCst);
        } else if left == 0 {
            desk.late.store(false, Ordering::SeqCst);
        }
        let unheard = match answer {
            Some(answer) => answer.send(done).err().map(|unsent| unsent.0),
            None => Some(done),
        };
        if let Some(Err(failure)) = unheard {
            desk.lose(failure.message);
        }
        if in_vain {
            break;
        }
    }
}

/// How one event is sent.
struct Post {
    client: Client,
    url: Url,
    patience: Duration,
}

impl Post {
    async fn send(&self, body: Vec<u8>) -> Result<(), Failure> {
        let request = self.client.post(self.url.clone()).body(body);
        let response = request.send().await.map_err(|error| self.failure(&error))?;
        let status = response.status();
        if status.is_success() {
            if response.content_length().is_some_and(|length| length <= MAX_ANSWER) {
                // The event has arrived, whatever becomes of the rest of the answer.
                let _ = response.bytes().await;
            }
            return Ok(());
        }
        let elsewhere = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let elsewhere = elsewhere.filter(|_| status.is_redirection());
        let elsewhere =
            elsewhere.map(|to| format!(", and points to `{}`; name that address", bare(to)));
        let message = format!("{} said `{status}`{}", self.origin(), elsewhere.unwrap_or_default());
        Err(Failure { message, timed_out: false })
    }

    /// The server as messages name it: without a path or query, which may hold a secret.
    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        let origin = self.origin();
        if error.is_timeout() {
            let message = format!("{origin} did not answer within {:?}", self.patience);
            return Failure { message, timed_out: true };
        }
        // The outer errors only say that there was one, with the whole address.
        let mut cause = error.source();
        while let Some(deeper) = cause.and_then(|cause| cause.source()) {
            cause = Some(deeper);
        }
        let cause = cause.map_or_else(|| "the request failed".into(), ToString::to_string);
        let message = match cause.split_once("invalid peer certificate: ") {
            Some((_, why)) => untrusted(&origin, why),
            None => format!("{origin}: {cause}"),
        };
        Failure { message, timed_out: false }
    }
}

/// Why a server's certificate was refused, and what would do.
fn untrusted(origin: &str, why: &str) -> String {
    // Some reasons go on with numbers that only the library knows.
    let why = why.split('{').next().unwrap_or_default().trim();
    // A stranger can be introduced; one that is too old or of another name cannot.
    let own = why.starts_with("certificate ");
    let remedy = "; name a file with the certificate of whoever signed it in SSL_CERT_FILE";
    let remedy = if own { "" } else { remedy };
    format!("the certificate of {origin} is not trusted ({why}){remedy}")
}

/// An address without its query.
fn bare(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// Where events are sent: the address, with OpenLineage's path where it has none.
fn target(address: &str) -> Result<Url> {
    let refuse = |found: String| {
        Error::input(found).with_hint("name a file, or an address such as http://127.0.0.1:5000")
    };
    let scheme = address.split("://").next().unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err(refuse(format!("lineage cannot be sent by `{scheme}`")));
    }
    let mut url = Url::parse(address)
        .map_err(|e| refuse(format!("the address of the lineage server is none: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        let found = "the address of the lineage server holds a user or a password";
        return Err(Error::input(found).with_hint(
            "whoever lists processes would see it: set OPENLINEAGE_API_KEY to a token instead",
        ));
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(PATH);
    }
    Ok(url)
}

fn client(secure: bool, token: Option<&str>, patience: Duration) -> Result<Client> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        // The token itself must not be in the message.
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            Error::input("OPENLINEAGE_API_KEY holds characters that no token has")
                .with_hint("set it to one line of ASCII, or unset it")
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Client::builder()
        .user_agent(concat!("gristmill/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .timeout(patience)
        // Servers close what is idle for longer.
        .pool_idle_timeout(Duration::from_secs(4))
        // Reading the machine's certificates takes a while, and may fail where there are none.
        .tls_built_in_root_certs(secure)
        .build()
        .map_err(|error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Error::input(format!("no connection can be made: {}", cause.trim()))
                .with_hint("check SSL_CERT_FILE and the certificates of this machine")
        })
}

#[cfg(test)]
mod tests;
