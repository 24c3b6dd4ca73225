//! Spaces and the order in which they are searched.

use gristmill_core::Seed;
use gristmill_evaluate::search::{
    Halving, Next, Outcome, Point, Random, Search, Space, Tpe, Trial, pareto_front,
};
use gristmill_testkit as functions;
use proptest::prelude::*;
use serde_json::{Value, json};

fn space(settings: Value) -> Space {
    Space::parse(&settings).unwrap()
}

/// What comes after these trials.
fn next(search: &Search, space: &Space, trials: &[(Trial, Outcome)], seed: u64) -> Next {
    let trials: Vec<_> = trials.iter().map(|(trial, outcome)| (trial, *outcome)).collect();
    search.next(space, &trials, Seed(seed)).unwrap()
}

/// All trials of a search for the least of `loss`, each done before the next begins.
fn searched(
    search: &Search,
    space: &Space,
    seed: u64,
    loss: impl Fn(&Trial) -> f64,
) -> Vec<(Trial, f64)> {
    let (mut trials, mut losses) = (Vec::new(), Vec::new());
    while let Next::Trial(trial) = next(search, space, &trials, seed) {
        let found = loss(&trial);
        losses.push((trial.clone(), found));
        trials.push((trial, Outcome::Loss(found)));
    }
    losses
}

fn least(trials: &[(Trial, f64)]) -> f64 {
    trials.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min)
}

/// Of 20 searches with other seeds the middle of what they found.
fn median(search: &Search, space: &Space, loss: impl Fn(&Point) -> f64) -> f64 {
    let mut found: Vec<f64> =
        (0..20).map(|seed| least(&searched(search, space, seed, |t| loss(&t.point)))).collect();
    found.sort_by(f64::total_cmp);
    0.5 * (found[9] + found[10])
}

#[track_caller]
fn refused(settings: Value, path: &str, message: &str) {
    let error = Space::parse(&settings).unwrap_err();
    assert_eq!((error.path.as_str(), error.message.as_str()), (path, message));
}

#[test]
fn a_range_that_holds_nothing_is_refused_where_it_stands() {
    refused(json!({"a": {"b": {"uniform": [2, 1]}}}), "a.b", "`uniform` goes from 2 down to 1");
    refused(
        json!([{"log_uniform": [0, 1]}]),
        "0",
        "`log_uniform` begins at 0, which has no logarithm",
    );
    refused(json!({"a": {"choice": []}}), "a", "`choice` has no alternatives");
    refused(json!({"a": {"int": [1, 2.5]}}), "a", "`int` holds 2.5");
    refused(json!({"a": {"int": [1]}}), "a", "`int` has no two ends");
    refused(json!({"a": {"int": ["x", 2]}}), "a", "an end of `int` is no number");
    refused(json!({"a": {"uniform": [0, 1], "step": 0}}), "a", "`step` is 0");
}

#[test]
fn settings_without_ranges_are_one_point() {
    let single = space(json!({"ridge": {"alpha": 1.0, "names": ["a", null]}}));
    assert!(single.is_single());
    assert_eq!(single.settings(&Point::new()).unwrap()["ridge"]["names"], json!(["a", null]));
    assert_eq!(searched(&Search::Grid, &single, 0, |_| 0.0).len(), 1);
}

#[test] // by hand: 2 kernels, one of them with 3 degrees, times 2 values of c
fn a_grid_visits_every_point_once_and_what_is_not_chosen_is_not_there() {
    let kernel = json!({"choice": ["linear", {"poly": {"degree": {"int": [2, 4]}}}]});
    let space = space(json!({"svc": {"kernel": kernel, "c": {"choice": [1, 10]}}}));
    let trials = searched(&Search::Grid, &space, 0, |_| 0.0);
    let all: Vec<Value> =
        trials.iter().map(|(t, _)| space.settings(&t.point).unwrap()["svc"].clone()).collect();
    assert_eq!(all.len(), 8);
    assert_eq!(all[0], json!({"kernel": "linear", "c": 1}));
    assert_eq!(all[7], json!({"kernel": {"poly": {"degree": 4}}, "c": 10}));
    assert!((0..8).all(|a| (0..a).all(|b| all[a] != all[b])), "{all:?}");
    let labels = space.labels(&trials[7].0.point).unwrap();
    assert_eq!(labels["svc.kernel"], "poly");
    assert_eq!(labels["svc.kernel.poly.degree"], "4");
    let endless = Space::parse(&json!({"c": {"uniform": [0, 1]}})).unwrap();
    let error = Search::Grid.next(&endless, &[], Seed(0)).unwrap_err().to_string();
    assert_eq!(error, "`c` has no end of values, so a grid has none either");
}

