//! What is saved comes back, and is the same everywhere.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use arrow::buffer::NullBuffer;
use fs_err as fs;
use gristmill_core::{ErrorKind, Profile, Summary, Table};
use gristmill_package::{Check, describe, digest, save};

use crate::fake::{catalog, classes, fit, numbers, package, reload, save_fitted};

const FILES: [&str; 5] =
    ["MLmodel", "golden.arrow", "model.json", "profile.json", "tensors.safetensors"];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn all_bytes(folder: &Path) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(folder.join(name)).unwrap()).collect()
}

#[track_caller]
fn check(train: &Table) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new/model");
    let saved = save_fitted(&folder, train).unwrap();
    assert_eq!(names(&folder), FILES);
    assert_eq!(names(folder.parent().unwrap()), ["model"]);
    let loaded = reload(&folder).unwrap();
    assert_eq!(loaded.check, Check::Exact);
    assert_eq!(loaded.info, saved);
    assert_eq!(describe(&folder).unwrap(), saved);
    assert_eq!(digest(&folder).unwrap(), saved.digest);
    assert_eq!(loaded.profile, Profile::learn(train).unwrap());
    assert_eq!(loaded.pipeline.predict(train).unwrap(), fit(train).predict(train).unwrap());
    let again = home.path().join("again");
    save(&again, &loaded.pipeline, &catalog(), &loaded.profile, train).unwrap();
    assert_eq!(all_bytes(&again), all_bytes(&folder));
}

#[test]
fn a_classifier_comes_back() {
    check(&classes());
}

#[test]
fn a_regression_of_logarithms_comes_back() {
    check(&numbers());
}

#[test]
fn a_package_of_one_row_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    let train = classes();
    let profile = Profile::learn(&train).unwrap();
    save(&folder, &fit(&train), &catalog(), &profile, &train.slice(117, 1)).unwrap();
    assert_eq!(reload(&folder).unwrap().check, Check::Exact);
}

#[test]
fn a_package_says_what_it_is() {
    let (_home, folder) = package();
    let info = describe(&folder).unwrap();
    assert_eq!(info.classes(), ["No", "Yes"]);
    assert_eq!(info.input.names(), ["size", "age", "plan"]);
    assert_eq!(info.output.names(), ["prediction", "probability_No", "probability_Yes"]);
    let step = &info.steps[0];
    assert_eq!((step.kind.as_str(), step.version, step.columns), ("center", 3, 3));
    assert_eq!((info.model.kind.as_str(), info.model.version), ("nearest", 2));
    assert_eq!(info.files.len(), 4);
    let target = reload(&folder).unwrap().profile.column("left").unwrap().summary.clone();
    assert!(matches!(target, Summary::Words(words) if words.distinct == 2));
}

#[test]
fn golden_rows_have_missing_values() {
    let (_home, folder) = package();
    let file = fs::File::open(folder.join("golden.arrow")).unwrap();
    let batch = arrow::ipc::reader::FileReader::try_new(file, None).unwrap().next().unwrap();
    let batch = batch.unwrap();
    let nulls: Vec<usize> = batch.columns().iter().map(|c| c.null_count()).collect();
    assert_eq!(nulls, [1, 0, 1, 0, 0, 0]);
    assert_eq!(batch.num_rows(), 50);
}

#[test]
fn the_yaml_is_the_one_that_mlflow_reads() {
    let (_home, folder) = package();
    let text = fs::read_to_string(folder.join("MLmodel")).unwrap();
    let uuid = text.lines().find_map(|l| l.strip_prefix("model_uuid: ")).unwrap();
    assert_eq!(uuid.len(), 32);
    let expected = r#"flavors:
  gristmill:
    data: .
    version: 'VERSION'
model_uuid: UUID
signature:
  inputs: '[{"name":"size","required":false,"type":"double"},{"name":"age","required":true,"type":"long"},{"name":"plan","required":false,"type":"string"}]'
  outputs: '[{"name":"prediction","required":true,"type":"string"},{"name":"probability_No","required":true,"type":"double"},{"name":"probability_Yes","required":true,"type":"double"}]'
  params: null
"#;
    let expected = expected.replace("UUID", uuid).replace("VERSION", env!("CARGO_PKG_VERSION"));
    assert_eq!(text, expected);
}

