//! Which runs are due: each occasion is claimed in the store, once, before anything is begun.
//!
//! Any number of schedulers may do so on one store. What a scheduler remembers only spares it
//! questions; whether a run is its to begin is what [`Store::claim_due`] says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::Timestamp;
use gristmill_flow::{CatchUp, Schedule, due};
use gristmill_track::{Deployment, Due, Page, RunId, RunInfo, RunQuery, RunStatus, Signal, Store};
use serde_json::{Value, json};

use super::arrivals::{Arrival, Watch};
use super::objects::ObjectWatch;
use crate::deploy::{Terms, snapshot_of};
use crate::job::{Ticket, known, rfc3339};
use crate::keeper::Keeper;
use crate::snapshot::{ARRIVED_FILE, Occasions, SCHEDULED};
use crate::trigger::{TriggerSpec, is_object, schedule_name};
use crate::{Error, Home, Result};

/// How many runs of one schedule may be claimed and not done, with `catch_up: all`; further moments
/// stay due until some of these are done.
const MAX_AHEAD: usize = 100;
/// How many signals are read at a time.
const SIGNALS: u32 = 500;
/// How many runs of a followed pipeline are looked at, at a time.
const RUNS: u32 = 50;

/// Claims what is due for everything that is deployed.
pub(crate) struct Scheduler {
    home: Home,
    keeper: Arc<Keeper>,
    active: BTreeMap<String, Active>,
    notes: Vec<String>,
}

/// A deployment in use, with what is remembered of it.
struct Active {
    deployment: Deployment,
    occasions: Occasions,
    snapshot: PathBuf,
    folder: PathBuf,
    timers: Vec<Timer>,
    watches: Vec<(String, Watch)>,
    objects: Vec<(String, ObjectWatch)>,
    followers: Vec<Follower>,
    listeners: Vec<Listener>,
}

/// A schedule, and the newest moment of it that was claimed.
struct Timer {
    trigger: String,
    schedule: Schedule,
    since: i64,
    last: Option<i64>,
}

/// A pipeline whose success counts.
struct Follower {
    trigger: String,
    pipeline: String,
    since: i64,
    /// Runs that have been looked at.
    seen: BTreeSet<RunId>,
    /// Those of them that may still succeed: a run that began long ago may end after many others.
    pending: BTreeSet<RunId>,
}

/// Signals of one name that count, after this number.
struct Listener {
    trigger: String,
    after: u64,
}

/// An occasion that nobody may have claimed yet.
struct Occasion<'a> {
    trigger: &'a str,
    key: String,
    at: Timestamp,
    file: Option<String>,
    payload: Value,
    signal: Option<u64>,
}

impl<'a> Occasion<'a> {
    fn new(trigger: &'a str, key: String, at: Timestamp) -> Self {
        Self { trigger, key, at, file: None, payload: Value::Null, signal: None }
    }
}

impl Scheduler {
    pub fn new(home: &Home, keeper: Arc<Keeper>) -> Self {
        Self { home: home.clone(), keeper, active: BTreeMap::new(), notes: Vec::new() }
    }

    /// What a person should know since this was last asked.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// What began or ended since this was last asked, and is to be said each time.
    pub fn take_news(&mut self) -> Vec<String> {
        let mut news = Vec::new();
        for (name, active) in &mut self.active {
            let all = active.objects.iter_mut().flat_map(|(_, objects)| objects.take_news());
            news.extend(all.map(|text| format!("`{name}`: {text}")));
        }
        news
    }

    /// Whether a pipeline of this name is deployed, as of the last [`Scheduler::refresh`].
    pub fn is_active(&self, name: &str) -> bool {
        self.active.contains_key(name)
    }

