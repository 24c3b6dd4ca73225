//! The background sender: what happened goes into a bounded queue, and from there to every webhook
//! that wants to hear of it. Whoever changed the model never waits for a receiver.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{AuditLine, Delivery, Outcome, RunId, Store, Webhook};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use tokio::sync::{Semaphore, mpsc};

use super::address::{Reach, Resolver, check_url};
use super::message::Told;
use super::outbox;
use super::signature::{DELIVERY, SIGNATURE, TIMESTAMP, sign};
use crate::audit::Recorder;
use crate::seal::Seals;

/// How many happenings may wait; those that come while it is full are put on record and not told.
const QUEUE: usize = 1_000;
/// How many messages are under way at once.
const AT_ONCE: usize = 10;
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 10_000;

/// How webhooks are told.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSettings {
    /// Which addresses may be told.
    pub reach: Reach,
    /// How long a receiver may take.
    pub timeout: Duration,
    /// How often a message is tried again.
    pub retries: u32,
    /// How long after the first try; twice as long after each one more.
    pub pause: Duration,
}

impl Default for WebhookSettings {
    /// Public addresses only, 30 seconds a try, tried again after 1, 2 and 4 seconds.
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            timeout: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_secs(1),
        }
    }
}

/// The door to the background sender.
#[derive(Clone)]
pub(crate) struct Sender {
    queue: mpsc::Sender<(Told, Timestamp)>,
    post: Arc<Post>,
}

/// What the sender works with.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) recorder: Recorder,
    pub(crate) seals: Seals,
}

/// What every delivery needs.
struct Post {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    recorder: Recorder,
    seals: Seals,
    client: Client,
    settings: WebhookSettings,
    /// Makes the ids of deliveries differ within one moment.
    count: AtomicU64,
}

impl Sender {
    /// Starts the sender on the runtime that this is called from. It ends with that runtime, or
    /// when all doors to it are gone and the queue is empty.
    ///
    /// # Errors
    /// When the TLS that the messages go through cannot be set up.
    pub(crate) fn start(desk: Desk, settings: WebhookSettings) -> Result<Self, reqwest::Error> {
        let Desk { store, clock, recorder, seals } = desk;
        let client = client(settings)?;
        let count = AtomicU64::new(0);
        let post = Arc::new(Post { store, clock, recorder, seals, client, settings, count });
        let (queue, happenings) = mpsc::channel(QUEUE);
        tokio::spawn(serve(Arc::clone(&post), happenings));
        tokio::spawn(outbox::collect(Arc::clone(&post.store), queue.downgrade()));
        Ok(Self { queue, post })
    }

    /// Puts what happened into the queue. When that is full, the record says so.
    pub(crate) async fn tell(&self, told: Told) {
        let now = self.post.clock.now();
        let event = told.event;
        if self.queue.try_send((told, now)).is_err() {
            let said = format!("{event}: too much waits to be told already");
            self.post.note("", said).await;
        }
    }

    /// Tells one webhook once, now, and says what came of it.
    pub(crate) async fn try_out(&self, webhook: &Webhook, told: &Told) -> Delivery {
        let post = &self.post;
        post.send(webhook, told, post.clock.now()).await
    }

    /// Which addresses may be told.
    pub(crate) fn reach(&self) -> Reach {
        self.post.settings.reach
    }
}

/// What messages go out by.
pub(super) fn client(settings: WebhookSettings) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(Arc::new(Resolver(settings.reach)))
        // Whoever is sent elsewhere would be sent past the check of the address; and a proxy
        // would resolve names itself.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(settings.timeout)
        .build()
}

