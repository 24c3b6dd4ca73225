//! Tidying up a home: cached results that nobody has used for long, and what belonged to runs that
//! were deleted.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::Kept;
use gristmill_track::{ContentHash, Page, Run, RunQuery, RunStatus};
use serde::Serialize;
use serde_json::Value;

use crate::clock::SystemClock;
use crate::execution::cache;
use crate::forget::{Forget, Forgotten, forget};
use crate::keeper::Keeper;
use crate::monitor::{laid_aside, under_way};
use crate::predictions::place;
use crate::upkeep::Upkeep;
use crate::{ARTIFACTS, Error, Home, Result, snapshot, tasks};

/// What was used within the last hour stays, whatever is asked for: a run may be about to use it.
const HOUR_MICROS: i64 = 3_600_000_000;
/// What was begun a day ago and is not whole never will be.
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// How many runs are looked at in one go.
const PAGE: u32 = 500;

/// What is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcOptions {
    /// Cached results that were not used for so long, in microseconds.
    pub unused_micros: i64,
    /// The bytes that cached results may take; beyond them those go that were not used longest.
    pub most_bytes: Option<u64>,
    /// Predictions that were kept go when their day ended so long ago, in microseconds, and labels that came so
    /// long ago; without it none do.
    pub predictions_micros: Option<i64>,
    /// What to forget first of all that clients deleted; without it nothing.
    pub forget: Option<Forget>,
    /// Whether to remove, or only to say what would go.
    pub action: GcAction,
}

/// Whether to remove, or only to say what would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GcAction {
    /// Remove.
    Remove,
    /// Say what would go.
    Look,
}

/// What went, and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Cached results.
    pub cache: GcCount,
    /// Packages, reports and other files of runs and models.
    pub artifacts: GcCount,
    /// Folders of logs of runs.
    pub logs: GcCount,
    /// Files of predictions.
    pub predictions: GcCount,
    /// Folders of rows that were laid aside for retrainings.
    pub retraining: GcCount,
    /// What of all that clients deleted was forgotten, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<Forgotten>,
}

/// Things that went, and things that stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcCount {
    /// How many went.
    pub removed: u64,
    /// How many bytes they had.
    pub removed_bytes: u64,
    /// How many stay.
    pub kept: u64,
    /// How many bytes they have.
    pub kept_bytes: u64,
}

impl GcCount {
    fn count(&mut self, bytes: u64, gone: bool) {
        let (things, all) = match gone {
            true => (&mut self.removed, &mut self.removed_bytes),
            false => (&mut self.kept, &mut self.kept_bytes),
        };
        *things += 1;
        *all += bytes;
    }
}

/// Tidies up a home, and the place of its artifacts. What a run in progress or one that can be gone on with needs stays, and so
/// does every package of a registered version and every file of a run that is not deleted.
///
/// # Errors
/// When the home cannot be read, or something not be removed; when others keep artifacts in the same
/// place, a backup of it is being taken, or what is to be forgotten is in use.
pub fn gc(home: &Home, options: &GcOptions) -> Result<GcReport> {
    let keeper = Keeper::open(home)?;
    refuse_others(home, &keeper)?;
    let _upkeep = match options.action {
        GcAction::Remove => Some(Upkeep::removing(home)?),
        GcAction::Look => None,
    };
    let now = SystemClock.now();
    let forget = |wish| forget(home, &keeper, wish, options.action, now);
    let forgotten = options.forget.as_ref().map(forget).transpose()?;
    let needed = Needed::by(&keeper, forgotten.as_ref())?;
    let now = now.0;
    if options.action == GcAction::Remove {
        let before = Timestamp(now.saturating_sub(DAY_MICROS));
        keeper.wait_for(keeper.artifacts().sweep(before))?;
    }
    snapshots(&keeper, options, &needed, now)?;
    Ok(GcReport {
        cache: cached_results(home, options, &needed, now)?,
        artifacts: artifacts(&keeper, options, forgotten.as_ref(), now)?,
        logs: logs(home, options, &needed)?,
        predictions: predictions(home, &keeper, options, now)?,
        retraining: retrainings(home, &keeper, options, now)?,
        forgotten,
    })
}

