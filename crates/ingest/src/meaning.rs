//! What the values of a column mean where only the data can tell.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use gristmill_core::{PhysicalType, Result, SemanticType, Table};

/// Values of more words than this on average are to be read.
const TEXT_WORDS: usize = 5;

/// The table with the meanings that its values suggest.
///
/// - A column of words is text when its values have more than five words on average and more than
///   half of them differ from all others.
/// - A column of words or integers is an id when it is named `id` or ends with `id` as a word of
///   its own (`row_id`, `customer id`, `customerID`, `userId`), no value is missing, there are at
///   least two, and all differ.
/// - Everything else keeps the usual meaning of its type.
///
/// # Errors
/// Never for a table that keeps its own promises.
pub fn suggest_meanings(table: &Table) -> Result<Table> {
    let mut meant = table.clone();
    for (at, field) in table.schema().fields().iter().enumerate() {
        let meaning = meaning(&field.name, field.physical, table.column(at));
        if meaning != field.physical.usual_meaning() {
            meant = meant.with_meaning(&field.name, meaning)?;
        }
    }
    Ok(meant)
}

fn meaning(name: &str, physical: PhysicalType, column: &ArrayRef) -> SemanticType {
    if names_an_id(name) && all_differ(physical, column) {
        SemanticType::Id
    } else if physical == PhysicalType::Utf8 && is_text(column) {
        SemanticType::Text
    } else {
        physical.usual_meaning()
    }
}

fn names_an_id(name: &str) -> bool {
    let lower = name.to_lowercase();
    let own_word = ["_id", "-id", ".id", " id"].iter().any(|end| lower.ends_with(end));
    let camel = name.strip_suffix("Id").or(name.strip_suffix("ID"));
    lower == "id" || own_word || camel.is_some_and(|n| n.ends_with(char::is_lowercase))
}

fn all_differ(physical: PhysicalType, column: &ArrayRef) -> bool {
    if column.null_count() > 0 || column.len() < 2 {
        return false;
    }
    match physical {
        PhysicalType::Int64 => {
            let mut seen = HashSet::with_capacity(column.len());
            column.as_primitive::<Int64Type>().values().iter().all(|v| seen.insert(*v))
        }
        PhysicalType::Utf8 => {
            let mut seen = HashSet::with_capacity(column.len());
            column.as_string::<i32>().iter().all(|v| seen.insert(v))
        }
        _ => false,
    }
}

fn is_text(column: &ArrayRef) -> bool {
    let values = || column.as_string::<i32>().iter().flatten();
    let count = column.len() - column.null_count();
    let words: usize = values().map(|v| v.split_ascii_whitespace().count()).sum();
    if words <= TEXT_WORDS * count {
        return false;
    }
    let distinct: HashSet<&str> = values().collect();
    distinct.len() * 2 > count
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;

    use super::*;

    #[track_caller]
    fn check(table: &Table, expected: SemanticType) {
        let meant = suggest_meanings(table).unwrap();
        assert_eq!(meant.schema().fields()[0].semantic, expected);
    }

    #[test]
    fn distinct_values_under_the_name_of_an_id_are_one() {
        check(&table().integers("customer_id", [1, 2, 3]).build(), SemanticType::Id);
        check(&table().words("customerID", ["a", "b"]).build(), SemanticType::Id);
        check(&table().integers("customer_id", [1, 2, 2]).build(), SemanticType::Numeric);
        check(&table().integers("id", [Some(1), None]).build(), SemanticType::Numeric);
    }

    #[test]
    fn words_that_happen_to_end_like_id_are_none() {
        for name in ["paid", "humid", "PID", "android", "COVID"] {
            check(&table().integers(name, [1, 2, 3]).build(), SemanticType::Numeric);
        }
    }

    #[test]
    fn long_and_different_values_are_text() {
        let long = ["one two three four five six", "a b c d e f g", "this is not the same at all"];
        check(&table().words("review", long).build(), SemanticType::Text);
        check(
            &table().words("review", [long[0], long[0], long[0]]).build(),
            SemanticType::Categorical,
        );
        check(
            &table().words("plan", ["month to month", "yearly"]).build(),
            SemanticType::Categorical,
        );
    }
}
