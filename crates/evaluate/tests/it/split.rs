//! Splits and folds: who is where, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gristmill_core::{Error, Labels, Seed, Table, Target};
use gristmill_evaluate::{Fold, Folds, Parts, Shares, Split};
use gristmill_testkit::table;
use proptest::prelude::*;

fn split(json: &str) -> Split {
    serde_json::from_str(json).unwrap()
}

fn rows(count: usize) -> Table {
    table().numbers("x", (0..count).map(|r| r as f64)).build()
}

fn target(codes: &[u32]) -> Target {
    let classes = codes.iter().max().map_or(2, |c| (c + 1).max(2));
    let names = (0..classes).map(|c| c.to_string()).collect();
    Target::Classes { codes: codes.to_vec(), labels: Arc::new(Labels::new(names, None).unwrap()) }
}

#[track_caller]
fn whole(parts: &Parts, rows: usize) {
    let mut all = [parts.train.clone(), parts.test.clone(), parts.validation.clone()].concat();
    assert!([&parts.train, &parts.test, &parts.validation].iter().all(|p| p.is_sorted()));
    all.sort_unstable();
    assert_eq!(all, (0..rows as u32).collect::<Vec<_>>(), "every row is in one part");
}

fn sizes(parts: &Parts) -> [usize; 3] {
    [parts.train.len(), parts.test.len(), parts.validation.len()]
}

#[track_caller]
fn refused<T>(result: Result<T, Error>, message: &str) {
    let Err(error) = result else { panic!("it was accepted") };
    assert_eq!(error.to_string(), message);
}

