//! Trials side by side: what comes of a search does not depend on who was quicker, or on whether it
//! was cut short.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gristmill_core::Seed;
use gristmill_evaluate::search::{
    Claim, End, FoldScore, Halving, Ledger, NoLedger, Objective, Pace, Prune, RaceError, Random,
    Record, Rules, Search, Space, Tpe, Trial, Weighed, Work, race,
};
use proptest::prelude::*;
use serde_json::json;

const FOLDS: usize = 3;

fn rules(search: Search, metrics: &[&str], prune: Prune) -> Rules {
    let space = json!({"x": {"uniform": [0, 1]}, "kind": {"choice": ["a", "b"]}});
    Rules {
        space: Space::parse(&space).unwrap(),
        search,
        seed: Seed(7),
        objectives: metrics.iter().map(|name| Objective::least(*name)).collect(),
        folds: FOLDS,
        prune,
        first: Vec::new(),
    }
}

fn tpe(trials: usize) -> Rules {
    rules(Search::Tpe(Tpe::new(trials)), &["rmse"], Prune::Median)
}

/// Scores that are best near 0.3, other ones in each fold, and given up to by nobody in equal times.
#[derive(Default)]
struct Parabola {
    worked: AtomicUsize,
    /// How often a trial yields to others, by its number: what is quick for one seed is slow for
    /// another.
    slowness: u64,
}

impl Work for Parabola {
    fn fold(&self, number: usize, trial: &Trial, fold: usize) -> Result<FoldScore, String> {
        self.worked.fetch_add(1, Ordering::Relaxed);
        let turns = Seed(self.slowness).numbered((number * FOLDS + fold) as u64).0 % 200;
        (0..turns * self.slowness.min(1)).for_each(|_| std::thread::yield_now());
        let x = trial.point["x"];
        if x > 0.95 {
            return Err(format!("{x} is too much"));
        }
        assert!(x > 0.02, "a bug at {x}");
        let rmse = (x - 0.3).powi(2) + 0.01 * fold as f64 + 0.1 * (1.0 - trial.share);
        Ok(FoldScore::from([("rmse".into(), rmse), ("mae".into(), (x - 0.6).abs())]))
    }

    fn weigh(&self, _: usize, trial: &Trial) -> Result<Weighed, String> {
        let figures = BTreeMap::from([("size".into(), trial.point["x"])]);
        let refused = (trial.point["x"] < 0.1).then(|| "too small".to_owned());
        Ok(Weighed { figures, refused })
    }
}

struct Workers(usize);

impl Pace for Workers {
    fn workers(&self) -> usize {
        self.0
    }
}

/// Has time for so many trials.
struct Hasty {
    trials: usize,
    heard: AtomicUsize,
}

impl Hasty {
    fn new(trials: usize) -> Self {
        Self { trials, heard: AtomicUsize::new(0) }
    }
}

impl Pace for Hasty {
    fn workers(&self) -> usize {
        3
    }

    fn goes_on(&self) -> bool {
        self.heard.load(Ordering::Relaxed) < self.trials
    }

