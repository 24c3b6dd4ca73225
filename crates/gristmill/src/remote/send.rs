//! Sending what waits, each thing once: a run that was sent is crossed out, and whatever a server has
//! already is not sent again.

use gristmill_core::Clock;
use gristmill_track::{Lifecycle, ReceivedAlias, RunId, tags};
use serde::Serialize;

use super::courier::{Courier, Delivered};
use super::http::{Address, Link, Patience};
use super::outbox;
use crate::alive::Alive;
use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::recorder::{is_at_work, settle_the_dead};
use crate::{Error, Home, Result};

/// What is to be sent, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Runs by their ids or the start of them; all that wait when there is none.
    pub runs: Vec<String>,
    /// The server, in place of the one that a run was to be sent to.
    pub server: Option<String>,
}

/// What became of each run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SendReport {
    /// In the order in which they were sent.
    pub runs: Vec<SentLine>,
}

impl SendReport {
    /// Whether all are on their server now.
    pub fn all_sent(&self) -> bool {
        self.runs.iter().all(|line| line.error.is_none())
    }
}

/// What became of a run that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentLine {
    /// The run.
    pub run_id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// The server's address.
    pub server: String,
    /// `sent`, or `waiting`.
    pub status: &'static str,
    /// What its version is called on the server, such as `churn/7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What became of the alias that it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasLine>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// What became of an alias on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AliasLine {
    /// The alias.
    pub alias: String,
    /// The version that it names there now, if any.
    pub version: Option<u32>,
    /// Whether it was moved for this run.
    pub moved: bool,
    /// Why, in words.
    pub why: String,
}

impl From<ReceivedAlias> for AliasLine {
    fn from(ReceivedAlias { alias, version, moved, why }: ReceivedAlias) -> Self {
        Self { alias, version, moved, why }
    }
}

impl SentLine {
    pub(super) fn new(
        run: RunId,
        pipeline: &str,
        server: &str,
        delivered: Result<Option<Delivered>>,
    ) -> Self {
        let mut line = Self {
            run_id: run.to_string(),
            pipeline: pipeline.into(),
            server: server.into(),
            status: "sent",
            version: None,
            alias: None,
            error: None,
        };
        match delivered {
            Ok(None) => {}
            Ok(Some(Delivered { name, received })) => {
                line.version = Some(format!("{name}/{}", received.version));
                line.alias = received.alias.map(AliasLine::from);
            }
            Err(error) => {
                line.status = "waiting";
                line.error = Some(error);
            }
        }
        line
    }

    /// The same in one line for people.
    pub fn words(&self) -> String {
        let run: String = self.run_id.chars().take(8).collect();
        let server = &self.server;
        if let Some(error) = &self.error {
            let why = &error.message;
            return format!("run {run} is not on {server} yet: {why}; `gristmill send` sends it");
        }
        let mut words = match &self.version {
            Some(version) => format!("run {run} is on {server}, its model as {version}"),
            None => format!("run {run} is on {server}"),
        };
        if let Some(AliasLine { alias, version, moved, why }) = &self.alias {
            let own = self.version.as_ref().and_then(|name| name.rsplit_once('/'));
            let names_it =
                version.is_some_and(|v| own.is_some_and(|(_, own)| own == v.to_string()));
            words.push_str(&match version {
                _ if *moved || names_it => format!("; `{alias}` names it there"),
                Some(version) => {
                    format!("; `{alias}` stays with version {version} there: {why}")
                }
                None => format!("; `{alias}` names none there: {why}"),
            });
        }
        words
    }
}

