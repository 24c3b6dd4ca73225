//! What is damaged is refused, by its hash or, where someone mended the hash, by what it holds.

use std::path::Path;

use fs_err as fs;
use gristmill_core::ErrorKind;
use gristmill_package::{Check, PackageError, describe, digest};
use serde_json::{Value, json};

use crate::fake::{numbers, package, reload, save_fitted};

/// Every way of reading refuses the package, calls it damaged, and says so with `message`.
#[track_caller]
fn check(damage: impl Fn(&Path), message: &str) {
    let (_home, folder) = package();
    damage(&folder);
    let error = reload(&folder).unwrap_err();
    assert!(error.to_string().contains(message), "`{error}` does not say `{message}`");
    assert!(error.hint().is_some());
    assert_ne!(error.kind(), ErrorKind::Bug);
}

fn change_manifest(folder: &Path, change: impl Fn(&mut Value)) {
    let file = folder.join("model.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(file, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

/// Writes other bytes into a file and mends its hash and size.
fn mend(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap();
    change_manifest(folder, |manifest| {
        manifest["files"][name]["bytes"] = bytes.len().into();
        manifest["files"][name]["blake3"] = blake3::hash(bytes).to_hex().as_str().into();
    });
}

fn tensors(folder: &Path, change: impl Fn(&str, &mut Vec<f64>)) {
    let name = "tensors.safetensors";
    let bytes = fs::read(folder.join(name)).unwrap();
    let stored = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut changed: Vec<(String, Vec<u8>)> = Vec::new();
    for (tensor, view) in stored.iter() {
        let (numbers, _) = view.data().as_chunks::<8>();
        let mut numbers: Vec<f64> = numbers.iter().map(|b| f64::from_le_bytes(*b)).collect();
        change(tensor, &mut numbers);
        changed.push((tensor.into(), numbers.iter().flat_map(|v| v.to_le_bytes()).collect()));
    }
    let views = changed.iter().map(|(tensor, bytes)| {
        let dtype = safetensors::Dtype::F64;
        let view = safetensors::tensor::TensorView::new(dtype, vec![bytes.len() / 8], bytes);
        (tensor.as_str(), view.unwrap())
    });
    mend(folder, name, &safetensors::serialize(views, None).unwrap());
}

const FILES: [&str; 4] = ["MLmodel", "golden.arrow", "profile.json", "tensors.safetensors"];

#[test]
fn a_changed_byte_is_refused_wherever_it_is() {
    let (_home, folder) = package();
    for name in FILES {
        let file = folder.join(name);
        let bytes = fs::read(&file).unwrap();
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 100) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&file, changed).unwrap();
            assert!(matches!(reload(&folder), Err(PackageError::Damaged { .. })), "{name} {at}");
            assert!(digest(&folder).is_err());
        }
        fs::write(&file, bytes).unwrap();
    }
    reload(&folder).unwrap();
}

#[test]
fn a_file_that_ends_early_or_late_is_refused() {
    let (_home, folder) = package();
    for name in FILES {
        let file = folder.join(name);
        let bytes = fs::read(&file).unwrap();
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&file, &bytes[..length]).unwrap();
            assert!(matches!(reload(&folder), Err(PackageError::Damaged { .. })));
        }
        fs::write(&file, [bytes.as_slice(), b" "].concat()).unwrap();
        assert!(matches!(reload(&folder), Err(PackageError::Damaged { .. })));
        fs::write(&file, bytes).unwrap();
    }
}

#[test]
fn files_that_are_missing_or_too_many_are_named() {
    for name in FILES {
        check(|folder| fs::remove_file(folder.join(name)).unwrap(), "missing");
    }
    check(|folder| fs::remove_file(folder.join("model.json")).unwrap(), "no `model.json`");
    check(|folder| fs::write(folder.join("code.py"), "").unwrap(), "`code.py`");
    check(|folder| fs::create_dir(folder.join("more")).unwrap(), "`more`");
    check(|folder| fs::remove_dir_all(folder).unwrap(), "does not exist");
}

#[cfg(unix)]
#[test]
fn links_are_refused() {
    for name in ["MLmodel", "model.json"] {
        let link = |folder: &Path| {
            let elsewhere = folder.with_file_name("elsewhere");
            fs::rename(folder.join(name), &elsewhere).unwrap();
            std::os::unix::fs::symlink(elsewhere, folder.join(name)).unwrap();
        };
        check(link, "link");
    }
}

