//! What every store must do for a scheduler: leases, deployments, dues and signals.

use gristmill_track::*;
use serde_json::{Value, json};

use super::{at, id, new_run};

pub async fn all(store: &dyn Store) {
    a_lease_has_one_holder(store).await;
    whoever_lost_a_run_records_nothing(store).await;
    deployments_are_replaced_and_taken_out(store).await;
    a_deployed_text_is_kept_once(store).await;
    an_occasion_is_claimed_once(store).await;
    dues_are_open_until_their_run_ends(store).await;
    signals_count_up(store).await;
}

async fn a_lease_has_one_holder(store: &dyn Store) {
    let acquire = async |holder, now, until| {
        store.acquire_lease("scheduler", holder, at(now), at(until)).await.unwrap()
    };
    assert_eq!(store.lease("scheduler").await.unwrap(), None);
    assert!(acquire("a", 0, 10).await);
    assert!(!acquire("b", 9, 20).await);
    assert!(acquire("a", 9, 19).await, "its holder keeps it");
    assert!(!acquire("b", 18, 30).await);
    assert!(acquire("b", 19, 30).await, "its time was over");
    assert!(!acquire("a", 20, 40).await);
    store.release_lease("scheduler", "a").await.unwrap();
    let held = Lease { name: "scheduler".into(), holder: "b".into(), until: at(30) };
    assert_eq!(store.lease("scheduler").await.unwrap(), Some(held));
    let renew =
        async |holder, until| store.renew_lease("scheduler", holder, at(until)).await.unwrap();
    assert!(renew("b", 40).await, "its holder keeps it");
    assert!(!renew("a", 90).await, "whoever lost it learns of it, whatever the time");
    assert_eq!(store.lease("scheduler").await.unwrap().unwrap().until, at(40));
    store.release_lease("scheduler", "b").await.unwrap();
    assert_eq!(store.lease("scheduler").await.unwrap(), None);
    assert!(!renew("b", 90).await, "what was given back is not kept");
    assert!(acquire("a", 0, 1).await);
    let refused = store.acquire_lease("", "a", at(0), at(1)).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
}

async fn whoever_lost_a_run_records_nothing(store: &dyn Store) {
    let run = new_run(store, "leased").await;
    let lease = Lease::of_run(run);
    let task = |name: &str| vec![TaskRecord::new(name, TaskStatus::Succeeded)];
    let anyone = |name: &str| Author::Anyone(name.into());
    let holder = |name: &str| Author::Holder(name.into());
    store.record_tasks_as(run, &anyone("a"), task("before any lease")).await.unwrap();
    let refused = store.record_tasks_as(run, &holder("a"), task("without the lease")).await;
    assert!(matches!(refused, Err(TrackError::Lost { holder: None, .. })), "{refused:?}");
    assert!(store.acquire_lease(&lease, "a", at(0), at(10)).await.unwrap());
    store.record_tasks_as(run, &holder("a"), task("in time")).await.unwrap();
    let refused = store.record_tasks_as(run, &anyone("b"), task("by a stranger")).await;
    assert!(matches!(refused, Err(TrackError::Lost { .. })), "{refused:?}");
    assert!(store.acquire_lease(&lease, "b", at(11), at(20)).await.unwrap());
    let error = store.record_tasks_as(run, &anyone("a"), task("too late")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("another process took over run `{run}`"));
    assert_eq!(error.kind(), gristmill_core::ErrorKind::Input);
    assert!(error.hint().unwrap().contains("`b`"), "{error:?}");
    store.record_tasks_as(run, &holder("b"), task("by the next")).await.unwrap();
    let ended = |status| RunUpdate::ended(status, at(15));
    let refused = store.update_run_as(run, &holder("a"), ended(RunStatus::Failed)).await;
    assert!(matches!(refused, Err(TrackError::Lost { .. })), "{refused:?}");
    let done = store.update_run_as(run, &holder("b"), ended(RunStatus::Succeeded)).await.unwrap();
    assert_eq!(done.status, RunStatus::Succeeded);
    store.release_lease(&lease, "b").await.unwrap();
    let refused = store.update_run_as(run, &holder("a"), ended(RunStatus::Failed)).await;
    assert!(matches!(refused, Err(TrackError::Lost { .. })), "given back by another: {refused:?}");
    store.record_tasks_as(run, &anyone("c"), task("after it was given back")).await.unwrap();
    let names: Vec<_> = store.tasks(run).await.unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["before any lease", "in time", "by the next", "after it was given back"]);
    assert!(store.record_tasks_as(id("nobody"), &anyone("a"), Vec::new()).await.is_err());
}