/// Refuses to tidy up where runs keep things of which this database knows nothing.
fn refuse_others(home: &Home, keeper: &Keeper) -> Result<()> {
    let Some(address) = home.artifacts() else { return Ok(()) };
    let own = home.owner()?;
    let owners = keeper.wait_for(keeper.artifacts().owners())?;
    match owners.iter().find(|owner| **owner != own) {
        None => Ok(()),
        Some(other) => Err(Error::input(format!(
            "`{address}` keeps artifacts of `{other}` too, whose runs cannot be seen from `{own}`"
        ))
        .with_hint(format!(
            "give each database a place of its own, or leave out {ARTIFACTS} to tidy up the home \
             alone; if that one is no more, remove the file that names it below `owners/`"
        ))),
    }
}

/// What must stay.
#[derive(Default)]
pub(crate) struct Needed {
    /// Results of tasks of runs that are in progress, or can be gone on with.
    results: HashSet<String>,
    content: HashSet<ContentHash>,
    runs: HashSet<String>,
}

impl Needed {
    /// All content that the store names.
    pub fn content(keeper: &Keeper) -> Result<HashSet<ContentHash>> {
        let mut needed = Self::default();
        needed.content.extend(keeper.wait(|s| s.contents())?.into_keys());
        needed.beside_runs(keeper)?;
        Ok(needed.content)
    }

    /// What must stay when `forgotten` is gone.
    fn by(keeper: &Keeper, forgotten: Option<&Forgotten>) -> Result<Self> {
        let mut needed = Self::default();
        needed.runs(keeper, forgotten)?;
        let named = keeper.wait(|s| s.contents())?;
        let gone = |hash: &ContentHash| forgotten.and_then(|f| f.named.get(hash)).copied();
        let stays = named.into_iter().filter(|(hash, times)| gone(hash).unwrap_or(0) < *times);
        needed.content.extend(stays.map(|(hash, _)| hash));
        needed.beside_runs(keeper)?;
        Ok(needed)
    }

    fn runs(&mut self, keeper: &Keeper, forgotten: Option<&Forgotten>) -> Result<()> {
        let mut query = RunQuery {
            lifecycle: None,
            page: Page { limit: PAGE, offset: 0 },
            ..RunQuery::default()
        };
        loop {
            let runs = keeper.wait(|s| s.search_runs(&query))?;
            for run in &runs {
                self.run(keeper, run)?;
            }
            if runs.len() < PAGE as usize {
                break;
            }
            query.page.offset += u64::from(PAGE);
        }
        for id in forgotten.iter().flat_map(|forgotten| &forgotten.runs) {
            self.runs.remove(id);
        }
        Ok(())
    }

    /// What versions, deployments and runs that are still to come need.
    fn beside_runs(&mut self, keeper: &Keeper) -> Result<()> {
        for model in keeper.wait(|s| s.models(Page { limit: u32::MAX, offset: 0 }))? {
            let all = Page { limit: u32::MAX, offset: 0 };
            for version in keeper.wait(|s| s.versions(&model.name, all))? {
                self.content.extend(hash_in(&version.path));
            }
        }
        for deployment in keeper.wait(|s| s.deployments())? {
            self.content.extend(hash_in(&deployment.folder));
            self.content.extend(hash_in(&deployment.file));
        }
        // A run that is still to come is that of the file as it was deployed then.
        for due in keeper.wait(|s| s.open_dues())? {
            self.every_hash_in(&due.payload);
        }
        Ok(())
    }

    fn every_hash_in(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.content.extend(hash_in(text)),
            Value::Array(items) => items.iter().for_each(|item| self.every_hash_in(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.every_hash_in(field)),
            _ => {}
        }
    }

    fn run(&mut self, keeper: &Keeper, run: &Run) -> Result<()> {
        let id = run.info.id;
        self.runs.insert(id.to_string());
        let goes_on = matches!(
            run.info.status,
            RunStatus::Running | RunStatus::Interrupted | RunStatus::Cancelled
        );
        if goes_on {
            let tasks = keeper.wait(|s| s.tasks(id))?;
            self.results.extend(tasks.into_iter().filter_map(|task| task.cache_key));
        }
        Ok(())
    }
}

pub(crate) fn hash_in(path: &str) -> Option<ContentHash> {
    snapshot::hash_in(Path::new(path))
}