/// Sends these runs, or all that wait. One that cannot be sent keeps no other waiting.
///
/// # Errors
/// When the home cannot be read, a name is that of no run, or it is not known where a run is to go.
/// What a server refuses stands in the report.
pub fn send(home: &Home, options: &SendOptions) -> Result<SendReport> {
    let keeper = Keeper::open(home)?;
    settle_the_dead(&keeper, home)?;
    let wanted = options.server.as_deref().map(Address::parse).transpose()?;
    for run in &options.runs {
        let run = keeper.find_run(run)?;
        let server = destination(home, &keeper, run, wanted.as_ref())?;
        outbox::put(home, run, &server.to_string(), SystemClock.now())?;
    }
    let named: Vec<RunId> =
        options.runs.iter().map(|run| keeper.find_run(run)).collect::<Result<_>>()?;
    let mut report = SendReport::default();
    for waiting in outbox::all(home)? {
        if named.is_empty() || named.contains(&waiting.run) {
            let server = wanted.as_ref().map_or(waiting.server, ToString::to_string);
            report.runs.push(one(home, &keeper, waiting.run, &server)?);
        }
    }
    Ok(report)
}

/// Takes these runs from those that wait, or all of them; how many did.
///
/// # Errors
/// As [`send`].
pub fn forget(home: &Home, runs: &[String]) -> Result<usize> {
    let keeper = Keeper::open(home)?;
    let waiting = match runs {
        [] => outbox::all(home)?.into_iter().map(|waiting| waiting.run).collect(),
        runs => runs.iter().map(|run| keeper.find_run(run)).collect::<Result<Vec<_>>>()?,
    };
    let mut count = 0;
    for run in waiting {
        count += usize::from(outbox::cross_out(home, run)?);
    }
    Ok(count)
}

/// Where a run goes that somebody names.
fn destination(
    home: &Home,
    keeper: &Keeper,
    run: RunId,
    wanted: Option<&Address>,
) -> Result<Address> {
    if let Some(wanted) = wanted {
        return Ok(wanted.clone());
    }
    if let Some(waiting) = outbox::find(home, run)? {
        return Address::parse(&waiting.server);
    }
    let known = keeper.wait(|s| s.run(run))?;
    let sent = known.tags.get(tags::SENT_TO).ok_or_else(|| {
        Error::input(format!("run {run} was not to be sent anywhere"))
            .with_hint("name the server: `--server http://HOST:5000`")
    })?;
    Address::parse(sent)
}

fn one(home: &Home, keeper: &Keeper, run: RunId, server: &str) -> Result<SentLine> {
    let known = match keeper.wait(|s| s.run(run)) {
        Ok(known) => known,
        Err(error) => return Ok(SentLine::new(run, "", server, Err(error))),
    };
    let pipeline = known.info.pipeline.unwrap_or(known.info.name);
    let sent =
        match known.info.lifecycle {
            Lifecycle::Active => alone(home, keeper, run, server),
            _ => Err(Error::input("it was deleted here")
                .with_hint("`gristmill send --forget` lets it go")),
        };
    Ok(SentLine::new(run, &pipeline, server, sent))
}

fn alone(home: &Home, keeper: &Keeper, run: RunId, server: &str) -> Result<Option<Delivered>> {
    let _lock = Alive::take(home, lock_of(run))?.ok_or_else(|| {
        Error::input("another process sends it at this moment").with_hint("let it end")
    })?;
    if is_at_work(home, keeper, run)? {
        return Err(Error::input("it is still at work").with_hint("send it when it has ended"));
    }
    let link = Link::to(&Address::parse(server)?)?;
    deliver(home, keeper, &link, run, Patience::ENOUGH)
}

/// Brings a run to its server and crosses it out; whoever calls this has its lock.
pub(super) fn deliver(
    home: &Home,
    keeper: &Keeper,
    link: &Link,
    run: RunId,
    patience: Patience,
) -> Result<Option<Delivered>> {
    let delivered = Courier::new(keeper, link, patience).deliver(run)?;
    outbox::cross_out(home, run)?;
    Ok(delivered)
}

/// The name of the lock of whoever sends a run.
pub(super) fn lock_of(run: RunId) -> RunId {
    RunId::from_parts(&[b"send", run.to_string().as_bytes()])
}
