//! Expressions: parsing, typing, evaluating, storing.

use gristmill_core::expr::Expr;
use gristmill_core::{Column, Field, Frame, MISSING_TIME, Schema, SemanticType};
use gristmill_testkit::table;
use proptest::prelude::*;

/// Three rows; the last one misses everything.
fn rows() -> Frame {
    table()
        .numbers("x", [Some(7.0), Some(0.0), None])
        .integers("n", [Some(2), Some(-3), None])
        .words("plan", [Some("free"), Some("It's"), None])
        .booleans("flag", [Some(true), Some(false), None])
        .times("t", [Some(0), Some(1_714_566_659_000_000), None])
        .words("Total Charges", [Some(" 12.5"), Some("none"), None])
        .frame()
}

fn evaluate(text: &str, frame: &Frame) -> Column {
    let expr = Expr::parse(text).unwrap();
    expr.bind(frame.schema()).unwrap().evaluate(frame).unwrap()
}

const MISSING: f64 = f64::NAN;

#[track_caller]
fn numbers(text: &str, expected: [f64; 3]) {
    let Column::Numbers(found) = evaluate(text, &rows()) else { panic!("{text} gives no numbers") };
    let same = found.iter().zip(expected).all(|(a, b)| *a == b || (a.is_nan() && b.is_nan()));
    assert!(same, "{text} gives {found:?}, expected {expected:?}");
}

#[track_caller]
fn words(text: &str, expected: [Option<&str>; 3]) {
    let Column::Words(found) = evaluate(text, &rows()) else { panic!("{text} gives no words") };
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}");
}

#[track_caller]
fn times(text: &str, expected: [i64; 3]) {
    assert_eq!(evaluate(text, &rows()), Column::Times(expected.to_vec()), "{text}");
}

#[track_caller]
fn refused(text: &str, message: &str, hint: &str) {
    let error = Expr::parse(text).and_then(|e| e.bind(rows().schema()));
    let error = error.map(|_| ()).expect_err(text);
    assert_eq!(error.to_string(), message);
    assert_eq!(error.hint().unwrap_or_default(), hint);
}

// What differs from other engines, by hand.

#[test]
fn integers_divide_as_numbers_do() {
    numbers("n / 4", [0.5, -0.75, MISSING]);
    numbers("7 / 2", [3.5; 3]);
}

#[test]
fn what_is_no_finite_number_is_missing() {
    numbers("1 / x", [1.0 / 7.0, MISSING, MISSING]);
    numbers("n % x", [2.0, MISSING, MISSING]);
    numbers("ln(x - 7)", [MISSING; 3]);
    numbers("sqrt(n)", [2_f64.sqrt(), MISSING, MISSING]);
    numbers("exp(x * 1000)", [MISSING, 1.0, MISSING]);
    numbers("power(n, 0.5)", [2_f64.sqrt(), MISSING, MISSING]);
    numbers("power(x, 0)", [1.0, 1.0, MISSING]);
    numbers("1e308 * 10", [MISSING; 3]);
}

#[test]
fn words_that_are_no_number_become_missing() {
    numbers("CAST(\"Total Charges\" AS double)", [12.5, MISSING, MISSING]);
    numbers("TRY_CAST('12.5' AS bigint)", [MISSING; 3]);
    numbers("'inf'::double", [MISSING; 3]);
    numbers("CAST('Yes' AS boolean)", [1.0; 3]);
    times("CAST(plan AS timestamp)", [MISSING_TIME; 3]);
}

#[test]
fn numbers_are_spelled_as_categories_are() {
    words("CAST(x AS varchar)", [Some("7"), Some("0"), None]);
    words("CAST(flag AS varchar)", [Some("true"), Some("false"), None]);
    words("CAST(x > 1 AS varchar)", [Some("true"), Some("false"), None]);
    words("CAST(x / 2 AS varchar)", [Some("3.5"), Some("0"), None]);
    words("CAST(t AS varchar)", [Some("1970-01-01T00:00:00"), Some("2024-05-01T12:30:59"), None]);
}

#[test]
fn moments_differ_in_seconds() {
    numbers("seconds_between(t, '1970-01-01 00:01:00')", [60.0, -1_714_566_599.0, MISSING]);
}

// Awkward cases, by hand.

#[test]
fn missing_is_unknown_to_logic() {
    numbers("flag AND NULL", [MISSING, 0.0, MISSING]);
    numbers("flag OR NULL", [1.0, MISSING, MISSING]);
    numbers("NOT flag", [0.0, 1.0, MISSING]);
    numbers("plan IN ('free', NULL)", [1.0, MISSING, MISSING]);
    numbers("NULL IS NULL", [1.0; 3]);
    numbers("CASE WHEN flag THEN 1 ELSE 2 END", [1.0, 2.0, 2.0]);
}

