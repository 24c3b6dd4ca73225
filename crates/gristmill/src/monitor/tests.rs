//! The loop at moments that a test chooses: what starts a retraining, and how often it may.

use std::sync::Arc;

use gristmill_core::Timestamp;
use gristmill_track::{FindingKind, Label, ModelEvent, NewFinding, RunStatus, Store, WhatHappened};
use serde_json::json;
use tempfile::TempDir;

use super::Loops;
use crate::deploy::deploy_at;
use crate::job::{Job, record_end};
use crate::keeper::Keeper;
use crate::recorder::Start;
use crate::report::Silent;
use crate::run::{RunOptions, run};
use crate::{Home, SystemClock};
use gristmill_core::Clock;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// A deployed model and its loop.
struct Bench {
    folder: TempDir,
    keeper: Arc<Keeper>,
    loops: Loops,
    /// When it was deployed.
    begun: i64,
}

impl Bench {
    /// A model of numbers that is watched as `retrain` says; `more` stands behind it in the file.
    fn new(retrain: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..60).map(|i| format!("{i},{}\n", 2 * i + i % 3)).collect();
        fs_err::write(folder.path().join("rows.csv"), format!("x,y\n{rows}")).unwrap();
        let file = format!(
            "name: line\ndata: {{source: rows.csv, target: y, split: {{test: 0.2}}}}\n\
             model: {{linear_regression: {{}}}}\n\
             register: {{model: line, promote: {{alias: champion}}}}\n\
             monitor:\n  retrain: {{{retrain}}}\n{more}"
        );
        let path = folder.path().join("line.yaml");
        fs_err::write(&path, file).unwrap();
        let home = Home::at(folder.path().join("home"));
        // At a full hour, so that schedules are the same whenever this runs.
        let begun = Timestamp(SystemClock.now().0 / HOUR * HOUR);
        let options = RunOptions { start: Start::Anew, at: Some(begun), ..RunOptions::default() };
        run(&path, &options, &home, &Silent).unwrap();
        deploy_at(&home, &path, &[], begun).unwrap();
        let keeper = Arc::new(Keeper::open(&home).unwrap());
        let loops = Loops::new(&home, Arc::clone(&keeper));
        Self { folder, keeper, loops, begun: begun.0 }
    }

    /// A round so long after the deployment.
    #[track_caller]
    fn round(&mut self, after: i64) -> usize {
        let round = self.loops.round(Timestamp(self.begun + after)).unwrap();
        assert!(round.trouble.is_empty(), "{round:?}");
        round.taken
    }

    /// A round, and the end of the retraining that it begins, which fails.
    #[track_caller]
    fn round_and_fail(&mut self, after: i64) {
        self.round(after);
        let home = Home::at(self.folder.path().join("home"));
        for due in self.keeper.wait(Store::open_dues).unwrap() {
            let job = Job::of(&due).unwrap();
            assert!(job.ticket.set.contains(&"register.promote=null".to_string()), "{job:?}");
            assert!(record_end(&self.keeper, &job, RunStatus::Failed, "no fuel").unwrap());
        }
        self.round(after);
        let left = super::rows::folder(&home);
        assert!(!left.exists() || fs_err::read_dir(left).unwrap().count() == 0);
    }

    fn history(&self, what: WhatHappened) -> Vec<ModelEvent> {
        let all = self.keeper.wait(|s| s.history("line")).unwrap();
        all.into_iter().filter(|event| event.what == what).collect()
    }

    fn retrainings(&self) -> Vec<i64> {
        let at = |event: &ModelEvent| event.note.at.0 - self.begun;
        self.history(WhatHappened::Retraining).iter().map(at).collect()
    }

    fn find(&self, alarm: bool, after: i64) {
        let at = Timestamp(self.begun + after);
        let found = NewFinding {
            version: 1,
            what: FindingKind::Drift,
            name: "share".into(),
            value: Some(if alarm { 1.0 } else { 0.0 }),
            threshold: Some(0.3),
            alarm,
            rows: 1_000,
            from: at,
            to: at,
            at,
            detail: json!({"moved": ["x"]}),
        };
        self.keeper.wait(|s| s.record_finding("line", found)).unwrap();
    }

    fn label(&self, count: usize, after: i64) {
        let label = |n: usize| Label { id: format!("r{after}-{n}"), label: "1".into() };
        let labels = (0..count).map(label).collect();
        let at = Timestamp(self.begun + after);
        self.keeper.wait(|s| s.add_labels("line", labels, at)).unwrap();
    }
}

