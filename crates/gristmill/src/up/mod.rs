//! `gristmill up`: runs what is deployed when its time has come.
//!
//! A turn of the loop claims what is due, begins runs as processes of their own, and writes down
//! what became of those that ended. Everything that must outlive this process stands in the store:
//! a claimed due with the id of its run. Whatever is killed when, the next turn of any `up` on the
//! home finds the due open and goes on.

pub(crate) mod arrivals;
pub(crate) mod children;
mod event;
mod lead;
mod loops;
pub(crate) mod objects;
mod premises;
mod scheduler;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::Cancel;
use gristmill_track::{Due, RunId, RunStatus, RunUpdate, Store};

use crate::job::{Job, record_end};
use crate::keeper::Keeper;
use crate::recorder::{AtWork, at_work};
use crate::{Error, Home, Result, lease, snapshot};
pub use children::Launch;
use children::{Crew, Ended, Outcome, outcome};
pub use event::UpEvent;
pub(crate) use lead::Lead;
use loops::{Between, turn_loops};
pub use premises::{Call, Premises};
use scheduler::{Scheduler, require_folder};

/// How long the loop rests between two turns.
const REST: Duration = Duration::from_millis(100);
/// How often it is looked at what is due, in microseconds.
const LOOK: i64 = 500_000;
/// How often a run is begun whose process is killed each time.
const MAX_TRIES: u32 = 3;
/// How long such a run waits, for each time it was killed, in microseconds.
const BACKOFF: i64 = 2_000_000;
/// How many rests runs are given to end in order: 60 seconds.
const PATIENCE: usize = 600;

/// How [`up`] works.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// How many runs are at work at once.
    pub runs: usize,
    /// How runs are started.
    pub launch: Launch,
    /// Ends it in order.
    pub cancel: Cancel,
}

/// Runs what is deployed in `home` until it is asked to end. Where several do so on one home, one
/// begins runs and the others stand by. Whoever is to be reached from elsewhere serves [`Premises`] beside it.
///
/// # Errors
/// When the home cannot be used. Later trouble is reported, and tried again.
pub fn up(
    home: &Home,
    options: &UpOptions,
    clock: &dyn Clock,
    report: &dyn Fn(&UpEvent),
) -> Result<()> {
    let between = Between::default();
    std::thread::scope(|threads| {
        let loops = threads.spawn(|| turn_loops(home, clock, &between));
        let ended = begin_runs(home, options, clock, report, &between);
        between.end();
        let turned = loops.join().map_err(|_| Error::bug("the thread of the loops panicked"))?;
        ended.and(turned)
    })
}

fn begin_runs(
    home: &Home,
    options: &UpOptions,
    clock: &dyn Clock,
    report: &dyn Fn(&UpEvent),
    between: &Between,
) -> Result<()> {
    let keeper = Arc::new(Keeper::open(home)?);
    let mut foreman = Foreman {
        home,
        scheduler: Scheduler::new(home, Arc::clone(&keeper)),
        keeper,
        crew: Crew::new(options.launch.clone(), home)?,
        runs: options.runs.max(1),
        killed: HashMap::new(),
        told: BTreeSet::new(),
        between,
        report,
    };
    let (mut lead, mut looked): (Option<Lead>, i64) = (None, i64::MIN);
    while !options.cancel.is_cancelled() {
        let now = clock.now();
        // A clock that was set back must not keep it from looking.
        let look = now.0 < looked || now.0.saturating_sub(LOOK) >= looked;
        if look {
            looked = now.0;
        }
        if let Err(error) = foreman.lead(&mut lead).and_then(|leads| match leads {
            true => foreman.turn(now, look),
            false => Ok(()),
        }) {
            foreman.told_once(UpEvent::Note { text: error.message });
        }
        foreman.tell_of_loops();
        std::thread::sleep(REST);
    }
    between.lead(false);
    foreman.stop()
}

/// What became of the wish to begin a run.
enum Started {
    /// It has a process here.
    Here,
    /// Another machine has it, or what it needs.
    LeftToOthers,
}

