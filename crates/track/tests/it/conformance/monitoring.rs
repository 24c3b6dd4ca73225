//! What every store must do for findings, and for the loops that go by them.

use gristmill_track::*;
use serde_json::{Value, json};

use super::{at, id, note, version};

const MODEL: &str = "watched";

pub async fn all(store: &dyn Store) {
    store.register(version(MODEL, "a", 1)).await.unwrap();
    store.register(version(MODEL, "b", 2)).await.unwrap();
    store.set_alias(MODEL, CHAMPION, 1, note(2, "first")).await.unwrap();
    findings_are_numbered(store).await;
    old_findings_are_forgotten_but_no_number_comes_twice(store).await;
    a_step_is_taken_once(store).await;
    a_step_that_cannot_be_done_leaves_nothing(store).await;
    an_alias_goes_back_from_where_it_was_thought_to_be(store).await;
    a_rule_holds_for_steps(store).await;
    a_claim_is_made_with_its_step(store).await;
    the_last_findings_are_found(store).await;
    who_was_told_is_told_no_more(store).await;
    a_step_is_left_for_webhooks(store).await;
    nobody_is_watched_by_another_name(store).await;
}

fn finding(value: Option<f64>, seconds: i64) -> NewFinding {
    NewFinding {
        version: 1,
        what: FindingKind::Drift,
        name: "share".into(),
        value,
        threshold: Some(0.3),
        alarm: value.is_some_and(|value| value > 0.3),
        rows: 5_000,
        from: at(seconds - 10),
        to: at(seconds),
        at: at(seconds),
        detail: json!({"columns": ["tenure"]}),
    }
}

fn step(after: u64, act: Option<LoopAct>, why: &str) -> LoopStep {
    let event = NewEvent {
        version: Some(2),
        run: Some(id("retrained")),
        detail: json!({"share": 0.5}),
        ..NewEvent::new(WhatHappened::Alarm, note(20, why))
    };
    let state = json!({"is": why});
    LoopStep { after, state, at: at(20), act, events: vec![event] }
}

fn promote(version: u32) -> LoopAct {
    let detail = json!({"difference": 0.02});
    LoopAct::Promote { alias: CHAMPION.into(), version, note: note(20, "better"), detail }
}

fn roll_back(from: u32) -> LoopAct {
    let detail = json!({"difference": -0.1});
    LoopAct::RollBack { alias: CHAMPION.into(), from, note: note(20, "worse"), detail }
}

async fn champion(store: &dyn Store) -> u32 {
    store.aliased(MODEL, CHAMPION).await.unwrap().version
}

async fn lines(store: &dyn Store) -> u64 {
    store.history(MODEL).await.unwrap().last().unwrap().number
}

async fn findings_are_numbered(store: &dyn Store) {
    let mut numbers = Vec::new();
    for (value, seconds) in [(Some(0.1), 5), (Some(0.5), 6), (None, 7)] {
        numbers.push(store.record_finding(MODEL, finding(value, seconds)).await.unwrap());
    }
    assert_eq!(numbers, [1, 2, 3]);
    let found = store.findings_after(MODEL, 1, 10).await.unwrap();
    let expected = [
        Finding { number: 2, found: finding(Some(0.5), 6) },
        Finding { number: 3, found: finding(None, 7) },
    ];
    assert_eq!(found, expected);
    assert_eq!(store.findings_after(MODEL, 0, 1).await.unwrap().len(), 1);
    assert!(store.findings_after(MODEL, 3, 10).await.unwrap().is_empty());
    let nobody = store.record_finding("nobody", finding(None, 7)).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
}

async fn old_findings_are_forgotten_but_no_number_comes_twice(store: &dyn Store) {
    assert_eq!(store.forget_findings(at(100)).await, Ok(2));
    let left = store.findings_after(MODEL, 0, 10).await.unwrap();
    assert_eq!(left.iter().map(|finding| finding.number).collect::<Vec<_>>(), [3]);
    assert_eq!(store.record_finding(MODEL, finding(None, 8)).await, Ok(4));
}

