//! Expectations and queries.

use std::collections::BTreeMap;

use gristmill_core::{Role, SemanticType, Table};
use gristmill_ingest::{Expectation, IngestError, apply_sql, check_expectations};
use gristmill_testkit::table;

use crate::shown;

fn rows() -> Table {
    table()
        .integers("tenure", [Some(1), Some(-3), None, Some(99)])
        .words("Plan", ["basic", "pro", "Pro", "basic"])
        .numbers("price", [1.5, 2.0, f64::NAN, 4.0])
        .times("seen", [0, 86_400_000_000, 0, 0])
        .build()
}

#[track_caller]
fn check(rules: &str, expected: &str) {
    let rules: Vec<Expectation> = serde_json::from_str(rules).unwrap();
    let found = match check_expectations(&rules, &rows()) {
        Ok(()) => String::new(),
        Err(IngestError::Broken { breaches }) => {
            breaches.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        Err(other) => other.to_string(),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_contract_that_is_kept_passes() {
    check(
        r#"[{"column": "tenure", "min": -3, "max": 99, "nulls": "25%", "type": "numeric", "unique": true},
            {"column": "Plan", "in": ["basic", "pro", "Pro"], "nulls": 0, "type": "categorical"},
            {"column": "seen", "min": "1970-01-01", "max": "1970-01-02", "type": "datetime"}]"#,
        "",
    );
}

#[test]
fn every_broken_rule_is_told_with_its_rows() {
    check(
        r#"[{"column": "tenure", "min": 0, "max": 50, "nulls": 0},
            {"column": "Plan", "in": ["basic", "pro"], "unique": true, "type": "numeric"},
            {"column": "seen", "max": "1970-01-01 12:00:00"}]"#,
        "column `tenure` is missing, more often than `nulls` 0 (row 3)\n\
         column `tenure` holds -3, less than `min` 0 (row 2)\n\
         column `tenure` holds 99, more than `max` 50 (row 4)\n\
         column `Plan` is categorical, expected `type` numeric\n\
         column `Plan` holds `Pro` (near `pro`), not `in` basic, pro (row 3)\n\
         column `Plan` holds `basic` again, expected `unique` (row 4)\n\
         column `seen` holds 1970-01-02T00:00:00, more than `max` 1970-01-01 12:00:00 (row 2)",
    );
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    check(
        r#"[{"column": "tenur", "min": 0}]"#,
        "column `tenur` not found; the table has tenure, Plan, price, seen",
    );
    check(
        r#"[{"column": "Plan", "min": 0}]"#,
        "`expect.min` is `0` for column `Plan`, expected no bound, for a column of utf8",
    );
    check(
        r#"[{"column": "tenure", "nulls": "many"}]"#,
        "`expect.nulls` is `many` for column `tenure`, expected a count, or a share such as \"1%\"",
    );
    let unknown = serde_json::from_str::<Expectation>(r#"{"column": "a", "minimum": 0}"#);
    assert!(unknown.unwrap_err().to_string().contains("unknown field `minimum`"));
}

/// The table under the name that a query calls a single source by.
fn alone(table: Table) -> BTreeMap<String, Table> {
    BTreeMap::from([("source".into(), table)])
}

#[track_caller]
fn sql(query: &str, expected: &str) {
    assert_eq!(shown(&apply_sql(&alone(rows()), query).unwrap()).trim(), expected);
}

#[test]
fn queries_take_names_as_they_are_written() {
    sql("SELECT Plan FROM source WHERE tenure > 0", "Plan: utf8 categorical | basic | basic |");
    sql(
        "SELECT Plan, count(*) AS n, avg(price) AS mean FROM source GROUP BY Plan ORDER BY Plan",
        "Plan: utf8 categorical | Pro | basic | pro |\n\
         n: int64 numeric | 1 | 2 | 1 |\n\
         mean: float64 numeric |  | 2.75 | 2.0 |",
    );
    sql(
        "SELECT upper(Plan) AS p, tenure * 2 AS t FROM source LIMIT 1",
        "p: utf8 categorical | BASIC |\nt: int64 numeric | 2 |",
    );
}

#[test]
fn a_query_may_leave_no_rows() {
    let empty = apply_sql(&alone(rows()), "SELECT * FROM source WHERE tenure > 1000").unwrap();
    assert_eq!((empty.rows(), empty.schema().len()), (0, 4));
}

#[test]
fn columns_that_stay_keep_meaning_and_role() {
    let table =
        rows().with_meaning("Plan", SemanticType::Id).unwrap().with_target("price").unwrap();
    let result =
        apply_sql(&alone(table), "SELECT price, Plan, tenure AS other FROM source").unwrap();
    assert_eq!(result.schema().field("Plan").unwrap().semantic, SemanticType::Id);
    assert_eq!(result.schema().field("price").unwrap().role, Role::Target);
}

#[track_caller]
fn refused(query: &str, message: &str, hint: &str) {
    let error = apply_sql(&alone(rows()), query).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.hint().unwrap_or_default().as_str()),
        (message, hint)
    );
}

