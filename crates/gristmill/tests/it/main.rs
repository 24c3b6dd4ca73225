//! The library as a Rust program uses it.

mod first_linear;
mod fleet;
mod forms;
mod fuzz;
mod history;
mod lookout;
mod pandas;
mod serving;

use std::path::{Path, PathBuf};
use std::process::Command;

use gristmill::prelude::*;

fn customers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/churn/customers.csv")
}

/// Where cargo puts the examples of this build.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples").join(name)
}

#[test]
fn the_classic_flow_of_the_example_runs() {
    let program = example("classic");
    if !program.exists() {
        eprintln!("skipped: {} was not built; test the whole workspace", program.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows.csv");
    fs_err::write(&rows, separable_rows()).unwrap();
    let output = Command::new(program).arg(rows).arg("label").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let accuracy: f64 = text.trim().strip_prefix("Accuracy: ").unwrap().parse().unwrap();
    // The label is a line through the first components; always saying one class gives 0.5.
    assert!(accuracy > 0.9, "{accuracy}");
}

/// 2,000 rows of 6 numbers that vary with two hidden ones, and a label that their sum decides.
fn separable_rows() -> String {
    let mut text = String::from("a,b,c,d,e,f,label\n");
    for i in 0..2_000_u32 {
        let (u, v) = (f64::from(i * 37 % 101) / 50.0 - 1.0, f64::from(i * 53 % 97) / 48.0 - 1.0);
        let noise = f64::from(i * 71 % 89) / 890.0;
        let label = u8::from(u + v > 0.0);
        let columns = [u + noise, v - noise, u + v, u - v, 2.0 * u + noise, v + noise];
        let columns: Vec<String> = columns.iter().map(f64::to_string).collect();
        text.push_str(&format!("{},{label}\n", columns.join(",")));
    }
    text
}

#[test]
fn a_pipeline_of_numbers_and_words_beats_the_floor() {
    let table = read_csv(customers()).unwrap().with_target("churn").unwrap();
    let (train, test) = train_test_split(&table, 0.2, 42).unwrap();
    let model = Pipeline::new()
        .then(SimpleImputer::default())
        .then(StandardScaler::default())
        .then(OneHotEncoder::default())
        .model(LogisticRegression::default())
        .fit(&train)
        .unwrap();
    let predicted = model.predict(&test).unwrap();
    // scikit-learn's untuned baseline reaches 0.801 and 0.844.
    assert!(accuracy(&test, &predicted).unwrap() > 0.78);
    assert!(score("roc_auc", &test, &predicted).unwrap() > 0.82);
}

#[test]
fn one_row_and_all_rows_get_the_same_answers() {
    let table = read_csv(customers()).unwrap().with_target("churn").unwrap();
    let model = Pipeline::new()
        .model(RandomForest { min_samples_leaf: 5, ..RandomForest::trees(20) })
        .fit(&table)
        .unwrap();
    let all = model.predict(&table).unwrap().to_table().unwrap();
    for row in [0, 17, 4095, 4096, 7042] {
        let one = model.predict(&table.slice(row, 1)).unwrap().to_table().unwrap();
        let same = all.slice(row, 1).to_batch().unwrap();
        assert_eq!(one.to_batch().unwrap(), same, "row {row}");
    }
}

#[test]
fn a_misspelt_target_is_answered_with_the_nearest_name() {
    let error = read_csv(customers()).unwrap().with_target("chrun").unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `churn`?"));
}
