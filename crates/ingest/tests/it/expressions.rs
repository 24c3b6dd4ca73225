//! `core::expr` held against DataFusion: both evaluate the same text over the same rows.
//!
//! Left out is what `core::expr` documents as different; those answers stand in core's own tests.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;
use gristmill_core::expr::Expr;
use gristmill_core::{Column, Frame, MISSING_TIME, Table};
use gristmill_testkit::table;

const DAY: i64 = 86_400_000_000;

/// Rows with missing values in every column, halves, zeros, negatives, empty words and days
/// around the turn of a year.
fn rows() -> Table {
    let moment = 1_714_566_659_250_000; // 2024-05-01T12:30:59.25
    table()
        .numbers("x", [Some(1.5), Some(-2.5), None, Some(0.0), Some(100.25), Some(3.0)])
        .numbers("y", [Some(2.0), Some(0.5), Some(4.0), None, Some(-3.0), Some(3.0)])
        .integers("n", [Some(3), Some(-7), Some(0), Some(12), None, Some(1)])
        .words("plan", [Some("free"), Some("Pro"), None, Some(""), Some("  größer "), Some("free")])
        .words("other", [Some("free"), Some("pro"), Some("x"), None, Some("a_b"), Some("50%")])
        .booleans("p", [Some(true), Some(false), None, Some(true), Some(false), None])
        .booleans("q", [Some(true), Some(true), Some(true), None, Some(false), Some(false)])
        .times("t", [Some(moment), Some(-DAY - 1), None, Some(18_628 * DAY), Some(0), Some(moment)])
        .times(
            "u",
            [Some(moment + DAY), Some(0), Some(DAY), None, Some(19_723 * DAY - 1), Some(moment)],
        )
        .build()
}

const EXPRESSIONS: &[&str] = &[
    // Numbers
    "x + y * 2 - 1",
    "(x - y) / 4",
    "x / 8.0",
    "x % 2",
    "-x",
    "n * 2 + 1",
    "n % 5",
    "abs(x)",
    "ceil(x)",
    "floor(x)",
    "round(x)",
    "round(x * 1.2345, 2)",
    "round(x, -1)",
    "sqrt(abs(x))",
    "exp(y)",
    "ln(abs(y) + 1)",
    "log10(y * y)",
    "log2(y * y)",
    "power(y, 2)",
    "signum(x)",
    "greatest(x, y, 1)",
    "least(x, y)",
    "coalesce(x, y, 0)",
    "nullif(x, 3)",
    "CAST(x AS bigint)",
    "CAST('12.5' AS double)",
    "CAST(p AS double)",
    // Comparisons and logic
    "x = y",
    "x <> 3",
    "x < y",
    "x <= 1.5",
    "n > 1",
    "n >= 12",
    "p AND q",
    "p OR q",
    "NOT p",
    "p = q",
    "p AND NULL",
    "p OR (x > 0 AND q)",
    "x IS NULL",
    "plan IS NOT NULL",
    "x IN (1.5, 3)",
    "x IN (1.5, NULL)",
    "x NOT IN (1.5, y)",
    "plan IN ('free', 'pro')",
    "plan NOT IN ('free', NULL)",
    "x BETWEEN 0 AND 3",
    "x NOT BETWEEN y AND 50",
    "plan = other",
    "plan < other",
    "plan >= 'a'",
    // Words
    "plan LIKE 'f%'",
    "plan NOT LIKE '%r_'",
    "other LIKE 'a\\_b'",
    "other LIKE '50\\%'",
    "plan ILIKE 'PRO'",
    "length(plan)",
    "char_length(other)",
    "lower(plan)",
    "upper(plan)",
    "trim(plan)",
    "ltrim(plan)",
    "rtrim(plan)",
    "substr(plan, 2)",
    "substr(plan, 2, 3)",
    "substr(plan, -1, 4)",
    "substr(plan, n)",
    "replace(plan, 'r', 'RR')",
    "concat(plan, '-', other)",
    "plan || '-' || other",
    "starts_with(plan, 'f')",
    "starts_with(plan, other)",
    "coalesce(plan, other, 'none')",
    "nullif(plan, other)",
    "greatest(plan, other)",
    "CAST(n AS varchar)",
    "CAST(p AS varchar)",
    // Choices
    "CASE WHEN x > 1 THEN 'big' WHEN x > 0 THEN 'small' END",
    "CASE plan WHEN 'free' THEN 0.0 WHEN 'Pro' THEN 1.0 ELSE x END",
    "CASE WHEN p THEN x ELSE y END",
    "CASE WHEN p THEN t ELSE u END",
    "CASE WHEN q THEN plan ELSE other END",
    // Moments
    "extract(year FROM t)",
    "extract(quarter FROM t)",
    "extract(month FROM t)",
    "extract(week FROM t)",
    "extract(week FROM u)",
    "extract(day FROM t)",
    "extract(hour FROM t)",
    "extract(minute FROM t)",
    "extract(second FROM t)",
    "extract(dow FROM t)",
    "extract(doy FROM u)",
    "extract(epoch FROM t)",
    "date_part('month', u)",
    "date_trunc('second', t)",
    "date_trunc('minute', t)",
    "date_trunc('hour', t)",
    "date_trunc('day', t)",
    "date_trunc('week', t)",
    "date_trunc('month', u)",
    "date_trunc('quarter', u)",
    "date_trunc('year', t)",
    "t < u",
    "t >= '2021-01-01'",
    "t BETWEEN '2020-01-01' AND '2022-01-01 12:00:00'",
    "t = TIMESTAMP '2024-05-01 12:30:59.25'",
    "coalesce(t, u)",
    "CAST(t AS varchar)",
    "CAST('2024-05-01 12:30:59.25' AS timestamp)",
    "extract(month FROM date_trunc('quarter', u)) % 3 = 1 AND x > 0",
];

