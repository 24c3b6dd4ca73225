//! The page of a model whose loop did all that a loop does, in a home of its own.

use std::sync::Arc;

use gristmill_core::{FixedClock, Timestamp};
use gristmill_track::{
    CHAMPION, FindingKind, LoopAct, LoopStep, NewEvent, NewFinding, NewVersion, Note, RunId,
    WhatHappened,
};
use serde_json::{Value, json};

use crate::keeper::Keeper;
use crate::monitor::{Meeting, SliceMeeting};
use crate::{Comparison, Contender, Home, PairedDifference, model_report};

/// By which name the loop moves aliases.
const WHO: &str = "monitor";
const HOUR: i64 = 3_600_000_000;
/// 2026-09-01 00:00 UTC.
const START: i64 = 1_788_220_800_000_000;
/// A name that would like to be markup.
const NAME: &str = "churn <b onclick=\"alert(1)\"> & 'co'";

/// A home in which moments are hours after the start.
struct Bench {
    folder: tempfile::TempDir,
    keeper: Arc<Keeper>,
    steps: u64,
}

fn at(hours: i64) -> Timestamp {
    Timestamp(START + hours * HOUR)
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Arc::new(Keeper::open(&Home::at(folder.path())).unwrap());
        Self { folder, keeper, steps: 0 }
    }

    fn register(&self, hours: i64, digest: &str, accuracy: f64) {
        let new = NewVersion {
            metrics: json!({"accuracy": accuracy, "roc_auc": accuracy + 0.05}),
            ..NewVersion::new(NAME, digest, "p", Note::new(at(hours), "run 0a1b2c3d", "trained"))
        };
        self.keeper.wait(|s| s.register(new)).unwrap();
    }

    fn find(&self, hours: i64, version: u32, what: FindingKind, value: f64) {
        let (name, threshold) = match what {
            FindingKind::Drift => ("share", 0.3),
            _ => ("accuracy", 0.78),
        };
        let alarm = if what == FindingKind::Drift { value > threshold } else { value < threshold };
        let finding = NewFinding {
            version,
            what,
            name: name.into(),
            value: Some(value),
            threshold: Some(threshold),
            alarm,
            rows: 5_000,
            from: at(hours - 6),
            to: at(hours),
            at: at(hours),
            detail: Value::Null,
        };
        self.keeper.wait(|s| s.record_finding(NAME, finding)).unwrap();
    }

    fn step(&mut self, hours: i64, act: Option<LoopAct>, events: Vec<NewEvent>, phase: Value) {
        let state = json!({"phase": phase, "champion": 2, "alarms": {"drift": {"since": at(1_210),
            "words": "50 % of the columns have moved (tenure, contract) in 5,000 rows"}}});
        let step = LoopStep { after: self.steps, state, at: at(hours), act, events };
        assert!(self.keeper.wait(|s| s.take_step(NAME, step)).unwrap());
        self.steps += 1;
    }

    fn tell(&mut self, hours: i64, what: WhatHappened, version: u32, why: &str, detail: Value) {
        let note = Note::new(at(hours), WHO, why);
        let run =
            (what == WhatHappened::Retraining).then(|| RunId::from_parts(&[b"run".as_slice()]));
        let event = NewEvent { version: Some(version), run, detail, ..NewEvent::new(what, note) };
        self.step(hours, None, vec![event], json!({"is": "watching"}));
    }

    fn html(&self) -> String {
        let clock = FixedClock(at(1_440));
        model_report(&Home::at(self.folder.path()), NAME, &clock).unwrap().html
    }
}

fn meeting(ours: u32, theirs: u32, promoted: bool) -> Meeting {
    let contender =
        |version: u32| Contender { version, score: Some(0.8 + f64::from(version) / 100.0) };
    let difference = PairedDifference {
        value: 0.0104,
        low: 0.0021,
        high: 0.0188,
        confidence: 0.95,
        p_value: 0.012,
        groups: None,
    };
    let slice = |value: &str, worse| SliceMeeting {
        column: "contract".into(),
        value: value.into(),
        rows: 1_204,
        challenger: 0.79,
        champion: 0.82,
        worse,
    };
    Meeting {
        comparison: Comparison {
            alias: CHAMPION.into(),
            promoted,
            metric: "accuracy".into(),
            rows: 5_000,
            challenger: contender(ours),
            champion: contender(theirs),
            difference: Some(difference),
            reason: (!promoted).then(|| "it is surely worse where `contract` is Two year".into()),
            caveat: Some("compared on the latest labelled requests".into()),
        },
        slices: vec![slice("Two year", !promoted), slice("<i>Month-to-month</i>", false)],
    }
}

fn promote(hours: i64, version: u32, meeting: Option<&Meeting>) -> Option<LoopAct> {
    let why = meeting.map_or_else(|| "no version held it".into(), |met| met.comparison.words());
    let detail = serde_json::to_value(meeting).unwrap();
    let note = Note::new(at(hours), WHO, why);
    Some(LoopAct::Promote { alias: CHAMPION.into(), version, note, detail })
}

