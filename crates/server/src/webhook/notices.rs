//! Telling the addresses that deployed files name of every step of a loop: in order, and at least once.
//!
//! The model's history is the outbox. The store keeps up to which line each address was told, so whoever comes
//! after an end, however sudden, goes on behind the last line that was taken. Each address has a task of its own:
//! one that hangs or refuses keeps nobody else waiting. What it does not take is given up in the end, and put on
//! record, so that it hears what came after.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{AuditLine, ModelEvent, Outcome, RunId, Secret, Store, TrackError};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use ring::digest::{SHA256, digest};
use tokio::task::AbortHandle;

use super::WebhookSettings;
use super::address::check_url;
use super::message::step;
use super::patience::{Hitch, Patience};
use super::sender::{client, header, taken, whole};
use super::signature::{DELIVERY, SIGNATURE, TIMESTAMP, sign};
use crate::audit::Recorder;

/// How often it is looked whom to tell, and what of.
const LOOK: Duration = Duration::from_secs(1);
/// How many lines are read at a time.
const LINES: u32 = 100;
/// Of several servers on one store, the one with this lease tells.
const LEASE: &str = "notices";
/// How long it lasts, in microseconds: so long after a sudden end the next one begins to tell.
const LEASE_MICROS: i64 = 5_000_000;

/// Knows who is to be told of the steps of loops.
pub trait Notices: Send + Sync {
    /// Whom to tell of which model, or why that is not known now. It is asked every second, where it may take its
    /// time.
    fn targets(&self) -> Result<Vec<NoticeTarget>, String>;

    /// The secret of this name, or why there is none. It is asked for each message anew.
    fn secret(&self, name: &str) -> Result<Secret, String>;

    /// Hears why somebody could not be told. The same words come again and again while that is so.
    fn say(&self, words: &str);
}

/// An address that is told of the steps of a model's loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeTarget {
    /// The model.
    pub model: String,
    /// The address.
    pub url: String,
    /// The name of the secret that messages are signed with.
    pub secret: Option<String>,
    /// Lines of the history up to this moment are none of its business.
    pub since: Timestamp,
}

/// What telling works with.
struct Courier {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held by the server, so that it does not go with a task that ends after it.
    notices: Weak<dyn Notices>,
    settings: WebhookSettings,
    client: Client,
    /// By which name it holds the lease: no other server has it.
    holder: String,
    recorder: Recorder,
    /// How many steps were given up.
    given_up: Arc<AtomicU64>,
}

/// What telling stands on.
pub(crate) struct Means {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notices: Weak<dyn Notices>,
    pub(crate) recorder: Recorder,
    /// That no other server has.
    pub(crate) id: [u8; 16],
}

/// Begins to tell, on the runtime that this is called from. It ends with that runtime. What comes back counts the
/// steps that were given up.
///
/// # Errors
/// When the TLS that the messages go through cannot be set up.
pub(crate) fn start(
    means: Means,
    settings: WebhookSettings,
) -> Result<Arc<AtomicU64>, reqwest::Error> {
    let Means { store, clock, notices, recorder, id } = means;
    let (client, holder) = (client(settings)?, RunId::from_bytes(id).to_string());
    let given_up = Arc::<AtomicU64>::default();
    let count = Arc::clone(&given_up);
    let courier = Courier { store, clock, notices, settings, client, holder, recorder, given_up };
    tokio::spawn(lead(Arc::new(courier)));
    Ok(count)
}

/// An address at work: for which models, and how its task is ended.
struct AtWork {
    targets: Vec<NoticeTarget>,
    task: AbortHandle,
}