#[test]
fn quotes_in_words_and_names() {
    numbers("plan = 'It''s'", [0.0, 1.0, MISSING]);
    words("trim(\"Total Charges\")", [Some("12.5"), Some("none"), None]);
}

#[test]
fn literals_fill_every_row() {
    words("'a' || 'b'", [Some("ab"); 3]);
    times("DATE '1970-01-02'", [86_400_000_000; 3]);
    numbers("coalesce(NULL, x, -1)", [7.0, 0.0, -1.0]);
    words("coalesce(NULL, CAST(NULL AS varchar))", [None; 3]);
}

#[test]
fn no_rows_give_no_values() {
    let none = rows().slice(0..0);
    for text in ["x + 1", "upper(plan)", "plan || plan", "t", "'a'", "plan IN ('a')", "NOT flag"] {
        assert!(evaluate(text, &none).is_empty(), "{text}");
    }
}

#[test]
fn a_dictionary_holds_only_words_that_are_there() {
    let Column::Words(found) = evaluate("upper(plan)", &rows().slice(1..2)) else { panic!() };
    assert_eq!(found.dictionary.as_slice(), ["IT'S"]);
    let merged = table().words("w", ["a", "A", "b"]).frame();
    let Column::Words(found) = evaluate("lower(w)", &merged) else { panic!() };
    assert_eq!((found.dictionary.len(), found.codes), (2, vec![0, 0, 1]));
}

#[test]
fn a_sum_of_many_columns_is_no_deep_nesting() {
    let text = vec!["x"; 800].join(" + ");
    numbers(&text, [5_600.0, 0.0, MISSING]);
    assert_eq!(Expr::parse(&text).unwrap().to_string(), text);
}

// Kinds.

#[track_caller]
fn field(text: &str, semantic: SemanticType, nullable: bool) {
    let schema = Schema::new(vec![
        Field::number("x"),
        Field::number("gap").nullable(true),
        Field::new("word", gristmill_core::PhysicalType::Utf8),
        Field::new("note", gristmill_core::PhysicalType::Utf8).meaning(SemanticType::Text),
        Field::new("t", gristmill_core::PhysicalType::Timestamp),
    ])
    .unwrap();
    let field = Expr::parse(text).unwrap().bind(&schema).unwrap().field("made");
    assert_eq!((field.semantic, field.nullable), (semantic, nullable), "{text}");
}

#[test]
fn kinds_and_gaps_are_known_before_rows_are() {
    field("x * 2", SemanticType::Numeric, false);
    field("x / 2", SemanticType::Numeric, false);
    field("x / x", SemanticType::Numeric, true);
    field("gap > 1", SemanticType::Boolean, true);
    field("coalesce(gap, x)", SemanticType::Numeric, false);
    field("gap IS NULL", SemanticType::Boolean, false);
    field("lower(word)", SemanticType::Categorical, false);
    field("word || note", SemanticType::Text, false);
    field("CASE WHEN x > 1 THEN note END", SemanticType::Text, true);
    field("date_trunc('month', t)", SemanticType::Datetime, false);
    field("CAST(word AS double)", SemanticType::Numeric, true);
}

// Refusals.

#[test]
fn unknown_names_are_told_with_the_nearest() {
    refused(
        "x + plann",
        "column `plann` not found (in `x + plann`, character 5)",
        "did you mean `plan`?",
    );
    refused(
        "x +\n  cieling(x)",
        "unknown function `cieling` (in `x + cieling(x)`, line 2, character 3)",
        "did you mean `CEILING`?",
    );
    refused(
        "extract(fortnight from t)",
        "unknown part `fortnight` of a moment (in `extract(fortnight from t)`, character 24)",
        "known are year, quarter, month, week, day, hour, minute, second, dow, doy, epoch",
    );
}

#[test]
fn kinds_that_do_not_fit_are_told_with_the_remedy() {
    refused(
        "x + plan",
        "`+` takes a number, found `plan`, which is categorical (in `x + plan`, character 5)",
        "convert it with CAST(.. AS double)",
    );
    refused(
        "plan = 1",
        "`=` meets `plan`, which is categorical and what is numeric (in `plan = 1`, character 1)",
        "convert one of them with CAST(.. AS ..)",
    );
    refused(
        "t - t",
        "`-` takes a number, found `t`, which is datetime (in `t - t`, character 1)",
        "use EXTRACT, or SECONDS_BETWEEN for a difference",
    );
    refused(
        "t > 'yesterday'",
        "`yesterday` is no moment (in `t > 'yesterday'`, character 5)",
        "write '2024-05-01' or '2024-05-01 12:30:00'",
    );
    refused(
        "NULL",
        "a missing value alone has no kind (in `NULL`, character 1)",
        "give it one, as in CAST(NULL AS double)",
    );
}

