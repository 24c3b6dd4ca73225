//! Leaks are found where they are, and sound data is left in peace.

use gristmill_core::{Role, Seed, Table, TargetSpec, TargetTransform};
use gristmill_evaluate::{LeakKind, LeakageChecks, Parts, Split};
use gristmill_testkit::{shared_csv, table};

fn parts(train: std::ops::Range<u32>, test: std::ops::Range<u32>) -> Parts {
    Parts { train: train.collect(), test: test.collect(), validation: Vec::new() }
}

#[track_caller]
fn check(table: &Table, parts: &Parts, expected: &[(LeakKind, Option<&str>, &str)]) {
    let spec = TargetSpec::learn(table, None, TargetTransform::None).unwrap();
    let found = LeakageChecks::default().find(table, parts, &spec).unwrap();
    let found: Vec<(LeakKind, Option<&str>, &str)> =
        found.iter().map(|f| (f.kind, f.column.as_deref(), f.evidence.as_str())).collect();
    assert_eq!(found, expected);
}

fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut random = Seed(seed).random();
    (0..rows).map(|_| random.normal()).collect()
}

#[test]
fn columns_that_know_the_class_are_found_and_weak_ones_are_not() {
    let classes: Vec<bool> = noise(300, 1).iter().map(|v| *v > 0.3).collect();
    let weak = noise(300, 2).into_iter().zip(&classes).map(|(v, c)| v + f64::from(u8::from(*c)));
    let weak: Vec<f64> = weak.collect();
    let words: Vec<&str> = classes.iter().map(|c| if *c { "paid" } else { "open" }).collect();
    let table =
        table().numbers("weak", weak).words("state", words).booleans("y", classes).target("y");
    check(
        &table,
        &parts(0..200, 200..300),
        &[(
            LeakKind::PredictsAlone,
            Some("state"),
            "`state` alone predicts 100 test rows with an area under the ROC curve of 1.0000",
        )],
    );
}

#[test]
fn a_rescaled_copy_of_a_number_is_found() {
    let y: Vec<f64> = noise(400, 3).iter().map(|v| v.exp()).collect();
    let copy: Vec<f64> = y.iter().map(|y| 7.0 - 2.5 * y).collect();
    let table =
        table().numbers("copy", copy).numbers("x", noise(400, 4)).numbers("y", y).target("y");
    let spec = TargetSpec::learn(&table, None, TargetTransform::None).unwrap();
    let found = LeakageChecks::default().find(&table, &parts(0..300, 300..400), &spec).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].kind, found[0].column.as_deref()),
        (LeakKind::PredictsAlone, Some("copy"))
    );
}

#[test] // by hand: rows 60 to 69 repeat rows 0 to 9, five of them with the same answer
fn test_rows_that_were_trained_on_are_counted() {
    let mut x = noise(60, 5);
    x.extend_from_within(0..10);
    let mut y = noise(70, 6);
    (60..65).for_each(|row| y[row] = y[row - 60]);
    let table = table().numbers("x", x).numbers("y", y).target("y");
    check(
        &table,
        &parts(0..50, 50..70),
        &[(
            LeakKind::SharedRows,
            None,
            "10 of 20 test rows (50.0 %) have the same features as a training row, 5 of them the \
             same answer too",
        )],
    );
}

#[test] // by hand
fn tests_that_come_before_training_are_found() {
    let table = table()
        .numbers("x", noise(60, 7))
        .numbers("y", noise(60, 8))
        .times("at", (0..60).map(|i| i * 1_000))
        .target("y");
    let message = "by `at`, 20 of 20 test rows (100.0 %) are earlier than the latest training row";
    let expected = [(LeakKind::TimeBackwards, Some("at"), message)];
    check(&table, &parts(20..60, 0..20), &expected);
    check(&table.with_role("at", Role::Time).unwrap(), &parts(20..60, 0..20), &expected);
    check(&table, &parts(0..40, 40..60), &[]);
}

