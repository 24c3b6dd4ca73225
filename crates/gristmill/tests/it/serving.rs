//! Whoever asks, in whatever form, order and company: the answer to a row has the same bits.

use std::sync::OnceLock;

use gristmill::prelude::*;
use gristmill_core::{Frame, Profile};
use gristmill_serve::{Limits, Refusal, Served, mlflow, tensorflow, v2};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::customers;

/// A model of the customers, all rows as JSON, and what the pipeline answers to each.
struct Customers {
    served: Served,
    rows: Vec<Map<String, Value>>,
    answers: Vec<Vec<u64>>,
}

fn all() -> &'static Customers {
    static ALL: OnceLock<Customers> = OnceLock::new();
    ALL.get_or_init(|| {
        let table = read_csv(customers()).unwrap().with_target("churn").unwrap();
        let model = Pipeline::new()
            .then(SimpleImputer::default())
            .then(StandardScaler::default())
            .model(RandomForest { min_samples_leaf: 5, ..RandomForest::trees(10) });
        let fitted = model.fit(&table).unwrap();
        let answers = bits(&fitted.predict(&table).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let (path, profile) = (folder.path().join("m"), Profile::learn(&table).unwrap());
        gristmill_package::save(
            &path,
            &fitted,
            &gristmill::catalog(),
            &profile,
            &table.slice(0, 50),
        )
        .unwrap();
        let package = gristmill_package::load(&path, &gristmill::catalog()).unwrap();
        let served = Served::new("churn", "3", package, Limits::default());
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        writer.write(&table.to_batch().unwrap()).unwrap();
        writer.finish().unwrap();
        let rows = serde_json::from_slice(&writer.into_inner()).unwrap();
        Customers { served, rows, answers }
    })
}

/// The bits of all probabilities, row by row.
fn bits(prediction: &Prediction) -> Vec<Vec<u64>> {
    let Prediction::Classes { probabilities, .. } = prediction else { panic!("classes") };
    let row =
        |row| (0..probabilities.columns()).map(|c| probabilities.get(row, c).to_bits()).collect();
    (0..probabilities.rows()).map(row).collect()
}

/// A value of a row; nothing where the data has none.
fn value(row: &Map<String, Value>, column: &str) -> Value {
    row.get(column).cloned().unwrap_or(Value::Null)
}

/// A form in which rows are sent: their body, and what comes of reading it.
type Form = fn(&Served, &[&Map<String, Value>], &[String]) -> Result<Frame, Refusal>;