async fn a_step_is_taken_once(store: &dyn Store) {
    assert_eq!(store.loop_standing(MODEL).await, Ok(None));
    assert_eq!(store.take_step(MODEL, step(0, Some(promote(2)), "one")).await, Ok(true));
    let before = lines(store).await;
    assert_eq!(store.take_step(MODEL, step(0, Some(promote(1)), "again")).await, Ok(false));
    assert_eq!(store.take_step(MODEL, step(2, Some(promote(1)), "ahead")).await, Ok(false));
    assert_eq!((lines(store).await, champion(store).await), (before, 2));
    let standing = store.loop_standing(MODEL).await.unwrap().unwrap();
    assert_eq!(standing, LoopStanding { revision: 1, state: json!({"is": "one"}), at: at(20) });
    let last = store.history_after(MODEL, before - 2, 10).await.unwrap();
    let told: Vec<(WhatHappened, Option<u32>, &Value)> =
        last.iter().map(|event| (event.what, event.version, &event.detail)).collect();
    let expected = [
        (WhatHappened::AliasSet, Some(2), &json!({"difference": 0.02})),
        (WhatHappened::Alarm, Some(2), &json!({"share": 0.5})),
    ];
    assert_eq!(told, expected);
    assert_eq!(last[1].run, Some(id("retrained")));
}

async fn a_step_that_cannot_be_done_leaves_nothing(store: &dyn Store) {
    let before = lines(store).await;
    let nowhere = store.take_step(MODEL, step(1, Some(promote(9)), "nowhere")).await;
    assert!(matches!(nowhere, Err(TrackError::NotFound { .. })), "{nowhere:?}");
    let elsewhere = store.take_step(MODEL, step(1, Some(roll_back(1)), "elsewhere")).await;
    assert!(matches!(elsewhere, Err(TrackError::Invalid { .. })), "{elsewhere:?}");
    assert_eq!(store.loop_standing(MODEL).await.unwrap().unwrap().revision, 1);
    assert_eq!(lines(store).await, before);
}

async fn an_alias_goes_back_from_where_it_was_thought_to_be(store: &dyn Store) {
    assert_eq!(store.take_step(MODEL, step(1, Some(roll_back(2)), "two")).await, Ok(true));
    assert_eq!(champion(store).await, 1);
    let history = store.history(MODEL).await.unwrap();
    let back = history.iter().find(|event| event.what == WhatHappened::RolledBack).unwrap();
    assert_eq!(back.detail, json!({"difference": -0.1}));
}

async fn a_rule_holds_for_steps(store: &dyn Store) {
    let approvals = vec![Approval::By("anna".into())];
    let rule = |approvals| AliasRule { model: MODEL.into(), alias: CHAMPION.into(), approvals };
    store.set_alias_rule(rule(approvals), note(21, "")).await.unwrap();
    let refused = store.take_step(MODEL, step(2, Some(promote(2)), "unasked")).await;
    assert!(matches!(refused, Err(TrackError::NotApproved { .. })), "{refused:?}");
    assert_eq!(champion(store).await, 1);
    store.set_alias_rule(rule(Vec::new()), note(21, "")).await.unwrap();
    assert_eq!(store.take_step(MODEL, step(2, None, "three")).await, Ok(true));
}

async fn a_claim_is_made_with_its_step(store: &dyn Store) {
    let due = Due {
        deployment: "loops".into(),
        trigger: "monitor drift".into(),
        key: "4".into(),
        due: at(20),
        run: id("retrained"),
        claimed: at(20),
        payload: json!({}),
    };
    let claim = Some(LoopAct::Claim(due.clone()));
    assert_eq!(store.take_step(MODEL, step(2, claim.clone(), "late")).await, Ok(false));
    assert_eq!(store.last_due("loops", "monitor drift").await, Ok(None));
    assert_eq!(store.take_step(MODEL, step(3, claim, "four")).await, Ok(true));
    assert_eq!(store.last_due("loops", "monitor drift").await, Ok(Some(due)));
}