#[test] // by hand
fn columns_that_name_rows_are_found_and_amounts_are_not() {
    let names: Vec<String> = (0..80).map(|i| format!("customer {i}")).collect();
    let table = table()
        .words("customer", names.iter().map(String::as_str))
        .integers("number", 1_000..1_080)
        .integers("cents", (0..80_i64).map(|i| (i * 7_919_123) % 1_000_003))
        .numbers("y", noise(80, 9))
        .target("y");
    check(
        &table,
        &parts(0..60, 60..80),
        &[
            (
                LeakKind::NamesRows,
                Some("customer"),
                "`customer` has 80 different values in 80 rows (100.0 %)",
            ),
            (
                LeakKind::NamesRows,
                Some("number"),
                "`number` has 80 different values in 80 rows (100.0 %)",
            ),
        ],
    );
}

/// The same three kinds of weather again and again, at these moments.
fn weather(moments: impl IntoIterator<Item = i64>) -> gristmill_core::Table {
    let kinds = ["rain", "snow", "sun"];
    let moments: Vec<i64> = moments.into_iter().collect();
    let rows = moments.len();
    table()
        .words("weather", (0..rows).map(|row| kinds[row % 3]))
        .times("at", moments)
        .numbers("y", noise(rows, 11))
        .target("y")
        .with_role("at", Role::Time)
        .unwrap()
}

#[test]
fn rows_that_differ_in_their_moment_alone_are_not_shared_where_the_split_is_by_time() {
    check(&weather(0..60), &parts(0..40, 40..60), &[]);
}

#[test] // by hand: rows 42 to 44 repeat rows 0 to 2, moment and weather
fn rows_that_stand_there_twice_are_shared_though_the_split_is_by_time() {
    let moments = (0..42).chain(0..3).chain(45..62);
    let found = "3 of 20 test rows (15.0 %) have the same features as a training row, 0 of them \
                 the same answer too";
    let expected = [(LeakKind::SharedRows, None, found)];
    let table = weather(moments);
    let spec = TargetSpec::learn(&table, None, TargetTransform::None).unwrap();
    let found = LeakageChecks::default().find(&table, &parts(0..42, 42..62), &spec).unwrap();
    let shared: Vec<_> = found
        .iter()
        .filter(|found| found.kind == LeakKind::SharedRows)
        .map(|found| (found.kind, found.column.as_deref(), found.evidence.as_str()))
        .collect();
    assert_eq!(shared, expected);
}

#[test]
fn few_rows_and_empty_columns_find_nothing() {
    let table = table()
        .numbers("gap", [None::<f64>; 4])
        .words("gone", [None::<&str>; 4])
        .numbers("y", [1.0, 2.0, 3.0, 4.0])
        .target("y");
    let spec = TargetSpec::learn(&table, None, TargetTransform::None).unwrap();
    let checks = LeakageChecks { shared: 1.0, ..LeakageChecks::default() };
    let found = checks.find(&table.without(&["gone".into()]).unwrap(), &parts(0..2, 2..4), &spec);
    assert!(found.unwrap().iter().all(|f| f.kind == LeakKind::SharedRows));
    assert!(
        LeakageChecks { alone: 2.0, ..checks }.find(&table, &parts(0..2, 2..4), &spec).is_err()
    );
}

#[test]
fn real_data_is_quiet_until_something_leaks() {
    let Some(telco) = shared_csv("telco.csv") else { return };
    let telco = telco.with_class_target("churn").unwrap();
    let spec = TargetSpec::learn(&telco, None, TargetTransform::None).unwrap();
    let parts = Split::default().parts(&telco, None, Seed(1)).unwrap();
    let found = LeakageChecks::default().find(&telco, &parts, &spec).unwrap();
    assert!(found.iter().all(|f| f.kind == LeakKind::SharedRows), "{found:?}");
    let copy = telco.column_named("churn").unwrap().clone();
    let field = telco.schema().field("churn").unwrap().clone();
    let field = gristmill_core::Field { name: "left".into(), role: Role::Feature, ..field };
    let leaky = telco.with_column(field, copy).unwrap();
    let found = LeakageChecks::default().find(&leaky, &parts, &spec).unwrap();
    assert_eq!(found[0].column.as_deref(), Some("left"));
}
