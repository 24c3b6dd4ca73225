//! Pipelines that `gristmill up` runs by itself: taken into use, out of use, listed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{Deployment, Due, RunStatus, RunUpdate, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::job::{Job, record_end};
use crate::keeper::Keeper;
use crate::monitor::notice_name;
use crate::recorder::is_at_work;
use crate::snapshot::{Occasions, Snapshot, Watched, here};
use crate::trigger::{TriggerSpec, is_object, schedule_name};
use crate::up::{arrivals, objects};
use crate::{Error, Home, Kind, Result};

/// What a deployment keeps beside its snapshot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The file that was deployed; its paths are relative to the folder that it stands in.
    pub origin: PathBuf,
    /// From which moment on each schedule and each followed pipeline counts.
    #[serde(default)]
    pub since: BTreeMap<String, i64>,
    /// The last signal that is too old for each webhook and event.
    #[serde(default)]
    pub after: BTreeMap<String, u64>,
    /// The files that were there already, by trigger.
    #[serde(default)]
    pub known: BTreeMap<String, Vec<String>>,
}

impl Terms {
    pub fn of(deployment: &Deployment) -> Result<Self> {
        serde_json::from_value(deployment.settings.clone()).map_err(|e| {
            let found = format!("the deployment `{}` is damaged: {e}", deployment.name);
            Error::new(Kind::Stored, found).with_hint("deploy its file again")
        })
    }

