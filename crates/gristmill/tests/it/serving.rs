//! Whoever asks, in whatever form, order and company: the answer to a row has the same bits.

use std::sync::OnceLock;

use gristmill::prelude::*;
use gristmill_core::Profile;
use gristmill_serve::{Limits, Recall, Refusal, Served, mlflow, v2};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::customers;
use super::forms::{FORMS, Row, Sent, tensor};

/// A model of the customers, all rows as JSON, and what the pipeline answers to each.
pub struct Customers {
    pub served: Served,
    pub rows: Vec<Row>,
    answers: Vec<Vec<u64>>,
}

pub fn all() -> &'static Customers {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_form_gives_the_bits_that_predict_gives(
        form in 0..FORMS.len(),
        chosen in prop::collection::vec(0..7_043_usize, 1..40),
        order in Just(all().served.schema().names()).prop_shuffle(),
    ) {
        let customers = all();
        let rows: Vec<&Row> = chosen.iter().map(|at| &customers.rows[*at]).collect();
        let (name, form) = FORMS[form];
        let sent = Sent { history: &[], rows: &rows, columns: &order };
        let question = form(&customers.served, &sent).unwrap();
        let found = bits(&customers.served.answer(question).unwrap().prediction);
        let expected: Vec<Vec<u64>> = chosen.iter().map(|at| customers.answers[*at].clone()).collect();
        prop_assert_eq!(found, expected, "{}", name);
    }
}

/// What a body is refused with.
#[track_caller]
fn check(body: &str, expected: &str) {
    let error =
        mlflow::read(&all().served, body.as_bytes(), Recall::default()).unwrap_err().to_string();
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
    let served = Served::new("charges", "1", package, Limits { rows: 2, ..Limits::default() });
    let body = body.replace("{}", "{\"tenure\": 1}");
    let error = mlflow::read(&served, body.as_bytes(), Recall::default()).unwrap_err();
    assert!(matches!(&error, Refusal::TooLarge(m) if m.contains("may have 2 rows")), "{error}");
}

#[test] // the contract of `Contributions`: base and all contributions sum to the raw score
fn contributions_sum_to_the_raw_score_of_a_forest() {
    let customers = all();
    let body = json!({"instances": customers.rows[..20], "params": {"explain": true, "probabilities": true}});
    let asked =
        mlflow::read(&customers.served, body.to_string().as_bytes(), Recall::default()).unwrap();
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

#[test]
fn tensors_explain_what_mlflows_form_explains() {
    let served = &all().served;
    let rows: Vec<&Row> = all().rows[..20].iter().collect();
    let body = json!({"instances": rows, "params": {"explain": true}}).to_string();
    let asked = mlflow::read(served, body.as_bytes(), Recall::default()).unwrap();
    let answers = mlflow::answer(served, asked.rows, asked.more).unwrap();
    let written = mlflow::write(&answers, asked.more).unwrap();
    let expected: Value = serde_json::from_slice(&written).unwrap();
    let columns = served.schema().names();
    let inputs: Vec<Value> = columns.iter().map(|c| tensor(&rows, c)).collect();
    let ask = |more: Value| {
        let mut body = json!({"inputs": inputs});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (question, asked) = v2::read(served, body.to_string().as_bytes(), None)?;
        let answers = asked.answers(served, question)?;
        let written = v2::write(served, &answers, &asked)?;
        Ok::<Value, Refusal>(serde_json::from_slice(&written.body).unwrap())
    };
    let all = ask(json!({"parameters": {"explain": true}})).unwrap();
    let output = |name: &str| {
        let outputs = all["outputs"].as_array().unwrap();
        outputs.iter().find(|output| output["name"] == name).unwrap().clone()
    };
    let (values, base) = (output("contributions"), output("base"));
    let names = output("contribution_columns");
    assert_eq!(values["shape"], json!([20, columns.len()]));
    assert_eq!((&names["datatype"], &names["shape"]), (&json!("BYTES"), &json!([columns.len()])));
    for (row, expected) in expected["predictions"].as_array().unwrap().iter().enumerate() {
        assert_eq!(base["data"], json!([expected["base"]]));
        for (column, name) in names["data"].as_array().unwrap().iter().enumerate() {
            let found = &values["data"][row * columns.len() + column];
            assert_eq!(found, &expected["contributions"][name.as_str().unwrap()], "{name}");
        }
    }
    let one = ask(json!({"outputs": [{"name": "base"}]})).unwrap();
    assert_eq!(one["outputs"], json!([base]));
    let none = ask(json!({})).unwrap();
    assert_eq!(none["outputs"].as_array().unwrap().len(), 2);
    let error = ask(json!({"outputs": [{"name": "shap"}]})).unwrap_err().to_string();
    assert!(error.contains("contributions, base, contribution_columns"), "{error}");
}
