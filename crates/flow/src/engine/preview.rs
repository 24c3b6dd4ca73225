//! What a run would do, without doing it.

use std::collections::BTreeMap;

use super::cache::Lookup;
use super::{Cache, Caching, Digest, KeyParts, Plan, Task, explain};
use crate::nearest::list;

/// What a run would do with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedStatus {
    /// Take its result from the cache.
    Cached,
    /// Run it.
    Run,
    /// Run it or not, as the results of the tasks before it turn out.
    Unknown,
    /// Fail, since something that it reads is not there.
    Blocked,
}

/// What a run would do with a task, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The task.
    pub name: String,
    /// What would happen.
    pub status: PlannedStatus,
    /// Why, one sentence each.
    pub why: Vec<String>,
}

impl Plan {
    /// What a run would do now with each task, in the order of the run. Runs nothing, but reads
    /// input files and checks what is in the cache.
    pub fn preview(&self, cache: &Cache) -> Vec<Planned> {
        let mut outputs: Vec<Option<Digest>> = Vec::with_capacity(self.tasks.len());
        let mut planned = Vec::with_capacity(self.tasks.len());
        for (task, needs) in self.tasks.iter().zip(&self.needs) {
            let known = needs.iter().map(|n| {
                let name = self.tasks.get(*n)?.name().to_owned();
                Some((name, outputs.get(*n).copied().flatten()?))
            });
            let (status, why, output) = match known.collect::<Option<BTreeMap<_, _>>>() {
                _ if task.when().is_some() => {
                    (PlannedStatus::Unknown, Self::on_condition(task.as_ref()), None)
                }
                Some(known) => self.preview_task(task.as_ref(), known, cache),
                None => {
                    let open =
                        needs.iter().filter(|n| outputs.get(**n).copied().flatten().is_none());
                    let open = open.filter_map(|n| self.tasks.get(*n)).map(|t| t.name());
                    let mut why =
                        vec![format!("it depends on what {} will give", list(open, "and"))];
                    why.extend(self.own_changes(task.as_ref(), cache));
                    (PlannedStatus::Unknown, why, None)
                }
            };
            outputs.push(output);
            planned.push(Planned { name: task.name().to_owned(), status, why });
        }
        cache.save();
        planned
    }

    fn preview_task(
        &self,
        task: &dyn Task,
        needs: BTreeMap<String, Digest>,
        cache: &Cache,
    ) -> (PlannedStatus, Vec<String>, Option<Digest>) {
        let parts = match self.key_parts(task, needs, cache.files()) {
            Ok(parts) => parts,
            Err(error) => return (PlannedStatus::Blocked, vec![error.message], None),
        };
        let found = look_up(task, &parts, cache);
        let why = reasons(self.previous.get(task.name()), &parts, &found);
        match found {
            Some(Lookup::Found(entry)) => (PlannedStatus::Cached, why, Some(entry.output())),
            _ => (PlannedStatus::Run, why, None),
        }
    }

    /// What a task with a condition waits for.
    fn on_condition(task: &dyn Task) -> Vec<String> {
        task.when().map(|when| format!("it runs if `{when}` holds")).into_iter().collect()
    }

    /// What changed in a task besides its needs.
    fn own_changes(&self, task: &dyn Task, cache: &Cache) -> Vec<String> {
        let Some(previous) = self.previous.get(task.name()) else { return Vec::new() };
        match self.key_parts(task, previous.needs.clone(), cache.files()) {
            Ok(parts) => explain(previous, &parts),
            // What it reads may be what a task before it has yet to write.
            Err(_) => Vec::new(),
        }
    }
}

/// What the cache has for a task; nothing when the task is never taken from there.
pub(super) fn look_up(task: &dyn Task, parts: &KeyParts, cache: &Cache) -> Option<Lookup> {
    (task.caching() == Caching::Reuse).then(|| cache.find(&parts.key()))
}

/// Why a task runs or does not, one sentence each.
pub(super) fn reasons(
    previous: Option<&KeyParts>,
    parts: &KeyParts,
    found: &Option<Lookup>,
) -> Vec<String> {
    let changes = previous.map(|previous| explain(previous, parts));
    let one = |reason: &str| vec![reason.to_owned()];
    match (found, changes) {
        (None, _) => one("it runs every time"),
        (Some(Lookup::Damaged(found)), _) => {
            vec![format!("its cached result is damaged: {found}")]
        }
        (Some(Lookup::Found(_)), Some(changes)) if changes.is_empty() => one("nothing changed"),
        (Some(Lookup::Found(_)), _) => one("an equal task ran before"),
        (Some(Lookup::Absent), None) => one("it has not run before"),
        (Some(Lookup::Absent), Some(changes)) if changes.is_empty() => {
            one("its cached result is gone")
        }
        (Some(Lookup::Absent), Some(changes)) => changes,
    }
}