#[test]
fn a_storm_of_alarms_is_one_alarm_and_cooldown_and_budget_hold() {
    let mut bench = Bench::new("on: [drift], cooldown: 2h, budget: 4 per day, data: [source]", "");
    for step in 0..(3 * 24 * 4) {
        let now = step * 15 * MINUTE;
        (0..20).for_each(|_| bench.find(true, now));
        bench.round_and_fail(now);
    }
    let begun = bench.retrainings();
    assert_eq!(bench.history(WhatHappened::Alarm).len(), 1, "it was never over");
    assert!(begun.windows(2).all(|two| two[1] - two[0] >= 2 * HOUR), "{begun:?}");
    assert!(begun.windows(5).all(|five| five[4] - five[0] >= 24 * HOUR), "{begun:?}");
    assert_eq!(begun.len(), 12, "four a day, no fewer");
    let failed = bench.history(WhatHappened::RetrainingEnded);
    assert!(failed.iter().all(|event| event.note.why == "its run failed: no fuel"), "{failed:?}");
}

#[test]
fn an_alarm_that_is_over_asks_for_nothing_and_the_next_is_told_again() {
    let mut bench = Bench::new("on: [drift], cooldown: 1h, data: [source]", "");
    bench.find(true, 0);
    bench.round_and_fail(0);
    bench.find(false, HOUR);
    bench.round_and_fail(2 * HOUR);
    assert_eq!(bench.retrainings(), [0]);
    bench.find(true, 3 * HOUR);
    bench.round_and_fail(3 * HOUR);
    assert_eq!(bench.retrainings(), [0, 3 * HOUR]);
    assert_eq!(bench.history(WhatHappened::Alarm).len(), 2);
}

#[test]
fn moments_of_the_schedule_start_retrainings_one_each() {
    let mut bench = Bench::new(
        "on: [schedule], cooldown: 1m, budget: 24 per day, data: [source]",
        "schedule: {every: 1h}\n",
    );
    for minute in 0..200 {
        bench.round_and_fail(minute * MINUTE);
    }
    let begun = bench.retrainings();
    assert_eq!(begun.len(), 3, "{begun:?}");
    assert!(begun.windows(2).all(|two| two[1] - two[0] == HOUR), "{begun:?}");
    let why = &bench.history(WhatHappened::Retraining)[0].note.why;
    assert!(why.starts_with("schedule: it was planned for "), "{why}");
}

#[test]
fn new_data_and_so_many_labels_start_one() {
    let mut bench = Bench::new("on: [data, {labels: 50}], cooldown: 1m, data: [source]", "");
    bench.round_and_fail(0);
    bench.round_and_fail(HOUR);
    assert!(bench.retrainings().is_empty(), "nothing is new");
    let path = bench.folder.path().join("rows.csv");
    let rows = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, rows + "100,200\n").unwrap();
    bench.round_and_fail(2 * HOUR);
    bench.round_and_fail(3 * HOUR);
    assert_eq!(bench.retrainings(), [2 * HOUR]);
    bench.label(49, 4 * HOUR);
    bench.round_and_fail(4 * HOUR);
    bench.label(1, 5 * HOUR);
    bench.round_and_fail(5 * HOUR);
    bench.round_and_fail(6 * HOUR);
    assert_eq!(bench.retrainings(), [2 * HOUR, 5 * HOUR]);
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_the_loop_up() {
    let mut bench = Bench::new("on: [drift], cooldown: 1h, data: [source]", "");
    let ahead = 10_000 * HOUR;
    bench.find(true, ahead);
    bench.round_and_fail(ahead);
    for half_hours in 1..=4 {
        bench.round_and_fail(half_hours * HOUR / 2);
    }
    let begun = bench.retrainings();
    assert_eq!(begun.len(), 2, "{begun:?}");
    assert!(begun[1] <= 2 * HOUR, "{begun:?}");
}

#[test]
fn a_round_in_which_nothing_happened_writes_nothing() {
    let mut bench = Bench::new("on: [drift], cooldown: 1h, data: [source]", "");
    bench.round(0);
    let before = bench.keeper.wait(|s| s.loop_standing("line")).unwrap();
    assert_eq!((bench.round(MINUTE), bench.round(2 * HOUR)), (0, 0));
    assert_eq!(bench.keeper.wait(|s| s.loop_standing("line")).unwrap(), before);
}