async fn deployments_are_replaced_and_taken_out(store: &dyn Store) {
    let first = Deployment {
        settings: json!({"data.split.test": 0.3}),
        ..Deployment::new("churn", "deployments/churn/1", "churn.yaml", "d1", at(1))
    };
    store.deploy(first.clone()).await.unwrap();
    assert_eq!(store.deployment("churn").await.unwrap(), first);
    let second = Deployment::new("churn", "deployments/churn/2", "churn.yaml", "d2", at(2));
    store.deploy(second.clone()).await.unwrap();
    let house = Deployment::new("Häuser", "deployments/h", "h.yaml", "d", at(3));
    store.deploy(house.clone()).await.unwrap();
    assert_eq!(store.deployments().await.unwrap(), [house, second.clone()]);

    store.undeploy("churn", at(4)).await.unwrap();
    let gone = store.deployment("churn").await.unwrap();
    assert!(!gone.is_active());
    assert_eq!(gone, Deployment { undeployed: Some(at(4)), ..second.clone() });
    let error = store.undeploy("churn", at(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "deployment `churn` not found");
    let error = store.deployment("Hauser").await.unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `Häuser`?"));
    store.deploy(second.clone()).await.unwrap();
    assert!(store.deployment("churn").await.unwrap().is_active());
    let refused = store.deploy(Deployment { name: " ".into(), ..second }).await;
    assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
}

async fn a_deployed_text_is_kept_once(store: &dyn Store) {
    let snapshot = |text: &str, seconds| Snapshot {
        digest: "d1".into(),
        text: text.into(),
        since: at(seconds),
    };
    assert_eq!(store.snapshot("d1").await.unwrap(), None);
    store.keep_snapshot(snapshot("{}", 1)).await.unwrap();
    store.keep_snapshot(snapshot("other", 2)).await.unwrap();
    assert_eq!(store.snapshot("d1").await.unwrap(), Some(snapshot("{}", 2)));
    store.keep_snapshot(Snapshot { digest: "d2".into(), ..snapshot("ä", 3) }).await.unwrap();
    let all = [("d1".to_string(), at(2)), ("d2".to_string(), at(3))];
    assert_eq!(store.snapshots().await.unwrap(), all);
    assert!(!store.forget_snapshot("d1", at(2)).await.unwrap(), "it is kept since then");
    assert!(store.forget_snapshot("d1", at(3)).await.unwrap());
    assert!(!store.forget_snapshot("d1", at(3)).await.unwrap());
    assert_eq!(store.snapshots().await.unwrap(), all[1..]);
    for text in ["a\0", &"x".repeat(MAX_SNAPSHOT_BYTES + 1)] {
        let refused = store.keep_snapshot(snapshot(text, 4)).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
    store.keep_snapshot(snapshot(&"x".repeat(MAX_SNAPSHOT_BYTES), 5)).await.unwrap();
}

fn due(trigger: &str, key: &str, seconds: i64) -> Due {
    Due {
        deployment: "nightly".into(),
        trigger: trigger.into(),
        key: key.into(),
        due: at(seconds),
        run: id(&format!("{trigger} {key}")),
        claimed: at(seconds + 1),
        payload: Value::Null,
    }
}

async fn an_occasion_is_claimed_once(store: &dyn Store) {
    let monday = Due { payload: json!({"rows": [1, null]}), ..due("schedule", "monday", 100) };
    assert!(store.claim_due(monday.clone()).await.unwrap());
    let again = Due { run: id("another"), due: at(7), ..monday.clone() };
    assert!(!store.claim_due(again).await.unwrap());
    let hook = due("webhook", "monday", 300);
    assert!(store.claim_due(hook.clone()).await.unwrap());
    let tuesday = due("schedule", "tuesday", 200);
    assert!(store.claim_due(tuesday.clone()).await.unwrap());
    let elsewhere = Due { deployment: "other".into(), ..monday.clone() };
    assert!(store.claim_due(elsewhere).await.unwrap());

    let all = Page::default();
    let found = store.dues("nightly", all).await.unwrap();
    assert_eq!(found, [hook, tuesday.clone(), monday.clone()]);
    let page = Page { limit: 1, offset: 1 };
    assert_eq!(store.dues("nightly", page).await.unwrap(), std::slice::from_ref(&tuesday));
    assert_eq!(store.last_due("nightly", "schedule").await.unwrap(), Some(tuesday));
    assert_eq!(store.last_due("nightly", "file").await.unwrap(), None);
    assert_eq!(store.dues("nobody", all).await.unwrap(), []);
    for bad in
        [Due { trigger: String::new(), ..monday.clone() }, Due { key: "\0".into(), ..monday }]
    {
        let refused = store.claim_due(bad).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
}

/// The runs of the open dues of a sort, as this test named them.
async fn open(store: &dyn Store, trigger: &str) -> Vec<String> {
    let open = store.open_dues().await.unwrap().into_iter();
    open.filter(|due| due.trigger == trigger).map(|due| due.key).collect()
}

async fn dues_are_open_until_their_run_ends(store: &dyn Store) {
    for (key, seconds) in [("c", 3), ("b", 2), ("a", 1), ("d", 4)] {
        assert!(store.claim_due(due("file", key, seconds)).await.unwrap());
    }
    assert_eq!(open(store, "file").await, ["a", "b", "c", "d"]);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|key| format!("file {key}"));
    for name in [&a, &b, &c, &d] {
        new_run(store, name).await;
    }
    let status = async |name: &str, status| {
        let update = RunUpdate { status: Some(status), ..RunUpdate::default() };
        store.update_run(id(name), update).await.unwrap();
    };
    status(&a, RunStatus::Interrupted).await;
    status(&b, RunStatus::Failed).await;
    assert_eq!(open(store, "file").await, ["a", "c", "d"]);
    status(&a, RunStatus::Running).await;
    status(&a, RunStatus::Succeeded).await;
    status(&b, RunStatus::Running).await;
    assert_eq!(open(store, "file").await, ["b", "c", "d"]);
    // Put away, and then forgotten: nobody waits for it any more.
    store.set_run_lifecycle(id(&c), Lifecycle::Deleted, at(9)).await.unwrap();
    assert_eq!(open(store, "file").await, ["b", "d"]);
    store.purge_run(id(&c)).await.unwrap();
    assert_eq!(open(store, "file").await, ["b", "d"]);
    assert_eq!(store.dues("nightly", Page::default()).await.unwrap().len(), 7);
}

async fn signals_count_up(store: &dyn Store) {
    assert_eq!(store.signals_after(0, 10).await.unwrap(), []);
    for number in 1..=3 {
        let raised = store.raise("drift", json!({"number": number}), at(number)).await.unwrap();
        assert_eq!(raised, number as u64);
    }
    let found = store.signals_after(1, 10).await.unwrap();
    assert_eq!(found.iter().map(|signal| signal.number).collect::<Vec<_>>(), [2, 3]);
    let second =
        Signal { number: 2, name: "drift".into(), payload: json!({"number": 2}), at: at(2) };
    assert_eq!(store.signals_after(1, 1).await.unwrap(), [second]);
    assert_eq!(store.signals_after(3, 10).await.unwrap(), []);
    assert_eq!(store.signals_after(u64::MAX, 10).await.unwrap(), []);
    assert!(store.raise("\n", Value::Null, at(1)).await.is_err());
}
