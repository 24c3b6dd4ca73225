use gristmill_core::{Profile, Table};
use gristmill_testkit::table;

use super::*;
use crate::DriftTest;
use crate::statistics::{Correction, Steps, kolmogorov_smirnov, wasserstein_normed};

fn judge(settings: &DriftSettings, before: &Table, now: &Table) -> DriftReport {
    let reference = Reference::of(&Profile::learn(before).unwrap());
    let mut window = Window::new(&reference);
    window.update(&reference, now).unwrap();
    settings.judge(&reference, &window).unwrap()
}

fn settings(test: DriftTest) -> DriftSettings {
    DriftSettings { test, ..DriftSettings::default() }
}

/// Numbers that look drawn, as a table that keeps what they were drawn from.
fn numbers(rows: u64, scale: f64, shift: f64) -> Vec<f64> {
    (0..rows).map(|i| ((i * 7_919 % 10_007) as f64 / 10_007.0).powi(2) * scale + shift).collect()
}

fn plans(of: [(&str, usize); 4]) -> Vec<&str> {
    of.into_iter().flat_map(|(word, count)| std::iter::repeat_n(word, count)).collect()
}

#[test]
fn rows_of_the_same_source_have_not_moved_by_any_test() {
    let before = table().numbers("x", numbers(8_000, 3.0, 0.0)).build();
    let now = table().numbers("x", numbers(2_500, 3.0, 0.0)).build();
    for test in
        [DriftTest::Psi, DriftTest::Ks, DriftTest::Chi2, DriftTest::Js, DriftTest::Wasserstein]
    {
        let found = judge(&settings(test), &before, &now);
        assert!(!found.drifted && found.enough, "{found:?}");
    }
}

#[test]
fn rows_of_another_source_have_moved_by_every_test() {
    let before = table().numbers("x", numbers(8_000, 3.0, 0.0)).build();
    let now = table().numbers("x", numbers(2_500, 3.0, 0.8)).build();
    for test in
        [DriftTest::Psi, DriftTest::Ks, DriftTest::Chi2, DriftTest::Js, DriftTest::Wasserstein]
    {
        let found = judge(&settings(test), &before, &now);
        assert!(found.drifted && found.share == 1.0, "{found:?}");
        assert_eq!(found.columns[0].reasons, [Reason::Values]);
    }
}

#[test]
fn few_different_numbers_are_compared_exactly() {
    let before: Vec<f64> = (0..600).map(|i| f64::from(i * i % 41)).collect();
    let low = |v: i32| if v > 30 { 0 } else { v };
    let now: Vec<f64> = (0..400).map(|i| f64::from(low(i * i % 41))).collect();
    let (a, b) = (Steps::of(&before), Steps::of(&now));
    let tables = (table().numbers("x", before).build(), table().numbers("x", now).build());
    let found = judge(&settings(DriftTest::Ks), &tables.0, &tables.1).columns.remove(0);
    let exact = kolmogorov_smirnov(&a, &b).unwrap();
    assert_eq!((found.statistic, found.p_value), (Some(exact.statistic), Some(exact.p_value)));
    assert_eq!(found.within, Some(0.0));
    let found = judge(&settings(DriftTest::Wasserstein), &tables.0, &tables.1).columns.remove(0);
    assert!((found.value.unwrap() - wasserstein_normed(&a, &b).unwrap()).abs() < 1e-12);
}

#[test]
fn many_different_numbers_are_compared_within_what_is_stated() {
    let (before, now) = (numbers(9_000, 3.0, 0.0), numbers(4_000, 3.1, 0.1));
    let (a, b) = (Steps::of(&before), Steps::of(&now));
    let tables = (table().numbers("x", before).build(), table().numbers("x", now).build());
    let found = judge(&settings(DriftTest::Ks), &tables.0, &tables.1).columns.remove(0);
    let exact = kolmogorov_smirnov(&a, &b).unwrap().statistic;
    let (statistic, within) = (found.statistic.unwrap(), found.within.unwrap());
    assert!(within > 0.0 && within < 0.006);
    assert!(statistic <= exact + 1e-12 && statistic >= exact - within, "{statistic} of {exact}");
    let found = judge(&settings(DriftTest::Wasserstein), &tables.0, &tables.1).columns.remove(0);
    let exact = wasserstein_normed(&a, &b).unwrap();
    assert!((found.value.unwrap() / exact - 1.0).abs() < 0.05, "{found:?} of {exact}");
}