    /// Claims everything that is due at `now` and was not claimed before. One deployment's trouble
    /// becomes a note and does not keep the others waiting.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub fn claim(&mut self, now: Timestamp) -> Result<Vec<Due>> {
        self.refresh()?;
        let open = self.keeper.wait(Store::open_dues)?;
        let mut claimed = Vec::new();
        for (name, active) in &mut self.active {
            if let Err(absent) = require_folder(&self.home, name, &active.folder) {
                self.notes.push(absent.message);
                continue;
            }
            let mine: Vec<&Due> = open.iter().filter(|due| &due.deployment == name).collect();
            match active.claim(&self.keeper, &mine, now, &mut claimed) {
                Ok(notes) => self.notes.extend(notes),
                Err(error) => self.notes.push(format!("`{name}`: {}", error.message)),
            }
        }
        Ok(claimed)
    }

    /// Reads deployments that are new or have changed, and forgets those out of use.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub fn refresh(&mut self) -> Result<()> {
        let mut found = self.keeper.wait(Store::deployments)?;
        found.retain(Deployment::is_active);
        let mut earlier = std::mem::take(&mut self.active);
        for deployment in found {
            let name = deployment.name.clone();
            let known = earlier.remove(&name).filter(|known| known.deployment == deployment);
            let read = || Active::read(&self.home, &self.keeper, deployment);
            match known.map_or_else(read, Ok) {
                Ok(active) => drop(self.active.insert(name, active)),
                Err(error) => self.notes.push(format!("`{name}`: {}", error.message)),
            }
        }
        Ok(())
    }
}

/// Refuses work whose folder is not on this machine, where others may have it: they do it then.
///
/// # Errors
/// When it is not here, in words for the person who could change that.
pub(crate) fn require_folder(home: &Home, name: &str, folder: &Path) -> Result<()> {
    if !home.is_shared() || folder.is_dir() {
        return Ok(());
    }
    let folder = folder.display();
    Err(Error::input(format!(
        "`{name}` is left to other machines: its folder `{folder}` is not here; mount it, or copy it \
         to the same place, and this one takes part"
    )))
}

impl Active {
    fn read(home: &Home, keeper: &Keeper, deployment: Deployment) -> Result<Self> {
        let snapshot = snapshot_of(&deployment, home, keeper)?;
        let occasions = Occasions::read(&snapshot)?;
        let terms = Terms::of(&deployment)?;
        let folder = terms.folder();
        let since = |name: &str| terms.since.get(name).copied().unwrap_or(deployment.deployed.0);
        let mut active = Self {
            timers: Vec::new(),
            watches: Vec::new(),
            objects: Vec::new(),
            followers: Vec::new(),
            listeners: Vec::new(),
            snapshot,
            folder: folder.clone(),
            occasions: Occasions::default(),
            deployment: deployment.clone(),
        };
        // Moments that start retrainings are those of the loop.
        let schedules = occasions.schedules.iter().filter(|_| !occasions.schedule_retrains());
        for spec in schedules {
            let trigger = schedule_name(spec);
            let schedule = spec.check().map_err(|e| Error::input(e.to_string()))?;
            let last = keeper.wait(|s| s.last_due(&deployment.name, &trigger))?;
            let (since, last) = (since(&trigger), last.map(|due| due.due.0));
            active.timers.push(Timer { trigger, schedule, since, last });
        }
        for spec in &occasions.triggers {
            let trigger = spec.to_string();
            match spec {
                TriggerSpec::File(pattern) => {
                    let known = terms.known.get(&trigger).map(Vec::as_slice).unwrap_or_default();
                    if is_object(pattern) {
                        let watch = ObjectWatch::start(pattern, known)?;
                        active.objects.push((trigger, watch));
                    } else {
                        let watch = Watch::new(folder.clone(), pattern, known);
                        active.watches.push((trigger, watch));
                    }
                }
                TriggerSpec::Pipeline(pipeline) => {
                    let since = since(&trigger);
                    active.followers.push(Follower::new(trigger, pipeline, since));
                }
                TriggerSpec::Webhook(_) | TriggerSpec::Event(_) => {
                    // Signals are claimed in their order, so none before the last is left.
                    let last = keeper.wait(|s| s.last_due(&deployment.name, &trigger))?;
                    let last = last.and_then(|due| due.key.parse().ok()).unwrap_or(0);
                    let after = terms.after.get(&trigger).copied().unwrap_or(0).max(last);
                    active.listeners.push(Listener { trigger, after });
                }
            }
        }
        active.occasions = occasions;
        Ok(active)
    }

