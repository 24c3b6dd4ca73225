//! `gristmill backfill`: the runs that a schedule would have begun in a time gone by.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use gristmill_core::Timestamp;
use gristmill_flow::{Cancel, ScheduleSpec};
use gristmill_track::{RunId, RunStatus};
use serde::Serialize;
use serde_json::Value;

use crate::job::{Job, Ticket, known, rfc3339};
use crate::keeper::Keeper;
use crate::recorder::is_at_work;
use crate::snapshot::{Occasions, SCHEDULED, Snapshot};
use crate::up::Launch;
use crate::up::children::{Crew, Ended, Outcome, outcome};
use crate::{Error, Home, Kind, Result};

/// The most moments of one call.
const MAX_MOMENTS: usize = 100_000;
/// The tag that tells which file and settings a run was of.
const FILE_TAG: &str = "gristmill.backfill";
/// How often one moment may have failed before; each time has a run of its own.
const MAX_ATTEMPTS: u32 = 1_000;
/// How long is rested between two looks at the runs.
const REST: Duration = Duration::from_millis(50);

/// What is run for which time, and how.
#[derive(Clone, Debug)]
pub struct Backfill {
    /// The pipeline file.
    pub file: PathBuf,
    /// Such as `data.split.test=0.3`, in place of what the file says.
    pub settings: Vec<String>,
    /// The first moment that counts, as the schedule's `from` is written.
    pub from: String,
    /// The first moment that no longer counts.
    pub to: String,
    /// How many runs are at work at once.
    pub parallel: usize,
    /// Whether moments whose run succeeded before are run once more.
    pub done_before: DoneBefore,
    /// How runs are started.
    pub launch: Launch,
    /// Ends it in order.
    pub cancel: Cancel,
}

/// What becomes of moments whose run succeeded before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DoneBefore {
    /// They are left alone.
    #[default]
    Skip,
    /// They are run once more.
    Again,
}

/// What a backfill came to, in moments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackfillReport {
    /// The pipeline.
    pub pipeline: String,
    /// Planned in the time.
    pub planned: usize,
    /// Those whose run had succeeded before.
    pub done_before: usize,
    /// Those whose run succeeded now.
    pub succeeded: usize,
    /// Those whose run failed or was refused, with the reason.
    pub failed: Vec<FailedMoment>,
    /// Those whose run was cut short or not begun, because the backfill was stopped.
    pub stopped: usize,
    /// Those at which another process is at work.
    pub elsewhere: usize,
}

/// A moment whose run did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedMoment {
    /// The moment.
    pub scheduled: Timestamp,
    /// Its run.
    pub run: String,
    /// What went wrong.
    pub error: String,
}

/// Runs every moment that the schedules of a file plan from `from` to before `to`, each once, the
/// oldest first; `progress` hears of each that is done. What succeeded before is not run again.
///
/// # Errors
/// As [`check`](crate::check()); a file without a schedule; times that make no sense. A run that
/// fails is no error.
pub fn backfill(
    home: &Home,
    wanted: &Backfill,
    progress: &dyn Fn(usize, usize, &str),
) -> Result<BackfillReport> {
    let keeper = Keeper::open(home)?;
    let (snapshot, _) = Snapshot::take(&wanted.file, &wanted.settings, home, &keeper)?;
    let occasions = Occasions::read(&snapshot.file)?;
    let moments = moments(&occasions.schedules, wanted)?;
    let report = BackfillReport {
        pipeline: snapshot.name.clone(),
        planned: moments.len(),
        ..BackfillReport::default()
    };
    let crew = Crew::new(wanted.launch.clone(), home)?;
    let mut work = Work { home, keeper, snapshot, occasions, crew, report, progress };
    work.all(moments, wanted)?;
    Ok(work.report)
}