/// Begins runs and sees to their end.
struct Foreman<'a> {
    home: &'a Home,
    keeper: Arc<Keeper>,
    scheduler: Scheduler,
    crew: Crew,
    runs: usize,
    /// How often the process of a run was killed, and when it may be begun again.
    killed: HashMap<RunId, (u32, Timestamp)>,
    told: BTreeSet<String>,
    between: &'a Between,
    report: &'a dyn Fn(&UpEvent),
}

impl Foreman<'_> {
    /// Whether this process leads, now that it has tried to.
    fn lead(&mut self, lead: &mut Option<Lead>) -> Result<bool> {
        if lead.is_none() {
            *lead = Lead::take(self.home)?;
            self.told_once(if lead.is_some() { UpEvent::Leading } else { UpEvent::StandingBy });
        }
        self.between.lead(lead.is_some());
        Ok(lead.is_some())
    }

    /// Tells what the loops did; their trouble once.
    fn tell_of_loops(&mut self) {
        for event in self.between.take_told() {
            match event {
                UpEvent::Note { .. } => self.told_once(event),
                event => (self.report)(&event),
            }
        }
    }

    fn turn(&mut self, now: Timestamp, look: bool) -> Result<()> {
        self.crew.end_overdue(&self.between.overdue(), now);
        for ended in self.crew.reap() {
            self.ended(&ended, now)?;
        }
        if look {
            self.scheduler.claim(now)?;
            for text in self.scheduler.take_notes() {
                self.told_once(UpEvent::Note { text });
            }
            for text in self.scheduler.take_news() {
                (self.report)(&UpEvent::Note { text });
            }
        }
        if self.crew.len() < self.runs { self.begin(now) } else { Ok(()) }
    }

    /// Begins the runs that wait, the oldest due first, one at a time of each deployment.
    fn begin(&mut self, now: Timestamp) -> Result<()> {
        let open = self.keeper.wait(Store::open_dues)?;
        if open.is_empty() {
            return Ok(());
        }
        self.scheduler.refresh()?;
        let mut busy = BTreeSet::new();
        let mut waiting = Vec::new();
        let mut here = 0;
        for due in &open {
            match self.at_work(due.run)? {
                AtWork::Nowhere if self.scheduler.is_active(&due.deployment) => waiting.push(due),
                AtWork::Nowhere => {}
                place => {
                    busy.insert(&due.deployment);
                    here += usize::from(place == AtWork::Here);
                }
            }
        }
        for due in waiting {
            if here >= self.runs || !busy.insert(&due.deployment) {
                continue;
            }
            let rests = self.killed.get(&due.run).is_some_and(|(_, until)| now < *until);
            if rests {
                continue;
            }
            // One run's trouble does not keep those of others waiting.
            match self.start(due) {
                Ok(Started::Here) => here += 1,
                Ok(Started::LeftToOthers) => {}
                Err(error) => {
                    let text = format!("`{}`: {}", due.deployment, error.message);
                    self.told_once(UpEvent::Note { text });
                }
            }
        }
        Ok(())
    }

    fn at_work(&self, run: RunId) -> Result<AtWork> {
        if self.crew.has(run) { Ok(AtWork::Here) } else { at_work(self.home, &self.keeper, run) }
    }

    fn start(&mut self, due: &Due) -> Result<Started> {
        let mut job = Job::of(due)?;
        if let Err(absent) = require_folder(self.home, &job.name, &job.ticket.folder) {
            self.told_once(UpEvent::Note { text: absent.message });
            return Ok(Started::LeftToOthers);
        }
        if self.home.is_shared() && job.ticket.needs.iter().any(|path| !path.is_file()) {
            // Requests that a retraining learns from are where they were logged.
            return Ok(Started::LeftToOthers);
        }
        job.ticket.file = snapshot::here(&job.ticket.file, self.home, &self.keeper)?;
        if self.home.is_shared() && !self.reserve(due)? {
            return Ok(Started::LeftToOthers);
        }
        let begun = UpEvent::Began {
            name: job.name.clone(),
            run: job.run.to_string(),
            trigger: job.trigger.clone(),
            scheduled: job.scheduled,
        };
        if let Err(error) = self.crew.start(job, &self.keeper) {
            self.let_go(due.run)?;
            return Err(error);
        }
        (self.report)(&begun);
        Ok(Started::Here)
    }

    /// Takes the lease on a run before its process is there, so that of several homes one begins it.
    /// Since this one looked, another may have ended the run, or begun one of the same deployment:
    /// so it looks again when it has the lease.
    fn reserve(&self, due: &Due) -> Result<bool> {
        if !lease::reserve(self.home, &self.keeper, due.run)? {
            return Ok(false);
        }
        let open = self.keeper.wait(Store::open_dues)?;
        let mut ours = open.iter().any(|other| other.run == due.run);
        for other in &open {
            let rival = other.deployment == due.deployment && other.run != due.run;
            ours &= !rival || self.at_work(other.run)? == AtWork::Nowhere;
        }
        if !ours {
            self.let_go(due.run)?;
        }
        Ok(ours)
    }

    /// Lets other homes go on with a run that no process of this one is at work on.
    fn let_go(&self, run: RunId) -> Result<()> {
        if self.home.is_shared() { lease::give_back(self.home, &self.keeper, run) } else { Ok(()) }
    }

    fn ended(&mut self, ended: &Ended, now: Timestamp) -> Result<()> {
        let job = &ended.job;
        let (status, error) = match outcome(&self.keeper, self.home, ended)? {
            Outcome::Elsewhere => return Ok(()),
            Outcome::CutShort if self.between.overdue().contains(&job.run) => {
                let why = "it took longer than a retraining may".to_string();
                self.give_up(job, &why, now)?;
                (RunStatus::Failed, Some(why))
            }
            Outcome::CutShort => {
                let (times, until) = self.killed.entry(job.run).or_insert((0, now));
                *times += 1;
                *until = Timestamp(now.0 + i64::from(*times) * BACKOFF);
                if *times < MAX_TRIES {
                    (
                        RunStatus::Interrupted,
                        Some("its process was killed; it is begun again".into()),
                    )
                } else {
                    let why = format!("its process was killed {times} times");
                    self.give_up(job, &why, now)?;
                    (RunStatus::Failed, Some(why))
                }
            }
            Outcome::Done(status, error) => (status, error),
        };
        if status != RunStatus::Interrupted {
            self.killed.remove(&job.run);
            self.let_go(job.run)?;
        }
        (self.report)(&UpEvent::Ended {
            name: job.name.clone(),
            run: job.run.to_string(),
            status: status.to_string(),
            seconds: ended.seconds,
            error,
        });
        Ok(())
    }

    fn give_up(&self, job: &Job, why: &str, now: Timestamp) -> Result<()> {
        if record_end(&self.keeper, job, RunStatus::Failed, why)? {
            return Ok(());
        }
        let error = Some(why.to_string());
        let update = RunUpdate { error, ..RunUpdate::ended(RunStatus::Failed, now) };
        self.keeper.wait(|s| s.update_run(job.run, update)).map(drop)
    }

    /// Asks the runs to end in order, and waits for them. They are gone on with by the next `up`.
    fn stop(&mut self) -> Result<()> {
        (self.report)(&UpEvent::Stopping { runs: self.crew.len() });
        self.crew.stop();
        for _ in 0..PATIENCE {
            for ended in self.crew.reap() {
                self.stopped(&ended)?;
            }
            if self.crew.len() == 0 {
                return Ok(());
            }
            std::thread::sleep(REST);
        }
        let text = format!("{} runs do not end and go on by themselves", self.crew.len());
        (self.report)(&UpEvent::Note { text });
        Ok(())
    }

    fn stopped(&self, ended: &Ended) -> Result<()> {
        let job = &ended.job;
        let (status, error) = match outcome(&self.keeper, self.home, ended)? {
            Outcome::Elsewhere => return Ok(()),
            Outcome::CutShort => (RunStatus::Interrupted, None),
            Outcome::Done(status, error) => (status, error),
        };
        self.let_go(job.run)?;
        (self.report)(&UpEvent::Ended {
            name: job.name.clone(),
            run: job.run.to_string(),
            status: status.to_string(),
            seconds: ended.seconds,
            error,
        });
        Ok(())
    }

    fn told_once(&mut self, event: UpEvent) {
        if self.told.insert(event.to_string()) {
            (self.report)(&event);
        }
    }
}