    fn claim(
        &mut self,
        keeper: &Keeper,
        open: &[&Due],
        now: Timestamp,
        claimed: &mut Vec<Due>,
    ) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let mut timers = std::mem::take(&mut self.timers);
        let mut watches = std::mem::take(&mut self.watches);
        let mut objects = std::mem::take(&mut self.objects);
        let mut followers = std::mem::take(&mut self.followers);
        let mut listeners = std::mem::take(&mut self.listeners);
        let mut take = |occasion: Occasion<'_>| -> Result<bool> {
            let ours = self.take(keeper, occasion, now)?;
            let taken = ours.is_some();
            claimed.extend(ours);
            Ok(taken)
        };
        let done = timers
            .iter_mut()
            .try_for_each(|timer| {
                let open = open.iter().filter(|due| due.trigger == timer.trigger).count();
                notes.extend(timer.claim(open, now, &mut take)?);
                Ok(())
            })
            .and_then(|()| {
                watches.iter_mut().try_for_each(|(trigger, watch)| {
                    let found = watch.look(now)?;
                    arrived(trigger, found, &mut |key| watch.taken(key), now, &mut take)
                })
            })
            .and_then(|()| {
                objects.iter_mut().try_for_each(|(trigger, watch)| {
                    let found = watch.look();
                    arrived(trigger, found, &mut |key| watch.taken(key), now, &mut take)
                })
            })
            .and_then(|()| {
                followers.iter_mut().try_for_each(|follower| follower.claim(keeper, &mut take))
            })
            .and_then(|()| listen(&mut listeners, keeper, &mut take));
        (self.timers, self.watches, self.objects) = (timers, watches, objects);
        (self.followers, self.listeners) = (followers, listeners);
        done.map(|()| notes)
    }

    /// The due of an occasion, if it was this caller's to claim.
    fn take(&self, keeper: &Keeper, occasion: Occasion<'_>, now: Timestamp) -> Result<Option<Due>> {
        let Occasion { trigger, key, at, file, payload, signal } = occasion;
        let scheduled = self.occasions.parameter(SCHEDULED, &rfc3339(at));
        let file = file.and_then(|file| self.occasions.parameter(ARRIVED_FILE, &file));
        let name = &self.deployment.name;
        let ticket = Ticket {
            file: self.snapshot.clone(),
            folder: self.folder.clone(),
            set: scheduled.into_iter().chain(file).collect(),
            payload,
            needs: Vec::new(),
            signal,
        };
        let parts = ["due", name, trigger, &key].map(str::as_bytes);
        let due = Due {
            deployment: name.clone(),
            trigger: trigger.into(),
            run: RunId::from_parts(&parts),
            key,
            due: at,
            claimed: now,
            payload: ticket.to_json()?,
        };
        let ours = keeper.wait(|s| s.claim_due(due.clone()))?;
        Ok(ours.then_some(due))
    }
}

