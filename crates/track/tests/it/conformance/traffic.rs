//! What every store must do for plans of traffic and outcomes of A/B tests.

use gristmill_track::*;

use super::{at, note, version};

pub async fn all(store: &dyn Store) {
    a_plan_is_kept_with_its_reason(store).await;
    what_is_no_plan_is_refused(store).await;
    a_test_goes_on_between_the_same_versions(store).await;
    outcomes_are_counted_once(store).await;
    a_rule_of_the_champion_binds_who_answers_in_its_place(store).await;
}

/// A model of three versions, whose champion is the first.
async fn model(store: &dyn Store, name: &str) {
    for digest in ["a", "b", "c"] {
        store.register(version(name, digest, 1)).await.unwrap();
    }
    store.set_alias(name, CHAMPION, 1, note(1, "")).await.unwrap();
}

fn canary(to: VersionRef, percent: f64) -> TrafficPlan {
    TrafficPlan { canary: Some(Canary { to, percent }), ..TrafficPlan::default() }
}

fn ab_test(treatment: VersionRef, percent: f64, alpha: f64) -> TrafficPlan {
    let ab_test = Some(AbTest { treatment, percent, alpha });
    TrafficPlan { ab_test, ..TrafficPlan::default() }
}

async fn a_plan_is_kept_with_its_reason(store: &dyn Store) {
    model(store, "divided").await;
    assert_eq!(store.traffic("divided").await.unwrap(), Traffic::default());
    let shadow = Some(VersionRef::Number(3));
    let plan = TrafficPlan { shadow, ..canary(VersionRef::Number(2), 12.5) };
    let set = store.set_traffic("divided", plan.clone(), note(7, "try it")).await.unwrap();
    assert_eq!(set, Traffic { plan, test: None });
    assert_eq!(store.traffic("divided").await.unwrap(), set);
    store.set_traffic("divided", TrafficPlan::default(), note(8, "")).await.unwrap();
    assert!(store.traffic("divided").await.unwrap().plan.is_empty());
    let history = store.history("divided").await.unwrap();
    let [.., set, cleared] = history.as_slice() else { panic!("{history:?}") };
    assert_eq!(
        (set.what, set.note.at, set.note.who.as_str()),
        (WhatHappened::TrafficSet, at(7), "tester")
    );
    assert_eq!(set.note.why, "canary 2 12.5 %, shadow 3: try it");
    assert_eq!(cleared.note.why, "no plan");
    assert_eq!(store.model("divided").await.unwrap().updated, at(8));
    store.set_traffic("divided", canary(VersionRef::Number(2), 1.0), note(9, "")).await.unwrap();
    store.rename_model("divided", "shared", note(9, "")).await.unwrap();
    assert!(!store.traffic("shared").await.unwrap().plan.is_empty(), "a new name keeps the plan");
    store.delete_model("shared").await.unwrap();
    model(store, "shared").await;
    assert!(store.traffic("shared").await.unwrap().plan.is_empty());
}

