//! Pipeline files with several sources and a query over them.

use serde_json::json;

use crate::sandbox::Sandbox;

const FILE: &str = "name: shop
data:
  sources:
    orders: orders.csv
    customers: {path: people.txt, format: csv, delimiter: \";\"}
  sql: |
    SELECT amount, quantity, age, amount * quantity AS total, late
    FROM orders JOIN customers USING (customer)
  target: late
  split: {test: 0.25, stratify: true}
model:
  logistic_regression: {}
";

/// Eighty orders of four customers.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut orders = String::from("customer,amount,quantity,late\n");
    for i in 0..80 {
        let late = if i % 7 < 3 { "yes" } else { "no" };
        orders += &format!("c{},{},{},{late}\n", i % 4, i % 7, i % 5);
    }
    sandbox.write("orders.csv", orders);
    sandbox.write("people.txt", "customer;age\nc0;31\nc1;45\nc2;27\nc3;60\n");
    sandbox.write("p.yaml", FILE);
    sandbox
}

/// `change` makes a mistake in the file, which `check` tells in these words.
#[track_caller]
fn check(change: (&str, &str), words: &[&str]) {
    let sandbox = sandbox();
    assert!(FILE.contains(change.0), "{}", change.0);
    sandbox.write("p.yaml", FILE.replace(change.0, change.1));
    let said = sandbox.run(&["check", "p.yaml"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "`{word}` is not in:\n{}", said.err);
    }
}

#[test]
fn a_change_in_any_source_runs_again() {
    let sandbox = sandbox();
    let ingest = |report: &serde_json::Value| report["tasks"][0]["cached"].clone();
    assert_eq!(ingest(&sandbox.json(&["run", "p.yaml"])), json!(false));
    assert_eq!(ingest(&sandbox.json(&["run", "p.yaml"])), json!(true));
    sandbox.write("people.txt", "customer;age\nc0;32\nc1;45\nc2;27\nc3;60\n");
    assert_eq!(ingest(&sandbox.json(&["run", "p.yaml"])), json!(false));
    let why = sandbox.run(&["why", "latest", "ingest"]).out;
    assert!(why.contains("customers: people.txt"), "{why}");
}

#[test]
fn columns_that_a_client_must_compute_are_noted() {
    let checked = sandbox().json(&["check", "p.yaml"]);
    let notes = checked["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let note = notes[0].as_str().unwrap();
    assert!(note.starts_with("`sql` makes `total`, which whoever asks"), "{note}");
}

#[test]
fn each_source_is_judged_at_its_place() {
    check(("people.txt", "poeple.txt"), &["line 5", "poeple.txt", "did you mean `people.txt`?"]);
    check(("orders.csv", "order.csv"), &["line 4", "order.csv", "did you mean `orders.csv`?"]);
    check(("    orders: ", "    the-orders: "), &["line 4", "the-orders", "letters, digits"]);
    check(("FROM orders", "FROM order_s"), &["line 7", "table `order_s` not found", "`orders`"]);
}

#[test]
fn a_source_and_several_do_not_mix() {
    let both = ("  sources:", "  source: orders.csv\n  sources:");
    check(both, &["`data` has both `source` and `sources`"]);
    let (before, after) = FILE.split_once("  sql: |").unwrap();
    let query = &after[..after.find("  target").unwrap()];
    check((&format!("  sql: |{query}"), ""), &["`sources` needs `sql`"]);
    let sources = &before[before.find("  sources").unwrap()..];
    check((&format!("{sources}  sql: |{query}"), ""), &["missing key `source` in `data`"]);
}
