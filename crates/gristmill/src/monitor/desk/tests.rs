//! Deployed files that watch a model, and a person who has a say in a new version.

use std::path::PathBuf;
use std::sync::Arc;

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{CHAMPION, LoopStep, NewVersion, Note, WhatHappened};
use serde_json::json;

use super::super::loops::Loops;
use super::super::standing::decline_by;
use super::super::turn::WHO;
use super::super::{FindingsAsked, decline, standing};
use super::Desk;
use crate::keeper::Keeper;
use crate::{Home, SystemClock, deploy, undeploy};

const LAST: FindingsAsked = FindingsAsked::Last(10);

struct Bench {
    folder: tempfile::TempDir,
    keeper: Arc<Keeper>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let word = |row: i32| if row % 2 == 0 { "yes" } else { "no" };
        let rows: String = (0..40).map(|row| format!("{row},{}\n", word(row))).collect();
        fs_err::write(folder.path().join("data.csv"), format!("a,y\n{rows}")).unwrap();
        let keeper = Arc::new(Keeper::open(&Home::at(folder.path().join("home"))).unwrap());
        Self { folder, keeper }
    }

    fn home(&self) -> Home {
        Home::at(self.folder.path().join("home"))
    }

    /// Deploys a file that tells these addresses.
    fn deploy(&self, notify: &[&str]) {
        let notify: Vec<_> =
            notify.iter().map(|url| json!({"webhook": url, "secret": {"secret": "KEY"}})).collect();
        let file = json!({
            "name": "p",
            "data": {"source": "data.csv", "target": "y", "split": {"test": 0.25}},
            "model": {"logistic_regression": {}},
            "register": {"model": "churn"},
            "monitor": {"retrain": {"on": ["drift"], "cooldown": "1h"}, "compare": {"approval": true},
                "watch": {"for": "2h"}, "notify": notify},
        });
        let path: PathBuf = self.folder.path().join("p.yaml");
        fs_err::write(&path, file.to_string()).unwrap();
        deploy(&self.home(), &path, &[]).unwrap();
    }

    /// Two versions, the first of which is the champion.
    fn register(&self) {
        for digest in ["a", "b"] {
            let new = NewVersion::new("churn", digest, "p", Note::new(Timestamp(1), "run", ""));
            self.keeper.wait(|s| s.register(new)).unwrap();
        }
        let note = Note::new(Timestamp(2), "ada", "");
        self.keeper.wait(|s| s.set_alias("churn", CHAMPION, 1, note)).unwrap();
    }

    fn stand(&self, after: u64, phase: serde_json::Value) {
        let step = LoopStep {
            after,
            state: json!({"phase": phase, "line": 3, "retrainings": {"begun": [], "ended": 5}}),
            at: Timestamp(7),
            act: None,
            events: Vec::new(),
        };
        assert!(self.keeper.wait(|s| s.take_step("churn", step)).unwrap());
    }

    /// From when on each address is told.
    fn since(&self) -> Vec<(String, i64)> {
        let notices = Desk::new(&self.home(), Arc::clone(&self.keeper)).notices().unwrap();
        assert!(
            notices.iter().all(|to| to.secret.as_deref() == Some("KEY") && to.model == "churn")
        );
        notices.into_iter().map(|notice| (notice.url, notice.since.0)).collect()
    }
}

#[test]
fn an_address_goes_on_where_it_was_as_long_as_its_file_is_deployed() {
    let bench = Bench::new();
    let (first, second) = ("https://example.com/a", "https://example.com/b");
    bench.deploy(&[first]);
    let before = bench.since();
    assert_eq!(before.len(), 1);
    bench.deploy(&[first, second]);
    let after = bench.since();
    assert_eq!((&after[0], after[1].0.as_str()), (&before[0], second));
    assert!(after[1].1 > before[0].1, "what is new hears what comes");
    undeploy(&bench.home(), "p").unwrap();
    assert_eq!(bench.since(), []);
    bench.deploy(&[first]);
    assert!(bench.since()[0].1 > after[1].1, "so does what was gone meanwhile");
}

