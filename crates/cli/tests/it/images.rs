//! Images on the whole way: folders, training, drift, answers.

use std::path::Path;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gristmill_core::{Colors, Picture};
use gristmill_testkit::grey_png;
use serde_json::{Value, json};

use crate::daemon::{Up, wait};
use crate::operation::metric;
use crate::sandbox::Sandbox;

/// How many pixels a side of the pictures has.
const SIDE: usize = 28;

/// A sandbox with the fashion example in it.
fn fashion() -> Sandbox {
    let sandbox = Sandbox::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fashion");
    fs_err::copy(example.join("pipeline.yaml"), sandbox.path("pipeline.yaml")).unwrap();
    for part in ["pictures", "later"] {
        for (class, name, bytes) in pictures(&example.join(part)) {
            fs_err::create_dir_all(sandbox.path(&format!("{part}/{class}"))).unwrap();
            sandbox.write(&format!("{part}/{class}/{name}"), bytes);
        }
    }
    sandbox
}

fn trained() -> Sandbox {
    let sandbox = fashion();
    let run = sandbox.json(&["run", "pipeline.yaml"]);
    assert_eq!(run["metrics"]["test"]["accuracy"].as_f64().map(|a| a > 0.6), Some(true), "{run}");
    sandbox
}

/// Class, name and bytes of each file, in the order in which they become rows.
fn pictures(folder: &Path) -> Vec<(String, String, Vec<u8>)> {
    let mut classes = Sandbox::names(folder);
    classes.sort();
    let of = |class: &String| {
        let files = Sandbox::bytes(&folder.join(class)).into_iter();
        let class = class.clone();
        files.map(move |(name, bytes)| (class.clone(), name, bytes))
    };
    classes.iter().flat_map(of).collect()
}

/// The later pictures with their pixels changed, as a folder of this name.
fn changed(sandbox: &Sandbox, name: &str, change: impl Fn(&[u8]) -> Vec<u8>) {
    for (class, file, bytes) in pictures(&sandbox.path("later")) {
        let means = Picture::decode(&bytes).unwrap().means(SIDE, SIDE, Colors::Grey);
        let samples: Vec<u8> = means.iter().map(|mean| (mean * 255.0).round() as u8).collect();
        fs_err::create_dir_all(sandbox.path(&format!("{name}/{class}"))).unwrap();
        sandbox.write(&format!("{name}/{class}/{file}"), grey_png(SIDE, &change(&samples)));
    }
}

fn serve(sandbox: &Sandbox, options: &[&str]) -> Up {
    let mut command = sandbox.command(&["serve", "fashion", "--port", "0"]);
    Up::of(command.args(options).stderr(Stdio::null()))
}

/// The later pictures in base64, as requests have them.
fn asked(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let some = pictures(&sandbox.path("later")).into_iter().take(count);
    some.map(|(.., bytes)| STANDARD.encode(bytes)).collect()
}