#[test] // by hand: shares of ½ and ¼, ¼ become ¼, ½, ¼, half a row more in each
fn categories_are_compared_by_their_shares() {
    let before =
        table().words("plan", plans([("a", 200), ("b", 100), ("c", 100), ("", 0)])).build();
    let now = table().words("plan", plans([("a", 100), ("b", 200), ("c", 100), ("", 0)])).build();
    let found = judge(&settings(DriftTest::Psi), &before, &now).columns.remove(0);
    let (half, quarter) = (200.5 / 401.5, 100.5 / 401.5_f64);
    let expected = 2.0 * (half - quarter) * (half / quarter).ln();
    assert!((found.value.unwrap() - expected).abs() < 1e-12, "{found:?}");
    // A test of numbers gives way to one of categories.
    let found = judge(&settings(DriftTest::Ks), &before, &now).columns.remove(0);
    assert_eq!((found.test, found.threshold), (DriftTest::Chi2, 0.05));
    let found = judge(&settings(DriftTest::Wasserstein), &before, &now).columns.remove(0);
    assert_eq!(found.test, DriftTest::Js);
}

#[test]
fn a_category_that_was_never_seen_is_a_reason_of_its_own() {
    let before = table().words("plan", plans([("a", 300), ("b", 90), ("c", 10), ("", 0)])).build();
    let now = table().words("plan", plans([("a", 300), ("b", 80), ("c", 0), ("new", 20)])).build();
    let found = judge(&settings(DriftTest::Psi), &before, &now).columns.remove(0);
    assert!(found.reasons.contains(&Reason::Unseen), "{found:?}");
    assert_eq!(
        (found.unseen.unwrap().current, found.unseen_categories),
        (0.05, vec!["new".to_string()])
    );
}

#[test]
fn values_that_go_missing_are_a_reason_of_their_own() {
    let whole = numbers(1_000, 1.0, 0.0);
    let gaps = whole.iter().enumerate().map(|(i, v)| if i % 5 == 0 { f64::NAN } else { *v });
    let before = table().numbers("x", whole.clone()).build();
    let found = judge(&settings(DriftTest::Psi), &before, &table().numbers("x", gaps).build());
    let column = &found.columns[0];
    assert_eq!((column.reasons.as_slice(), column.missing.current), (&[Reason::Missing][..], 0.2));
    // Nothing is left to be compared.
    let none = table().numbers("x", [f64::NAN; 200]).build();
    let column = judge(&settings(DriftTest::Psi), &before, &none).columns.remove(0);
    assert_eq!((column.value, column.drifted), (None, true));
}

#[test]
fn a_constant_that_becomes_another_has_moved() {
    let before = table().numbers("x", [5.0; 300]).build();
    let now = table().numbers("x", [6.0; 300]).build();
    for test in
        [DriftTest::Psi, DriftTest::Ks, DriftTest::Chi2, DriftTest::Js, DriftTest::Wasserstein]
    {
        assert!(judge(&settings(test), &before, &now).drifted, "{test:?}");
        assert!(!judge(&settings(test), &before, &before).drifted, "{test:?}");
    }
}

#[test]
fn enough_columns_must_have_moved_in_enough_rows() {
    let columns = |shift: f64, rows| {
        let still =
            table().numbers("a", numbers(rows, 1.0, 0.0)).numbers("b", numbers(rows, 2.0, 0.0));
        still.numbers("c", numbers(rows, 1.0, shift)).build()
    };
    let (before, now) = (columns(0.0, 2_000), columns(0.5, 500));
    let with = |share, min_rows| DriftSettings { share, min_rows, ..DriftSettings::default() };
    let found = judge(&with(0.3, 100), &before, &now);
    assert!(found.drifted && (found.share - 1.0 / 3.0).abs() < 1e-12);
    assert!(!judge(&with(0.5, 100), &before, &now).drifted);
    let few = judge(&with(0.3, 501), &before, &now);
    assert!(!few.drifted && !few.enough && few.columns[2].drifted);
    assert_eq!(found.by_movement()[0].name, "c");
}

#[test]
fn p_values_are_corrected_for_all_columns() {
    let columns = |scale: f64, rows| {
        (0..20).fold(table(), |t, i| {
            t.numbers(&format!("c{i}"), numbers(rows, if i == 0 { scale } else { 1.0 }, 0.0))
        })
    };
    let (before, now) = (columns(1.0, 3_000).build(), columns(1.09, 900).build());
    let with =
        |correction| DriftSettings { test: DriftTest::Ks, correction, ..DriftSettings::default() };
    let plain = judge(&with(Correction::None), &before, &now);
    let strict = judge(&with(Correction::Bonferroni), &before, &now);
    let (a, b) = (plain.columns[0].value.unwrap(), strict.columns[0].value.unwrap());
    assert!((b - (20.0 * a).min(1.0)).abs() < 1e-12, "{a} {b}");
    assert_eq!(plain.columns[0].p_value, strict.columns[0].p_value);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let usual = DriftSettings::default;
    for wrong in [
        DriftSettings { share: 0.0, ..usual() },
        DriftSettings { share: 1.5, ..usual() },
        DriftSettings { threshold: Some(0.0), ..usual() },
        DriftSettings { threshold: Some(f64::NAN), ..usual() },
        DriftSettings { threshold: Some(2.0), test: DriftTest::Ks, ..usual() },
    ] {
        assert!(wrong.check().is_err(), "{wrong:?}");
    }
}