    fn heard(&self, _: usize, _: &Record) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_is_unfinished_when_the_time_is_over_is_gone_on_with_later() {
    let rules = tpe(30);
    let whole = run(&rules, 1, 0);
    let notebook = Notebook::default();
    for slowness in 0..8 {
        notebook.pages.lock().unwrap().clear();
        let work = Parabola { slowness, ..Parabola::default() };
        let cut = race(&rules, &work, &notebook, &Hasty::new(9)).unwrap();
        let unfinished = |r: &&Record| r.end == End::Unfinished;
        assert!(cut.len() < 20 && cut.iter().filter(unfinished).count() <= 4, "{cut:?}");
        for (record, other) in cut.iter().zip(&whole) {
            let same = record == other || record.end == End::Unfinished;
            assert!(same && record.trial == other.trial, "{record:?} {other:?}");
        }
        // With no time at all what is there still counts.
        let again = race(&rules, &work, &notebook, &Hasty::new(0)).unwrap();
        let done = |records: &[Record]| -> Vec<usize> {
            let done = records.iter().enumerate().filter(|(_, r)| !unfinished(r));
            done.map(|(at, _)| at).collect()
        };
        assert_eq!(done(&again), done(&cut));
        assert_eq!(race(&rules, &work, &notebook, &Workers(2)).unwrap(), whole);
    }
}

#[test]
fn a_search_without_any_time_still_finds_something() {
    let records = race(&tpe(30), &Parabola::default(), &NoLedger, &Hasty::new(1)).unwrap();
    assert!(records.iter().any(Record::is_eligible), "{records:?}");
}

fn run(rules: &Rules, workers: usize, slowness: u64) -> Vec<Record> {
    let work = Parabola { slowness, ..Parabola::default() };
    race(rules, &work, &NoLedger, &Workers(workers)).unwrap()
}

/// Writes trials down, up to so many of them; then the disk is full.
#[derive(Clone, Default)]
struct Notebook {
    pages: Arc<Mutex<HashMap<usize, Option<Record>>>>,
    most: Option<usize>,
}

impl Ledger for Notebook {
    type Error = String;

    fn claim(&self, number: usize, trial: &Trial) -> Result<Claim, String> {
        let mut pages = self.pages.lock().unwrap();
        match pages.get(&number) {
            Some(Some(record)) => Ok(Claim::Done(Box::new(record.clone()))),
            Some(None) => Ok(Claim::Elsewhere(trial.clone())),
            None => {
                pages.insert(number, None);
                Ok(Claim::Ours)
            }
        }
    }

    fn reaches(&self, number: usize) -> bool {
        self.pages.lock().unwrap().iter().any(|(at, page)| *at >= number && page.is_some())
    }

    fn leave(&self, number: usize) -> Result<(), String> {
        self.pages.lock().unwrap().remove(&number);
        Ok(())
    }