/// Claims an occasion; whether it was this caller's to claim.
type Take<'a> = &'a mut dyn FnMut(Occasion<'_>) -> Result<bool>;

impl Timer {
    /// The moments that are due. While one is claimed and not done, `latest` and `none` claim no
    /// other: what passes meanwhile was missed, and is treated like moments when nothing ran.
    fn claim(&mut self, open: usize, now: Timestamp, take: Take<'_>) -> Result<Option<String>> {
        let catch_up = self.schedule.catch_up();
        let most = if catch_up == CatchUp::All { MAX_AHEAD } else { 1 };
        let mut room = most.saturating_sub(open);
        if room == 0 {
            return Ok(None);
        }
        let due = due(&self.schedule, self.last, self.since, now.0, catch_up);
        for moment in due.moments {
            let at = Timestamp(moment);
            if take(Occasion::new(&self.trigger, rfc3339(at), at))? {
                room -= 1;
            }
            self.last = Some(moment);
            if room == 0 {
                break;
            }
        }
        Ok(due.note.map(|note| {
            let (trigger, done) = (&self.trigger, rfc3339(Timestamp(note.done)));
            format!("the clock was set back: `{trigger}` is done up to {done}, and nothing is due before")
        }))
    }
}

/// Claims what has arrived, and says of each when that is done.
fn arrived(
    trigger: &str,
    found: Vec<Arrival>,
    taken: &mut dyn FnMut(&str),
    now: Timestamp,
    take: Take<'_>,
) -> Result<()> {
    for file in found {
        take(Occasion {
            file: Some(file.location.clone()),
            payload: file.payload(),
            ..Occasion::new(trigger, file.key.clone(), now)
        })?;
        taken(&file.key);
    }
    Ok(())
}

impl Follower {
    fn new(trigger: String, pipeline: &str, since: i64) -> Self {
        let (seen, pending) = (BTreeSet::new(), BTreeSet::new());
        Self { trigger, pipeline: pipeline.into(), since, seen, pending }
    }

    /// Looks at runs that had not ended, and at new ones from the newest on.
    fn claim(&mut self, keeper: &Keeper, take: Take<'_>) -> Result<()> {
        for id in self.pending.clone() {
            match known(keeper, id)? {
                Some(run) => self.look(&run.info, take)?,
                None => drop(self.pending.remove(&id)),
            }
        }
        let mut page = Page { limit: RUNS, offset: 0 };
        loop {
            let pipeline = Some(self.pipeline.clone());
            let query = RunQuery { pipeline, page, ..RunQuery::default() };
            let runs = keeper.wait(|s| s.search_runs(&query))?;
            let mut news = false;
            for run in &runs {
                if self.seen.insert(run.info.id) {
                    news = true;
                    self.pending.insert(run.info.id);
                    self.look(&run.info, take)?;
                }
            }
            if !news || runs.len() < RUNS as usize {
                return Ok(());
            }
            page.offset += u64::from(RUNS);
        }
    }

    fn look(&mut self, run: &RunInfo, take: Take<'_>) -> Result<()> {
        let ended = run.ended.filter(|ended| ended.0 > self.since);
        match (run.status, ended) {
            (RunStatus::Succeeded, Some(ended)) => {
                let id = run.id.to_string();
                take(Occasion {
                    payload: json!({"pipeline": self.pipeline, "run": id}),
                    ..Occasion::new(&self.trigger, id, ended)
                })?;
            }
            (RunStatus::Succeeded | RunStatus::Failed | RunStatus::Refused, _) => {}
            // At work, or somebody may go on with it.
            _ => return Ok(()),
        }
        self.pending.remove(&run.id);
        Ok(())
    }
}

/// Reads the signals that some listener has not heard.
fn listen(listeners: &mut [Listener], keeper: &Keeper, take: Take<'_>) -> Result<()> {
    while let Some(after) = listeners.iter().map(|l| l.after).min() {
        let signals: Vec<Signal> = keeper.wait(|s| s.signals_after(after, SIGNALS))?;
        let Some(newest) = signals.last().map(|signal| signal.number) else { return Ok(()) };
        for signal in &signals {
            let hears = |l: &&mut Listener| l.trigger == signal.name && l.after < signal.number;
            for listener in listeners.iter_mut().filter(hears) {
                take(Occasion {
                    signal: Some(signal.number),
                    ..Occasion::new(&listener.trigger, signal.number.to_string(), signal.at)
                })?;
                listener.after = signal.number;
            }
        }
        listeners.iter_mut().for_each(|l| l.after = l.after.max(newest));
    }
    Ok(())
}
