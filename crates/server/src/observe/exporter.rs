//! Spans on their way to a collector: gathered, sent together in the background, and dropped where they find
//! no room. A collector that hangs costs nobody anything but its spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::otlp::{self, Span};
use super::trace::hex;
use crate::{ServerError, limits};

/// Of how many requests spans may wait.
const QUEUE: usize = 2_048;
/// How many are sent together.
const TOGETHER: usize = 512;
/// How long the first of them waits for more.
const PATIENCE: Duration = Duration::from_secs(2);
const HINT: &str = "name an address such as http://127.0.0.1:4318 in OTEL_EXPORTER_OTLP_ENDPOINT";
/// How long the collector may take.
const TIME: Duration = Duration::from_secs(10);

/// Where spans go, and of which requests.
#[derive(Clone)]
pub struct TraceSettings {
    /// The address that takes them, such as `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Headers that are sent along, which may be secrets.
    pub headers: Vec<(String, String)>,
    /// What this service is called.
    pub service: String,
    /// The share of traces that are recorded, in `[0, 1]`, of those whose caller does not say.
    pub ratio: f64,
}

impl std::fmt::Debug for TraceSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { endpoint, service, ratio, .. } = self;
        write!(f, "TraceSettings({service} to {endpoint}, {ratio} of them)")
    }
}

/// The door to the collector.
pub(crate) struct Exporter {
    spans: mpsc::Sender<Vec<Span>>,
    ratio: f64,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Default)]
struct Counts {
    /// Taken by the collector.
    sent: AtomicU64,
    /// Dropped for want of room, or not taken.
    lost: AtomicU64,
}

impl Exporter {
    /// Starts sending on the runtime that this is called from. The handle hears when the door is gone and
    /// all is sent.
    pub fn start(settings: &TraceSettings) -> Result<(Self, JoinHandle<()>), ServerError> {
        let post = Post::new(settings)?;
        let (spans, queue) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let sending = tokio::spawn(send(queue, post, Arc::clone(&counts)));
        Ok((Self { spans, ratio: settings.ratio, counts }, sending))
    }

    /// Whether a trace is recorded whose caller does not say: by its id, so that all services that
    /// see it decide alike: by its last 7 bytes, which are drawn by chance.
    pub fn samples(&self, trace: [u8; 16]) -> bool {
        let digits = hex(&trace);
        let drawn = digits.get(18..).and_then(|last| u64::from_str_radix(last, 16).ok());
        (drawn.unwrap_or_default() as f64) < self.ratio * (1_u64 << 56) as f64
    }

    /// Hands over the spans of a request, if there is room for them.
    pub fn hand_over(&self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        if self.spans.try_send(spans).is_err() {
            self.counts.lost.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many spans a collector took, and how many were lost.
    pub fn counts(&self) -> (u64, u64) {
        let Counts { sent, lost } = &*self.counts;
        (sent.load(Ordering::Relaxed), lost.load(Ordering::Relaxed))
    }
}

/// Sends what comes, together, until nobody has more.
async fn send(mut queue: mpsc::Receiver<Vec<Span>>, post: Post, counts: Arc<Counts>) {
    let mut well = true;
    while let Some(mut batch) = queue.recv().await {
        let until = Instant::now() + PATIENCE;
        while batch.len() < TOGETHER
            && let Ok(Some(more)) = timeout_at(until, queue.recv()).await
        {
            batch.extend(more);
        }
        let count = batch.len() as u64;
        match post.send(&batch).await {
            Ok(()) => {
                well = true;
                counts.sent.fetch_add(count, Ordering::Relaxed);
            }
            Err(why) => {
                if well {
                    eprintln!("spans do not reach the collector: {why}");
                }
                well = false;
                counts.lost.fetch_add(count, Ordering::Relaxed);
            }
        }
    }
}

/// How spans are sent.
struct Post {
    client: Client,
    url: Url,
    service: String,
}

impl Post {
    fn new(settings: &TraceSettings) -> Result<Self, ServerError> {
        let start = |found: String| ServerError::Observe { found, hint: HINT };
        let url = Url::parse(&settings.endpoint)
            .map_err(|error| start(format!("the address of the collector is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(start(format!("spans cannot be sent by `{}`", url.scheme())));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            // The value itself must not be in the message.
            let wrong = || start(format!("the header `{name}` for the collector is none"));
            let name = HeaderName::try_from(name).map_err(|_| wrong())?;
            let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let client = Client::builder()
            .user_agent(concat!("gristmill/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .timeout(TIME)
            .tls_built_in_root_certs(url.scheme() == "https")
            .build()
            .map_err(|error| {
                start(format!("no connection to the collector can be made: {error}"))
            })?;
        Ok(Self { client, url, service: settings.service.clone() })
    }

    async fn send(&self, spans: &[Span]) -> Result<(), String> {
        let body = otlp::body(&self.service, spans).to_string();
        let sent = self.client.post(self.url.clone()).body(body).send().await;
        // What the address holds beside the host may be a secret.
        let response = sent.map_err(|error| error.without_url().to_string())?;
        let status = response.status();
        // The answer is read so that the connection can be used again; it tells nothing.
        let _ = timeout(limits::FAREWELL, response.bytes()).await;
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("it said `{status}`")),
        }
    }
}
