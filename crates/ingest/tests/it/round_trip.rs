//! What is written comes back: text by its values, stored tables by every bit.

use gristmill_core::{Role, SemanticType, Table};
use gristmill_ingest::{load_table, save_table, write_csv};
use gristmill_testkit::table;
use proptest::prelude::*;

use crate::{folder, read_csv};

/// Words that text cannot tell from something else are left out: numbers, times, missing values.
fn word() -> impl Strategy<Value = String> {
    "[a-z,\"\n\r; é|\t']{0,8}".prop_map(|s| format!("w{s}w"))
}

fn column<T: std::fmt::Debug>(
    value: impl Strategy<Value = T>,
    rows: usize,
) -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(prop::option::of(value), rows)
}

prop_compose! {
    fn tables()(rows in 1usize..30)(
        f in column(any::<f64>().prop_filter("finite", |v| v.is_finite()), rows),
        i in column(any::<i64>(), rows),
        w in column(word(), rows),
        b in column(any::<bool>(), rows),
        t in column(-60_000_000_000_000_000i64..200_000_000_000_000_000, rows),
    ) -> Table {
        table()
            .numbers("a number", f)
            .integers("i", i)
            .words("w,\"", w.iter().map(|w| w.as_deref()).collect::<Vec<_>>())
            .booleans("b", b)
            .times("t", t)
            .build()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn text_gives_back_what_was_written(rows in tables()) {
        let full: Vec<String> = rows.schema().fields().iter().enumerate()
            .filter(|(at, _)| rows.column(*at).null_count() == rows.rows())
            .map(|(_, f)| f.name.clone())
            .collect();
        prop_assume!(full.len() < rows.schema().len());
        let mut text = Vec::new();
        write_csv(&rows, &mut text).unwrap();
        let (back, _) = read_csv(&text, &"a.csv".into()).unwrap();
        prop_assert_eq!(back, rows.without(&full).unwrap());
    }

    #[test]
    fn stored_tables_come_back_whole(rows in tables()) {
        let folder = folder([]);
        let path = folder.path().join("t.arrow");
        let rows = rows.with_role("b", Role::Part).unwrap();
        let rows = rows.with_meaning("w,\"", SemanticType::Text).unwrap();
        save_table(&rows, &path).unwrap();
        let back = load_table(&path).unwrap();
        prop_assert_eq!(back.content_hash().unwrap(), rows.content_hash().unwrap());
        prop_assert_eq!(back, rows);
    }
}

#[test]
fn equal_tables_are_stored_as_equal_bytes() {
    let folder = folder([]);
    let rows = table().integers("a", [1, 2]).words("b", ["x", "y"]).build();
    for name in ["1.arrow", "2.arrow"] {
        save_table(&rows, &folder.path().join(name)).unwrap();
    }
    let bytes = |name: &str| fs_err::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("1.arrow"), bytes("2.arrow"));
}

#[test]
fn a_lonely_missing_value_is_a_row() {
    let rows = table().words("a", [Some("x"), None, Some("y")]).build();
    let mut text = Vec::new();
    write_csv(&rows, &mut text).unwrap();
    assert_eq!(String::from_utf8_lossy(&text), "a\nx\n\"\"\ny\n");
    assert_eq!(read_csv(&text, &"a.csv".into()).unwrap().0, rows);
}

#[test]
fn a_table_without_rows_is_stored() {
    let folder = folder([]);
    let path = folder.path().join("t.arrow");
    let none = table().integers("a", [1]).build().slice(0, 0);
    save_table(&none, &path).unwrap();
    assert_eq!(load_table(&path).unwrap(), none);
}