#[test]
fn what_looks_at_other_rows_is_refused() {
    let hint = "expressions are row-wise; use `sql:` for what looks at other rows";
    refused("x - avg(x)", "`avg` looks at more than its row (in `x - avg(x)`, character 5)", hint);
    refused(
        "round(x) OVER ()",
        "`round` looks at more than its row (in `round(x) OVER ()`, character 1)",
        hint,
    );
    refused(
        "x = (SELECT 1)",
        "a subquery has no place here (in `x = (SELECT 1)`, character 6)",
        hint,
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    refused("x y", "unexpected `y` (in `x y`, character 3)", "");
    refused(
        "x +",
        "this is no SQL expression: expected an expression, found the end (in `x +`)",
        "",
    );
    refused(
        "x + )",
        "this is no SQL expression: expected an expression, found ) at line 1, character 5 (in `x + )`)",
        "",
    );
    refused(
        "x & 1",
        "the operator `&` is outside of what expressions can say (in `x & 1`, character 1)",
        "known are + - * / % || = <> < <= > >= AND OR",
    );
}

#[test]
fn what_is_no_expression_is_refused() {
    let long = vec!["x"; 1_200].join("+");
    let deep = format!("{}x{}", "(".repeat(5_000), ")".repeat(5_000));
    let long_words = format!("'{}'", "a".repeat(70_000));
    for text in [
        "",
        "x +",
        "x y",
        "(x",
        "x; x",
        "a.b",
        "x & 1",
        "'open",
        "?",
        "$1",
        "x[1]",
        "*",
        "1e999",
        "count(*)",
        "round(x, 1, 2)",
        "round(DISTINCT x)",
        "interval '1 day'",
        "x IN ()",
        "CAST(x AS blob)",
        "DATE 'soon'",
        "date_trunc('dow', t)",
        "[1]",
        "{a: 1}",
        "x -> 1",
        "plan LIKE 'a' ESCAPE 'b'",
        "trim('a' FROM plan)",
        "coalesce()",
        "\0",
        "CASE END",
        &long,
        &deep,
        &long_words,
    ] {
        assert!(Expr::parse(text).is_err(), "{text} was not refused");
    }
}

// The stored form.

#[test]
fn the_stored_form_is_a_flat_tree_with_a_version() {
    let expr = Expr::parse("x >= 1.5 AND plan IS NOT NULL").unwrap();
    insta::assert_snapshot!(serde_json::to_string(&expr).unwrap(), @r#"{"version":1,"nodes":[{"column":"x"},{"number":1.5},{"binary":["greater_or_equal",0,1]},{"column":"plan"},{"is_null":3},{"not":4},{"binary":["and",2,5]}]}"#);
}

#[track_caller]
fn damaged(stored: &str, message: &str) {
    let error = serde_json::from_str::<Expr>(stored).expect_err(stored).to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_damaged_stored_form_is_refused() {
    damaged(r#"{"version":2,"nodes":[{"new":1}]}"#, "it has version 2, this Gristmill reads");
    damaged(r#"{"version":1,"nodes":[]}"#, "it has 0 nodes");
    damaged(r#"{"version":1,"nodes":[{"sum":1}]}"#, "unknown variant `sum`");
    damaged(r#"{"version":1,"nodes":[{"not":0}]}"#, "node 0 takes node 0");
    damaged(r#"{"version":1,"nodes":[{"not":4294967295}]}"#, "which is not free");
    damaged(r#"{"version":1,"nodes":["null",{"binary":["and",0,0]}]}"#, "which is not free");
    damaged(r#"{"version":1,"nodes":["null","null"]}"#, "node 0 is used by none");
    damaged(r#"{"version":1,"nodes":["null",{"call":["power",[0]]}]}"#, "calls POWER with 1");
    damaged(r#"{"version":1,"nodes":["null",{"date_trunc":["dow",0]}]}"#, "cuts at DOW");
}

#[test]
fn a_deep_stored_tree_takes_no_stack() {
    let mut nodes = vec![r#"{"column":"flag"}"#.to_string()];
    nodes.extend((0..4_000).map(|at| format!(r#"{{"not":{at}}}"#)));
    let stored = format!(r#"{{"version":1,"nodes":[{}]}}"#, nodes.join(","));
    let expr: Expr = serde_json::from_str(&stored).unwrap();
    let frame = rows();
    let Column::Numbers(found) = expr.bind(frame.schema()).unwrap().evaluate(&frame).unwrap()
    else {
        panic!()
    };
    assert_eq!(found[..2], [1.0, 0.0]);
    assert!(expr.to_string().len() > 4_000);
}

#[test]
fn a_stored_word_cannot_grow_without_end() {
    let big = "a".repeat(1_000);
    let text = format!("replace(replace(replace('{big}', 'a', '{big}'), 'a', '{big}'), 'a', 'b')");
    let frame = rows();
    let error = Expr::parse(&text).unwrap().bind(frame.schema()).unwrap().evaluate(&frame);
    assert!(error.unwrap_err().to_string().contains("expected at most 1048576"));
}

// For every expression.

/// Text of a numeric, a boolean and a word expression, by growing others.
fn texts() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("x".to_string()),
        Just("n".into()),
        (-100_i32..100).prop_map(|v| v.to_string()),
        (-9.0_f64..9.0).prop_map(|v| format!("{v:?}")),
        Just("length(plan)".into()),
        Just("extract(dow FROM t)".into()),
        Just("NULL".into()),
    ];
    number.prop_recursive(5, 40, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), "[-+*/%]").prop_map(|((a, b), op)| format!("{a} {op} {b}")),
            (pair.clone(), "[-+*/%]").prop_map(|((a, b), op)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("round({a}, 1)")),
            pair.clone().prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            pair.clone().prop_map(|(a, b)| format!("CASE WHEN {a} < {b} THEN {a} ELSE 1 END")),
            pair.clone().prop_map(|(a, b)| format!("CASE {a} WHEN {b} THEN 2 END")),
            pair.clone().prop_map(|(a, b)| format!(
                "CASE WHEN NOT ({a} IN (1, {b}) OR {b} IS NULL AND plan LIKE 'f%') THEN {a} END"
            )),
            pair.prop_map(|(a, b)| format!(
                "length(CASE WHEN {a} BETWEEN {b} AND 5 THEN upper(plan) || 'x' ELSE \
                 CAST({b} AS varchar) END)"
            )),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_are_inverse(text in texts()) {
        let expr = Expr::parse(&text).unwrap();
        let printed = expr.to_string();
        prop_assert_eq!(&Expr::parse(&printed).unwrap(), &expr, "{}", printed);
        let stored = serde_json::to_string(&expr).unwrap();
        prop_assert_eq!(serde_json::from_str::<Expr>(&stored).unwrap(), expr);
    }

    #[test]
    fn any_name_prints_as_itself(name in "\\PC{1,12}") {
        let quoted = format!("\"{}\" + 1", name.replace('"', "\"\""));
        let expr = Expr::parse(&quoted).unwrap();
        prop_assert_eq!(expr.columns().into_iter().collect::<Vec<_>>(), vec![name.as_str()]);
        prop_assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
    }

    #[test]
    fn any_word_prints_as_itself(word in "\\PC{0,12}") {
        let expr = Expr::parse(&format!("plan = '{}'", word.replace('\'', "''"))).unwrap();
        prop_assert_eq!(Expr::parse(&expr.to_string()).unwrap(), expr);
    }

    #[test]
    fn no_text_is_a_panic(text in "[-x1+*/()'\"., %<>=|a-z]{0,60}") {
        if let Ok(expr) = Expr::parse(&text) {
            let _ = expr.bind(rows().schema()).and_then(|e| e.evaluate(&rows()));
        }
    }

    #[test]
    fn a_row_alone_gives_the_bits_that_it_gives_in_a_batch(text in texts()) {
        let frame = rows();
        let Ok(bound) = Expr::parse(&text).unwrap().bind(frame.schema()) else { return Ok(()) };
        let all = bound.evaluate(&frame).unwrap();
        for row in 0..frame.rows() {
            let alone = bound.evaluate(&frame.slice(row..row + 1)).unwrap();
            let same = match (&alone, &all) {
                (Column::Numbers(a), Column::Numbers(b)) => a[0].to_bits() == b[row].to_bits(),
                (Column::Words(a), Column::Words(b)) => a.get(0) == b.get(row),
                (Column::Times(a), Column::Times(b)) => a[0] == b[row],
                _ => false,
            };
            prop_assert!(same, "{} in row {}: {:?} and {:?}", text, row, alone, all);
        }
    }
}