async fn the_last_findings_are_found(store: &dyn Store) {
    let numbers = async |limit| {
        let found = store.last_findings(MODEL, limit).await.unwrap();
        found.iter().map(|finding| finding.number).collect::<Vec<_>>()
    };
    assert_eq!((numbers(1).await, numbers(10).await), (vec![4], vec![3, 4]));
    let nobody = store.last_findings("nobody", 1).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
}

async fn who_was_told_is_told_no_more(store: &dyn Store) {
    let up_to = async |target, since| store.told_up_to(MODEL, target, at(since)).await;
    let history = store.history(MODEL).await.unwrap();
    let before = history.iter().filter(|event| event.note.at <= at(19)).map(|event| event.number);
    let (before, last) = (before.max().unwrap(), lines(store).await);
    assert!(before < last, "some lines are of before, and some of later");
    assert_eq!((up_to("a", 0).await, up_to("a", 19).await), (Ok(0), Ok(before)));
    store.told(MODEL, "a", before + 1).await.unwrap();
    store.told(MODEL, "a", before).await.unwrap();
    assert_eq!((up_to("a", 0).await, up_to("a", 100).await), (Ok(before + 1), Ok(last)));
    assert_eq!(up_to("b", 0).await, Ok(0), "each target has a place of its own");
    store.register(version("short", "a", 23)).await.unwrap();
    store.told("short", "a", 1).await.unwrap();
    store.delete_model("short").await.unwrap();
    store.register(version("short", "a", 24)).await.unwrap();
    assert_eq!(store.told_up_to("short", "a", at(0)).await, Ok(0), "it went with its model");
    store.delete_model("short").await.unwrap();
    let nobody = store.told("nobody", "a", 1).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
    let nobody = store.told_up_to("nobody", "a", at(0)).await;
    assert!(matches!(nobody, Err(TrackError::NotFound { .. })), "{nobody:?}");
}

async fn a_step_is_left_for_webhooks(store: &dyn Store) {
    let event = WebhookEvent::MonitorStep;
    let webhook = Webhook {
        id: "steps".into(),
        name: "steps".into(),
        url: "https://example.com".into(),
        description: String::new(),
        secret: None,
        status: WebhookStatus::Active,
        events: vec![event],
        created: at(1),
        updated: at(1),
    };
    store.create_webhook(webhook).await.unwrap();
    store.register(version("unwatched", "a", 23)).await.unwrap();
    store.set_alias("unwatched", CHAMPION, 1, note(23, "nobody watches it")).await.unwrap();
    let after = store.loop_standing(MODEL).await.unwrap().unwrap().revision;
    assert_eq!(store.take_step(MODEL, step(after, None, "five")).await, Ok(true));
    store
        .record_event(MODEL, NewEvent::new(WhatHappened::Refused, note(24, "by hand")))
        .await
        .unwrap();
    store.delete_webhook("steps").await.unwrap();
    store.delete_model("unwatched").await.unwrap();
    let left = store.take_untold(10).await.unwrap();
    let told: Vec<_> =
        left.iter().map(|left| (left.event, left.model.as_str(), left.line)).collect();
    let last = lines(store).await;
    assert_eq!(told, [(event, MODEL, Some(last - 1)), (event, MODEL, Some(last))]);
}

async fn nobody_is_watched_by_another_name(store: &dyn Store) {
    store.rename_model(MODEL, "renamed watched", note(22, "")).await.unwrap();
    let standing = store.loop_standing("renamed watched").await.unwrap();
    assert_eq!(standing.map(|standing| standing.revision), Some(5));
    assert!(store.told_up_to("renamed watched", "a", at(0)).await.unwrap() > 0);
    assert_eq!(store.findings_after("renamed watched", 0, 10).await.unwrap().len(), 2);
    assert!(store.loop_standing(MODEL).await.is_err());
}