const FORMS: [(&str, Form); 10] = [
    ("records", |served, rows, columns| {
        let object = |row: &&Map<String, Value>| {
            Value::Object(columns.iter().map(|c| (c.clone(), value(row, c))).collect())
        };
        let rows: Vec<Value> = rows.iter().map(object).collect();
        read(served, &json!({"dataframe_records": rows}))
    }),
    ("records without what is missing", |served, rows, _| {
        read(served, &json!({"dataframe_records": rows, "params": {"probabilities": true}}))
    }),
    ("a split table", |served, rows, columns| {
        read(
            served,
            &json!({"dataframe_split": {"columns": columns, "data": lists(rows, columns)}}),
        )
    }),
    ("a split table, its data first", |served, rows, columns| {
        let (columns, data) = (json!(columns), json!(lists(rows, columns)));
        let body = format!("{{\"dataframe_split\": {{\"data\": {data}, \"columns\": {columns}}}}}");
        Ok(mlflow::read(served, body.as_bytes())?.rows)
    }),
    ("lists in the order of the model", |served, rows, _| {
        read(served, &json!({"instances": lists(rows, &served.schema().names())}))
    }),
    ("columns", |served, rows, columns| read(served, &json!({"inputs": by_column(rows, columns)}))),
    ("CSV", |served, rows, columns| {
        let mut text = columns.join(",") + "\n";
        for row in rows {
            let cell = |c: &String| match value(row, c) {
                Value::Null => String::new(),
                Value::String(word) => word,
                other => other.to_string(),
            };
            text += &(columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        Ok(mlflow::read_csv(served, text.as_bytes())?.rows)
    }),
    ("TensorFlow's columns", |served, rows, columns| {
        let body = json!({"inputs": by_column(rows, columns)}).to_string();
        Ok(tensorflow::read(served, body.as_bytes())?.rows)
    }),
    ("tensors", |served, rows, columns| {
        let tensors: Vec<Value> = columns.iter().map(|c| tensor(rows, c)).collect();
        let body = json!({"id": "7", "inputs": tensors}).to_string();
        Ok(v2::read(served, body.as_bytes(), None)?.0)
    }),
    ("tensors as bytes", |served, rows, columns| {
        let mut behind = Vec::new();
        let tensors: Vec<Value> = columns.iter().map(|c| bytes(rows, c, &mut behind)).collect();
        let mut body = json!({"inputs": tensors}).to_string().into_bytes();
        let length = body.len();
        body.append(&mut behind);
        Ok(v2::read(served, &body, Some(length))?.0)
    }),
];

fn read(served: &Served, body: &Value) -> Result<Frame, Refusal> {
    Ok(mlflow::read(served, body.to_string().as_bytes())?.rows)
}

fn lists(rows: &[&Map<String, Value>], columns: &[String]) -> Vec<Vec<Value>> {
    rows.iter().map(|row| columns.iter().map(|c| value(row, c)).collect()).collect()
}

fn by_column(rows: &[&Map<String, Value>], columns: &[String]) -> Value {
    let column = |c: &String| (c.clone(), rows.iter().map(|row| value(row, c)).collect());
    Value::Object(columns.iter().map(column).collect())
}

fn datatype(rows: &[&Map<String, Value>], column: &str) -> &'static str {
    let is = |kind: fn(&Value) -> bool| rows.iter().all(|row| kind(&value(row, column)));
    match () {
        () if is(|v| v.is_i64() || v.is_null()) => "INT64",
        () if is(|v| v.is_number() || v.is_null()) => "FP64",
        () => "BYTES",
    }
}

fn tensor(rows: &[&Map<String, Value>], column: &str) -> Value {
    let data: Vec<Value> = rows.iter().map(|row| value(row, column)).collect();
    let datatype = datatype(rows, column);
    json!({"name": column, "shape": [rows.len(), 1], "datatype": datatype, "data": data})
}

/// The same behind the JSON; what is missing has no bytes and stays in it, unless it is a number.
fn bytes(rows: &[&Map<String, Value>], column: &str, behind: &mut Vec<u8>) -> Value {
    let before = behind.len();
    let kind = datatype(rows, column);
    for row in rows {
        match (kind, value(row, column)) {
            ("INT64", Value::Number(whole)) => behind.extend(whole.as_i64().unwrap().to_le_bytes()),
            ("FP64", number) => behind.extend(number.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
            ("BYTES", Value::String(word)) => {
                behind.extend((word.len() as u32).to_le_bytes());
                behind.extend(word.as_bytes());
            }
            _ => {
                behind.truncate(before);
                return tensor(rows, column);
            }
        }
    }
    let size = behind.len() - before;
    let parameters = json!({"binary_data_size": size});
    json!({"name": column, "shape": [rows.len()], "datatype": kind, "parameters": parameters})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_form_gives_the_bits_that_predict_gives(
        form in 0..FORMS.len(),
        chosen in prop::collection::vec(0..7_043_usize, 1..40),
        order in Just(all().served.schema().names()).prop_shuffle(),
    ) {
        let customers = all();
        let rows: Vec<&Map<String, Value>> = chosen.iter().map(|at| &customers.rows[*at]).collect();
        let (name, form) = FORMS[form];
        let frame = form(&customers.served, &rows, &order).unwrap();
        let found = bits(&customers.served.answer(frame).unwrap().prediction);
        let expected: Vec<Vec<u64>> = chosen.iter().map(|at| customers.answers[*at].clone()).collect();
        prop_assert_eq!(found, expected, "{}", name);
    }
}

/// What a body is refused with.
#[track_caller]
fn check(body: &str, expected: &str) {
    let error = mlflow::read(&all().served, body.as_bytes()).unwrap_err().to_string();
    let shown: String = body.chars().take(200).collect();
    assert!(error.contains(expected), "{shown} is refused with: {error}");
}

#[test]
fn what_is_wrong_is_named_with_its_row_and_column() {
    let row = json!({"dataframe_records": [all().rows[0]]}).to_string();
    check(&row.replace("\"tenure\":1", "\"tenure\":1.5"), "column `tenure` holds `1.5` in row 1");
    check(
        &row.replace("\"tenure\":1", "\"tenure\":\"soon\""),
        "`soon` in row 1, which is not an integer",
    );
    check(&row.replace("\"tenure\":1", "\"tenure\":[1]"), "column `tenure` holds a list in row 1");
    check(
        &row.replace("\"tenure\":1", "\"tenure\":{\"a\":1}"),
        "`tenure` holds an object in row 1",
    );
    check(&row.replace("\"tenure\":1", "\"tenure\":null"), "column `tenure` is missing in row 1");
    check(&row.replace("\"tenure\":1,", ""), "column `tenure` is missing in row 1");
    check(
        &row.replace("\"tenure\":1", "\"tenure\":1,\"tenure\":2"),
        "`tenure` stands twice in row 1",
    );
    check(&row.replace("\"tenure\":1", "\"tenure\":1e400"), "number out of range at line 1");
    check(
        &row.replace("\"tenure\":1", "\"tenure\":NaN"),
        "cannot be read: expected value at line 1",
    );
    check(
        r#"{"instances": [[1, 2]]}"#,
        "row 1 is a list of 2 values, and the model has 19 columns",
    );
    check(r#"{"instances": [1]}"#, "row 1 is a single value, and the model has 19 columns");
    check(
        r#"{"dataframe_split": {"columns": ["tenure"], "data": [[1, 2]]}}"#,
        "row 1 has 2 values",
    );
    check(r#"{"dataframe_split": {"data": [[1, 2]]}}"#, "missing field `columns`");
    check(r#"{"rows": []}"#, "`rows` is unknown; rows stand under one of dataframe_split");
    check(r#"{"inputs": [], "instances": []}"#, "rows stand under `inputs` and under `instances`");
    check("{}", "there are no rows");
    check("[1]", "invalid type: sequence, expected an object with rows");
    check("{", "EOF while parsing");
    check(
        &format!("{{\"instances\": {}", "[".repeat(100_000)),
        "column `female` holds a list in row 1",
    );
}

#[test]
fn no_request_has_more_rows_than_it_may() {
    let body = format!("{{\"instances\": [{}]}}", ["{}"; 3].join(","));
    let folder = tempfile::tempdir().unwrap();
    let table = read_csv(customers()).unwrap().with_target("monthly_charges").unwrap();
    let fitted = Pipeline::new().model(Ridge::default());
    let numbers = table.select(&[
        table.schema().find("tenure").unwrap(),
        table.schema().find("monthly_charges").unwrap(),
    ]);
    let fitted = fitted.fit(&numbers).unwrap();
    let (path, profile) = (folder.path().join("m"), Profile::learn(&numbers).unwrap());
    gristmill_package::save(&path, &fitted, &gristmill::catalog(), &profile, &numbers.slice(0, 9))
        .unwrap();
    let package = gristmill_package::load(&path, &gristmill::catalog()).unwrap();
    let served = Served::new("charges", "1", package, Limits { rows: 2, cells: 100 });
    let error =
        mlflow::read(&served, body.replace("{}", "{\"tenure\": 1}").as_bytes()).unwrap_err();
    assert!(matches!(&error, Refusal::TooLarge(m) if m.contains("may have 2 rows")), "{error}");
}

#[test] // the contract of `Contributions`: base and all contributions sum to the raw score
fn contributions_sum_to_the_raw_score_of_a_forest() {
    let customers = all();
    let body = json!({"instances": customers.rows[..20], "params": {"explain": true, "probabilities": true}});
    let asked = mlflow::read(&customers.served, body.to_string().as_bytes()).unwrap();
    let answers = mlflow::answer(&customers.served, asked.rows, asked.more).unwrap();
    let body = mlflow::write(&answers, asked.more).unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let rows = answer["predictions"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    for (row, bits) in rows.iter().zip(&customers.answers) {
        let contributions = row["contributions"].as_object().unwrap();
        assert_eq!(contributions.len(), customers.served.schema().len());
        let sum = contributions.values().map(|value| value.as_f64().unwrap()).sum::<f64>();
        let raw = row["base"].as_f64().unwrap() + sum;
        assert!((raw - f64::from_bits(bits[1])).abs() < 1e-9, "{raw} and {row}");
    }
}
