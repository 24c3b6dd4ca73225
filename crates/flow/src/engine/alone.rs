//! One task of a plan by itself: of the others, what other processes of the run wrote down.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::cache::Entry;
use super::perform::guarded;
use super::roster::Member;
use super::run::{Entries, Run, Turn};
use super::{Caching, Fault, JournalError, Plan, Task, TaskError, TaskReport, TaskStatus};

/// The task that a run does alone, and what it goes by.
pub(super) struct Alone {
    position: usize,
    /// The positions of all that it waits for, and that those wait for.
    behind: HashSet<usize>,
    /// How the tasks that are settled ended, by their names.
    settled: HashMap<String, TaskStatus>,
}

impl Plan {
    /// The names of the tasks for which the task of this name waits; nothing when there is no
    /// such task.
    pub fn waits_for(&self, task: &str) -> Option<Vec<&str>> {
        let position = self.position(task)?;
        let waits = self.waits();
        let waits = waits.get(position)?.iter();
        Some(waits.filter_map(|wait| self.tasks.get(*wait)).map(|task| task.name()).collect())
    }

    /// The same plan, of which a run does this task alone, once, whatever its retries are: who
    /// does a run task by task has his own.
    ///
    /// `settled` says how tasks ended of which other processes of the run have taken care; what
    /// they gave is taken as it stands among [what was written down](Plan::with_earlier), also
    /// where the same task would give something else now. A task that has succeeded already is not
    /// done again, as long as its result is kept. Reports of tasks that are not settled say that
    /// they were skipped, and mean nothing.
    #[must_use]
    pub fn alone(self, task: &str, settled: HashMap<String, TaskStatus>) -> Self {
        let Some(position) = self.position(task) else { return self };
        let waits = self.waits();
        let (mut behind, mut open) = (HashSet::new(), vec![position]);
        while let Some(next) = open.pop() {
            let waits = waits.get(next).into_iter().flatten();
            open.extend(waits.filter(|wait| behind.insert(**wait)));
        }
        Self { alone: Some(Alone { position, behind, settled }), ..self }
    }

    fn position(&self, task: &str) -> Option<usize> {
        self.tasks.iter().position(|known| known.name() == task)
    }
}

impl Run<'_> {
    /// What becomes of a task beside the one that the run does alone; nothing when it is given
    /// its turn.
    pub(super) fn aside(
        &self,
        position: usize,
        member: &Member,
        entries: &Entries,
    ) -> Option<Turn> {
        let alone = self.plan.alone.as_ref()?;
        let task = member.task.as_ref();
        let settled = alone.settled.get(task.name()).copied();
        if member.root == alone.position {
            let is_done = position == alone.position && settled == Some(TaskStatus::Succeeded);
            return if is_done { self.as_it_stands(member) } else { None };
        }
        let status = match member.within {
            _ if !alone.behind.contains(&member.root) => None,
            Some(_) => Some(TaskStatus::Succeeded),
            None => settled,
        };
        if status == Some(TaskStatus::Succeeded) {
            let turn = self.parts_again(member, entries).or_else(|| self.as_it_stands(member));
            return Some(turn.unwrap_or_else(|| self.gone(task)));
        }
        let status = status.unwrap_or(TaskStatus::Skipped);
        Some(Turn::SettledEarlier(Box::new(TaskReport::new(task.name(), status)), None))
    }

    /// Spreads a task that is done out again, so that the files of its parts are put back too.
    fn parts_again(&self, member: &Member, entries: &Entries) -> Option<Turn> {
        if member.within.is_some() || member.parts.is_some() {
            return None;
        }
        let task = member.task.as_ref();
        let parts = guarded(task.name(), || task.spread(&self.inputs(entries))).ok()??;
        Some(Turn::Spread(parts.into_iter().map(Arc::from).collect()))
    }

    /// What was written down of a task that succeeded, if it is kept.
    fn as_it_stands(&self, member: &Member) -> Option<Turn> {
        let task = member.task.as_ref();
        let earlier = self.plan.earlier.get(task.name())?;
        let result = earlier.result.as_ref()?;
        let entry = match task.caching() {
            Caching::Never => Entry::written_down(result, self.cache)?,
            Caching::Reuse => self.cache.entry(&result.key)?,
        };
        let within = member.within.as_ref().map(|whole| whole.name().to_owned());
        self.restored(task, within, earlier, result, entry)
    }

    /// Stops the run: nothing can be built on a result that is lost.
    fn gone(&self, task: &dyn Task) -> Turn {
        let name = task.name();
        let message = format!("what `{name}` gave in this run is not kept any more");
        let error = TaskError::new(Fault::Input, message)
            .with_hint(format!("do `{name}` again, then this one"));
        self.stop(JournalError(Box::new(error)));
        Turn::SettledEarlier(Box::new(TaskReport::new(name, TaskStatus::Cancelled)), None)
    }
}