#[test]
fn pictures_are_answered_alike_by_predict_and_by_every_protocol() {
    let sandbox = trained();
    let expected = sandbox.json(&["predict", "fashion", "--input", "later"]);
    let expected: Vec<Value> = expected.as_array().unwrap().iter().take(40).cloned().collect();
    let images = asked(&sandbox, 40);
    let lines: Vec<String> =
        images.iter().map(|image| json!({"image": image}).to_string()).collect();
    sandbox.write("asked.jsonl", lines.join("\n"));
    let of_lines = sandbox.json(&["predict", "fashion", "--input", "asked.jsonl"]);
    assert_eq!(of_lines, json!(expected));
    let server = serve(&sandbox, &[]);
    let rows: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
    let body = json!({"dataframe_records": rows, "params": {"probabilities": true}});
    let (status, answer) = server.post("/invocations", &body.to_string());
    assert_eq!((status, &answer["predictions"]), (200, &json!(expected)));
    let tensor = json!({"name": "image", "datatype": "BYTES", "shape": [40], "data": images});
    let body = json!({"inputs": [tensor]}).to_string();
    let (status, answer) = server.post("/v2/models/fashion/infer", &body);
    let words: Vec<&Value> = expected.iter().map(|row| &row["prediction"]).collect();
    assert_eq!((status, &answer["outputs"][0]["data"]), (200, &json!(words)));
    let (status, answer) =
        server.post("/v1/models/fashion:predict", &json!({"instances": rows}).to_string());
    assert_eq!((status, &answer["predictions"][7]["prediction"]), (200, words[7]));
    let refused = |image: Value, words: &str| {
        let body = json!({"instances": [{"image": images[0]}, {"image": image}]}).to_string();
        let (status, answer) = server.post("/invocations", &body);
        let said = answer["message"].as_str().unwrap_or_default();
        assert!(status == 400 && said.contains(words), "{status} {answer}");
    };
    refused(json!("no base64!"), "column `image` holds a text in row 2 that is no base64");
    refused(json!("R0lGODlh"), "column `image` in row 2 is neither a PNG nor a JPEG");
    refused(json!(null), "column `image` is missing in row 2");
    refused(json!(7), "column `image` holds `7` in row 2, which is not bytes");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn pictures_of_another_kind_have_drifted_and_others_of_the_same_have_not() {
    let sandbox = trained();
    let drift = |folder: &str| {
        let found = sandbox.json(&["drift", "fashion", "--input", folder, "-o", "drift.html"]);
        let column = found["columns"][0].clone();
        assert_eq!(column["name"], "image");
        (found["drifted"].clone(), column["reasons"].clone(), column)
    };
    let (drifted, reasons, column) = drift("later");
    assert_eq!((&drifted, &reasons), (&json!(false), &json!([])), "{column}");
    changed(&sandbox, "inverted", |samples| samples.iter().map(|v| 255 - v).collect());
    let (drifted, reasons, column) = drift("inverted");
    assert_eq!((&drifted, &reasons), (&json!(true), &json!(["values", "content"])), "{column}");
    assert!(column["content"]["auc"].as_f64().unwrap() > 0.99, "{column}");
    let page = fs_err::read_to_string(sandbox.path("drift.html")).unwrap();
    assert!(page.contains("what images show") && page.contains("brightness of image"));
    // Upside down they are as bright as before.
    changed(&sandbox, "turned", |samples| samples.iter().rev().copied().collect());
    let (drifted, reasons, column) = drift("turned");
    assert_eq!((&drifted, &reasons), (&json!(true), &json!(["content"])), "{column}");
    // What cannot be decoded is missing, and the model says so.
    for (class, file, bytes) in pictures(&sandbox.path("later")).into_iter().step_by(4) {
        sandbox.write(&format!("later/{class}/{file}"), &bytes[..bytes.len() / 2]);
    }
    let (drifted, reasons, column) = drift("later");
    assert_eq!((&drifted, &reasons), (&json!(true), &json!(["missing"])), "{column}");
    assert_eq!(column["missing"]["current"], json!(0.25));
}

#[test]
fn what_a_server_is_asked_is_kept_and_counted_with_its_pictures() {
    let sandbox = trained();
    changed(&sandbox, "inverted", |samples| samples.iter().map(|v| 255 - v).collect());
    let server = serve(&sandbox, &["--log-predictions", "--drift-window", "200"]);
    let all = pictures(&sandbox.path("inverted"));
    for some in all.chunks(20) {
        let rows = some.iter().map(|(.., bytes)| json!({"image": STANDARD.encode(bytes)}));
        let body = json!({"instances": rows.collect::<Vec<Value>>()}).to_string();
        assert_eq!(server.post("/invocations", &body).0, 200);
    }
    let drift = r#"gristmill_drift{model="fashion",version="1",column="image",test="embedding"}"#;
    wait("the window", || metric(&server, drift) > 0.99);
    assert_eq!(server.end(), Some(0));
    let kept = sandbox.json(&["predictions", "fashion", "--last", "1000"]);
    assert_eq!(kept.as_array().unwrap().len(), 200);
    // The log is a file of images again.
    let days = sandbox.path(".gristmill/predictions/fashion");
    let day = days.join(&Sandbox::names(&days)[0]);
    let file = day.join(&Sandbox::names(&day)[0]);
    let answers = sandbox.json(&["predict", "fashion", "--input", file.to_str().unwrap()]);
    let words = |rows: &Value| -> Vec<Value> {
        rows.as_array().unwrap().iter().map(|row| row["prediction"].clone()).collect()
    };
    let mut expected = words(&kept);
    expected.reverse();
    assert_eq!(words(&answers), expected);
}

#[test]
fn a_run_begins_anew_where_a_picture_changed_or_moved() {
    let sandbox = fashion();
    let run = |sandbox: &Sandbox| sandbox.json(&["run", "pipeline.yaml"])["tasks"][0].clone();
    assert_eq!(run(&sandbox)["cached"], json!(false));
    assert_eq!(run(&sandbox)["cached"], json!(true));
    let names = Sandbox::names(&sandbox.path("pictures/bag"));
    let (from, to) = (format!("pictures/bag/{}", names[0]), format!("pictures/coat/{}", names[0]));
    fs_err::rename(sandbox.path(&from), sandbox.path(&to)).unwrap();
    assert_eq!(run(&sandbox)["cached"], json!(false), "a picture has another class");
}

#[test]
fn what_is_no_folder_of_images_is_refused_with_its_path() {
    let sandbox = fashion();
    let check = |words: &[&str]| {
        let said = sandbox.run(&["check", "pipeline.yaml"]);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        words.iter().for_each(|word| assert!(said.err.contains(word), "{word}:\n{}", said.err));
    };
    assert_eq!(sandbox.run(&["check", "pipeline.yaml"]).code, 0);
    sandbox.write("pictures/bag/notes.txt", "two of them are torn");
    check(&["pictures/bag/notes.txt", "neither .png, .jpg nor .jpeg", "move it away"]);
    fs_err::remove_file(sandbox.path("pictures/bag/notes.txt")).unwrap();
    let text = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", text.replace("images: pictures", "images: picture"));
    check(&["picture` does not exist", "did you mean `pictures`?"]);
    sandbox.write("pipeline.yaml", text.replace("{images: pictures}", "pictures"));
    check(&["is a folder", "images: pictures"]);
    sandbox.write("pipeline.yaml", text.replace("images: pictures}", "images: pictures, size: 3}"));
    check(&["`size`"]);
    sandbox.write("pipeline.yaml", text.replace("width: 14", "width: 1400"));
    check(&["cells of together at most 16384 numbers"]);
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("pixels")).collect();
    sandbox.write("pipeline.yaml", without.join("\n").replace("features:\n", ""));
    check(&["column `image` is image", "add `pixels` before the model"]);
    // The header of a picture is sound, and what follows it is not: a run sees that.
    sandbox.write("pipeline.yaml", &text);
    sandbox.write("pictures/bag/torn.png", &grey_png(SIDE, &[7; SIDE * SIDE])[..60]);
    assert_eq!(sandbox.run(&["check", "pipeline.yaml"]).code, 0);
    let said = sandbox.run(&["run", "pipeline.yaml"]);
    let words = ["pictures/bag/torn.png", "is a damaged PNG", "copy it again, or leave it out"];
    assert!(said.code == 1 && words.iter().all(|word| said.err.contains(word)), "{}", said.err);
}