#[track_caller]
fn check_manifest(change: impl Fn(&mut Value), message: &str) {
    check(|folder| change_manifest(folder, &change), message);
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    check_manifest(|m| m["format_version"] = 2.into(), "newer Gristmill (format 2");
    check_manifest(|m| m["format_version"] = 0.into(), "format version is 0");
    check_manifest(|m| m["format_version"] = "1".into(), "expected u64");
    check_manifest(|m| m["more"] = 1.into(), "unknown field");
    check_manifest(|m| m["steps"][0]["version"] = 4.into(), "version of step `center` 4");
    check_manifest(|m| m["model"]["version"] = 3.into(), "version of step `nearest` 3");
    check_manifest(|m| m["steps"][0]["kind"] = "pickle".into(), "`pickle`, which is not known");
    check_manifest(|m| m["model"]["kind"] = "pickle".into(), "`pickle`, which is not known");
    check_manifest(|m| m["steps"][0]["facts"] = json!([]), "step `center`");
    check_manifest(|m| m["steps"][0]["tensors"] = "x".into(), "`mean`");
    check_manifest(|m| m["steps"][0]["output"][0]["name"] = "x".into(), "gives other columns");
    check_manifest(|m| m["steps"] = json!([]), "belongs to no step");
    check_manifest(|m| m["input"][1]["name"] = "size".into(), "appears twice");
    check_manifest(|m| m["input"][1]["name"] = "x".into(), "columns");
    check_manifest(|m| m["output"] = json!([]), "output");
    check_manifest(|m| m["target"]["labels"]["names"] = json!(["No"]), "");
    check_manifest(|m| m["target"]["labels"]["names"] = json!(["Yes", "Yes"]), "");
    check_manifest(|m| m["target"]["labels"]["positive"] = 7.into(), "classes contradict");
    check_manifest(|m| m["target"]["labels"] = Value::Null, "output");
}

#[test]
fn file_names_lead_nowhere_else() {
    for name in ["../MLmodel", "/etc/passwd", "a/b", "more.txt", ""] {
        check_manifest(
            |m| m["files"][name] = m["files"]["MLmodel"].clone(),
            "which no package has",
        );
    }
    check_manifest(|m| drop(m["files"].as_object_mut().unwrap().remove("MLmodel")), "`MLmodel`");
    check_manifest(|m| m["files"]["MLmodel"]["bytes"] = 1.into(), "`model.json` says 1");
    check_manifest(|m| m["files"]["MLmodel"]["blake3"] = "ff".into(), "64 hexadecimal digits");
}

#[test]
fn no_bytes_of_the_manifest_make_it_panic() {
    let (_home, folder) = package();
    let file = folder.join("model.json");
    let bytes = fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(29) {
        fs::write(&file, &bytes[..at]).unwrap();
        assert!(reload(&folder).is_err() && describe(&folder).is_err());
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 7);
        fs::write(&file, changed).unwrap();
        let _ = reload(&folder);
    }
    fs::write(&file, "[".repeat(100_000)).unwrap();
    assert!(reload(&folder).is_err());
}

#[test]
fn no_bytes_with_a_mended_hash_make_it_panic() {
    let (_home, folder) = package();
    for name in ["golden.arrow", "profile.json", "tensors.safetensors"] {
        let bytes = fs::read(folder.join(name)).unwrap();
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 150) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            mend(&folder, name, &changed);
            let _ = reload(&folder);
            mend(&folder, name, &bytes[..at]);
            assert!(reload(&folder).is_err(), "{name} cut at {at}");
        }
        mend(&folder, name, &bytes);
    }
    assert_eq!(reload(&folder).unwrap().check, Check::Exact);
}

#[test]
fn other_numbers_give_other_answers_and_are_refused() {
    let shift = |by: f64| {
        move |folder: &Path| {
            tensors(folder, |name, numbers| {
                if name == "model.bias" {
                    numbers[0] += by;
                }
            });
        }
    };
    check(shift(1e-3), "golden row");
    check(shift(f64::NAN), "golden row");
    let (_home, folder) = package();
    shift(1e-12)(&folder);
    assert_eq!(reload(&folder).unwrap().check, Check::Within);
}

#[test]
fn tensors_too_short_or_too_many_are_refused() {
    check(|folder| tensors(folder, |_, numbers| numbers.truncate(1)), "center");
    let more = |folder: &Path| {
        let text = r#"{"more":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}       "#;
        let header = (text.len() as u64).to_le_bytes();
        mend(folder, "tensors.safetensors", &[&header[..], text.as_bytes()].concat());
    };
    check(more, "`mean`");
}

#[test]
fn answers_of_another_model_are_refused() {
    let swap = |folder: &Path| {
        save_fitted(&folder.with_file_name("other"), &numbers()).unwrap();
        let file = folder.with_file_name("other").join("golden.arrow");
        mend(folder, "golden.arrow", &fs::read(file).unwrap());
    };
    check(swap, "columns are not those of the model");
}