async fn serve(post: Arc<Post>, mut happenings: mpsc::Receiver<(Told, Timestamp)>) {
    if let Err(error) = post.seals.seal_old(&*post.store).await {
        post.note("", format!("secrets of before are not sealed yet: {error}")).await;
    }
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some((told, at)) = happenings.recv().await {
        let webhooks = match post.store.webhooks_told_of(told.event).await {
            Ok(webhooks) => webhooks,
            Err(error) => {
                post.note("", format!("{}: {error}", told.event)).await;
                continue;
            }
        };
        let told = Arc::new(told);
        for webhook in webhooks {
            // It is never closed; were it, nothing could be sent any more.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (post, told) = (Arc::clone(&post), Arc::clone(&told));
            tokio::spawn(async move {
                post.deliver(&webhook, &told, at).await;
                drop(place);
            });
        }
    }
}

impl Post {
    /// Tells a webhook, again if need be. What never arrives is put on record.
    async fn deliver(&self, webhook: &Webhook, told: &Told, at: Timestamp) {
        let mut pause = self.settings.pause;
        for tried in 0..=self.settings.retries {
            let delivery = self.send(webhook, told, at).await;
            if delivery.accepted {
                return;
            }
            let again = delivery.status.is_none_or(|status| status == 429 || status >= 500);
            if !again || tried == self.settings.retries {
                let said = format!("{} after {} tries: {}", told.event, tried + 1, delivery.said);
                return self.note(&webhook.name, said).await;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }

    /// One try.
    async fn send(&self, webhook: &Webhook, told: &Told, at: Timestamp) -> Delivery {
        let refused = |said: String| Delivery { accepted: false, status: None, said };
        let url = match check_url(&webhook.url, self.settings.reach) {
            Ok(url) => url,
            Err(said) => return refused(said),
        };
        let body = told.body(at);
        let headers = match self.headers(webhook, &body) {
            Ok(headers) => headers,
            Err(said) => return refused(said),
        };
        match self.client.post(url).headers(headers).body(body).send().await {
            Ok(mut answer) => {
                let status = answer.status();
                let said = read(&mut answer).await;
                Delivery { accepted: taken(status), status: Some(status.as_u16()), said }
            }
            Err(error) => refused(whole(&error)),
        }
    }

    fn headers(&self, webhook: &Webhook, body: &str) -> Result<HeaderMap, String> {
        let now = self.clock.now();
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let parts = [webhook.id.as_bytes(), &now.0.to_le_bytes(), &count.to_le_bytes()];
        let delivery = RunId::from_parts(&parts).to_string();
        let seconds = now.0.div_euclid(1_000_000);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(DELIVERY, header(&delivery)?);
        headers.insert(TIMESTAMP, header(&seconds.to_string())?);
        if let Some(secret) = &webhook.secret {
            let secret = self.seals.open(&webhook.id, secret)?;
            headers.insert(SIGNATURE, header(&sign(&secret, &delivery, seconds, body))?);
        }
        Ok(headers)
    }

    /// Puts on record what could not be told.
    async fn note(&self, webhook: &str, said: String) {
        let line = AuditLine {
            at: self.clock.now(),
            who: String::new(),
            origin: "webhooks".into(),
            did: said,
            thing: webhook.into(),
            outcome: Outcome::Failed,
        };
        self.recorder.record(line).await;
    }
}

pub(super) fn header(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|error| format!("no header can hold `{text}`: {error}"))
}

/// A redirect is followed by nobody, so it is not taken either.
pub(super) fn taken(status: StatusCode) -> bool {
    status.is_success()
}

/// The beginning of an answer as text.
async fn read(answer: &mut reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                bytes.extend_from_slice(format!(" (cut off: {})", whole(&error)).as_bytes());
                break;
            }
        }
    }
    bytes.truncate(MAX_ANSWER_BYTES);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The error with what it came from: the client's own words alone say only that it failed. Its
/// address is left out, which may hold a key behind its `?`.
pub(super) fn whole(error: &reqwest::Error) -> String {
    let mut said = String::from("no answer");
    let mut cause = error.source();
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    if error.is_timeout() { format!("{said} in time") } else { said }
}
