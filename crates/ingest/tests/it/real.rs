//! Real data from the folder that stands beside the repository; without it these tests say so.
//! Expected numbers: pandas 3.0 with the same words for missing values, or the folder's own notes.

use std::path::PathBuf;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use gristmill_core::{SemanticType, Table};

use crate::read;

fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        println!("skipped: {} is not here", folder.display());
        return None;
    }
    Some(folder)
}

fn missing(table: &Table) -> usize {
    (0..table.schema().len()).map(|at| table.column(at).null_count()).sum()
}

fn types(table: &Table) -> [usize; 3] {
    ["int64", "float64", "utf8"].map(|name| {
        table.schema().fields().iter().filter(|f| f.physical.to_string() == name).count()
    })
}

fn sum(table: &Table, name: &str) -> f64 {
    let column = table.column_named(name).unwrap();
    match column.as_primitive_opt::<Float64Type>() {
        Some(values) => values.iter().flatten().sum(),
        None => column.as_primitive::<Int64Type>().iter().flatten().sum::<i64>() as f64,
    }
}

#[track_caller]
fn check(
    name: &str,
    shape: (usize, usize),
    cells: usize,
    kinds: [usize; 3],
    (column, total): (&str, f64),
) -> Option<Table> {
    let (table, _) = read(&name.into(), &data()?).unwrap();
    assert_eq!((table.rows(), table.schema().len()), shape);
    assert_eq!(missing(&table), cells);
    assert_eq!(types(&table), kinds);
    let found = sum(&table, column);
    assert!((found - total).abs() <= 1e-12 * total.abs(), "{found}");
    Some(table)
}

fn meaning(table: &Table, name: &str) -> SemanticType {
    table.schema().field(name).unwrap().semantic
}

#[test]
fn telco() {
    check("telco.csv", (7043, 20), 11, [7, 2, 11], ("total_charges", 16_056_168.7));
}

#[test]
fn ames() {
    check("ames.csv", (2930, 82), 15_749, [28, 11, 43], ("Misc.Val", 148_361.0));
}

#[test]
fn metro_traffic() {
    let Some(table) =
        check("metro_traffic.csv", (48_204, 9), 0, [2, 3, 3], ("traffic_volume", 157_136_284.0))
    else {
        return;
    };
    assert_eq!(meaning(&table, "date_time"), SemanticType::Datetime);
    let holidays = table.column_named("holiday").unwrap();
    assert_eq!(holidays.as_string::<i32>().value(0), "None");
}

#[test]
fn movie_snippets() {
    let Some(table) = check("movie_snippets.csv", (10_568, 4), 0, [1, 1, 2], ("id", 56_067_459.0))
    else {
        return;
    };
    assert_eq!(meaning(&table, "text"), SemanticType::Text);
    assert_eq!(meaning(&table, "id"), SemanticType::Id);
    assert_eq!(meaning(&table, "label"), SemanticType::Categorical);
}

#[test]
fn online_retail() {
    let Some(table) = check(
        "online_retail.csv",
        (4317, 12),
        4263,
        [6, 4, 2],
        ("cancelled_value", 461_068.200_000_000_07),
    ) else {
        return;
    };
    assert_eq!(meaning(&table, "customer_id"), SemanticType::Id);
}

#[test]
fn shuttle() {
    check("shuttle.csv", (58_000, 10), 0, [0, 9, 1], ("V7", 2_151_354.0));
}

#[test]
fn flights() {
    let Some(folder) = data() else { return };
    let (table, _) = read(&"nycflights13.parquet".into(), &folder).unwrap();
    assert_eq!((table.rows(), table.schema().len()), (336_776, 19));
    assert_eq!(missing(&table), 46_595);
    // The mean delay at arrival that the documentation of nycflights13 gives.
    let arrived = table.column_named("arr_delay").unwrap();
    let mean = sum(&table, "arr_delay") / (arrived.len() - arrived.null_count()) as f64;
    assert!((mean - 6.895_377).abs() < 1e-6, "{mean}");
}
