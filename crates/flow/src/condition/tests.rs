use proptest::prelude::*;
use serde_json::{Value, json};

use super::parse::STATES;
use super::{Condition, ConditionError};

/// What the conditions below are asked of.
fn facts() -> Value {
    json!({
        "fetch": {"rows": 1200, "files": ["a.csv", "b.csv"], "note": null, "ok": true,
                  "odd name": {"x": 1}, "big": 9_007_199_254_740_993_u64},
        "metrics": {"test": {"roc_auc": 0.84, "accuracy": 0.8}},
        "status": {"train": "succeeded", "fetch-all": "failed"},
        "2nd": {"rows": 0},
    })
}

fn look_up(path: &[&str]) -> Option<Value> {
    let facts = facts();
    let found = path.iter().try_fold(&facts, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    });
    found.cloned()
}

#[track_caller]
fn check(text: &str, expected: bool) {
    let condition = Condition::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(condition.holds(&look_up), Ok(expected), "{text}");
    assert_eq!(Condition::parse(&condition.to_string()).as_ref(), Ok(&condition), "{condition}");
}

/// What is said about a condition that cannot be read or answered, with its hint.
#[track_caller]
fn refusal(text: &str) -> String {
    let error = match Condition::parse(text) {
        Ok(condition) => condition.holds(&look_up).expect_err(text),
        Err(error) => error,
    };
    let error = error.knowing(["fetch", "metrics", "status", "2nd"]);
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn numbers_are_compared_as_numbers() {
    check("metrics.test.roc_auc > 0.8", true);
    check("metrics.test.roc_auc <= 0.8", false);
    check("fetch.rows = 1200.0", true);
    check("1e3 < fetch.rows", true);
    check("fetch.rows >= -5", true);
    check("fetch.big == 9007199254740992", false);
}

#[test]
fn texts_are_compared_by_their_characters() {
    check("status.train == 'succeeded'", true);
    check("fetch.files[0] < \"b\"", true);
    check("fetch.files.1 == 'b.csv'", true);
    check("'it\\'s' == \"it's\"", true);
}

#[test]
fn not_binds_closer_than_and_and_that_closer_than_or() {
    check("false and false or true", true);
    check("false and (false or true)", false);
    check("not true or true", true);
    check("not (true or true)", false);
    check("not not fetch.ok", true);
}

#[test]
fn and_and_or_look_no_further_than_they_have_to() {
    check("fetch.gone != null and fetch.gone > 3", false);
    check("fetch.gone == null or fetch.gone > 3", true);
}

#[test]
fn an_absent_value_and_null_are_the_same() {
    check("fetch.note == null", true);
    check("null != fetch.rows", true);
    check("other == null", true);
    check("fetch.note in [null, 'x']", true);
    check("null == null", true);
}

#[test]
fn membership_is_asked_of_lists() {
    check("fetch.rows in [1, 1200]", true);
    check("not (fetch.files[0] in ['x', 'y'])", true);
    check("'a.csv' in fetch.files", true);
    check("'c.csv' not in fetch.files", true);
    check("fetch.rows in []", false);
}

#[test]
fn names_may_hold_dashes_begin_with_digits_or_stand_in_quotes() {
    check("status.fetch-all == 'failed'", true);
    check("2nd.rows == 0", true);
    check("fetch['odd name'].x == 1", true);
}

#[test]
fn it_knows_its_paths_first_parts_and_the_statuses_it_asks_for() {
    let text = "fetch.rows > 0 and status.train == 'failed' or b in a.list and fetch.ok";
    let condition = Condition::parse(text).unwrap();
    assert_eq!(condition.names(), ["fetch", "status", "b", "a"]);
    assert_eq!(condition.statuses(), ["train"]);
}

#[test]
fn it_is_written_in_one_way() {
    let text = "not( a.b in [\"x\",'it\\'s'] )and(a=1 or(b.0!=null))";
    let condition = Condition::parse(text).unwrap();
    insta::assert_snapshot!(condition, @r"a.b not in ['x', 'it\'s'] and (a == 1 or b[0] != null)");
}

#[test]
fn a_text_that_is_no_condition_is_refused_with_its_place() {
    insta::assert_snapshot!(refusal(""), @"found the end in column 1, expected a name, a number or a text in quotes");
    insta::assert_snapshot!(refusal("a >"), @"found the end in column 4, expected a name, a number or a text in quotes");
    insta::assert_snapshot!(refusal("a > and b"), @"found `and` in column 5, expected a name, a number or a text in quotes");
    insta::assert_snapshot!(refusal("5"), @"found the end in column 2, expected a comparison such as `==`, `>` or `in`");
    insta::assert_snapshot!(refusal("(a > 1"), @"found the end in column 7, expected `)`");
    insta::assert_snapshot!(refusal("a > 1 b"), @"found `b` in column 7, expected `and`, `or` or the end");
    insta::assert_snapshot!(refusal("a. > 1"), @"found ` ` in column 3, expected a name after `.`");
    insta::assert_snapshot!(refusal("a[x] > 1"), @"found `x` in column 3, expected a position or a name in quotes");
    insta::assert_snapshot!(refusal("a == 'x"), @"found a text that does not end in column 6, expected another `'` at its end");
    insta::assert_snapshot!(refusal("a in 'x'"), @"found `'x'` in column 6, expected a list such as `['a', 'b']` after `in`");
    insta::assert_snapshot!(refusal("a + 1 > 2"), @"found `+` in column 3, expected a name, a number, a text in quotes or a comparison");
    insta::assert_snapshot!(refusal("a > 1e999"), @"found `1e999` in column 5, expected a number below 1.8e308");
    insta::assert_snapshot!(refusal(&"a > 1 and ".repeat(401)), @"found more text in column 4001, expected at most 4000 characters");
    insta::assert_snapshot!(refusal(&format!("{}a", "not ".repeat(65))), @"found `a` in column 261, expected no more than 64 levels");
}

#[test]
fn what_other_languages_write_is_understood_and_refused() {
    insta::assert_snapshot!(refusal("a > 1 && b > 1"), @"
    found `&&` in column 7, expected a word of a condition
    hint: write `and` for `&&`
    ");
    insta::assert_snapshot!(refusal("!a"), @"
    found `!` in column 1, expected a word of a condition
    hint: write `not` for `!`
    ");
    insta::assert_snapshot!(refusal("0 < a < 1"), @"
    found `<` in column 7, expected `and`, `or` or the end
    hint: write `0 < a and a < ...`
    ");
}

#[test]
fn a_status_that_no_task_ends_with_is_refused() {
    insta::assert_snapshot!(refusal("status.train == 'succeded'"), @"
    found `'succeded'` in column 1, expected one of `succeeded`, `failed`, `skipped` and `cancelled` for `status.train`
    hint: did you mean `succeeded`?
    ");
    insta::assert_snapshot!(refusal("status.train in ['failed', 1]"), @"found `1` in column 1, expected one of `succeeded`, `failed`, `skipped` and `cancelled` for `status.train`");
}

#[test]
fn the_words_of_a_status_are_those_of_reports() {
    use crate::TaskStatus::{Cancelled, Failed, Skipped, Succeeded};
    assert_eq!(STATES, [Succeeded, Failed, Skipped, Cancelled].map(|status| status.as_str()));
}

#[test]
fn an_absent_value_is_named_with_what_is_there() {
    insta::assert_snapshot!(refusal("metrics.test.roc_acu > 0.8"), @"
    `metrics.test.roc_acu` is not there; `metrics.test` has `accuracy` and `roc_auc`
    hint: did you mean `roc_auc`?
    ");
    insta::assert_snapshot!(refusal("fetsh.rows > 0"), @"
    `fetsh.rows` is not there; known are `fetch`, `metrics`, `status` and `2nd`
    hint: did you mean `fetch`?
    ");
    insta::assert_snapshot!(refusal("fetch.files[7] == 'x'"), @"
    `fetch.files[7]` is not there
    hint: `fetch.files[7] != null` asks whether it is there
    ");
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_what_it_is() {
    insta::assert_snapshot!(refusal("status.train > 0.8"), @"found `0.8` in column 1, expected one of `succeeded`, `failed`, `skipped` and `cancelled` for `status.train`");
    insta::assert_snapshot!(refusal("fetch.files[0] > 0.8"), @"`fetch.files[0]` is the text 'a.csv', expected a number as `0.8` is");
    insta::assert_snapshot!(refusal("0.8 < fetch.files"), @"`fetch.files` is a list, expected a number or a text");
    insta::assert_snapshot!(refusal("fetch.rows"), @"`fetch.rows` is the number 1200, expected true or false, or compared with something");
    insta::assert_snapshot!(refusal("fetch == 1"), @"`fetch` is a block, expected a number as `1` is");
    insta::assert_snapshot!(refusal("fetch.ok > 1"), @"`fetch.ok` is true, expected a number or a text");
    insta::assert_snapshot!(refusal("fetch.rows in ['a']"), @"`fetch.rows` is the number 1200, expected a text as in the list");
    insta::assert_snapshot!(refusal("'a' in fetch.rows"), @"`fetch.rows` is the number 1200, expected a list");
    insta::assert_snapshot!(refusal("fetch.rows > null"), @"`null` is null, expected a number, a text, true or false");
}

/// Pieces of conditions in any order: closer to the grammar than random characters come.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b-c",
        "status.x",
        "fetch.rows",
        ".",
        "[0]",
        "['x y']",
        "[",
        "]",
        ",",
        " ",
        " and ",
        " or ",
        "not ",
        " in ",
        "(",
        ")",
        "==",
        "=",
        "!=",
        "<",
        ">=",
        "1",
        "-2.5",
        "1e3",
        "'t'",
        "'",
        "\"",
        "\\",
        "true",
        "null",
        "é",
        "😀",
        "\n",
        "!",
        "2nd",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Conditions that can be read.
fn conditions() -> impl Strategy<Value = String> {
    let operand = prop::sample::select(vec![
        "a",
        "fetch.rows",
        "x[3]['it\\'s'].y",
        "1",
        "-2.5e-7",
        "'t\\n\\\\'",
        "true",
        "null",
    ]);
    let sign = prop::sample::select(vec!["==", "=", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (operand.clone(), sign, operand.clone()).prop_map(|(a, s, b)| format!("{a}{s}{b}")),
        operand.clone().prop_map(|a| format!("{a} in ['x', 2, null]")),
        operand.prop_map(|a| format!("{a} not in b.list")),
        Just("fetch.ok".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|p| format!("({})", p.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|p| format!("({})", p.join(" or "))),
            inner.prop_map(|p| format!("not ({p})")),
        ]
    })
}

fn read_again(text: &str) -> Result<(), ConditionError> {
    let condition = Condition::parse(text)?;
    assert_eq!(Condition::parse(&condition.to_string()).as_ref(), Ok(&condition), "{condition}");
    match condition.holds(&look_up) {
        Ok(_) => {}
        Err(error) => drop((error.to_string(), error.hint())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_characters_are_read_or_refused(text in "(?s).{0,60}") {
        let _ = read_again(&text);
    }

    #[test]
    fn any_pieces_are_read_or_refused(text in pieces()) {
        let _ = read_again(&text);
    }

    #[test]
    fn what_is_read_is_written_and_read_as_the_same(text in conditions()) {
        prop_assert_eq!(read_again(&text), Ok(()));
    }
}
