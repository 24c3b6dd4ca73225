//! Reading a file, and what is said of one that cannot be read.

use gristmill_flow::{Document, NodeKind, render};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What a person sees when `text` is refused.
fn refused(text: &str) -> String {
    render(&Document::parse(text, "churn.yaml").unwrap_err())
}

#[track_caller]
fn check(text: &str, expected: Value) {
    match Document::parse(text, "churn.yaml") {
        Ok(document) => assert_eq!(document.root().to_json(), expected),
        Err(mistakes) => panic!("{}", render(&mistakes)),
    }
}

#[test]
fn a_pipeline_file_is_read_with_its_types() {
    check(
        "name: churn\nseed: 42\ndata:\n  split: {test: 0.2, stratify: true}\n  drop: [customer_id]\n  positive: \"Yes\"\n  none:\n",
        json!({
            "name": "churn", "seed": 42,
            "data": {"split": {"test": 0.2, "stratify": true}, "drop": ["customer_id"],
                     "positive": "Yes", "none": null},
        }),
    );
}

#[test]
fn json_is_read_as_well_tabs_included() {
    check(
        "{\n\t\"name\": \"caf\\u00e9 \\ud83d\\ude00\",\n\t\"trees\": [1, 2.5, -1e3, null, true],\n\t\"path\": \"a\\/b\"\n}\n",
        json!({"name": "café 😀", "trees": [1, 2.5, -1000.0, null, true], "path": "a/b"}),
    );
}

#[test]
fn texts_over_several_lines_keep_their_lines() {
    check("sql: |\n  SELECT *\n  FROM source\n", json!({"sql": "SELECT *\nFROM source\n"}));
    check("sql: >-\n  SELECT *\n  FROM source\n", json!({"sql": "SELECT * FROM source"}));
}

#[test]
fn quotes_make_text_and_keys_are_always_text() {
    check("1: '2'\ntrue: !!str 3\n~: ! 4\n", json!({"1": "2", "true": "3", "~": "4"}));
}

#[test]
fn aliases_stand_for_what_they_name() {
    check("a: &x {b: [1]}\nc: *x\n", json!({"a": {"b": [1]}, "c": {"b": [1]}}));
}

#[test]
fn comments_marks_and_line_ends_do_not_matter() {
    check("\u{feff}# first\r\nname: a # why\r\n", json!({"name": "a"}));
    check("---\nname: a\n...\n", json!({"name": "a"}));
}

#[test]
fn every_value_knows_where_it_stands() {
    let text = "name: churn\ndata:\n  split: {test: 0.2}\n  drop:\n    - a\n    - bb\n";
    let document = Document::parse(text, "churn.yaml").unwrap();
    let at = |path: &str| {
        let span = &document.root().get(path).unwrap().span;
        (span.line, span.column, span.length)
    };
    assert_eq!(at("name"), (1, 7, 5));
    assert_eq!(at("data.split.test"), (3, 17, 3));
    assert_eq!(at("data.drop.1"), (6, 7, 2));
    let entry = document.root().entry("data").unwrap();
    assert_eq!((entry.span.line, entry.span.column, entry.span.length), (2, 1, 4));
    assert!(document.root().get("data.drop.2").is_none());
    assert_eq!(document.mistake("data.drop.7.x", "m").line, 5);
}