fn cached_results(home: &Home, options: &GcOptions, needed: &Needed, now: i64) -> Result<GcCount> {
    let cache = cache(home)?;
    let mut kept = cache.list()?;
    kept.sort_by_key(|kept| (kept.used_micros, kept.key));
    let mut bytes: u64 = kept.iter().map(|kept| kept.bytes).sum();
    let old = now.saturating_sub(options.unused_micros);
    let recent = now.saturating_sub(HOUR_MICROS);
    let mut count = GcCount::default();
    for Kept { key, bytes: size, used_micros } in kept {
        let wanted = used_micros < old || options.most_bytes.is_some_and(|most| bytes > most);
        let may_go = used_micros < recent && !needed.results.contains(&key.to_string());
        let gone = wanted && may_go && remove(options, || cache.remove(&key, recent))?;
        if gone {
            bytes -= size;
        }
        count.count(size, gone);
    }
    Ok(count)
}

fn artifacts(
    keeper: &Keeper,
    options: &GcOptions,
    forgotten: Option<&Forgotten>,
    now: i64,
) -> Result<GcCount> {
    let artifacts = keeper.artifacts();
    let mut count = GcCount::default();
    let all = keeper.wait_for(artifacts.list())?;
    // Looked up again: runs may have taken up meanwhile what was there already.
    let needed = Needed::by(keeper, forgotten)?;
    for stored in all {
        let hash = stored.content.hash;
        // What is just being stored is recorded a moment later.
        let may_go = stored.since.0 < now.saturating_sub(HOUR_MICROS);
        let gone = may_go
            && !needed.content.contains(&hash)
            && remove(options, || keeper.wait_for(artifacts.remove(hash)).map(|()| true))?;
        count.count(stored.content.size, gone);
    }
    Ok(count)
}

/// Texts of files that are neither deployed nor still to be run.
fn snapshots(keeper: &Keeper, options: &GcOptions, needed: &Needed, now: i64) -> Result<()> {
    // What is just being kept is deployed a moment later.
    let before = Timestamp(now.saturating_sub(HOUR_MICROS));
    for (digest, _) in keeper.wait(|s| s.snapshots())? {
        let is_needed = hash_in(&digest).is_some_and(|hash| needed.content.contains(&hash));
        if !is_needed && options.action == GcAction::Remove {
            keeper.wait(|s| s.forget_snapshot(&digest, before))?;
        }
    }
    Ok(())
}

/// Logs of runs that are no more.
fn logs(home: &Home, options: &GcOptions, needed: &Needed) -> Result<GcCount> {
    let mut count = GcCount::default();
    let folder = tasks::all_logs(home);
    if !folder.is_dir() {
        return Ok(count);
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let mut bytes = 0;
        for log in fs_err::read_dir(entry.path())? {
            bytes += log?.metadata()?.len();
        }
        let needed = entry.file_name().to_str().is_some_and(|run| needed.runs.contains(run));
        let gone =
            !needed && remove(options, || fs_err::remove_dir_all(entry.path()).map(|()| true))?;
        count.count(bytes, gone);
    }
    Ok(count)
}

/// Files of predictions whose day is long over, drafts that nobody will finish, and labels that are as old.
fn predictions(home: &Home, keeper: &Keeper, options: &GcOptions, now: i64) -> Result<GcCount> {
    let mut count = GcCount::default();
    let before = options.predictions_micros.map(|micros| Timestamp(now.saturating_sub(micros)));
    let yesterday = place::day(Timestamp(now.saturating_sub(DAY_MICROS)));
    for model in place::models(home)? {
        for (day, folder) in place::days(&model)? {
            let is_old = before.is_some_and(|before| day < place::day(before));
            for entry in fs_err::read_dir(&folder)? {
                let entry = entry?;
                let wanted = is_old || (place::is_draft(&entry.path()) && day < yesterday);
                let bytes = entry.metadata()?.len();
                let gone =
                    wanted && remove(options, || fs_err::remove_file(entry.path()).map(|()| true))?;
                count.count(bytes, gone);
            }
            if is_old && options.action == GcAction::Remove {
                fs_err::remove_dir(&folder)?;
            }
        }
    }
    if let Some(before) = before.filter(|_| options.action == GcAction::Remove) {
        keeper.wait(|s| s.forget_labels(before))?;
        keeper.wait(|s| s.forget_findings(before))?;
    }
    Ok(count)
}