/// Keeps a task for each address that is to be told, as long as this server is the one that tells.
async fn lead(courier: Arc<Courier>) {
    let mut at_work: BTreeMap<String, AtWork> = BTreeMap::new();
    loop {
        if let Some(wanted) = courier.wanted().await {
            at_work.retain(|url, work| {
                let stays = wanted.get(url) == Some(&work.targets) && !work.task.is_finished();
                if !stays {
                    work.task.abort();
                }
                stays
            });
            for (url, targets) in wanted {
                at_work.entry(url).or_insert_with(|| {
                    let task = tokio::spawn(Arc::clone(&courier).tell(targets.clone()));
                    AtWork { targets, task: task.abort_handle() }
                });
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Courier {
    /// Whom this server is to tell, by address: nobody while another server does; nothing where it is not known,
    /// and all stays as it is.
    async fn wanted(&self) -> Option<BTreeMap<String, Vec<NoticeTarget>>> {
        let now = self.clock.now();
        let until = Timestamp(now.0.saturating_add(LEASE_MICROS));
        if !self.store.acquire_lease(LEASE, &self.holder, now, until).await.ok()? {
            return Some(BTreeMap::new());
        }
        let notices = self.notices.upgrade()?;
        match tokio::task::spawn_blocking(move || notices.targets()).await.ok()? {
            Ok(targets) => {
                let mut wanted: BTreeMap<String, Vec<NoticeTarget>> = BTreeMap::new();
                for target in targets {
                    wanted.entry(target.url.clone()).or_default().push(target);
                }
                Some(wanted)
            }
            Err(said) => {
                self.say(&format!("who is told of loops is not known: {said}"));
                None
            }
        }
    }

    /// Tells one address of its models, for ever; after a try that failed it rests longer and longer.
    async fn tell(self: Arc<Self>, targets: Vec<NoticeTarget>) {
        let mut patience = Patience::new(self.settings.pause);
        loop {
            let mut rest = LOOK;
            if let Err(said) = self.tell_all(&targets, &mut patience).await {
                let at = targets.first().map_or_else(String::new, |target| place(&target.url));
                self.say(&format!("the webhook at {at} waits to be told: {said}"));
                rest = patience.rest();
            }
            tokio::time::sleep(rest).await;
        }
    }

    async fn tell_all(
        &self,
        targets: &[NoticeTarget],
        patience: &mut Patience,
    ) -> Result<(), String> {
        for target in targets {
            let name = name_of(&target.url);
            while self.tell_some(target, &name, patience).await? {}
        }
        Ok(())
    }

    /// Tells the next lines, one after the other; whether there were any.
    async fn tell_some(
        &self,
        target: &NoticeTarget,
        name: &str,
        patience: &mut Patience,
    ) -> Result<bool, String> {
        let words = |error: TrackError| error.to_string();
        let model = &target.model;
        let told = match self.store.told_up_to(model, name, target.since).await {
            // It is not registered yet, so nothing has happened to it.
            Err(TrackError::NotFound { .. }) => return Ok(false),
            told => told.map_err(words)?,
        };
        let lines = self.store.history_after(model, told, LINES).await.map_err(words)?;
        let Some(last) = lines.last().map(|line| line.number) else { return Ok(false) };
        for line in lines.iter().filter(|line| line.what.is_step()) {
            self.settle(target, line, patience).await?;
            self.store.told(model, name, line.number).await.map_err(words)?;
        }
        self.store.told(model, name, last).await.map_err(words)?;
        Ok(true)
    }

    /// One try to tell of one line: it is done with when it was taken, or is given up.
    async fn settle(
        &self,
        target: &NoticeTarget,
        line: &ModelEvent,
        patience: &mut Patience,
    ) -> Result<(), String> {
        if let Err(hitch) = self.send(target, line).await {
            let age = self.clock.now().0.saturating_sub(line.note.at.0);
            if !patience.ends_with(&hitch, age) {
                return Err(hitch.to_string());
            }
            self.give_up(target, line, &hitch, patience.tries()).await;
        }
        patience.begin_anew();
        Ok(())
    }

    /// Puts on record that an address never heard of a step.
    async fn give_up(&self, target: &NoticeTarget, line: &ModelEvent, why: &Hitch, tries: u32) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
        let (at, step) = (place(&target.url), delivery(&target.model, line.number));
        self.say(&format!(
            "steps that the webhook at {at} does not take are given up: {why}; the record of what was done has each"
        ));
        let did = format!("step {step} ({}) given up after {tries} tries: {why}", line.what);
        let line = AuditLine {
            at: self.clock.now(),
            who: String::new(),
            origin: "webhooks".into(),
            did,
            thing: at,
            outcome: Outcome::Failed,
        };
        self.recorder.record(line).await;
    }

    /// One try to tell of one line.
    async fn send(&self, target: &NoticeTarget, line: &ModelEvent) -> Result<(), Hitch> {
        let url = check_url(&target.url, self.settings.reach).map_err(Hitch::Unsent)?;
        let body = step(&target.model, line).to_string();
        let headers = self.headers(target, line, &body).map_err(Hitch::Unsent)?;
        match self.client.post(url).headers(headers).body(body).send().await {
            Ok(answer) if taken(answer.status()) => Ok(()),
            Ok(answer) => Err(Hitch::answered(answer.status())),
            Err(error) => Err(Hitch::Untaken(whole(&error))),
        }
    }

    fn say(&self, words: &str) {
        if let Some(notices) = self.notices.upgrade() {
            notices.say(words);
        }
    }

    fn headers(
        &self,
        target: &NoticeTarget,
        line: &ModelEvent,
        body: &str,
    ) -> Result<HeaderMap, String> {
        let delivery = delivery(&target.model, line.number);
        let seconds = self.clock.now().0.div_euclid(1_000_000);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(DELIVERY, header(&delivery)?);
        headers.insert(TIMESTAMP, header(&seconds.to_string())?);
        if let Some(secret) = &target.secret {
            let notices = self.notices.upgrade().ok_or("the server ends")?;
            let secret = notices.secret(secret)?;
            headers.insert(SIGNATURE, header(&sign(&secret, &delivery, seconds, body))?);
        }
        Ok(headers)
    }
}

/// By which name the store knows an address, which may hold a key.
fn name_of(url: &str) -> String {
    digest(&SHA256, url.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where an address leads, without the parts that may hold a key.
fn place(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{}{port}", url.host_str()?))
    });
    host.unwrap_or_else(|| "an address that is none".into())
}

/// The id of a message, the same however often it is sent: the model, and the number of the line. Every byte that
/// could end a part of what is signed, or that no header can hold, stands behind a percent sign.
fn delivery(model: &str, number: u64) -> String {
    let mut id = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => id.push(char::from(byte)),
            _ => id.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{id}/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_model_and_the_line_whatever_the_model_is_called() {
        for (model, id) in [("churn", "churn/7"), ("a.b/7 ö", "a%2Eb%2F7%20%C3%B6/7")] {
            assert_eq!(delivery(model, 7), id);
            assert!(header(&delivery(model, 7)).is_ok());
        }
    }

    #[test]
    fn a_key_in_an_address_is_not_said() {
        assert_eq!(
            place("https://hooks.example.com:8443/T0/sesame?key=sesame"),
            "hooks.example.com:8443"
        );
        assert_eq!(place("sesame"), "an address that is none");
    }

    #[test]
    fn the_store_knows_an_address_by_its_hash() {
        let name = name_of("https://example.com/a");
        assert_eq!(name.len(), 64);
        assert_ne!(name, name_of("https://example.com/b"));
    }
}