/// Two months of a model: trained, drifted, trained anew, refused, promoted, rolled back, asked about.
fn lived() -> Bench {
    let mut bench = Bench::new();
    let watching = || json!({"is": "watching"});
    bench.register(0, "a", 0.83);
    bench.step(1, promote(1, 1, None), Vec::new(), watching());
    let wave = |hours: i64| ((hours as f64) / 37.0).sin() * 0.02;
    for hours in (6..1_440).step_by(12) {
        let (version, since) = match hours {
            ..400 => (1, 0),
            400..760 => (2, 400),
            760..840 => (3, 760),
            _ => (2, 600),
        };
        let age = (hours - since) as f64;
        let moved = (0.05 + age / 900.0 + 2.0 * wave(hours)).clamp(0.0, 1.0);
        bench.find(hours, version, FindingKind::Drift, (moved * 20.0).round() / 20.0);
        let fall = if version == 3 { 0.09 } else { age / 9_000.0 };
        bench.find(hours, version, FindingKind::Estimate, 0.845 - fall * 0.8 + wave(hours) / 2.0);
        if hours % 36 == 6 {
            bench.find(hours, version, FindingKind::Performance, 0.84 - fall + wave(hours));
        }
    }
    let finding = |share: f64| {
        json!({"finding": {"number": 60, "version": 1, "what": "drift", "name": "share", "value": share,
            "threshold": 0.3, "alarm": true, "rows": 5000, "from": at(300), "to": at(306), "at": at(306),
            "detail": null}})
    };
    let moved = "40 % of the columns have moved (tenure, contract) in 5,000 rows";
    bench.tell(306, WhatHappened::Alarm, 1, moved, finding(0.4));
    let laid = json!({"learned": 8000, "compared": 5000});
    bench.tell(307, WhatHappened::Retraining, 1, &format!("drift: {moved}"), laid.clone());
    bench.register(320, "b", 0.81);
    let refused = meeting(2, 1, false);
    let words = refused.comparison.words();
    bench.tell(321, WhatHappened::Refused, 2, &words, serde_json::to_value(&refused).unwrap());
    bench.tell(380, WhatHappened::Retraining, 1, &format!("drift: {moved}"), laid.clone());
    bench.step(400, promote(400, 2, Some(&meeting(2, 1, true))), Vec::new(), watching());
    bench.tell(424, WhatHappened::WatchPassed, 2, "it did well", Value::Null);
    bench.tell(740, WhatHappened::Retraining, 2, "performance: `accuracy` is 0.7712", laid);
    bench.register(755, "c", 0.86);
    bench.step(760, promote(760, 3, Some(&meeting(3, 2, true))), Vec::new(), watching());
    let note = Note::new(at(840), WHO, "version 2 would have done better");
    let detail = serde_json::to_value(meeting(2, 3, true)).unwrap();
    let back = LoopAct::RollBack { alias: CHAMPION.into(), from: 3, note, detail };
    bench.step(840, Some(back), Vec::new(), watching());
    bench.tell(1_210, WhatHappened::Alarm, 2, moved, finding(0.5));
    bench.register(1_300, "d", 0.87);
    let note = Note::new(at(1_301), WHO, "it is better; a person must approve");
    let asked = meeting(4, 2, true);
    let asked = NewEvent {
        version: Some(4),
        detail: serde_json::to_value(asked).unwrap(),
        ..NewEvent::new(WhatHappened::ApprovalAsked, note)
    };
    let waiting = json!({"is": "waiting", "version": 4, "since": at(1_301)});
    bench.step(1_301, None, vec![asked], waiting);
    bench
}

#[test]
fn the_page_shows_what_the_loop_did_and_why() {
    let html = lived().html();
    // For a look at it in a browser.
    if let Some(path) = std::env::var_os("GRISTMILL_PAGE") {
        fs_err::write(path, &html).unwrap();
    }
    let count = |what: &str| html.matches(what).count();
    assert_eq!(count("<details"), 10, "2 alarms, 3 retrainings, 5 comparisons");
    for said in [
        "Waiting for approval of version 4",
        "Surely worse",
        "95 % interval",
        "Drift since 2026-10-21 10:00",
        // What a person copies into a shell is one word, whatever it would like to be.
        r"gristmill models decline 'churn &lt;b onclick=&quot;alert(1)&quot;&gt; &amp; '\''co'\''' 4",
        "accuracy, estimated",
        "threshold",
    ] {
        assert!(html.contains(said), "{said}");
    }
    // A line through the charts for each mark, and a sign for each.
    for (class, marks) in [("s2", 3), ("s7", 1), ("s3", 1), ("s4", 3)] {
        assert_eq!(count(&format!("class=\"event {class}\"")), marks, "{class}");
    }
}

#[test]
fn whatever_a_model_is_called_is_text() {
    let html = lived().html();
    assert!(html.contains("churn &lt;b onclick=&quot;alert(1)&quot;&gt; &amp; 'co'"));
    assert!(!html.contains("<b ") && !html.contains("<i>"));
    assert_eq!(html.matches("<script").count(), 1, "only ours");
    assert!(!html.contains("://"), "nothing is fetched");
}

#[test]
fn a_table_is_one_on_a_narrow_screen_too() {
    let html = lived().html();
    for role in ["table", "row", "columnheader", "cell"] {
        assert!(html.contains(&format!("role=\"{role}\"")), "{role}");
    }
    assert!(html.contains("<desc>2 charts over time."), "charts are told of in words");
}

#[test]
fn a_model_that_nobody_watches_has_a_page_too() {
    let bench = Bench::new();
    bench.register(0, "a", 0.83);
    let html = bench.html();
    assert!(html.contains("No deployed file watches it"));
    assert!(html.contains("Nothing was found of it yet"));
}