/// Rows that were laid aside for retrainings which are over, or were cut short before they began.
fn retrainings(home: &Home, keeper: &Keeper, options: &GcOptions, now: i64) -> Result<GcCount> {
    let mut count = GcCount::default();
    let all = laid_aside(home)?;
    // Looked up after the folders were: a retraining lays its rows aside a moment before it is under way.
    let needed = under_way(keeper)?;
    for (run, folder) in all {
        let (mut bytes, mut written) = (0, micros(fs_err::metadata(&folder)?.modified()?));
        for file in fs_err::read_dir(&folder)? {
            let about = file?.metadata()?;
            bytes += about.len();
            written = written.max(micros(about.modified()?));
        }
        let may_go = written < now.saturating_sub(HOUR_MICROS) && !needed.contains(&run);
        let gone = may_go && remove(options, || fs_err::remove_dir_all(&folder).map(|()| true))?;
        count.count(bytes, gone);
    }
    Ok(count)
}

/// A moment of the file system in microseconds since 1970.
fn micros(moment: SystemTime) -> i64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn remove<E>(options: &GcOptions, work: impl FnOnce() -> Result<bool, E>) -> Result<bool, E> {
    match options.action {
        GcAction::Look => Ok(true),
        GcAction::Remove => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gristmill_track::{LoopStep, NewVersion, Note, RunId};
    use serde_json::json;

    use super::*;

    const LOOK: GcOptions = GcOptions {
        unused_micros: i64::MAX,
        most_bytes: None,
        predictions_micros: None,
        forget: None,
        action: GcAction::Look,
    };

    /// Rows of a retraining that were laid aside so many hours ago, and its run.
    fn lay_aside(home: &Home, name: &str, hours: u64) -> RunId {
        let run = RunId::from_parts(&[name.as_bytes()]);
        let folder = home.root().join("retraining").join(run.to_string());
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("logged.parquet"), "rows").unwrap();
        let now = u64::try_from(SystemClock.now().0).unwrap();
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(now - hours * 3_600_000_000);
        for path in [folder.join("logged.parquet"), folder] {
            let file = fs_err::File::open(path).unwrap().into_parts().0;
            file.set_modified(moment).unwrap();
        }
        run
    }

    /// A home in which the loop of a model trains a new version by this run.
    fn training(home: &Home, run: RunId) {
        let keeper = Keeper::open(home).unwrap();
        let note = Note::new(Timestamp(1), "run", "");
        keeper.wait(|s| s.register(NewVersion::new("churn", "d1", "p", note))).unwrap();
        let phase = json!({"is": "retraining", "run": run, "since": 6, "why": "drift"});
        let step = LoopStep {
            after: 0,
            state: json!({"phase": phase}),
            at: Timestamp(7),
            act: None,
            events: Vec::new(),
        };
        assert!(keeper.wait(|s| s.take_step("churn", step)).unwrap());
    }

    #[test]
    fn rows_of_a_retraining_that_is_not_under_way_go() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let (under_way, cut_short) = (lay_aside(&home, "a", 48), lay_aside(&home, "b", 2));
        let just_begun = lay_aside(&home, "c", 0);
        fs_err::create_dir(home.root().join("retraining").join("mine")).unwrap();
        training(&home, under_way);
        let expected = GcCount { removed: 1, removed_bytes: 4, kept: 2, kept_bytes: 8 };
        let left = || {
            let mut runs: Vec<_> =
                laid_aside(&home).unwrap().into_iter().map(|(run, _)| run).collect();
            runs.sort();
            runs
        };
        assert_eq!(gc(&home, &LOOK).unwrap().retraining, expected);
        assert!(left().contains(&cut_short), "only looked at");
        let wish = GcOptions { action: GcAction::Remove, ..LOOK };
        assert_eq!(gc(&home, &wish).unwrap().retraining, expected);
        let mut stay = vec![under_way, just_begun];
        stay.sort();
        assert_eq!(left(), stay);
        assert!(home.root().join("retraining/mine").is_dir(), "it is none of ours");
    }
}