#[test]
fn a_step_is_kept_to() {
    let space = space(json!({"trees": {"int": [50, 310], "step": 50}}));
    let random = Search::Random(Random { trials: 200 });
    let mut seen: Vec<f64> =
        searched(&random, &space, 3, |_| 0.0).iter().map(|(t, _)| t.point["trees"]).collect();
    seen.sort_by(f64::total_cmp);
    seen.dedup();
    assert_eq!(seen, [50.0, 100.0, 150.0, 200.0, 250.0, 300.0]);
}

#[test]
fn by_chance_each_decade_of_a_logarithm_is_as_likely() {
    let space = space(json!({"c": {"log_uniform": [0.01, 100.0]}}));
    let random = Search::Random(Random { trials: 4_000 });
    let trials = searched(&random, &space, 5, |_| 0.0);
    for decade in [0.01, 0.1, 1.0, 10.0] {
        let within = |t: &&(Trial, f64)| (decade..10.0 * decade).contains(&t.0.point["c"]);
        let share = trials.iter().filter(within).count() as f64 / 4_000.0;
        assert!((share - 0.25).abs() < 0.03, "{decade}: {share}");
    }
}

fn branin(point: &Point) -> f64 {
    functions::branin(point["x"], point["y"])
}

fn hartmann(point: &Point) -> f64 {
    functions::hartmann([0, 1, 2, 3, 4, 5].map(|at| point[&format!("x{at}")]))
}

fn branin_space() -> Space {
    space(json!({"x": {"uniform": [-5, 10]}, "y": {"uniform": [0, 15]}}))
}

fn hartmann_space() -> Space {
    let axis = |j: usize| (format!("x{j}"), json!({"uniform": [0, 1]}));
    space(Value::Object((0..6).map(axis).collect()))
}

// Optuna 5.0.0 (TPESampler, 100 trials) has medians of 0.427 and -3.210 over 80 seeds: `benches/search.py`.
#[test]
fn estimators_find_what_chance_does_not() {
    for (space, loss, tpe_at_most, name) in [
        (branin_space(), branin as fn(&Point) -> f64, 0.55, "branin"),
        (hartmann_space(), hartmann, -2.9, "hartmann"),
    ] {
        let tpe = median(&Search::Tpe(Tpe::new(100)), &space, loss);
        let random = median(&Search::Random(Random { trials: 100 }), &space, loss);
        println!("{name}: tpe {tpe:.4}, random {random:.4}");
        assert!(tpe < tpe_at_most && tpe < random, "{name}: {tpe} {random}");
    }
}

#[test]
fn estimators_choose_the_alternative_that_does_well_and_its_own_parameters() {
    let space = space(json!({"choice": [
        {"far": {"a": {"uniform": [0, 1]}}},
        {"near": {"b": {"log_uniform": [1e-4, 1.0]}, "n": {"int": [1, 9]}}},
    ]}));
    let loss = |point: &Point| match point.get("far.a") {
        Some(a) => 1.0 + a,
        None => (point["near.b"].log10() + 2.0).abs() + (point["near.n"] - 6.0).abs() / 10.0,
    };
    let tpe = Search::Tpe(Tpe::new(80));
    let trials = searched(&tpe, &space, 1, |t| loss(&t.point));
    let near = trials[40..].iter().filter(|(t, _)| t.point.contains_key("near.b")).count();
    assert!(near > 30, "{near} of 40");
    let found = median(&tpe, &space, loss);
    assert!(found < 0.05, "{found}");
}

#[test]
fn what_failed_and_what_is_open_is_no_reason_to_stop() {
    let space = branin_space();
    let tpe = Search::Tpe(Tpe::new(30));
    let mut trials: Vec<(Trial, Outcome)> = Vec::new();
    while let Next::Trial(trial) = next(&tpe, &space, &trials, 2) {
        let outcome = match trials.len() % 3 {
            0 => Outcome::Failed,
            1 => Outcome::Open,
            _ => Outcome::Loss(branin(&trial.point)),
        };
        trials.push((trial, outcome));
    }
    assert_eq!(trials.len(), 30);
}