#[test]
fn a_tab_is_called_a_tab() {
    assert_snapshot!(refused("data:\n\tsource: a.csv\n"), @"
    error: line 2 is indented with a tab, which YAML does not allow
      at: churn.yaml, line 2
       2 |  source: a.csv
         | ^
    hint: indent with spaces: replace each tab by two of them
    ");
    assert_snapshot!(refused("data:\n  source: a.csv\n\ttarget: b\n"), @"
    error: line 3 is indented with a tab, which YAML does not allow
      at: churn.yaml, line 3
       3 |  target: b
         | ^
    hint: indent with spaces: replace each tab by two of them
    ");
}

#[test]
fn a_key_that_stands_twice_is_refused_everywhere() {
    assert_snapshot!(refused("a: 1\nb: {c: 1, c: 2}\na: 3\n"), @"
    error: key `c` stands twice, first in line 2
      at: churn.yaml, line 2
       2 | b: {c: 1, c: 2}
         |           ^
    hint: remove one of the two

    error: key `a` stands twice, first in line 1
      at: churn.yaml, line 3
       3 | a: 3
         | ^
    hint: remove one of the two
    ");
}

#[test]
fn an_empty_file_is_called_empty() {
    assert_snapshot!(refused(""), @"
    error: the file is empty
      at: churn.yaml
    hint: a pipeline file begins with `name: ` and a name
    ");
    assert_snapshot!(refused("# only a comment\n"), @"
    error: the file is empty
      at: churn.yaml
    hint: a pipeline file begins with `name: ` and a name
    ");
    assert_snapshot!(refused("---\n"), @"
    error: the file holds no value
      at: churn.yaml
    hint: a pipeline file begins with `name: ` and a name
    ");
}

#[test]
fn syntax_is_refused_in_plain_words() {
    assert_snapshot!(refused("name: 'churn\n"), @"
    error: a quote is opened and not closed
      at: churn.yaml, line 1
       1 | name: 'churn
         |       ^
    hint: close it with the same quote
    ");
    assert_snapshot!(refused("drop: [a, b\nname: x\n"), @"
    error: a `:` stands where no value can begin
      at: churn.yaml, line 2
       2 | name: x
         |     ^
    hint: is the `[` in line 1 closed?
    ");
    assert_snapshot!(refused("sql: SELECT a: b\n"), @"
    error: a `:` stands where no value can begin
      at: churn.yaml, line 1
       1 | sql: SELECT a: b
         |              ^
    hint: put text that holds `: ` or begins with a special character in quotes
    ");
    assert_snapshot!(refused("a: 1\n b: 2\n"), @"
    error: a `:` stands where no value can begin
      at: churn.yaml, line 2
       2 |  b: 2
         |   ^
    hint: line 2 is indented further than the one above it
    ");
    assert_snapshot!(refused("a:\n    b: 1\n  c: 2\n"), @"
    error: expected `key: value` here
      at: churn.yaml, line 3
       3 |   c: 2
         |   ^
    hint: keys of one block begin in the same column; indent with spaces
    ");
    assert_snapshot!(refused("drop: *all\n"), @"
    error: this alias names no anchor above it
      at: churn.yaml, line 1
       1 | drop: *all
         |       ^
    hint: define it first with `&name`; text that begins with `*` needs quotes
    ");
    assert_snapshot!(refused("a: @b\n"), @"
    error: `@` cannot begin a value
      at: churn.yaml, line 1
       1 | a: @b
         |    ^
    hint: put text that holds `: ` or begins with a special character in quotes
    ");
    assert_snapshot!(refused("a: \"\\d\"\n"), @r#"
    error: unknown escape in a double-quoted text
      at: churn.yaml, line 1
       1 | a: "\d"
         |    ^
    hint: write `\\` for a backslash, or use single quotes
    "#);
}

#[test]
fn what_yaml_has_and_a_pipeline_file_has_not_is_refused() {
    assert_snapshot!(refused("a: !python/object x\n"), @"
    error: a tag stands here that is unknown or does not fit
      at: churn.yaml, line 1
       1 | a: !python/object x
         |    ^^^^^^^^^^^^^^
    hint: remove it; text that begins with `!` needs quotes
    ");
    assert_snapshot!(refused("a: &x {b: 1}\nc:\n  <<: *x\n"), @"
    error: merge keys (`<<`) are not known here
      at: churn.yaml, line 3
       3 |   <<: *x
         |   ^^
    hint: write the keys out, or share them by `include: `
    ");
    assert_snapshot!(refused("a: 1\n---\nb: 2\n"), @"
    error: a second document begins here; a file holds one
      at: churn.yaml, line 2
       2 | ---
         | ^^^
    hint: remove the `---`, or use a file for each
    ");
    assert_snapshot!(refused("? [a, b]\n: 1\n"), @"
    error: a key must be text, found a list or a block
      at: churn.yaml, line 1
       1 | ? [a, b]
         |   ^
    hint: write `key: value`
    ");
    assert_snapshot!(refused("include: other.yaml\n"), @"
    error: `include` needs a file, and this text was read from none
      at: churn.yaml, line 1
       1 | include: other.yaml
         | ^^^^^^^
    hint: save it as a file, or write the parts out
    ");
}

#[test]
fn a_text_that_would_fill_the_memory_is_refused() {
    // Each alias stands for ten of the one before: a million lists from ten lines.
    let mut text = String::from("a0: &a0 [1]\n");
    for i in 1..10 {
        let before = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
    }
    assert!(refused(&text).contains("more than 200000 values"));
    assert!(refused(&"x".repeat(5_000_000)).contains("more than 4 MB"));
}

#[test]
fn deep_nesting_is_refused_and_reasonable_nesting_is_not() {
    let nested = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(&nested(50), "x.yaml").is_ok());
    assert!(refused(&nested(100)).contains("nested"));
    assert!(refused(&nested(100_000)).contains("nested"));
    let block: String = (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(refused(&block).contains("nested"));
    assert!(refused(&"- ".repeat(100_000)).contains("nested"));
}

#[test]
fn set_changes_makes_and_numbers() {
    let mut document =
        Document::parse("data: {split: {test: 0.2}}\nfeatures: [{pca: {}}]\n", "x.yaml").unwrap();
    for (path, value) in [
        ("data.split.test", "0.3"),
        ("data.drop", "[a, 'b c']"),
        ("features.0.pca.components", "5"),
        ("types.\"a.b\"", "categorical"),
        ("data.sql", "SELECT 1: 2"),
        ("name", ""),
        ("model", "{ridge: {alpha: 1}}"),
        ("note", "'quoted: text'"),
    ] {
        document.set(path, value).unwrap();
    }
    let expected = json!({
        "data": {"split": {"test": 0.3}, "drop": ["a", "b c"], "sql": "SELECT 1: 2"},
        "features": [{"pca": {"components": 5}}],
        "types": {"a.b": "categorical"},
        "name": null,
        "model": {"ridge": {"alpha": 1}},
        "note": "quoted: text",
    });
    assert_eq!(document.root().to_json(), expected);
}

#[test]
fn set_says_what_it_cannot_do_and_changes_nothing() {
    let mut document = Document::parse("data: {drop: [a], target: churn}\n", "x.yaml").unwrap();
    let before = document.clone();
    let mut refused = |path: &str, value: &str| render(&document.set(path, value).unwrap_err());
    assert_snapshot!(refused("data.target.x", "1"), @"
    error: `x` would stand below a single value
      at: --set data.target.x=1
    hint: set that value itself to a block, as `{key: value}`
    ");
    assert_snapshot!(refused("data.drop.4", "b"), @"
    error: `4` is no entry of a list of 1
      at: --set data.drop.4=b
    hint: number the entries from 0
    ");
    assert_snapshot!(refused("data..x", "1"), @"
    error: `data..x` is no path to a value
      at: --set data..x=1
    hint: write it like `data.split.test=0.3`
    ");
    assert_snapshot!(refused("data.drop", "[a, b"), @"
    error: the value cannot be read: `[` is opened and not closed
      at: --set data.drop=[a, b
    hint: close brackets and quotes, and quote the whole for the shell
    ");
    assert!(refused(&vec!["a"; 70].join("."), "1").contains("no path"));
    assert!(
        refused("a.a.a.a.a", &format!("{}{}", "[".repeat(62), "]".repeat(62))).contains("deep")
    );
    assert_eq!(document, before);
}

#[test]
fn large_numbers_are_kept_exactly() {
    let document = Document::parse("seed: 18446744073709551615\n", "x.yaml").unwrap();
    let seed = document.root().get("seed").unwrap();
    assert_eq!(seed.kind, NodeKind::Int(u64::MAX.into()));
    assert_eq!(seed.to_json(), json!(u64::MAX));
}