#[test]
fn a_loop_that_waits_goes_on_when_the_version_is_declined() {
    let bench = Bench::new();
    bench.deploy(&[]);
    bench.register();
    let home = bench.home();
    let early = decline(&home, "churn", 2, "no").unwrap_err();
    assert!(early.message.contains("nobody waits for a word on version 2"), "{}", early.message);
    bench.stand(0, json!({"is": "waiting", "version": 2, "since": 6}));
    let found = standing(&home, "churn", LAST, &SystemClock).unwrap();
    assert_eq!((found.phase, found.version), (Some("waiting_for_approval"), Some(2)));
    let approval = found.approval.clone().unwrap();
    assert_eq!(approval.approve, "gristmill models promote churn 2 champion");
    assert!(found.headline().starts_with("waiting for approval of version 2 since 1970-01-01"));
    let other = decline(&home, "churn", 1, "no").unwrap_err();
    assert_eq!(other.hint.as_deref(), Some("it is version 2 that waits"));
    decline(&home, "churn", 2, "wrong on the north").unwrap();
    let last = bench.keeper.wait(|s| s.history("churn")).unwrap().pop().unwrap();
    assert_eq!((last.what, last.version), (WhatHappened::Refused, Some(2)));
    assert_eq!(last.note.why, "wrong on the north");
    let round = Loops::new(&home, Arc::clone(&bench.keeper)).round(SystemClock.now()).unwrap();
    assert_eq!(round.trouble, []);
    let found = standing(&home, "churn", LAST, &SystemClock).unwrap();
    assert_eq!((found.phase, found.approval), (Some("watching"), None));
    let retraining = found.retraining.unwrap();
    assert_eq!((retraining.rest, retraining.on), (Some("cooldown"), vec!["drift".to_string()]));
}

#[test]
fn a_person_who_is_called_as_the_loop_is_has_a_say_too() {
    for is_declined in [true, false] {
        let bench = Bench::new();
        bench.deploy(&[]);
        bench.register();
        bench.stand(0, json!({"is": "waiting", "version": 2, "since": 6}));
        let note = Note::new(Timestamp(8), WHO, "as I say");
        match is_declined {
            true => decline_by(&bench.keeper, "churn", 2, note).unwrap(),
            false => drop(bench.keeper.wait(|s| s.set_alias("churn", CHAMPION, 2, note)).unwrap()),
        }
        Loops::new(&bench.home(), Arc::clone(&bench.keeper)).round(SystemClock.now()).unwrap();
        let found = standing(&bench.home(), "churn", LAST, &SystemClock).unwrap();
        let phase = if is_declined { "watching" } else { "proving" };
        assert_eq!((found.phase, found.approval), (Some(phase), None));
    }
}

#[test]
fn a_version_that_proves_itself_does_so_until_a_moment() {
    let bench = Bench::new();
    bench.deploy(&[]);
    bench.register();
    bench.stand(0, json!({"is": "proving", "version": 1, "before": 2, "since": 6}));
    let found = standing(&bench.home(), "churn", LAST, &SystemClock).unwrap();
    assert_eq!((found.version, found.previous), (Some(1), Some(2)));
    assert_eq!(found.until, Some(Timestamp(6 + 7_200_000_000)));
}

#[test]
fn loops_are_counted_in_the_history() {
    let bench = Bench::new();
    bench.deploy(&[]);
    let mut desk = Desk::new(&bench.home(), Arc::clone(&bench.keeper));
    assert_eq!(desk.metrics().unwrap(), "", "nothing is registered yet");
    bench.register();
    bench.stand(0, json!({"is": "retraining", "run": "0".repeat(32), "since": 6, "why": "drift"}));
    for (what, who) in [
        // Of people, one of whom is called as the loop is.
        (WhatHappened::Refused, "monitor"),
        (WhatHappened::Retraining, "monitor"),
        (WhatHappened::Refused, "monitor"),
        (WhatHappened::Refused, "monitor"),
        (WhatHappened::Refused, "ada"),
    ] {
        let event = gristmill_track::NewEvent::new(what, Note::new(Timestamp(8), who, ""));
        bench.keeper.wait(|s| s.record_event("churn", event)).unwrap();
    }
    for _ in 0..2 {
        let text = desk.metrics().unwrap();
        assert!(
            text.contains("gristmill_loop_phase{model=\"churn\",phase=\"retraining\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("outcome=\"refused\"} 1\n"), "{text}");
        assert!(text.contains("outcome=\"promoted\"} 0\n"), "{text}");
    }
}