/// Planned moments of all schedules, each once.
fn moments(schedules: &[ScheduleSpec], wanted: &Backfill) -> Result<BTreeSet<i64>> {
    if schedules.is_empty() {
        return Err(Error::input("the file has no `schedule`")
            .with_hint("add one: it says which moments there are to run"));
    }
    let mut moments = BTreeSet::new();
    for spec in schedules {
        let wrong = |e: gristmill_flow::ScheduleError| {
            let option = if e.setting == "until" { "to" } else { e.setting };
            let error =
                Error::input(format!("`--{option}` has {}, expected {}", e.found, e.expected));
            Error { hint: e.hint, ..error }
        };
        let planned = spec.check().map_err(|e| Error::input(e.to_string()))?;
        let (from, until) = (Some(wanted.from.clone()), Some(wanted.to.clone()));
        let within = ScheduleSpec { from, until, ..spec.clone() }.check().map_err(wrong)?;
        for moment in within.between(i64::MIN, i64::MAX) {
            if planned.after(moment - 1) == Some(moment) {
                moments.insert(moment);
            }
            if moments.len() > MAX_MOMENTS {
                let found = format!("more than {MAX_MOMENTS} moments are planned in that time");
                return Err(Error::input(found).with_hint("bring --from and --to closer together"));
            }
        }
    }
    Ok(moments)
}

struct Work<'a> {
    home: &'a Home,
    keeper: Keeper,
    snapshot: Snapshot,
    occasions: Occasions,
    crew: Crew,
    report: BackfillReport,
    progress: &'a dyn Fn(usize, usize, &str),
}

/// What there is to do for a moment.
enum Next {
    Nothing,
    Elsewhere,
    Run(RunId),
}