#[test]
fn facts_are_stored_with_sorted_keys() {
    let (_home, folder) = package();
    let text = fs::read_to_string(folder.join("model.json")).unwrap();
    let facts = &text[text.find("\"facts\"").unwrap()..];
    assert!(facts.find("\"columns\"").unwrap() < facts.find("\"unit\"").unwrap());
}

#[test]
fn what_lies_under_a_missing_value_does_not_show() {
    let train = classes();
    let garbage = |under: f64| {
        let size = train.column(0).as_any().downcast_ref::<Float64Array>().unwrap();
        let mut values = size.values().to_vec();
        let nulls: NullBuffer = size.nulls().unwrap().clone();
        values[117] = under;
        let column = Float64Array::new(values.into(), Some(nulls));
        let mut columns: Vec<_> =
            (0..train.schema().len()).map(|at| train.column(at).clone()).collect();
        columns[0] = Arc::new(column);
        let table = Table::new(train.schema().clone(), columns).unwrap();
        let home = tempfile::tempdir().unwrap();
        save_fitted(&home.path().join("model"), &table).unwrap().digest
    };
    assert_eq!(garbage(0.0), garbage(-5.0));
}

#[test]
fn saving_again_changes_nothing() {
    let (home, folder) = package();
    let before = fs::metadata(folder.join("model.json")).unwrap().modified().unwrap();
    save_fitted(&folder, &classes()).unwrap();
    assert_eq!(fs::metadata(folder.join("model.json")).unwrap().modified().unwrap(), before);
    assert_eq!(names(home.path()), ["model"]);
}

#[test]
fn an_empty_folder_is_filled() {
    let home = tempfile::tempdir().unwrap();
    save_fitted(home.path(), &classes()).unwrap();
    assert_eq!(names(home.path()), FILES);
}

#[track_caller]
fn check_occupied(fill: impl Fn(&Path), message: &str) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    fill(&folder);
    let error = save_fitted(&folder, &classes()).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.hint().is_some());
    assert_eq!(names(home.path()), ["model"]);
}

#[test]
fn other_content_is_never_overwritten() {
    check_occupied(|folder| drop(save_fitted(folder, &numbers()).unwrap()), "another model");
    check_occupied(
        |folder| {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("thesis.txt"), "years").unwrap();
        },
        "other files",
    );
    check_occupied(|folder| fs::write(folder, "a file").unwrap(), "other files");
    check_occupied(
        |folder| {
            save_fitted(folder, &classes()).unwrap();
            fs::write(folder.join("MLmodel"), "").unwrap();
        },
        "cannot be used",
    );
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_left_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let error = save_fitted(&file.join("model"), &classes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("file"), "{error}");
    assert_eq!(names(home.path()), ["file"]);
}

#[test]
fn no_rows_to_verify_with_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let train = classes();
    let profile = Profile::learn(&train).unwrap();
    let folder = home.path().join("model");
    let error = save(&folder, &fit(&train), &catalog(), &profile, &train.slice(0, 0)).unwrap_err();
    assert!(error.to_string().contains("no rows"), "{error}");
    assert!(names(home.path()).is_empty());
}

/// Packages of every format that was ever written still load. To write the first one again, after
/// a change on purpose: `GRISTMILL_WRITE_ARTIFACTS=1 cargo test --release --workspace -- released`.
#[test]
fn a_package_of_a_released_format_still_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts/v1");
    if std::env::var_os("GRISTMILL_WRITE_ARTIFACTS").is_some() {
        save_fitted(&folder, &classes()).unwrap();
    }
    let loaded = reload(&folder).unwrap();
    assert_eq!(loaded.info.format_version, 1);
    assert_eq!(
        loaded.pipeline.predict(&classes()).unwrap().words(),
        fit(&classes()).predict(&classes()).unwrap().words()
    );
}