#[test] // by hand: a fifth of 11, rounded up, is 3; a tenth is 2
fn shares_are_rounded_up_and_the_rest_is_learned_from() {
    let table = rows(11);
    let parts = split(r#"{"test": 0.2, "validation": 0.1}"#).parts(&table, None, Seed(1)).unwrap();
    whole(&parts, 11);
    assert_eq!(sizes(&parts), [6, 3, 2]);
}

#[test]
fn equal_seeds_split_equally_and_others_do_not() {
    let (table, split) = (rows(100), Split::default());
    let parts = |seed| split.parts(&table, None, Seed(seed)).unwrap();
    assert_eq!(parts(1), parts(1));
    assert_ne!(parts(1), parts(2));
}

#[test] // by hand: rows 3, 4 and 5 are the latest; 3 and 4 are of one moment
fn the_latest_rows_are_tested_and_moments_stay_whole() {
    let table = table().integers("t", [40, 10, 20, 50, 50, 60, 30, 5]).build();
    let split = split(r#"{"time": "t", "test": 0.25, "validation": 0.25}"#);
    let parts = split.parts(&table, None, Seed(0)).unwrap();
    whole(&parts, 8);
    // Two rows were wanted; the borders offer one or three, equally near, and more is earlier.
    assert_eq!(parts.test, [3, 4, 5]);
    assert_eq!(parts.validation, [0, 6]);
}

#[test]
fn a_column_can_name_the_parts() {
    let table = table().words("part", ["test", "train", "validation", "train"]).build();
    let parts = split(r#"{"column": "part"}"#).parts(&table, None, Seed(0)).unwrap();
    assert_eq!((parts.train, parts.test, parts.validation), (vec![1, 3], vec![0], vec![2]));
}

#[test]
fn parts_by_other_names_are_refused() {
    let table = table().words("part", ["test", "trian"]).build();
    let result = split(r#"{"column": "part"}"#).parts(&table, None, Seed(0));
    refused(
        result.clone(),
        "column `part` says `trian` in row 2, expected train, test or validation",
    );
    let hint = result.unwrap_err().hint().unwrap();
    assert!(hint.starts_with("write `train`"), "{hint}");
}

#[test]
fn a_part_that_no_row_names_is_refused() {
    let table = table().words("part", ["train", "train"]).build();
    let result = split(r#"{"column": "part"}"#).parts(&table, None, Seed(0));
    refused(result, "column `part` says `test` in no row");
}

#[test]
fn gaps_in_a_deciding_column_are_refused() {
    let table = table().words("unit", [Some("a"), None, Some("b")]).build();
    let result = split(r#"{"group": "unit"}"#).parts(&table, None, Seed(0));
    refused(result, "column `unit` splits the rows, and row 2 has no value");
}

#[test]
fn words_cannot_order_rows() {
    let table = table().words("day", ["1 May", "2 May"]).build();
    let result = split(r#"{"time": "day"}"#).parts(&table, None, Seed(0));
    refused(
        result,
        "column `day` is categorical, expected moments, days or numbers to order rows by",
    );
}

#[test]
fn one_group_cannot_be_split() {
    let table = table().integers("unit", [7, 7, 7]).build();
    let split = split(r#"{"group": "unit"}"#);
    refused(
        split.parts(&table, None, Seed(0)),
        "column `unit` has 1 distinct values, and a split by group needs 2",
    );
}

#[test]
fn too_few_rows_are_refused() {
    refused(
        Split::default().parts(&rows(1), None, Seed(0)),
        "the split of 1 rows leaves none for the part `train`",
    );
    refused(
        Folds::default().parts(&Split::default(), &rows(4), None, Seed(0)),
        "5 folds need at least as many rows; there are 4",
    );
}

#[test]
fn a_class_of_one_row_cannot_be_stratified() {
    let split = split(r#"{"stratify": true}"#);
    refused(
        split.parts(&rows(4), Some(&target(&[0, 0, 0, 1])), Seed(0)),
        "class `1` has only one row and cannot be stratified",
    );
    refused(
        Folds::default().parts(&split, &rows(8), Some(&target(&[0, 0, 0, 0, 0, 1, 1, 1])), Seed(0)),
        "class `1` has 3 rows, fewer than the 5 folds",
    );
    refused(
        split.parts(&rows(2), Some(&Target::Numbers(vec![1.0, 2.0])), Seed(0)),
        "`stratify` needs a target of classes, and the target is a number",
    );
}

#[track_caller]
fn refused_settings(json: &str, message: &str) {
    let error = serde_json::from_str::<Split>(json).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn settings_without_sense_are_refused() {
    refused_settings(r#"{"test": 1.5}"#, "`test` is 1.5, expected a share between 0 and 1");
    refused_settings(
        r#"{"test": 0.5, "validation": 0.5}"#,
        "`validation` is 0.5, expected a share",
    );
    refused_settings(r#"{"stratify": true, "group": "unit"}"#, "exclude each other");
    refused_settings(r#"{"column": "part", "test": 0.2}"#, "`test` and `validation` go");
    refused_settings(r#"{"tset": 0.2}"#, "unknown field `tset`");
}

#[test]
fn settings_are_stored_as_they_are_written() {
    for json in [
        r#"{"test":0.2}"#,
        r#"{"test":0.3,"validation":0.1,"stratify":true}"#,
        r#"{"test":0.2,"group":"unit"}"#,
        r#"{"test":0.2,"time":"t"}"#,
        r#"{"column":"part"}"#,
    ] {
        assert_eq!(serde_json::to_string(&split(json)).unwrap(), json);
    }
    assert_eq!(split("{}"), Split::Random(Shares::test(0.2)));
}

#[test] // by hand: twelve rows in three stretches
fn folds_by_time_learn_from_the_past_only() {
    let table = table().integers("t", (0..12).rev()).build();
    let split = split(r#"{"time": "t"}"#);
    let folds = Folds::new(2).parts(&split, &table, None, Seed(0)).unwrap();
    assert_eq!(folds[0].train, [8, 9, 10, 11]);
    assert_eq!(folds[0].test, [4, 5, 6, 7]);
    assert_eq!(folds[1].train, [4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(folds[1].test, [0, 1, 2, 3]);
}

/// The rows that each of `folds` trains on and tests, of twelve rows in time.
#[track_caller]
fn check_backtest(folds: &str, expected: &[(std::ops::Range<u32>, std::ops::Range<u32>)]) {
    let table = table().integers("t", 0..12).build();
    let folds: Folds = serde_json::from_str(folds).unwrap();
    let parts = folds.parts(&split(r#"{"time": "t"}"#), &table, None, Seed(0)).unwrap();
    let expected: Vec<Fold> = expected
        .iter()
        .map(|(train, test)| Fold { train: train.clone().collect(), test: test.clone().collect() })
        .collect();
    assert_eq!(parts, expected);
}

#[test] // by hand
fn a_horizon_tests_the_last_rows_stretch_by_stretch() {
    check_backtest(r#"{"folds": 2, "horizon": 3}"#, &[(0..6, 6..9), (0..9, 9..12)]);
}

#[test] // by hand
fn a_gap_leaves_out_the_rows_before_the_test() {
    check_backtest(r#"{"folds": 2, "horizon": 3, "gap": 2}"#, &[(0..4, 6..9), (0..7, 9..12)]);
}

#[test] // by hand
fn a_window_trains_on_the_latest_rows_only() {
    let folds = r#"{"folds": 2, "horizon": 3, "gap": 1, "window": 4}"#;
    check_backtest(folds, &[(1..5, 6..9), (4..8, 9..12)]);
}

#[test]
fn a_backtest_without_time_or_without_rows_to_learn_from_is_refused() {
    let table = table().integers("t", 0..12).build();
    let run = |folds: Folds, split: &Split| folds.parts(split, &table, None, Seed(0)).unwrap_err();
    let folds = Folds { horizon: Some(3), ..Folds::new(2) };
    let error = run(folds, &Split::default()).to_string();
    assert!(error.contains("`horizon` is 3") && error.contains("split: {time: COLUMN}"), "{error}");
    let time = split(r#"{"time": "t"}"#);
    let error = run(Folds { horizon: Some(6), ..Folds::new(2) }, &time).to_string();
    assert!(error.contains("fold 1 of 2 has no row to learn from"), "{error}");
    let error = run(Folds { gap: 11, ..Folds::new(2) }, &time).to_string();
    assert!(error.contains("fold 1 of 2 has no row to learn from"), "{error}");
}

#[test]
fn repeats_deal_anew() {
    let folds = Folds { repeats: 2, ..Folds::new(3) };
    let parts = folds.parts(&Split::default(), &rows(30), None, Seed(0)).unwrap();
    assert_eq!(parts.len(), 6);
    assert_ne!(parts[0], parts[3]);
}

#[track_caller]
fn each_row_is_tested_once(folds: &[Fold], rows: usize) {
    let mut tested: Vec<u32> = folds.iter().flat_map(|f| f.test.clone()).collect();
    tested.sort_unstable();
    assert_eq!(tested, (0..rows as u32).collect::<Vec<_>>());
    for fold in folds {
        assert_eq!(fold.train.len() + fold.test.len(), rows);
        assert!(fold.test.iter().all(|r| fold.train.binary_search(r).is_err()));
        assert!(!fold.train.is_empty() && !fold.test.is_empty());
    }
}

fn counts(rows: &[u32], codes: &[u32]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for &row in rows {
        *counts.entry(codes[row as usize]).or_default() += 1;
    }
    counts
}

proptest! {
    #[test]
    fn every_row_is_in_exactly_one_test_fold(rows_ in 5_usize..200, folds in 2_usize..6, seed: u64) {
        let folds = Folds::new(folds);
        let parts = folds.parts(&Split::default(), &rows(rows_), None, Seed(seed)).unwrap();
        each_row_is_tested_once(&parts, rows_);
        let sizes: Vec<usize> = parts.iter().map(|f| f.test.len()).collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
    }

    #[test]
    fn stratified_parts_keep_shares_within_a_row(
        codes in prop::collection::vec(0_u32..3, 30..200), test in 0.1_f64..0.6, seed: u64
    ) {
        let sizes = counts(&(0..codes.len() as u32).collect::<Vec<_>>(), &codes);
        prop_assume!(sizes.values().all(|&n| n >= 5));
        let (table, target) = (rows(codes.len()), target(&codes));
        let split = Split::Stratified(Shares { test, validation: 0.2 });
        let parts = split.parts(&table, Some(&target), Seed(seed)).unwrap();
        whole(&parts, codes.len());
        let share = parts.test.len() as f64 / codes.len() as f64;
        for (class, &found) in &counts(&parts.test, &codes) {
            let wanted = share * sizes[class] as f64;
            prop_assert!((found as f64 - wanted).abs() <= 1.0 + 1e-9, "{found} of {wanted}");
        }
        let folds = Folds::default().parts(&split, &table, Some(&target), Seed(seed)).unwrap();
        each_row_is_tested_once(&folds, codes.len());
        for fold in &folds {
            for (class, &found) in &counts(&fold.test, &codes) {
                prop_assert!((found as f64 - sizes[class] as f64 / 5.0).abs() <= 1.0);
            }
        }
    }

    #[test]
    fn no_group_is_in_two_parts(
        units in prop::collection::vec(0_i64..30, 40..200), test in 0.1_f64..0.5, seed: u64
    ) {
        let table = table().integers("unit", units.iter().copied()).build();
        let split =
            Split::Group { column: "unit".into(), shares: Shares { test, validation: 0.1 } };
        let parts = split.parts(&table, None, Seed(seed)).unwrap();
        whole(&parts, units.len());
        let of = |rows: &[u32]| -> BTreeSet<i64> {
            rows.iter().map(|&r| units[r as usize]).collect()
        };
        prop_assert!(of(&parts.train).is_disjoint(&of(&parts.test)));
        prop_assert!(of(&parts.train).is_disjoint(&of(&parts.validation)));
        prop_assert!(of(&parts.test).is_disjoint(&of(&parts.validation)));
        let folds = Folds::default().parts(&split, &table, None, Seed(seed)).unwrap();
        each_row_is_tested_once(&folds, units.len());
        for fold in &folds {
            prop_assert!(of(&fold.train).is_disjoint(&of(&fold.test)));
        }
    }

    #[test]
    fn time_never_runs_backwards(
        moments in prop::collection::vec(0_i64..40, 60..200), test in 0.1_f64..0.5
    ) {
        let table = table().times("t", moments.iter().copied()).build();
        let split =
            Split::Time { column: "t".into(), shares: Shares { test, validation: 0.1 } };
        let parts = split.parts(&table, None, Seed(0)).unwrap();
        whole(&parts, moments.len());
        let first = |rows: &[u32]| rows.iter().map(|&r| moments[r as usize]).min().unwrap();
        let last = |rows: &[u32]| rows.iter().map(|&r| moments[r as usize]).max().unwrap();
        prop_assert!(last(&parts.train) < first(&parts.validation));
        prop_assert!(last(&parts.validation) < first(&parts.test));
        for fold in Folds::default().parts(&split, &table, None, Seed(0)).unwrap() {
            prop_assert!(last(&fold.train) < first(&fold.test));
        }
    }
}
