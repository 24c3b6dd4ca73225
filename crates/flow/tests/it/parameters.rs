//! `params` and `${...}`.

use gristmill_flow::{Document, render};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[track_caller]
fn check(text: &str, expected: Value) {
    let document = Document::parse(text, "churn.yaml").unwrap();
    match document.resolve() {
        Ok(document) => assert_eq!(document.root().to_json(), expected),
        Err(mistakes) => panic!("{}", render(&mistakes)),
    }
}

fn refused(text: &str) -> String {
    render(&Document::parse(text, "churn.yaml").unwrap().resolve().unwrap_err())
}

#[test]
fn a_whole_value_keeps_its_type() {
    check(
        "params: {trees: 100, drop: [a, b], ratio: 0.25, on: true}\nmodel: {trees: '${trees}', x: [\"${ on }\"]}\ndrop: ${drop}\nratio: ${ratio}\n",
        json!({"model": {"trees": 100, "x": [true]}, "drop": ["a", "b"], "ratio": 0.25}),
    );
}

#[test]
fn inside_of_text_it_is_text() {
    check(
        "params: {day: 7, name: churn, half: 0.5, none: }\na: ${name}-${day}.csv\nb: x${half}y\nc: <${none}>\n",
        json!({"a": "churn-7.csv", "b": "x0.5y", "c": "<>"}),
    );
}

#[test]
fn a_doubled_dollar_is_literal() {
    check("a: $${HOME} and $HOME and $ {x}\n", json!({"a": "${HOME} and $HOME and $ {x}"}));
}

#[test]
fn parameters_may_be_made_of_others() {
    check(
        "params: {file: '${folder}/x.csv', folder: 'data-${day}', day: 7}\na: ${file}\n",
        json!({"a": "data-7/x.csv"}),
    );
}

#[test]
fn set_reaches_a_parameter_before_it_is_used() {
    let text = "params: {trees: 100}\nmodel: {trees: \"${trees}\"}\n";
    let mut document = Document::parse(text, "x.yaml").unwrap();
    document.set("params.trees", "7").unwrap();
    let document = document.resolve().unwrap();
    assert_eq!(document.root().to_json(), json!({"model": {"trees": 7}}));
    assert_eq!(document.params()[0].value.to_json(), json!(7));
}

#[test]
fn what_was_filled_in_stands_where_its_name_stood() {
    let text = "params: {trees: lots}\nmodel:\n  trees: ${trees}\n";
    let document = Document::parse(text, "x.yaml").unwrap().resolve().unwrap();
    let span = &document.root().get("model.trees").unwrap().span;
    assert_eq!((span.line, span.column, span.length), (3, 10, 8));
}

#[test]
fn unknown_names_come_with_the_nearest() {
    assert_snapshot!(refused("params: {trees: 1}\na: x-${tree}-y\nb: ${zebra}\n"), @"
    error: unknown parameter `tree`
      at: churn.yaml, line 2
       2 | a: x-${tree}-y
         |      ^^^^^^^
    hint: did you mean `${trees}`?

    error: unknown parameter `zebra`
      at: churn.yaml, line 3
       3 | b: ${zebra}
         |    ^^^^^^^^
    hint: `params` has `trees`; for a literal `${` write `$${`
    ");
    assert_snapshot!(refused("a: ${HOME}\n"), @"
    error: unknown parameter `HOME`
      at: churn.yaml, line 1
       1 | a: ${HOME}
         |    ^^^^^^^
    hint: name its value under `params:`; for a literal `${` write `$${`
    ");
    assert_snapshot!(refused("a: ${HOME\n"), @"
    error: `${` is opened and not closed
      at: churn.yaml, line 1
       1 | a: ${HOME
         |    ^^^^^^
    hint: for a literal `${` write `$${`
    ");
}

#[test]
fn circles_and_lists_in_text_are_refused() {
    assert_snapshot!(refused("params: {a: '${b}', b: 'x${a}'}\nc: ${a}\n"), @"
    error: parameter `a` needs itself, by `a`, `b` and `a`
      at: churn.yaml, line 1
       1 | params: {a: '${b}', b: 'x${a}'}
         |                        ^^^^^^^
    hint: give one of them a value
    ");
    assert_snapshot!(refused("params: {a: [1]}\nc: x${a}\n"), @"
    error: parameter `a` is no single value, so no part of text
      at: churn.yaml, line 2
       2 | c: x${a}
         |     ^^^^
    hint: let it stand alone as `${...}`, or give it one value
    ");
    assert_snapshot!(refused("params: [a]\nc: 1\n"), @"
    error: `params` must be a block of names and values
      at: churn.yaml, line 1
       1 | params: [a]
         |         ^
    hint: write `params: {trees: 100}`
    ");
}

#[test]
fn doubling_parameters_do_not_fill_the_memory() {
    let mut text = format!("params:\n  p0: {}\n", "x".repeat(1000));
    let mut lists = String::from("params:\n  p0: [1, 2, 3, 4]\n");
    for i in 1..16 {
        let before = i - 1;
        text.push_str(&format!("  p{i}: '{}'\n", format!("${{p{before}}}").repeat(8)));
        let eight = vec![format!("'${{p{before}}}'"); 8].join(", ");
        lists.push_str(&format!("  p{i}: [{eight}]\n"));
    }
    assert!(refused(&format!("{text}a: ${{p15}}\n")).contains("too large"));
    assert!(refused(&format!("{lists}a: ${{p15}}\n")).contains("too large"));
}