#[test]
fn halving_gives_all_rows_to_the_best_only() {
    let space = branin_space();
    let halving = Halving::new(54);
    assert_eq!(halving.rungs(), [1.0 / 9.0, 1.0 / 3.0, 1.0]);
    // More rows show more of the truth.
    let loss = |t: &Trial| branin(&t.point) + (1.0 - t.share) * (31.0 * t.point["x"]).sin();
    let trials = searched(&Search::Halving(halving), &space, 4, loss);
    let on = |share: f64| trials.iter().filter(|(t, _)| t.share == share).collect::<Vec<_>>();
    assert_eq!(on(1.0 / 9.0).len(), 54);
    assert!((18..=30).contains(&on(1.0 / 3.0).len()), "{}", on(1.0 / 3.0).len());
    assert!((6..=16).contains(&on(1.0).len()), "{}", on(1.0).len());
    for (trial, _) in on(1.0) {
        let before = &trials[trial.promoted.unwrap()].0;
        assert_eq!((&before.point, before.share), (&trial.point, 1.0 / 3.0));
    }
    let few = searched(&Search::Halving(Halving::new(2)), &space, 4, loss);
    assert_eq!(few.iter().filter(|(t, _)| t.share == 1.0).count(), 1, "one has seen all rows");
}

#[test]
fn no_point_is_tried_twice_while_there_are_others() {
    let space =
        space(json!({"a": {"int": [0, 3]}, "b": {"choice": ["x", {"y": {"int": [0, 1]}}]}}));
    let loss = |trial: &Trial| trial.point["a"] + trial.point.get("b.y").copied().unwrap_or(0.5);
    let trials = searched(&Search::Tpe(Tpe::new(14)), &space, 3, loss);
    let points: Vec<&Point> = trials.iter().map(|(trial, _)| &trial.point).collect();
    // Those by chance may meet.
    let fresh = |at: &usize| !points[..*at].contains(&points[*at]);
    let left = 12 - (0..10).filter(fresh).count();
    assert!((10..10 + left.min(4)).all(|at| fresh(&at)), "{points:?}");
}

#[test]
fn halving_waits_for_what_is_open() {
    let halving = Search::Halving(Halving::new(1));
    let Next::Trial(trial) = halving.next(&branin_space(), &[], Seed(0)).unwrap() else { panic!() };
    let open = [(trial, Outcome::Open)];
    assert_eq!(next(&halving, &branin_space(), &open, 0), Next::Wait);
}

#[test]
fn the_front_holds_what_nothing_beats() {
    let all = [[1.0, 4.0], [2.0, 2.0], [2.0, 3.0], [f64::NAN, 0.0], [4.0, 1.0], [1.0, 4.0]];
    assert_eq!(pareto_front(&all.map(|v| v.to_vec())), [0, 1, 4, 5]);
}

proptest! {
    #[test]
    fn a_search_goes_on_from_its_list_as_if_it_had_not_stopped(seed in 0_u64..50, cut in 0_usize..25) {
        let space = branin_space();
        let tpe = Search::Tpe(Tpe::new(25));
        let whole = searched(&tpe, &space, seed, |t| branin(&t.point));
        let known: Vec<(Trial, Outcome)> =
            whole[..cut].iter().map(|(t, loss)| (t.clone(), Outcome::Loss(*loss))).collect();
        let found = next(&tpe, &space, &known, seed);
        prop_assert_eq!(found, Next::Trial(whole[cut].0.clone()));
    }

    #[test]
    fn every_point_has_settings(seed in 0_u64..500) {
        let space = space(json!({"choice": [
            {"a": {"n": {"log_int": [1, 1000]}, "s": [{"choice": ["x", {"uniform": [0, 1]}]}, 3]}},
            {"b": {"q": {"log_uniform": [1e-3, 1.0]}}},
            7,
        ]}));
        let random = Search::Random(Random { trials: 1 });
        let Next::Trial(trial) = random.next(&space, &[], Seed(seed)).unwrap() else { panic!() };
        let settings = space.settings(&trial.point).unwrap();
        prop_assert!(settings == json!(7) || settings.is_object());
        prop_assert_eq!(space.labels(&trial.point).unwrap().len(), trial.point.len());
        let stored: Point = serde_json::from_str(&serde_json::to_string(&trial.point).unwrap()).unwrap();
        prop_assert_eq!(space.settings(&stored).unwrap(), settings);
    }
}
