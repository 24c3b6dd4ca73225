//! Which machine moves a run forward, where several share one database.
//!
//! Processes of one home tell each other apart by a file lock, which death frees at once. Machines
//! that share a database, and no files, take a lease in it that is over a while after its holder
//! stopped asking for it. All processes of one home are one holder.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{Cancel, Digest};
use gristmill_track::{Lease, RunId};

use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::{Home, Result, environment};

/// How long a lease lasts without being renewed.
const LASTS: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEWED: Duration = Duration::from_secs(10);

/// A lease on a run that is renewed until it is dropped.
pub(crate) struct RunLease {
    stop: Option<Sender<()>>,
    renewer: Option<JoinHandle<()>>,
    keeper: Arc<Keeper>,
    name: String,
    holder: String,
}

impl RunLease {
    /// The lease on `run`, unless another machine has it. When it is lost, `cancel` is raised.
    pub fn take(
        home: &Home,
        keeper: &Arc<Keeper>,
        run: RunId,
        cancel: &Cancel,
    ) -> Result<Option<Self>> {
        let (name, holder) = (Lease::of_run(run), holder(home));
        if !acquire(keeper, &name, &holder)? {
            return Ok(None);
        }
        let (stop, stopped) = channel();
        let renewer = std::thread::Builder::new().name("gristmill-lease".into()).spawn({
            let (keeper, name) = (Arc::clone(keeper), name.clone());
            let (holder, cancel) = (holder.clone(), cancel.clone());
            move || {
                while stopped.recv_timeout(RENEWED) == Err(RecvTimeoutError::Timeout) {
                    // A database that is away for a moment is asked again; the journal, which
                    // is refused once the lease is another's, is what protects the run.
                    if matches!(renew(&keeper, &name, &holder), Ok(false)) {
                        cancel.cancel();
                        return;
                    }
                }
            }
        })?;
        let keeper = Arc::clone(keeper);
        Ok(Some(Self { stop: Some(stop), renewer: Some(renewer), keeper, name, holder }))
    }

    /// Whether another machine moves `run` forward.
    pub fn is_elsewhere(home: &Home, keeper: &Keeper, run: RunId) -> Result<bool> {
        let lease = keeper.wait(|s| async move { s.lease(&Lease::of_run(run)).await })?;
        let now = SystemClock.now();
        Ok(lease.is_some_and(|lease| lease.until > now && lease.holder != holder(home)))
    }
}

impl Drop for RunLease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewer) = self.renewer.take() {
            // One that panicked has said so already.
            let _ = renewer.join();
        }
        // What is not given back is over in a while.
        let _ = self.keeper.wait(|s| s.release_lease(&self.name, &self.holder));
    }
}

/// Takes the lease on a run for this home before there is a process that could, so that of several
/// homes one starts it; whether it did. The process takes it over.
pub(crate) fn reserve(home: &Home, keeper: &Keeper, run: RunId) -> Result<bool> {
    acquire(keeper, &Lease::of_run(run), &holder(home))
}

/// Gives back what this home has of the lease on a run, so that others need not wait for its end.
pub(crate) fn give_back(home: &Home, keeper: &Keeper, run: RunId) -> Result<()> {
    let (name, holder) = (Lease::of_run(run), holder(home));
    keeper.wait(|s| s.release_lease(&name, &holder))
}

fn acquire(keeper: &Keeper, name: &str, holder: &str) -> Result<bool> {
    let now = SystemClock.now();
    keeper.wait(|s| s.acquire_lease(name, holder, now, from(now)))
}

fn renew(keeper: &Keeper, name: &str, holder: &str) -> Result<bool> {
    keeper.wait(|s| s.renew_lease(name, holder, from(SystemClock.now())))
}

/// Until when a lease lasts that is taken now.
fn from(now: Timestamp) -> Timestamp {
    let lasts = i64::try_from(LASTS.as_micros()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_add(lasts))
}

/// This machine and home, in a word that says nothing about either.
pub(crate) fn holder(home: &Home) -> String {
    let host = environment::machine().unwrap_or_default();
    let home = std::path::absolute(home.root()).unwrap_or_else(|_| home.root().into());
    let text = format!("{host}\n{}", home.display());
    Digest::of(text.as_bytes()).to_string().chars().take(16).collect()
}
