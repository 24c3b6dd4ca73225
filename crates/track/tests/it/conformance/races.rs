//! What every store must do when many ask at once: threads, over two stores opened on one place.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use gristmill_track::*;
use serde_json::Value;

use super::{at, id, note, version};
use crate::block_on;

const CALLERS: usize = 8;

/// Runs all of it over two stores that stand on one empty place.
pub fn all(stores: [Arc<dyn Store>; 2]) {
    one_of_many_gets_a_lease(&stores);
    one_of_many_claims_an_occasion(&stores);
    versions_have_no_gaps(&stores);
    one_of_many_makes_a_model(&stores);
    names_are_exchanged_without_waiting_forever(&stores);
    lines_of_the_record_have_their_places(&stores);
    numbers_and_places_are_unique(&stores);
    one_of_many_makes_a_named_thing(&stores);
    one_of_many_sets_a_param(&stores);
    nothing_is_recorded_behind_the_back_of_the_next(&stores);
}

/// Starts `work` on every caller's thread at the same moment, the callers divided over the stores.
/// Each has a runtime of its own, as several threads of one server would.
fn at_once<T: Send>(
    stores: &[Arc<dyn Store>; 2],
    work: impl AsyncFn(&dyn Store, usize) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(CALLERS);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (start, work, store) = (&start, &work, &stores[caller % 2]);
                scope.spawn(move || {
                    start.wait();
                    block_on(work(store.as_ref(), caller))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

fn count(told: &[bool]) -> usize {
    told.iter().filter(|told| **told).count()
}

fn one_of_many_gets_a_lease(stores: &[Arc<dyn Store>; 2]) {
    for round in 0..10 {
        let told = at_once(stores, async |store, caller| {
            let holder = format!("caller {caller}");
            let (now, until) = (at(round), at(round + 1));
            store.acquire_lease("race", &holder, now, until).await.unwrap()
        });
        assert_eq!(count(&told), 1, "round {round}");
    }
}

fn one_of_many_claims_an_occasion(stores: &[Arc<dyn Store>; 2]) {
    let told = at_once(stores, async |store, caller| {
        let mut won = Vec::new();
        for key in 0..20 {
            let due = Due {
                deployment: "race".into(),
                trigger: "schedule".into(),
                key: key.to_string(),
                due: at(key),
                run: id(&format!("{caller} {key}")),
                claimed: at(key),
                payload: Value::Null,
            };
            won.extend(store.claim_due(due).await.unwrap().then_some(key));
        }
        won
    });
    let mut won: Vec<i64> = told.into_iter().flatten().collect();
    won.sort_unstable();
    assert_eq!(won, (0..20).collect::<Vec<_>>());
}

fn versions_have_no_gaps(stores: &[Arc<dyn Store>; 2]) {
    let numbers = at_once(stores, async |store, caller| {
        let mut numbers = Vec::new();
        for round in 0..5 {
            let new = version("race", &format!("{caller} {round}"), round);
            numbers.push(store.register(new).await.unwrap().version().version);
        }
        numbers
    });
    let numbers: BTreeSet<u32> = numbers.into_iter().flatten().collect();
    assert_eq!(numbers, (1..=5 * CALLERS as u32).collect());

    let same = at_once(stores, async |store, _| {
        let registered = store.register(version("race", "same", 9)).await.unwrap();
        matches!(registered, Registration::New(_))
    });
    assert_eq!(count(&same), 1);
}

fn one_of_many_makes_a_model(stores: &[Arc<dyn Store>; 2]) {
    let new = NewModel { name: "one".into(), note: note(1, ""), ..NewModel::default() };
    let made = at_once(stores, async |store, _| store.create_model(new.clone()).await.is_ok());
    assert_eq!(count(&made), 1);
    let numbers = at_once(stores, async |store, _| {
        store.create_version(version("one", "", 2)).await.unwrap().version
    });
    let numbers: BTreeSet<u32> = numbers.into_iter().collect();
    assert_eq!(numbers, (1..=CALLERS as u32).collect());
    at_once(stores, async |store, caller| {
        let entered = (caller as u32 + 1, Stage::Production, Others::Archived, note(3, ""));
        let (number, stage, others, note) = entered;
        store.set_stage("one", number, stage, others, note).await.unwrap();
    });
    let versions = block_on(stores[0].versions("one", Page::default())).unwrap();
    let held = versions.iter().filter(|version| version.stage == Stage::Production);
    assert_eq!(held.count(), 1, "whoever came last archived all others");
}

/// Each holds two names while it renames: always in one order.
fn names_are_exchanged_without_waiting_forever(stores: &[Arc<dyn Store>; 2]) {
    block_on(stores[0].ensure_model("left", at(1))).unwrap();
    at_once(stores, async |store, caller| {
        let names = if caller % 2 == 0 { ["left", "right"] } else { ["right", "left"] };
        for round in 0..10 {
            match store.rename_model(names[0], names[1], note(round, "")).await {
                Ok(_) | Err(TrackError::NotFound { .. } | TrackError::Exists { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    let left = block_on(stores[0].model("left")).is_ok();
    assert_ne!(left, block_on(stores[0].model("right")).is_ok());
}

fn lines_of_the_record_have_their_places(stores: &[Arc<dyn Store>; 2]) {
    at_once(stores, async |store, caller| {
        for round in 0..5 {
            let line = AuditLine {
                at: at(round),
                who: format!("race {caller}"),
                origin: String::new(),
                did: "race".into(),
                thing: String::new(),
                outcome: Outcome::Allowed,
            };
            store.record_audit(vec![line.clone(), line]).await.unwrap();
        }
    });
    let all = AuditQuery { page: Page { limit: 1_000, offset: 0 }, ..AuditQuery::default() };
    let lines = block_on(stores[0].audit(&all)).unwrap();
    assert_eq!(lines.iter().filter(|line| line.did == "race").count(), 10 * CALLERS);
}

fn numbers_and_places_are_unique(stores: &[Arc<dyn Store>; 2]) {
    block_on(async {
        stores[0].create_run(NewRun::new(id("race"), "race", at(0))).await.unwrap();
    });
    let numbers = at_once(stores, async |store, caller| {
        let name = format!("race {caller}");
        let new = NewExperiment { name: name.clone(), ..NewExperiment::default() };
        let experiment = store.create_experiment(new).await.unwrap().id;
        let event = NewEvent::new(WhatHappened::Alarm, note(1, &name));
        store.record_event("race", event).await.unwrap();
        let task = |part: usize| TaskRecord::new(format!("{name} {part}"), TaskStatus::Pending);
        store.record_tasks(id("race"), (0..200).map(task).collect()).await.unwrap();
        (experiment, store.raise("race", Value::Null, at(1)).await.unwrap())
    });
    let experiments: BTreeSet<_> = numbers.iter().map(|(experiment, _)| experiment).collect();
    let signals: BTreeSet<_> = numbers.iter().map(|(_, signal)| *signal).collect();
    assert_eq!(experiments.len(), CALLERS);
    assert_eq!(signals, (1..=CALLERS as u64).collect());
    // What came in one call stands together, in its order.
    let tasks = block_on(stores[1].tasks(id("race"))).unwrap();
    assert_eq!(tasks.len(), 200 * CALLERS);
    for (place, task) in tasks.iter().enumerate() {
        assert!(task.name.ends_with(&format!(" {}", place % 200)), "{} at {place}", task.name);
    }
}

fn one_of_many_makes_a_named_thing(stores: &[Arc<dyn Store>; 2]) {
    let run = |result: Result<Run>| match result {
        Ok(_) => true,
        Err(TrackError::Exists { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    let made = at_once(stores, async |store, _| {
        run(store.create_run(NewRun::new(id("once"), "once", at(0))).await)
    });
    assert_eq!(count(&made), 1);
    let made = at_once(stores, async |store, _| {
        let new = NewExperiment { name: "once".into(), ..NewExperiment::default() };
        match store.create_experiment(new).await {
            Ok(_) => true,
            Err(TrackError::Exists { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
    assert_eq!(count(&made), 1);
    at_once(stores, async |store, _| store.ensure_model("once", at(0)).await.unwrap());
}

fn one_of_many_sets_a_param(stores: &[Arc<dyn Store>; 2]) {
    let set = at_once(stores, async |store, caller| {
        match store.log(id("once"), Batch::default().param("winner", caller)).await {
            Ok(()) => true,
            Err(TrackError::ParamChanged { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    });
    assert_eq!(count(&set), 1);
}

fn nothing_is_recorded_behind_the_back_of_the_next(stores: &[Arc<dyn Store>; 2]) {
    let run = id("taken over");
    let (lease, first) = (Lease::of_run(run), Author::Holder("first".into()));
    block_on(async {
        stores[0].create_run(NewRun::new(run, "taken over", at(0))).await.unwrap();
        assert!(stores[0].acquire_lease(&lease, "first", at(0), at(5)).await.unwrap());
    });
    let recorded = async |store: &dyn Store| store.tasks(run).await.unwrap().len();
    let seen = at_once(stores, async |store, caller| {
        if caller == 0 {
            assert!(store.acquire_lease(&lease, "second", at(5), at(9)).await.unwrap());
            return Some(recorded(store).await);
        }
        for number in 0..1000 {
            let task = TaskRecord::new(format!("{caller} {number}"), TaskStatus::Succeeded);
            match store.record_tasks_as(run, &first, vec![task]).await {
                Ok(()) => {}
                Err(TrackError::Lost { .. }) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("nobody took over")
    });
    assert_eq!(seen[0], Some(block_on(recorded(stores[1].as_ref()))));
}