#[test]
fn expressions_answer_as_datafusion_does() {
    let table = rows();
    let frame = Frame::from_table(&table).expect("a frame");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let context = SessionContext::new();
    context.register_batch("rows", table.to_batch().expect("a batch")).expect("a table");
    let mut wrong = Vec::new();
    for text in EXPRESSIONS {
        let expected = runtime.block_on(datafusion_answer(&context, text));
        let ours = Expr::parse(text)
            .and_then(|e| e.bind(frame.schema()))
            .and_then(|e| e.evaluate(&frame))
            .map_err(|e| e.to_string());
        let agree = ours.as_ref().is_ok_and(|o| expected.as_ref().is_ok_and(|e| same(o, e)));
        if !agree {
            wrong.push(format!("{text}\n  ours: {ours:?}\n  DataFusion: {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

async fn datafusion_answer(context: &SessionContext, text: &str) -> Result<ArrayRef, String> {
    let answer = async {
        let frame = context.sql(&format!("SELECT {text} AS answer FROM rows")).await?;
        let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await?;
        Ok(arrow::compute::concat_batches(&schema, &batches)?.column(0).clone())
    };
    answer.await.map_err(|e: datafusion::error::DataFusionError| e.to_string())
}

/// Equal within 1e-12 of their size.
fn same(ours: &Column, theirs: &ArrayRef) -> bool {
    let as_type = |to: DataType| cast(theirs, &to).expect("a cast");
    match ours {
        Column::Sparse(_) | Column::Images(_) => false,
        Column::Numbers(values) => {
            let theirs = as_type(DataType::Float64);
            let theirs = theirs.as_primitive::<Float64Type>();
            values.iter().zip(theirs).all(|(&a, b)| match b {
                None => a.is_nan(),
                Some(b) => (a - b).abs() <= 1e-12 * b.abs().max(1.0),
            })
        }
        Column::Words(words) => {
            let theirs = as_type(DataType::Utf8);
            words.iter().eq(theirs.as_string::<i32>().iter())
        }
        Column::Times(values) => {
            let theirs = as_type(DataType::Timestamp(TimeUnit::Microsecond, None));
            let theirs = theirs.as_primitive::<TimestampMicrosecondType>();
            values.len() == theirs.len()
                && values.iter().zip(theirs).all(|(&a, b)| a == b.unwrap_or(MISSING_TIME))
        }
    }
}