    fn keep(&self, number: usize, record: &Record) -> Result<(), String> {
        let mut pages = self.pages.lock().unwrap();
        if self.most.is_some_and(|most| pages.values().flatten().count() >= most) {
            return Err("no space left".into());
        }
        pages.insert(number, Some(record.clone()));
        Ok(())
    }
}

impl Notebook {
    /// As somebody else finds it after a death: what was begun and not done is free again.
    fn found(&self) -> Self {
        let pages = self.pages.lock().unwrap();
        let done = pages.iter().filter(|(_, record)| record.is_some());
        let done = done.map(|(number, record)| (*number, record.clone())).collect();
        Self { pages: Arc::new(Mutex::new(done)), most: None }
    }
}

#[test]
fn any_number_of_workers_comes_to_the_same() {
    for rules in [
        tpe(40),
        rules(Search::Random(Random { trials: 40 }), &["rmse"], Prune::Median),
        rules(Search::Halving(Halving::new(40)), &["rmse"], Prune::Never),
        rules(Search::Tpe(Tpe::new(40)), &["rmse", "mae"], Prune::Median),
    ] {
        let alone = run(&rules, 1, 0);
        assert!(alone.len() >= 40, "{} trials", alone.len());
        for workers in [2, 3, 8] {
            assert_eq!(run(&rules, workers, workers as u64), alone, "{workers} workers");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_search_that_is_cut_short_ends_as_one_that_is_not(most in 0_usize..30, workers in 1_usize..5) {
        let rules = tpe(30);
        let whole = run(&rules, 1, 0);
        let notebook = Notebook { most: Some(most), ..Notebook::default() };
        let cut = race(&rules, &Parabola::default(), &notebook, &Workers(workers));
        prop_assert!(matches!(cut, Err(RaceError::Ledger(_))));
        let work = Parabola::default();
        let again = race(&rules, &work, &notebook.found(), &Workers(workers)).unwrap();
        prop_assert_eq!(again, whole);
        prop_assert!(work.worked.load(Ordering::Relaxed) <= FOLDS * (30 - most));
    }
}

#[test]
fn two_who_share_a_ledger_do_each_trial_once() {
    let (rules, notebook) = (tpe(40), Notebook::default());
    let work = Parabola { slowness: 3, ..Parabola::default() };
    let alone = run(&rules, 1, 0);
    let of = |records: &[Record]| records.iter().map(|r| r.scores.len().max(1)).sum::<usize>();
    std::thread::scope(|scope| {
        let race = || race(&rules, &work, &notebook, &Workers(2)).unwrap();
        let other = scope.spawn(race);
        assert_eq!(race(), alone);
        assert_eq!(other.join().unwrap(), alone);
    });
    // A fold ahead of one that shows that the trial is hopeless may be worked on for nothing.
    let worked = work.worked.load(Ordering::Relaxed);
    assert!(worked <= of(&alone) + 40, "{worked} folds for {}", of(&alone));
}

#[test]
fn a_greater_budget_goes_on_with_what_there_is() {
    let notebook = Notebook::default();
    let few = race(&tpe(20), &Parabola::default(), &notebook, &Workers(2)).unwrap();
    let work = Parabola::default();
    let more = race(&tpe(30), &work, &notebook, &Workers(2)).unwrap();
    assert_eq!(more[..20], few);
    assert_eq!(more, run(&tpe(30), 1, 0));
    assert!(work.worked.load(Ordering::Relaxed) <= 10 * FOLDS);
}

#[test]
fn a_trial_that_fails_or_panics_is_reported_and_the_rest_goes_on() {
    let records =
        run(&rules(Search::Random(Random { trials: 200 }), &["rmse"], Prune::Never), 2, 0);
    let ends = |wanted: fn(&Record) -> bool| records.iter().filter(|r| wanted(r)).count();
    assert_eq!(records.len(), 200);
    let failed = |r: &Record| matches!(&r.end, End::Failed(why) if why.ends_with("is too much"));
    let panicked = |r: &Record| matches!(&r.end, End::Failed(why) if why.contains("a bug at"));
    assert!(ends(failed) > 0 && ends(panicked) > 0);
    let refused = |r: &Record| r.end == End::Refused("too small".into());
    assert!(ends(refused) > 0);
    assert!(records.iter().filter(|r| refused(r)).all(|r| r.figures["size"] < 0.1));
    assert_eq!(ends(failed) + ends(panicked) + ends(refused) + ends(Record::is_eligible), 200);
}

#[test]
fn what_is_refused_or_given_up_does_not_win() {
    let rules = tpe(40);
    let records = run(&rules, 2, 0);
    let best = rules.best(&records).unwrap();
    assert!(records[best].is_eligible());
    let loss = |record: &Record| rules.losses(record).unwrap()[0];
    let least = records.iter().filter(|r| r.is_eligible()).map(loss).fold(f64::MAX, f64::min);
    assert_eq!(loss(&records[best]), least);
    assert!(records.iter().any(|r| r.end == End::GivenUp && r.scores.len() < FOLDS));
    assert!((records[best].trial.point["x"] - 0.3).abs() < 0.05);
}

#[test]
fn an_equal_point_is_not_worked_on_twice() {
    let space = Space::parse(&json!({"x": {"choice": [0.2, 0.4]}})).unwrap();
    let rules = Rules { space, ..tpe(30) };
    let work = ByChoice(AtomicUsize::new(0));
    let records = race(&rules, &work, &NoLedger, &Workers(1)).unwrap();
    assert_eq!(records.len(), 30);
    // Those that are open at once know nothing of each other.
    let worked = work.0.load(Ordering::Relaxed);
    assert!(worked <= (2 + rules.lag()) * FOLDS, "{worked} folds");
}

struct ByChoice(AtomicUsize);

impl Work for ByChoice {
    fn fold(&self, _: usize, trial: &Trial, _: usize) -> Result<FoldScore, String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(FoldScore::from([("rmse".into(), trial.point["x"])]))
    }
}

#[test]
fn of_several_metrics_the_first_decides_among_the_front() {
    let rules = rules(Search::Tpe(Tpe::new(60)), &["rmse", "mae"], Prune::Median);
    let records = run(&rules, 2, 0);
    // No trial is given up by one metric alone.
    assert!(records.iter().all(|r| r.end != End::GivenUp));
    let best = rules.best(&records).unwrap();
    assert!((records[best].trial.point["x"] - 0.3).abs() < 0.05);
    // Between 0.3 and 0.6 neither metric can improve without the other: that is where it looks.
    let (early, late) = records.split_at(20);
    let between = |records: &[Record]| {
        let between = |r: &&Record| (0.28..0.62).contains(&r.trial.point["x"]);
        records.iter().filter(between).count() as f64 / records.len() as f64
    };
    assert!(between(late) > between(early), "{} then {}", between(early), between(late));
}

/// Time for so many trials, and no more.
struct Until {
    heard: AtomicUsize,
    most: usize,
}

impl Pace for Until {
    fn workers(&self) -> usize {
        2
    }

    fn goes_on(&self) -> bool {
        self.heard.load(Ordering::Relaxed) < self.most
    }

    fn heard(&self, _: usize, _: &Record) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn when_the_time_is_over_what_has_begun_is_finished() {
    let (rules, until) = (tpe(1_000), Until { heard: AtomicUsize::new(0), most: 12 });
    let records = race(&rules, &Parabola::default(), &NoLedger, &until).unwrap();
    assert!((12..12 + rules.lag()).contains(&records.len()), "{}", records.len());
    assert_eq!(records, run(&rules, 1, 0)[..records.len()]);
}

#[test]
fn when_the_time_is_over_what_was_done_before_still_counts() {
    let notebook = Notebook::default();
    let before = race(&tpe(12), &Parabola::default(), &notebook, &Workers(2)).unwrap();
    let (work, over) = (Parabola::default(), Until { heard: AtomicUsize::new(0), most: 0 });
    assert_eq!(race(&tpe(1_000), &work, &notebook, &over).unwrap(), before);
    assert_eq!(work.worked.load(Ordering::Relaxed), 0);
}

/// Room for one fold at a time.
struct Narrow(AtomicUsize);

impl Pace for Narrow {
    fn workers(&self) -> usize {
        4
    }

    fn has_room(&self, others: usize) -> bool {
        self.0.fetch_max(others, Ordering::Relaxed);
        false
    }
}

#[test]
fn without_room_for_two_one_goes_on() {
    let narrow = Narrow(AtomicUsize::new(0));
    let records = race(&tpe(15), &Parabola::default(), &NoLedger, &narrow).unwrap();
    assert_eq!(records, run(&tpe(15), 1, 0));
    assert!(narrow.0.load(Ordering::Relaxed) <= 1);
}

/// Stops at once.
struct Stopped;

impl Pace for Stopped {
    fn workers(&self) -> usize {
        2
    }

    fn stopped(&self) -> bool {
        true
    }
}

#[test]
fn a_wish_to_stop_is_heard() {
    let stopped = race(&tpe(15), &Parabola::default(), &NoLedger, &Stopped);
    assert!(matches!(stopped, Err(RaceError::Stopped)));
}

#[test]
fn what_is_named_first_is_tried_first() {
    let first = vec![[("x".into(), 0.5), ("kind".into(), 1.0)].into()];
    let rules = Rules { first, ..tpe(12) };
    let records = run(&rules, 2, 0);
    assert_eq!(records[0].trial.point["x"], 0.5);
    assert_eq!(records.len(), 12);
}

#[test]
fn halving_gives_the_better_ones_more_rows() {
    let rules = rules(Search::Halving(Halving::new(27)), &["rmse"], Prune::Never);
    let records = run(&rules, 2, 0);
    let whole: Vec<&Record> = records.iter().filter(|r| r.trial.share == 1.0).collect();
    // More than one in nine, since the points become better as more is known.
    assert!(!whole.is_empty() && whole.len() <= 9, "{}", whole.len());
    assert!(whole.iter().all(|r| r.trial.promoted.is_some()));
}