#[test]
fn settings_are_read_as_a_file_spells_them() {
    let json =
        r#"{"test": "ks", "columns": ["age", "price_*"], "share": 0.5, "correction": "holm"}"#;
    let read: DriftSettings = serde_json::from_str(json).unwrap();
    assert_eq!((read.test, read.correction, read.min_rows), (DriftTest::Ks, Correction::Holm, 100));
    let again = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<DriftSettings>(&again).unwrap(), read);
    assert!(serde_json::from_str::<DriftSettings>(r#"{"tets": "ks"}"#).is_err());
}

const PARCELS: [&str; 8] =
    ["parcel", "late", "courier", "street", "door", "arrived", "lost", "yesterday"];
const REFUNDS: [&str; 8] =
    ["refund", "money", "card", "charged", "twice", "bank", "invoice", "yesterday"];

/// Complaints of six words each, about one thing or the other.
fn complaints(rows: usize, about: [&str; 8], seed: u64) -> Table {
    let mut random = gristmill_core::Seed(seed).random();
    let mut text = || (0..6).map(|_| about[random.below(8)]).collect::<Vec<_>>().join(" ");
    let texts: Vec<String> = (0..rows).map(|_| text()).collect();
    table()
        .words("note", texts.iter().map(String::as_str))
        .meaning(gristmill_core::SemanticType::Text)
        .build()
}

#[test]
fn texts_about_something_else_have_moved() {
    let before = complaints(1_500, PARCELS, 1);
    let settings = DriftSettings::default();
    let found = judge(&settings, &before, &complaints(400, PARCELS, 2));
    let content = found.columns[0].content.unwrap();
    assert!(!found.drifted && content.auc < 0.6 && content.threshold == 0.65, "{content:?}");
    let found = judge(&settings, &before, &complaints(400, REFUNDS, 3));
    let content = found.columns[0].content.unwrap();
    assert!(found.columns[0].reasons.contains(&Reason::Content) && content.auc > 0.99);
    assert!(found.measures().iter().any(|(name, test, _)| name == "note" && *test == "embedding"));
    // Few texts say nothing.
    let found = judge(&settings, &complaints(20, PARCELS, 4), &complaints(9, REFUNDS, 5));
    assert_eq!(found.columns[0].content, None);
}

#[test]
fn a_profile_of_before_compares_texts_by_their_lengths_alone() {
    let before = Profile::learn(&complaints(800, PARCELS, 1)).unwrap();
    let mut reference = Reference::of(&before);
    reference.columns[0].vectors = None;
    let mut window = Window::new(&reference);
    window.update(&reference, &complaints(400, PARCELS, 3)).unwrap();
    let found = DriftSettings::default().judge(&reference, &window).unwrap();
    assert_eq!((found.columns[0].content, found.drifted), (None, false));
}

/// Rows with a vector of three numbers, of which the first two go together, and one number more.
fn embedded(rows: usize, slope: f64, seed: u64) -> Table {
    let mut random = gristmill_core::Seed(seed).random();
    let first: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let second: Vec<f64> = first.iter().map(|v| slope + v + 0.1 * random.normal()).collect();
    let third: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let price: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    table()
        .numbers("emb_0", first)
        .numbers("emb_1", second)
        .numbers("emb_2", third)
        .numbers("price", price)
        .build()
}

#[test]
fn columns_that_are_one_vector_are_compared_as_one() {
    let before = embedded(2_000, 0.0, 1);
    let settings = DriftSettings {
        embeddings: Some(crate::EmbeddingSettings {
            columns: Some(gristmill_core::Selector::word("emb_*")),
            threshold: None,
        }),
        ..DriftSettings::default()
    };
    let names = settings.together(before.schema()).unwrap().unwrap();
    let profile = Profile::learn(&before).unwrap().with_together(names, &before).unwrap();
    let all = gristmill_core::Selector::All;
    let reference = Reference::of(&profile).select(before.schema(), &all).unwrap();
    let judged = |now: &Table| {
        let mut window = Window::new(&reference);
        window.update(&reference, now).unwrap();
        settings.judge(&reference, &window).unwrap()
    };
    let found = judged(&embedded(500, 0.0, 2));
    let together = found.together.as_ref().unwrap();
    assert_eq!((found.columns.len(), found.compared(), found.moved()), (1, 2, 0));
    assert!(!together.drifted && together.name() == "emb_0 to emb_2", "{together:?}");
    // Each column moves by a fifth of its deviation, and out of the line on which both lay.
    let found = judged(&embedded(500, 0.2, 3));
    let together = found.together.as_ref().unwrap();
    assert!(together.drifted && together.vectors.unwrap().auc > 0.8, "{together:?}");
    assert_eq!((found.moved(), found.share, found.drifted), (1, 0.5, true));
}