impl Work<'_> {
    fn all(&mut self, moments: BTreeSet<i64>, wanted: &Backfill) -> Result<()> {
        let mut waiting = moments.into_iter().map(Timestamp).peekable();
        let mut asked = false;
        loop {
            let stop = wanted.cancel.is_cancelled();
            while !stop && self.crew.len() < wanted.parallel.max(1) {
                let Some(moment) = waiting.next() else { break };
                self.begin(moment, wanted.done_before)?;
            }
            if stop && !asked {
                self.crew.stop();
                asked = true;
            }
            for ended in self.crew.reap() {
                self.ended(&ended)?;
            }
            if self.crew.len() == 0 && (stop || waiting.peek().is_none()) {
                self.report.stopped += waiting.count();
                return Ok(());
            }
            if self.crew.len() > 0 {
                std::thread::sleep(REST);
            }
        }
    }

    fn begin(&mut self, moment: Timestamp, before: DoneBefore) -> Result<()> {
        let run = match self.next(moment, before)? {
            Next::Run(run) => run,
            Next::Nothing => {
                self.report.done_before += 1;
                return Ok(());
            }
            Next::Elsewhere => {
                self.report.elsewhere += 1;
                self.tell(moment, "another process is at work on it");
                return Ok(());
            }
        };
        let ticket = Ticket {
            file: self.snapshot.file.clone(),
            folder: self.snapshot.folder.clone(),
            set: self.occasions.parameter(SCHEDULED, &rfc3339(moment)).into_iter().collect(),
            payload: Value::Null,
            needs: Vec::new(),
            signal: None,
        };
        let job = Job {
            run,
            name: self.snapshot.name.clone(),
            trigger: "backfill".into(),
            scheduled: moment,
            ticket,
            tags: vec![(FILE_TAG.into(), self.snapshot.digest.clone())],
        };
        self.crew.start(job, &self.keeper)
    }

    /// The run that a moment needs: that which was cut short, or the first id that is free. Ids
    /// follow from pipeline, moment and attempt alone, so that no two backfills begin the same.
    fn next(&self, moment: Timestamp, before: DoneBefore) -> Result<Next> {
        for attempt in 0..MAX_ATTEMPTS {
            let parts: [&[u8]; 4] = [
                b"backfill",
                self.snapshot.name.as_bytes(),
                &moment.0.to_le_bytes(),
                &attempt.to_le_bytes(),
            ];
            let id = RunId::from_parts(&parts);
            if is_at_work(self.home, &self.keeper, id)? {
                return Ok(Next::Elsewhere);
            }
            let Some(found) = known(&self.keeper, id)? else { return Ok(Next::Run(id)) };
            let same = found.tags.get(FILE_TAG) == Some(&self.snapshot.digest);
            match found.info.status {
                RunStatus::Succeeded if before == DoneBefore::Skip => return Ok(Next::Nothing),
                RunStatus::Running | RunStatus::Interrupted | RunStatus::Cancelled if same => {
                    return Ok(Next::Run(id));
                }
                _ => {}
            }
        }
        Err(Error::new(Kind::Stored, format!("{} was tried {MAX_ATTEMPTS} times", rfc3339(moment))))
    }

    fn ended(&mut self, ended: &Ended) -> Result<()> {
        let (job, seconds) = (&ended.job, ended.seconds);
        match outcome(&self.keeper, self.home, ended)? {
            Outcome::Done(RunStatus::Succeeded, _) => {
                self.report.succeeded += 1;
                self.tell(job.scheduled, &format!("succeeded after {seconds:.1} s"));
            }
            Outcome::Done(status, error) => {
                let error = error.unwrap_or_else(|| status.to_string());
                self.tell(job.scheduled, &format!("{status} after {seconds:.1} s: {error}"));
                let run = job.run.to_string();
                self.report.failed.push(FailedMoment { scheduled: job.scheduled, run, error });
            }
            Outcome::CutShort => {
                self.report.stopped += 1;
                self.tell(job.scheduled, "cut short");
            }
            Outcome::Elsewhere => {
                self.report.elsewhere += 1;
                self.tell(job.scheduled, "another process is at work on it");
            }
        }
        Ok(())
    }

    fn tell(&self, moment: Timestamp, what: &str) {
        let report = &self.report;
        let done = report.done_before
            + report.succeeded
            + report.failed.len()
            + report.stopped
            + report.elsewhere;
        (self.progress)(done, report.planned, &format!("{}  {what}", rfc3339(moment)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(from: &str, to: &str) -> Backfill {
        Backfill {
            file: "p.yaml".into(),
            settings: Vec::new(),
            from: from.into(),
            to: to.into(),
            parallel: 1,
            done_before: DoneBefore::Skip,
            launch: Launch::default(),
            cancel: Cancel::new(),
        }
    }

    fn cron(text: &str) -> ScheduleSpec {
        ScheduleSpec { cron: Some(text.into()), ..ScheduleSpec::default() }
    }

    #[test] // by hand: January has 31 nights; the 1st, 8th, ... stand in both schedules
    fn moments_of_all_schedules_count_once_from_and_before() {
        let all = [cron("0 3 * * *"), cron("0 3 1,8 * *"), cron("0 4 1 * *")];
        let found = moments(&all, &wanted("2026-01-01", "2026-02-01")).unwrap();
        assert_eq!(found.len(), 32);
        let edge = wanted("2026-01-01T03:00Z", "2026-01-02T03:00Z");
        assert_eq!(moments(&all[..1], &edge).unwrap().len(), 1);
    }

    #[test]
    fn what_the_schedule_itself_leaves_out_is_left_out() {
        let late = ScheduleSpec { from: Some("2026-01-20".into()), ..cron("0 3 * * *") };
        assert_eq!(moments(&[late], &wanted("2026-01-01", "2026-02-01")).unwrap().len(), 12);
    }

    #[test]
    fn times_that_make_no_sense_are_refused_by_the_name_of_the_option() {
        let refused = |from, to| moments(&[cron("0 3 * * *")], &wanted(from, to)).unwrap_err();
        assert!(refused("soon", "2026-02-01").message.starts_with("`--from` has `soon`"));
        assert!(refused("2026-02-01", "2026-01-01").message.starts_with("`--to` has"));
        let minutes = moments(&[cron("* * * * *")], &wanted("1990-01-01", "2026-01-01"));
        assert!(minutes.unwrap_err().message.contains("more than 100000"));
    }
}