#[test]
fn queries_that_cannot_run_are_refused_in_our_words() {
    refused(
        "SELECT tenur FROM source",
        "`sql` cannot run: column `tenur` not found",
        "did you mean `tenure`?",
    );
    let only = "write one SELECT; nothing else is run";
    for more in [
        "CREATE TABLE x AS SELECT 1",
        "DROP TABLE source",
        "COPY source TO 'x.csv'",
        "INSERT INTO source SELECT * FROM source",
        "SET a.b = 1",
        "SELECT 1; SELECT 2",
    ] {
        refused(more, "`sql` cannot run: it is more than one query", only);
    }
    for query in ["SELEC * FROM source", "", "SELECT * FROM elsewhere", "SELECT 1/0 FROM source"] {
        let error = apply_sql(&alone(rows()), query).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

/// Orders of three customers, one of whom nobody knows, and what they bought at which price.
fn shop() -> BTreeMap<String, Table> {
    let orders = table()
        .integers("order_id", [1, 2, 3])
        .integers("customer", [7, 8, 9])
        .times("at", [30, 10, 20])
        .build();
    let customers = table().integers("customer", [7, 8]).words("plan", ["free", "pro"]).build();
    let prices = table().times("at", [0, 25]).numbers("price", [1.5, 2.5]).build();
    let tables = [("orders", orders), ("customers", customers), ("prices", prices)];
    tables.map(|(name, table)| (name.to_string(), table)).into()
}

#[track_caller]
fn joined(query: &str, expected: &str) {
    assert_eq!(shown(&apply_sql(&shop(), query).unwrap()).trim(), expected);
}

#[test]
fn several_tables_are_joined_and_keep_their_meanings() {
    joined(
        "SELECT order_id, plan FROM orders LEFT JOIN customers USING (customer) ORDER BY order_id",
        "order_id: int64 numeric | 1 | 2 | 3 |\nplan: utf8 categorical | free | pro |  |",
    );
}

#[test] // by hand
fn a_table_is_joined_as_of_a_time() {
    joined(
        "SELECT order_id, price FROM asof_join(orders, prices, at) ORDER BY order_id",
        "order_id: int64 numeric | 1 | 2 | 3 |\nprice: float64 numeric | 2.5 | 1.5 | 1.5 |",
    );
}

#[track_caller]
fn not_joined(query: &str, message: &str, hint: &str) {
    let error = apply_sql(&shop(), query).unwrap_err();
    let said = (error.to_string(), error.hint().unwrap_or_default());
    assert_eq!(said, (format!("`sql` cannot run: {message}"), hint.into()));
}

#[test]
fn tables_and_columns_that_are_not_there_are_named() {
    not_joined("SELECT * FROM ordres", "table `ordres` not found", "did you mean `orders`?");
    not_joined(
        "SELECT * FROM asof_join(orders, price, at)",
        "table `price` not found",
        "did you mean `prices`?",
    );
    not_joined(
        "SELECT * FROM asof_join(orders, prices, moment)",
        "column `moment` not found; the table has at, price",
        "",
    );
    not_joined(
        "SELECT * FROM asof_join(orders)",
        "`asof_join` takes names of two tables and of columns",
        "write `asof_join(left, right, time, key)`",
    );
    not_joined(
        "SELECT customer FROM orders JOIN customers ON true",
        "column `customer` is in more than one table",
        "say of which: `TABLE.customer`",
    );
}
