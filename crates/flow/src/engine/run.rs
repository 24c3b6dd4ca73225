//! Running a plan: workers that take one task after the other, and what becomes of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use serde_json::Value;

use super::board::{Board, Terms};
use super::cache::Entry;
use super::handover::Memory;
use super::plan::STATUS;
use super::roster::{Member, Roster};
use super::{
    Cache, Cancel, Event, Fault, JournalError, Observer, Plan, RunReport, Task, TaskError,
    TaskReport, TaskStatus,
};
use crate::{Condition, ConditionError};

impl Plan {
    /// Runs the plan: each task once those that it needs are done and there is room for it,
    /// unless the cache has its result.
    ///
    /// A task that fails, or panics, leaves nothing behind; those that need it are skipped, the
    /// others run. After [`Cancel::cancel`] no further task begins. Whatever happens, every task
    /// has its report, and what succeeded is kept for the next run.
    pub fn run(&self, cache: &Cache, observer: &dyn Observer, cancel: &Cancel) -> RunReport {
        let terms = self.tasks.iter().zip(self.waits());
        let terms = terms.map(|(task, waits)| terms_of(task.as_ref(), waits)).collect();
        let run = Run {
            plan: self,
            cache,
            observer,
            cancel,
            memory: Memory::default(),
            board: Board::new(terms, self.capacity.clone(), cancel.clone()),
            roster: Roster::new(self),
            reports: Mutex::default(),
            fault: Mutex::default(),
        };
        // The thread at hand is a worker too, so that one worker needs no other.
        std::thread::scope(|scope| run.work(scope));
        cache.save();
        let mut reports = run.reports.into_inner().unwrap_or_else(PoisonError::into_inner);
        reports.sort_by_key(|(place, _)| *place);
        RunReport {
            tasks: reports.into_iter().map(|(_, report)| report).collect(),
            fault: run.fault.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

fn terms_of(task: &dyn Task, needs: Vec<usize>) -> Terms {
    Terms { needs, demand: task.demand(), priority: task.priority() }
}

pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) cache: &'a Cache,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
    pub(super) memory: Memory,
    board: Board<Settled>,
    roster: Roster,
    /// With the place of the task in the plan, and of a part behind it.
    reports: Mutex<Vec<((usize, usize), TaskReport)>>,
    /// The first outcome that could not be kept, which stops the run.
    fault: Mutex<Option<JournalError>>,
}

/// A task that is done with, one way or another.
#[derive(Clone)]
struct Settled {
    status: TaskStatus,
    entry: Option<Arc<Entry>>,
}

/// What came of giving a task its turn.
pub(super) enum Turn {
    /// It is done with; the report is to be kept before anyone hears of it.
    Settled(Box<TaskReport>, Option<Entry>),
    /// It is done with, and was so before the run was cut short.
    SettledEarlier(Box<TaskReport>, Option<Entry>),
    /// It failed, and has another try after a rest.
    Rest(Duration),
    /// It is done when these are.
    Spread(Vec<Arc<dyn Task>>),
}

impl Turn {
    pub(super) fn failed(mut report: Box<TaskReport>, error: TaskError) -> Self {
        report.status = match error.fault {
            Fault::Cancelled => TaskStatus::Cancelled,
            _ => TaskStatus::Failed,
        };
        report.error = Some(error);
        Self::Settled(report, None)
    }
}

impl Run<'_> {
    /// Gives one task after the other its turn until none is left.
    fn work<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) {
        let _guard = self.board.guard();
        while let Some(next) = self.board.next() {
            if self.board.wants_a_worker() {
                scope.spawn(|| self.work(scope));
            }
            let Some(member) = self.roster.get(next) else { continue };
            let start = self.cache.clock().now_micros();
            let turn = self.turn(next, &member);
            let end = self.cache.clock().now_micros();
            // A clock that is set back takes no time away from anyone.
            let spent = member.spent_micros + (end - start).max(0);
            let began = member.began.unwrap_or(start);
            match turn {
                Turn::Settled(mut report, entry) => {
                    report.moments = Some((began, end.max(began)));
                    report.seconds = spent as f64 / 1e6;
                    self.keep(&report);
                    self.settle(next, &member, *report, entry);
                }
                Turn::SettledEarlier(report, entry) => self.settle(next, &member, *report, entry),
                Turn::Rest(rest) => {
                    self.roster.update(next, |member| {
                        member.spent_micros = spent;
                        member.began = Some(began);
                    });
                    self.board.rest(next, rest);
                }
                Turn::Spread(parts) => self.spread(next, &member, &parts),
            }
        }
    }

    fn turn(&self, position: usize, member: &Member) -> Turn {
        let task = member.task.as_ref();
        let mut report = Box::new(TaskReport::new(task.name(), TaskStatus::Skipped));
        report.needs = task.needs().to_vec();
        report.within = member.within.as_ref().map(|whole| whole.name().to_owned());
        let (entries, without) = self.entries(member);
        if let Some(turn) = self.aside(position, member, &entries) {
            return turn;
        }
        let condition = task.when().filter(|_| member.parts.is_none());
        let by_status = condition.is_some_and(|when| !when.statuses().is_empty());
        if !without.is_empty() && !by_status {
            report.reason.push(some_of(&without));
            return Turn::Settled(report, None);
        }
        if self.cancel.is_cancelled() {
            report.status = TaskStatus::Cancelled;
            return Turn::Settled(report, None);
        }
        match condition.map_or(Ok(true), |when| self.holds(position, when)) {
            Ok(true) => self.perform(position, member, report, &entries),
            Ok(false) => {
                report.reason.extend(condition.map(|when| format!("`{when}` does not hold")));
                Turn::Settled(report, None)
            }
            Err(error) => {
                let hint = error.hint();
                let error = TaskError::new(Fault::Input, format!("its condition: {error}"));
                Turn::failed(report, TaskError { hint, ..error })
            }
        }
    }

    /// Whether the condition of the task at `position` holds.
    fn holds(&self, position: usize, condition: &Condition) -> Result<bool, ConditionError> {
        let none = HashMap::new();
        let named = self.plan.named.get(&position).unwrap_or(&none);
        let settled = |name: &str| self.board.settled(&[*named.get(name)?]).pop().flatten();
        condition.holds(&|path| match path {
            [STATUS, task] => Some(settled(task)?.status.as_str().into()),
            [name, rest @ ..] => {
                let settled = settled(name)?;
                let facts = settled.entry.as_ref()?.facts();
                let position = *named.get(*name)?;
                // What is named may be the task, or a field of what it gave.
                let is_task = self.plan.tasks.get(position)?.name() == *name;
                let rest = if is_task { rest } else { path };
                rest.iter().try_fold(facts, |value, part| field(value, part)).cloned()
            }
            [] => None,
        })
    }

    /// What the needed tasks gave; and of those that gave nothing, why.
    fn entries(&self, member: &Member) -> (Entries, Vec<String>) {
        let sources = member.sources();
        let mut entries = Entries::new();
        let mut without = Vec::new();
        for (&source, settled) in sources.iter().zip(self.board.settled(&sources)) {
            let name = self.roster.get(source).map(|source| source.task.name().to_owned());
            let name = name.unwrap_or_default();
            match settled {
                Some(Settled { entry: Some(entry), .. }) => {
                    entries.insert(name, entry);
                }
                Some(Settled { status, .. }) => without.push(format!("`{name}` {}", was(status))),
                None => without.push(format!("`{name}` did not run")),
            }
        }
        (entries, without)
    }

    /// Keeps an outcome; the run is stopped when that fails.
    fn keep(&self, report: &TaskReport) {
        let Some(journal) = &self.plan.journal else { return };
        if self.fault.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return;
        }
        if let Err(error) = journal.settled(report) {
            self.stop(error);
        }
    }

    /// Stops the run, for which this is the reason if it is the first.
    pub(super) fn stop(&self, reason: JournalError) {
        self.cancel.cancel();
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert(reason);
    }

    fn settle(&self, position: usize, member: &Member, report: TaskReport, entry: Option<Entry>) {
        self.observer.event(Event::Finished { report: &report });
        let mut report = report;
        if self.plan.journal.is_some() {
            // What the journal has need not be held in memory a second time.
            report.key_parts = None;
        }
        // What nobody waits for need not stay in memory.
        let entry = entry.filter(|_| self.board.is_awaited(position)).map(Arc::new);
        let settled = Settled { status: report.status, entry };
        let place = (member.root, position);
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).push((place, report));
        self.board.settle(position, settled);
    }

    fn spread(&self, position: usize, member: &Member, parts: &[Arc<dyn Task>]) {
        let name = member.task.name();
        let terms = parts.iter().map(|part| terms_of(part.as_ref(), Vec::new())).collect();
        let place = || self.board.extend(position, terms);
        if let Err(error) = self.roster.extend(self.plan, position, parts, place) {
            let report = Box::new(TaskReport::new(name, TaskStatus::Failed));
            if let Turn::Settled(report, _) = Turn::failed(report, error) {
                self.keep(&report);
                self.settle(position, member, *report, None);
            }
            return;
        }
        if let Some(journal) = &self.plan.journal {
            // What is known of a part stays written down.
            let names = parts.iter().map(|part| part.name());
            let new = names.filter(|name| !self.plan.earlier.contains_key(*name));
            journal.spread(member.task.as_ref(), &new.collect::<Vec<&str>>());
        }
        self.observer.event(Event::Spread { task: name, parts: parts.len() });
    }

    /// Says that a task begins an attempt.
    pub(super) fn begin(&self, position: usize, report: &TaskReport) {
        self.roster.update(position, |member| member.attempts = report.attempts);
        if let Some(journal) = &self.plan.journal {
            journal.started(report, self.cache.clock().now_micros());
        }
        self.observer.event(Event::Started { task: &report.name, reason: &report.reason });
    }

    /// The rest before another try of a task that failed, if it has one.
    pub(super) fn rest(&self, position: usize, member: &Member) -> Option<Duration> {
        if self.plan.alone.is_some() {
            return None;
        }
        let failures = member.failures + 1;
        self.roster.update(position, |member| member.failures = failures);
        member.task.retries().rest(failures, member.task.name())
    }
}

/// A field of an object, or the item of a list at this position.
fn field<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    }
}

/// What the tasks gave that a task needs, by their names.
pub(super) type Entries = BTreeMap<String, Arc<Entry>>;

/// The first few of many reasons.
fn some_of(reasons: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = reasons.get(..SHOWN.min(reasons.len())).unwrap_or_default().join(", ");
    match reasons.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

fn was(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Succeeded => "gave no result",
        TaskStatus::Failed => "failed",
        TaskStatus::Skipped => "was skipped",
        TaskStatus::Cancelled => "was cancelled",
    }
}
