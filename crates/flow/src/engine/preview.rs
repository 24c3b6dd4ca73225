//! What a run would do, without doing it.

use std::sync::Arc;

use super::cache::{Entry, Lookup};
use super::handover::Memory;
use super::perform::guarded;
use super::run::Entries;
use super::{Cache, Caching, Inputs, KeyParts, Plan, Task, TaskError, explain};
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
        let mut kept: Vec<Option<Arc<Entry>>> = Vec::with_capacity(self.tasks.len());
        let mut planned = Vec::with_capacity(self.tasks.len());
        let look = Look { plan: self, cache, memory: Memory::default() };
        for (task, needs) in self.tasks.iter().zip(&self.needs) {
            let entry = |need: &usize| kept.get(*need).cloned().flatten();
            let name = |need: &usize| self.tasks.get(*need).map(|task| task.name());
            let known = needs.iter().map(|n| Some((name(n)?.to_owned(), entry(n)?)));
            let seen = match known.collect::<Option<Entries>>() {
                _ if task.when().is_some() => Seen::open(Self::on_condition(task.as_ref())),
                Some(known) => look.at(task.as_ref(), known),
                None => {
                    let open = needs.iter().filter(|n| entry(n).is_none()).filter_map(name);
                    let open = format!("it depends on what {} will give", list(open, "and"));
                    let changes = self.own_changes(task.as_ref(), cache);
                    Seen::open(std::iter::once(open).chain(changes).collect())
                }
            };
            kept.push(seen.entry);
            planned.push(Planned {
                name: task.name().to_owned(),
                status: seen.status,
                why: seen.why,
            });
        }
        cache.save();
        planned
    }

    /// What a task with a condition waits for.
    fn on_condition(task: &dyn Task) -> Vec<String> {
        task.when().map(|when| format!("it runs if `{when}` holds")).into_iter().collect()
    }

    /// What changed in a task besides its needs.
    fn own_changes(&self, task: &dyn Task, cache: &Cache) -> Vec<String> {
        let Some(previous) = self.previous.parts(task.name()) else { return Vec::new() };
        match self.key_parts(task, previous.needs.clone(), cache.files()) {
            Ok(parts) => explain(&previous, &parts),
            // What it reads may be what a task before it has yet to write.
            Err(_) => Vec::new(),
        }
    }
}

/// What is found out of a task before it runs.
struct Seen {
    status: PlannedStatus,
    why: Vec<String>,
    /// What it would give, when that is kept.
    entry: Option<Arc<Entry>>,
}

impl Seen {
    fn open(why: Vec<String>) -> Self {
        Self { status: PlannedStatus::Unknown, why, entry: None }
    }

    fn blocked(error: TaskError) -> Self {
        Self { status: PlannedStatus::Blocked, why: vec![error.message], entry: None }
    }
}

/// Looks at one task after the other.
struct Look<'a> {
    plan: &'a Plan,
    cache: &'a Cache,
    memory: Memory,
}

impl Look<'_> {
    /// A task whose needs gave `known`: first the parts that it would be spread out into.
    fn at(&self, task: &dyn Task, mut known: Entries) -> Seen {
        let parts = guarded(task.name(), || task.spread(&self.inputs(&known)));
        let parts = match parts {
            Ok(parts) => parts.unwrap_or_default(),
            Err(error) => return Seen::blocked(error),
        };
        let (mut given, mut open) = (Entries::new(), Vec::new());
        for part in &parts {
            let needs = known.iter().filter(|(need, _)| part.needs().contains(need));
            let needs = needs.map(|(need, entry)| (need.clone(), Arc::clone(entry))).collect();
            match self.by_itself(part.as_ref(), &needs) {
                Seen { entry: Some(entry), .. } => drop(given.insert(part.name().into(), entry)),
                seen => open.push((part.name(), seen)),
            }
        }
        if let Some((first, seen)) = open.first() {
            let why = format!("{} of {} parts run", open.len(), parts.len());
            let first = format!("`{first}`: {}", seen.why.join(", "));
            return Seen { status: seen.status, why: vec![why, first], entry: None };
        }
        known.extend(given);
        self.by_itself(task, &known)
    }

    fn by_itself(&self, task: &dyn Task, known: &Entries) -> Seen {
        let outputs = known.iter().map(|(name, entry)| (name.clone(), entry.output())).collect();
        let parts = match self.plan.key_parts(task, outputs, self.cache.files()) {
            Ok(parts) => parts,
            Err(error) => return Seen::blocked(error),
        };
        let found = look_up(task, &parts, self.cache);
        let why = reasons(self.plan.previous.parts(task.name()), &parts, &found);
        match found {
            Some(Lookup::Found(entry)) => {
                Seen { status: PlannedStatus::Cached, why, entry: Some(Arc::new(*entry)) }
            }
            _ => Seen { status: PlannedStatus::Run, why, entry: None },
        }
    }

    fn inputs<'a>(&'a self, known: &'a Entries) -> Inputs<'a> {
        let entries = known.iter().map(|(name, entry)| (name.as_str(), Arc::clone(entry)));
        Inputs { entries: entries.collect(), memory: &self.memory }
    }
}

/// What the cache has for a task; nothing when the task is never taken from there.
pub(super) fn look_up(task: &dyn Task, parts: &KeyParts, cache: &Cache) -> Option<Lookup> {
    (task.caching() == Caching::Reuse).then(|| cache.find(&parts.key()))
}

/// Why a task runs or does not, one sentence each.
pub(super) fn reasons(
    previous: Option<KeyParts>,
    parts: &KeyParts,
    found: &Option<Lookup>,
) -> Vec<String> {
    let changes = previous.map(|previous| explain(&previous, parts));
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