    /// The folder that paths are relative to.
    pub fn folder(&self) -> PathBuf {
        self.origin.parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

/// What a call of [`deploy`] did.
#[derive(Clone, Debug, Serialize)]
pub struct Deployed {
    /// The name of the pipeline.
    pub name: String,
    /// `new`, `replaced`, or `unchanged` when the very same thing was deployed already.
    pub what: &'static str,
    /// The deployment as it is listed.
    pub deployment: DeploymentLine,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// A deployment as people read it.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentLine {
    /// The name of the pipeline.
    pub name: String,
    /// The file that was deployed.
    pub file: String,
    /// The hash of the snapshot.
    pub digest: String,
    /// When it was deployed.
    pub deployed: Timestamp,
    /// Schedules and triggers.
    pub runs_on: Vec<String>,
    /// The next planned moment, if there is a schedule.
    pub next: Option<Timestamp>,
    /// How many runs wait, are at work or were cut short.
    pub open: usize,
}

/// Takes the file at `path` into use as it is now, with `settings` in place of what it says, in
/// place of an earlier version. A schedule or trigger that both versions have goes on where it was.
///
/// # Errors
/// As [`check`](crate::check()); a file with neither schedule nor triggers; pipelines that would
/// start each other without end.
pub fn deploy(home: &Home, path: &Path, settings: &[String]) -> Result<Deployed> {
    deploy_at(home, path, settings, SystemClock.now())
}

/// As [`deploy`], at a moment.
pub(crate) fn deploy_at(
    home: &Home,
    path: &Path,
    settings: &[String],
    now: Timestamp,
) -> Result<Deployed> {
    let keeper = Keeper::open(home)?;
    let (snapshot, notes) = Snapshot::take(path, settings, home, &keeper)?;
    let occasions = Occasions::read(&snapshot.file)?;
    if !occasions.are_any() {
        return Err(Error::input(format!("`{}` has nothing that starts it", snapshot.name))
            .with_hint(
                "add `schedule: {cron: \"0 3 * * *\"}`, `triggers:` or `monitor: {retrain: ...}` to the file",
            ));
    }
    let all = keeper.wait(Store::deployments)?;
    refuse_circles(home, &keeper, &snapshot.name, &occasions, &all)?;
    let before = all.into_iter().find(|d| d.name == snapshot.name && d.is_active());
    let earlier = before.as_ref().map(Terms::of).transpose()?;
    let same = before.as_ref().is_some_and(|b| b.digest == snapshot.digest)
        && earlier.as_ref().is_some_and(|e| e.origin == snapshot.origin);
    // Also where it is unchanged: one that an earlier version deployed has no text in the store.
    snapshot.share(&keeper, now)?;
    let what = match (&before, same) {
        (_, true) => "unchanged",
        (Some(_), false) => "replaced",
        (None, false) => "new",
    };
    if !same {
        if before.is_none() {
            // What an earlier deployment of this name left behind is none of the new one's.
            cancel_waiting(home, &keeper, &snapshot.name, now)?;
        }
        let terms = terms(&keeper, &snapshot, &occasions, earlier.unwrap_or_default(), now)?;
        keeper.wait(|s| s.deploy(deployment(&snapshot, terms, now)))?;
    }
    let found = keeper.wait(|s| s.deployment(&snapshot.name))?;
    let deployment = line(home, &keeper, &found, 0)?;
    Ok(Deployed { name: snapshot.name, what, deployment, notes })
}

fn deployment(snapshot: &Snapshot, terms: Value, now: Timestamp) -> Deployment {
    let folder = snapshot.file.parent().unwrap_or(Path::new("")).display().to_string();
    let file = snapshot.file.file_name().unwrap_or_default().to_string_lossy();
    let name = &snapshot.name;
    Deployment { settings: terms, ..Deployment::new(name, folder, file, &snapshot.digest, now) }
}

/// Where the snapshot of a deployment stands in this home.
pub(crate) fn snapshot_of(
    deployment: &Deployment,
    home: &Home,
    keeper: &Keeper,
) -> Result<PathBuf> {
    here(&Path::new(&deployment.folder).join(&deployment.file), home, keeper)
}

/// When and why a deployed pipeline runs by itself.
fn occasions_of(deployment: &Deployment, home: &Home, keeper: &Keeper) -> Result<Occasions> {
    let named = |error: Error| Error {
        message: format!("`{}`: {}", deployment.name, error.message),
        ..error
    };
    Occasions::read(&snapshot_of(deployment, home, keeper).map_err(named)?)
}

/// The pipelines that are deployed with this trigger.
pub(crate) fn listening(
    home: &Home,
    keeper: &Keeper,
    trigger: &TriggerSpec,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for deployment in keeper.wait(Store::deployments)?.iter().filter(|d| Deployment::is_active(d)) {
        if occasions_of(deployment, home, keeper)?.triggers.contains(trigger) {
            names.push(deployment.name.clone());
        }
    }
    Ok(names)
}

/// From where each occasion counts: from now, unless the earlier version had it too.
fn terms(
    keeper: &Keeper,
    snapshot: &Snapshot,
    occasions: &Occasions,
    earlier: Terms,
    now: Timestamp,
) -> Result<Value> {
    let moved = earlier.origin.parent() != snapshot.origin.parent();
    let mut terms = Terms { origin: snapshot.origin.clone(), ..Terms::default() };
    let since = |name: &String| earlier.since.get(name).copied().unwrap_or(now.0);
    for name in occasions.schedules.iter().map(schedule_name) {
        terms.since.insert(name.clone(), since(&name));
    }
    for name in occasions.watched.iter().flat_map(notice_names) {
        terms.since.insert(name.clone(), since(&name));
    }
    for trigger in &occasions.triggers {
        let name = trigger.to_string();
        match trigger {
            TriggerSpec::Pipeline(_) => {
                terms.since.insert(name.clone(), since(&name));
            }
            TriggerSpec::Webhook(_) | TriggerSpec::Event(_) => {
                let after = match earlier.after.get(&name) {
                    Some(after) => *after,
                    None => newest_signal(keeper, &snapshot.name, now)?,
                };
                terms.after.insert(name, after);
            }
            TriggerSpec::File(pattern) => {
                // A path means another place in another folder, an address does not.
                let same = is_object(pattern) || !moved;
                let known = match earlier.known.get(&name).filter(|_| same) {
                    Some(known) => known.clone(),
                    None => present(&snapshot.folder, pattern)
                        .map_err(|error| error.with_place(format!("the trigger `{name}`")))?,
                };
                terms.known.insert(name, known);
            }
        }
    }
    serde_json::to_value(terms).map_err(|e| {
        Error::input(format!("`{}` cannot be written down: {e}", snapshot.origin.display()))
            .with_hint("use file and folder names in UTF-8")
    })
}

/// By which names it is kept from when on each address is told of the model.
fn notice_names(watched: &Watched) -> Vec<String> {
    let notices = watched.monitor.notify.iter();
    notices.map(|notice| notice_name(&watched.register.model, &notice.webhook)).collect()
}

/// The keys of files or objects that are there already.
fn present(folder: &Path, pattern: &str) -> Result<Vec<String>> {
    if is_object(pattern) { objects::present(pattern) } else { arrivals::present(folder, pattern) }
}

/// A number that all signals so far are not above.
fn newest_signal(keeper: &Keeper, name: &str, now: Timestamp) -> Result<u64> {
    keeper.wait(|s| s.raise("deployed", json!({"pipeline": name}), now))
}

/// Pipelines that follow each other in a circle would never come to rest.
fn refuse_circles(
    home: &Home,
    keeper: &Keeper,
    name: &str,
    new: &Occasions,
    all: &[Deployment],
) -> Result<()> {
    let mut follows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for deployment in all.iter().filter(|d| d.is_active() && d.name != name) {
        let occasions = occasions_of(deployment, home, keeper)?;
        follows.insert(deployment.name.clone(), followed(&occasions));
    }
    let mut open: Vec<(String, Vec<String>)> =
        followed(new).into_iter().map(|next| (next, vec![name.to_string()])).collect();
    let mut seen = Vec::new();
    while let Some((at, mut way)) = open.pop() {
        way.push(at.clone());
        if at == name {
            let found =
                format!("pipelines would start each other without end: {}", way.join(" <- "));
            return Err(Error::input(found).with_hint("take one of the `pipeline` triggers out"));
        }
        if !seen.contains(&at) {
            let next = follows.get(&at).cloned().unwrap_or_default();
            open.extend(next.into_iter().map(|next| (next, way.clone())));
            seen.push(at);
        }
    }
    Ok(())
}

fn followed(occasions: &Occasions) -> Vec<String> {
    let names = occasions.triggers.iter().filter_map(|trigger| match trigger {
        TriggerSpec::Pipeline(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// What a call of [`undeploy`] did.
#[derive(Clone, Debug, Serialize)]
pub struct Undeployed {
    /// The name of the pipeline.
    pub name: String,
    /// How many runs were claimed and had not begun, or were cut short: they are recorded as
    /// cancelled.
    pub cancelled: usize,
    /// How many runs are at work and go on to their end.
    pub at_work: usize,
}

/// Takes a deployment out of use. A run that is at work goes on to its end; those that wait are
/// recorded as cancelled.
///
/// # Errors
/// When nothing of this name is deployed.
pub fn undeploy(home: &Home, name: &str) -> Result<Undeployed> {
    let keeper = Keeper::open(home)?;
    let now = SystemClock.now();
    keeper.wait(|s| s.undeploy(name, now))?;
    cancel_waiting(home, &keeper, name, now)
}

/// Records runs that wait as cancelled.
fn cancel_waiting(home: &Home, keeper: &Keeper, name: &str, now: Timestamp) -> Result<Undeployed> {
    let mut done = Undeployed { name: name.into(), cancelled: 0, at_work: 0 };
    let open = keeper.wait(Store::open_dues)?;
    for due in open.iter().filter(|due| due.deployment == name) {
        if is_at_work(home, keeper, due.run)? {
            done.at_work += 1;
        } else {
            cancel(keeper, due, now)?;
            done.cancelled += 1;
        }
    }
    Ok(done)
}

fn cancel(keeper: &Keeper, due: &Due, now: Timestamp) -> Result<()> {
    let why = "undeployed before it ended";
    let job = Job::of(due)?;
    if record_end(keeper, &job, RunStatus::Cancelled, why)? {
        return Ok(());
    }
    let error = Some(why.to_string());
    let update = RunUpdate { error, ..RunUpdate::ended(RunStatus::Cancelled, now) };
    keeper.wait(|s| s.update_run(due.run, update)).map(drop)
}

/// What is deployed, by name.
///
/// # Errors
/// When the store or a snapshot cannot be read.
pub fn deployments(home: &Home) -> Result<Vec<DeploymentLine>> {
    let keeper = Keeper::open(home)?;
    let open = keeper.wait(Store::open_dues)?;
    let all = keeper.wait(Store::deployments)?;
    let lines = all.iter().filter(|d| d.is_active()).map(|deployment| {
        let open = open.iter().filter(|due| due.deployment == deployment.name).count();
        line(home, &keeper, deployment, open)
    });
    lines.collect()
}

fn line(
    home: &Home,
    keeper: &Keeper,
    deployment: &Deployment,
    open: usize,
) -> Result<DeploymentLine> {
    let now = SystemClock.now();
    let terms = Terms::of(deployment)?;
    let occasions = occasions_of(deployment, home, keeper)?;
    let schedules = occasions.schedules.iter().filter_map(|spec| spec.check().ok());
    let next = schedules.filter_map(|schedule| schedule.after(now.0)).min();
    let names = occasions.schedules.iter().map(schedule_name);
    Ok(DeploymentLine {
        name: deployment.name.clone(),
        file: terms.origin.display().to_string(),
        digest: deployment.digest.clone(),
        deployed: deployment.deployed,
        runs_on: names
            .chain(occasions.triggers.iter().map(ToString::to_string))
            .chain(occasions.retrains_on())
            .collect(),
        next: next.map(Timestamp),
        open,
    })
}