async fn what_is_no_plan_is_refused(store: &dyn Store) {
    model(store, "odd").await;
    let both = TrafficPlan {
        ab_test: ab_test(VersionRef::Number(2), 50.0, 0.05).ab_test,
        ..canary(VersionRef::Number(2), 5.0)
    };
    let nobody = VersionRef::Alias("nobody".into());
    for (plan, words) in [
        (canary(VersionRef::Number(2), 0.0), "the percentage of the canary is 0"),
        (canary(VersionRef::Number(2), f64::NAN), "is NaN"),
        (canary(VersionRef::Number(2), 100.5), "is 100.5, expected a number above 0, at most 100"),
        (canary(VersionRef::Number(9), 5.0), "not found"),
        (canary(nobody.clone(), 5.0), "alias `odd@nobody` not found"),
        (TrafficPlan { shadow: Some(nobody), ..TrafficPlan::default() }, "not found"),
        (
            ab_test(VersionRef::Number(2), 100.0, 0.05),
            "is 100, expected a number between 0 and 100",
        ),
        (ab_test(VersionRef::Number(2), 50.0, 0.6), "`alpha` of the A/B test is 0.6"),
        (ab_test(VersionRef::Number(1), 50.0, 0.05), "version 1, which answers `odd` already"),
        (both, "one of them: both divide requests"),
    ] {
        let refused = store.set_traffic("odd", plan, note(2, "")).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert!(store.traffic("odd").await.unwrap().plan.is_empty());
    assert!(store.traffic("nobody").await.is_err());
}

async fn a_test_goes_on_between_the_same_versions(store: &dyn Store) {
    model(store, "tested").await;
    store.set_alias("tested", "challenger", 2, note(2, "")).await.unwrap();
    let set = async |plan, seconds| {
        store.set_traffic("tested", plan, note(seconds, "")).await.unwrap().test.unwrap()
    };
    let challenger = VersionRef::Alias("challenger".into());
    let first = set(ab_test(challenger, 50.0, 0.05), 5).await;
    assert_eq!((first.control, first.treatment, first.began), (1, 2, at(5)));
    let last = store.history("tested").await.unwrap().pop().unwrap();
    assert_eq!(first.number, last.number, "it is called by the line that tells of it");
    let shadow = Some(VersionRef::Number(3));
    let shadowed = TrafficPlan { shadow, ..ab_test(VersionRef::Number(2), 50.0, 0.01) };
    assert_eq!(set(shadowed, 6).await, first);
    let wider = set(ab_test(VersionRef::Number(2), 60.0, 0.05), 7).await;
    assert!(wider.number > first.number, "who was in which arm is another question now");
    let other = set(ab_test(VersionRef::Number(3), 50.0, 0.05), 8).await;
    assert_eq!((other.treatment, other.number > first.number), (3, true));
}

async fn outcomes_are_counted_once(store: &dyn Store) {
    model(store, "counted").await;
    let outcome = |id: &str, arm, value| PredictionOutcome { id: id.into(), arm, value };
    let record =
        async |test, outcomes| store.record_outcomes("counted", test, outcomes, at(3)).await;
    let sent = vec![
        outcome("a", Arm::Control, 1.0),
        outcome("b", Arm::Control, 3.0),
        outcome("c", Arm::Treatment, 1e9),
        outcome("a", Arm::Control, 9.0),
    ];
    assert_eq!(record(4, sent.clone()).await, Ok(3));
    assert_eq!(record(4, sent).await, Ok(0), "an outcome that is sent again counts once");
    assert_eq!(record(5, vec![outcome("a", Arm::Treatment, 0.0)]).await, Ok(1));
    let totals = store.outcome_totals("counted", 4).await.unwrap();
    // By hand: the mean of 1 and 3 is 2, and each is 1 away from it.
    assert_eq!(totals.control, ArmTotals { count: 2, mean: 2.0, squares: 2.0 });
    assert_eq!(totals.treatment, ArmTotals { count: 1, mean: 1e9, squares: 0.0 });
    assert_eq!(store.outcome_totals("counted", 6).await.unwrap(), TestTotals::default());
    let many = (0..1_200).map(|n| outcome(&n.to_string(), Arm::Control, 1e6 + f64::from(n % 2)));
    assert_eq!(record(7, many.collect()).await, Ok(1_200));
    let totals = store.outcome_totals("counted", 7).await.unwrap().control;
    // By hand: every value is half of one away from the mean.
    assert_eq!((totals.count, totals.mean, totals.squares), (1_200, 1e6 + 0.5, 300.0));
    let long = "x".repeat(MAX_REQUEST_ID_CHARS + 1);
    for odd in [
        outcome("nan", Arm::Control, f64::NAN),
        outcome("", Arm::Control, 1.0),
        outcome("a\nb", Arm::Control, 1.0),
        outcome(&long, Arm::Control, 1.0),
    ] {
        let refused = record(8, vec![outcome("good", Arm::Control, 1.0), odd]).await;
        assert!(matches!(refused, Err(TrackError::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(store.outcome_totals("counted", 8).await.unwrap(), TestTotals::default());
}

async fn a_rule_of_the_champion_binds_who_answers_in_its_place(store: &dyn Store) {
    model(store, "bound").await;
    store.set_alias("bound", "challenger", 2, note(2, "")).await.unwrap();
    let approvals = vec![Approval::By("ada".into())];
    let rule = AliasRule { model: "bound".into(), alias: CHAMPION.into(), approvals };
    store.set_alias_rule(rule, note(3, "")).await.unwrap();
    let set = async |plan, who| store.set_traffic("bound", plan, Note::new(at(4), who, "")).await;
    for plan in [
        canary(VersionRef::Number(2), 1.0),
        ab_test(VersionRef::Alias("challenger".into()), 50.0, 0.05),
    ] {
        let refused = set(plan.clone(), "bob").await;
        assert!(matches!(refused, Err(TrackError::NotApproved { .. })), "{refused:?}");
        set(plan, "ada").await.unwrap();
    }
    let moving = set(canary(VersionRef::Alias("challenger".into()), 1.0), "ada").await.unwrap_err();
    assert!(moving.to_string().contains("could move past the champion's rule"), "{moving}");
    let shadow = Some(VersionRef::Alias("challenger".into()));
    set(TrafficPlan { shadow, ..TrafficPlan::default() }, "bob").await.expect("it answers nobody");
}
