//! `gristmill drift`: rows held against those that a model learned from.

use fs_err as fs;
use serde_json::Value;

use crate::sandbox::Sandbox;

const FILE: &str = "\
name: shop
data:
  source: orders.csv
  target: late
  positive: \"yes\"
  split: {test: 0.25, stratify: true}
features:
  - impute: {columns: numeric, strategy: median}
  - one_hot: {columns: categorical}
model:
  logistic_regression: {c: 1.0}
register: {model: shop}
";

/// Orders of some rows: prices from `least` on, some of them missing, and how they are sent.
fn orders(rows: u32, least: u32, missing: u32, by: &str) -> String {
    let mut text = String::from("price,weight,by,late\n");
    for i in 0..rows {
        let price = least + i * 37 % 100;
        let price = if i * 13 % 100 < missing { String::new() } else { format!("{price}.5") };
        let sent = if i % 5 == 0 { by } else { "post" };
        let late = if (i * 37 % 100) + i % 7 > 55 { "yes" } else { "no" };
        text.push_str(&format!("{price},{},{sent},{late}\n", i * 11 % 40));
    }
    text
}

fn trained(monitor: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("orders.csv", orders(800, 10, 3, "bike"));
    sandbox.write("shop.yaml", format!("{FILE}{monitor}"));
    assert_eq!(sandbox.run(&["run", "shop.yaml"]).code, 0);
    sandbox.write("same.csv", orders(400, 10, 3, "bike"));
    sandbox.write("moved.csv", orders(400, 60, 40, "drone"));
    sandbox
}

fn drift(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    sandbox.json(&[&["drift", "shop", "--input"], arguments].concat())
}

fn column<'a>(found: &'a Value, name: &str) -> &'a Value {
    found["columns"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()
}

#[test]
fn rows_of_the_same_kind_have_not_drifted() {
    let found = drift(&trained(""), &["same.csv"]);
    assert_eq!((&found["drifted"], &found["rows"]), (&false.into(), &400.into()));
    assert_eq!((&found["model"], &found["share"]), (&"shop".into(), &0.0.into()));
    assert_eq!(found["columns"].as_array().unwrap().len(), 3);
    assert_eq!(found["answers"]["answered"], "held_out");
    assert_eq!(found["answers"]["drifted"], false);
}

#[test]
fn rows_of_another_kind_have_drifted_each_column_in_its_way() {
    let found = drift(&trained(""), &["moved.csv"]);
    assert_eq!(found["drifted"], true);
    assert!((found["share"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12, "{found:#}");
    let (price, by, weight) =
        (column(&found, "price"), column(&found, "by"), column(&found, "weight"));
    assert_eq!(price["reasons"], serde_json::json!(["values", "missing"]));
    assert!(price["value"].as_f64().unwrap() >= price["threshold"].as_f64().unwrap());
    assert_eq!(by["unseen_categories"], serde_json::json!(["drone"]));
    assert_eq!((&weight["drifted"], &weight["test"]), (&false.into(), &"psi".into()));
    assert_eq!(found["answers"]["drifted"], true);
}

#[test]
fn a_script_can_end_where_rows_have_drifted() {
    let sandbox = trained("");
    let call =
        |file: &str| sandbox.run(&["drift", "shop", "--input", file, "--fail-on-drift"]).code;
    assert_eq!((call("same.csv"), call("moved.csv")), (0, 3));
    assert_eq!(sandbox.run(&["drift", "shop", "--input", "moved.csv"]).code, 0);
}

#[test]
fn the_file_of_the_model_says_what_counts_as_drift_and_options_say_otherwise() {
    let monitor = "monitor:\n  drift: {test: ks, columns: [price, weight], share: 0.9}\n";
    let sandbox = trained(monitor);
    let found = drift(&sandbox, &["moved.csv"]);
    assert_eq!(column(&found, "price")["test"], "ks");
    assert_eq!((&found["drifted"], &found["share"]), (&false.into(), &0.5.into()));
    assert_eq!(found["columns"].as_array().unwrap().len(), 2);
    let found =
        drift(&sandbox, &["moved.csv", "--share", "0.5", "--test", "js", "--columns", "price"]);
    assert_eq!((&found["drifted"], &found["share"]), (&true.into(), &1.0.into()));
    assert_eq!(column(&found, "price")["threshold"], 0.1);
}

#[test]
fn rows_are_compared_with_those_of_another_file() {
    let sandbox = trained("");
    let found =
        drift(&sandbox, &["moved.csv", "--reference", "moved.csv", "--test", "wasserstein"]);
    assert_eq!((&found["drifted"], &found["reference_rows"]), (&false.into(), &400.into()));
    assert!(found["columns"].as_array().unwrap().iter().all(|c| c["value"] == 0.0), "{found:#}");
    assert_eq!(
        (&found["answers"]["drifted"], found["answers"].get("answered")),
        (&false.into(), None)
    );
}

/// Loads of machines, hour by hour: greater by night, as `late` is.
fn loads(days: std::ops::Range<u32>, hours: std::ops::Range<u32>) -> String {
    let mut text = String::from("at,load,late\n");
    for (day, hour) in days.flat_map(|day| hours.clone().map(move |hour| (day, hour))) {
        let load = if (7..21).contains(&hour) { 10 } else { 50 } + (day * 7 + hour * 3) % 9;
        let late = if (day + hour * load) % 3 == 0 { "yes" } else { "no" };
        text.push_str(&format!("2026-01-{:02} {hour:02}:00:00,{load},{late}\n", day + 1));
    }
    text
}

#[test]
fn nights_are_held_against_nights_where_that_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.csv", loads(0..20, 0..24));
    let file = FILE.replace("  target: late", "  drop: [at]\n  target: late");
    sandbox.write("shop.yaml", file.replace("  - one_hot: {columns: categorical}\n", ""));
    assert_eq!(sandbox.run(&["run", "shop.yaml"]).code, 0);
    sandbox.write("nights.csv", loads(20..31, 0..7));
    let plain = ["nights.csv", "--reference", "orders.csv", "--min-rows", "50"];
    let seasonal = [&plain[..], &["--season", "hour-of-day", "--time", "at"]].concat();
    assert_eq!(drift(&sandbox, &plain)["drifted"], true);
    let found = drift(&sandbox, &seasonal);
    assert_eq!((&found["drifted"], &found["reference_rows"]), (&false.into(), &140.into()));
    let said = sandbox.run(&[
        "drift",
        "shop",
        "--input",
        "nights.csv",
        "--season",
        "day-of-week",
        "--time",
        "at",
    ]);
    assert!(said.code == 0 && said.err.contains("give `--reference`"), "{}", said.err);
    let wrong =
        [&["drift", "shop", "--input"], &plain[..], &["--season", "day-of-week", "--time", "load"]];
    assert!(refused(&sandbox, &wrong.concat()).contains("column `load` is numeric"));
}

#[test]
fn of_many_classes_the_answer_alone_is_kept() {
    let sandbox = Sandbox::new();
    let mut rows = String::from("x,late\n");
    (0..750).for_each(|i| rows.push_str(&format!("{}.{},k{}\n", i % 25, i % 7, i % 25)));
    sandbox.write("orders.csv", rows);
    let file = FILE
        .replace("  positive: \"yes\"\n", "")
        .replace("logistic_regression: {c: 1.0}", "gaussian_naive_bayes: {}");
    sandbox.write("shop.yaml", file.replace("  - one_hot: {columns: categorical}\n", ""));
    let said = sandbox.run(&["run", "shop.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let found = drift(&sandbox, &["orders.csv"]);
    assert_eq!(found["answers"]["columns"].as_array().unwrap().len(), 1);
}

#[test]
fn few_rows_are_not_judged() {
    let sandbox = trained("");
    sandbox.write("few.csv", orders(40, 60, 40, "drone"));
    let found = drift(&sandbox, &["few.csv"]);
    assert_eq!((&found["drifted"], &found["enough"]), (&false.into(), &false.into()));
    assert_eq!(drift(&sandbox, &["few.csv", "--min-rows", "40"])["drifted"], true);
}

#[test]
fn the_page_needs_no_network_and_shows_what_moved() {
    let sandbox = trained("");
    assert_eq!(sandbox.run(&["drift", "shop", "--input", "moved.csv", "-o", "page.html"]).code, 0);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("the rows have drifted"));
    assert!(page.contains("drone") && page.contains("never seen before"));
    for loaded in ["<link", "src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(loaded), "{loaded}");
    }
}

#[test]
fn a_table_says_it_on_the_terminal() {
    let sandbox = trained("");
    let told = sandbox.run(&["drift", "shop", "--input", "same.csv", "--without-answers"]).out;
    insta::assert_snapshot!(told, @"
    column   moved  test  value    threshold  missing
    weight   no     psi   0.0030   0.2000
    price    no     psi   0.0020   0.2000     3.0 % to 3.0 %
    by       no     psi   <0.0001  0.2000

    0 of 3 columns moved in 400 rows: not drifted
    ");
}

fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let said = sandbox.run(arguments);
    assert_eq!(said.code, 1, "{}", said.err);
    said.err
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let sandbox = trained("");
    for (option, value, expected) in [
        ("--share", "2", "`share` is 2"),
        ("--threshold", "0", "`threshold` is 0"),
        ("--columns", "prise", "column `prise` not found"),
        ("--reference", "gone.csv", "gone.csv"),
    ] {
        let said = refused(&sandbox, &["drift", "shop", "--input", "same.csv", option, value]);
        assert!(said.contains(expected), "{said}");
    }
    let said = refused(&sandbox, &["drift", "nobody", "--input", "same.csv"]);
    assert!(said.contains("nobody"), "{said}");
    sandbox.write("narrow.csv", "price,by\n1,post\n");
    let said = refused(&sandbox, &["drift", "shop", "--input", "narrow.csv"]);
    assert!(said.contains("weight"), "{said}");
}

#[test]
fn all_columns_are_compared_together_where_that_is_asked() {
    let sandbox = trained("");
    for method in ["reconstruction", "domain"] {
        let together = ["--reference", "orders.csv", "--multivariate", method];
        let found = drift(&sandbox, &[&["same.csv"], &together[..]].concat());
        let all = &found["multivariate"];
        assert_eq!((&all["method"], &all["drifted"]), (&method.into(), &false.into()), "{all:#}");
        assert_eq!((&all["columns"], &all["rows"]), (&3.into(), &400.into()), "{all:#}");
        let found = drift(&sandbox, &[&["moved.csv"], &together[..]].concat());
        assert_eq!(found["multivariate"]["counts"], false);
        if method == "domain" {
            assert_eq!(found["multivariate"]["drifted"], true, "{found:#}");
        }
    }
    let call =
        ["drift", "shop", "--input", "moved.csv", "--reference", "orders.csv", "--share", "1"];
    let told = sandbox.run(&[&call[..], &["--multivariate", "domain", "-o", "page.html"]].concat());
    assert!(told.out.contains("all together by domain: "), "{}", told.out);
    assert!(told.out.contains(": moved, which does not count"), "{}", told.out);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("All columns together") && page.contains("boosted trees"));
    let counted = ["--multivariate", "domain", "--multivariate-counts", "--fail-on-drift"];
    assert_eq!(sandbox.run(&[&call[..], &["--fail-on-drift"]].concat()).code, 0);
    assert_eq!(sandbox.run(&[&call[..], &counted].concat()).code, 3);
}

#[test]
fn without_rows_columns_are_not_compared_together_and_that_is_said() {
    let monitor =
        "monitor:\n  drift: {multivariate: {method: domain, threshold: 0.9, counts: true}}\n";
    let sandbox = trained(monitor);
    let said = sandbox.run(&["drift", "shop", "--input", "same.csv"]);
    assert!(said.code == 0 && said.err.contains("`multivariate` is left out"), "{}", said.err);
    let found = drift(&sandbox, &["same.csv", "--reference", "orders.csv"]);
    let together = &found["multivariate"];
    assert_eq!((&together["threshold"], &together["counts"]), (&0.9.into(), &true.into()));
    let asked = ["drift", "shop", "--input", "same.csv", "--multivariate", "domain"];
    assert!(refused(&sandbox, &asked).contains("--reference FILE"));
    sandbox.write(
        "wrong.yaml",
        format!("{FILE}monitor:\n  drift: {{multivariate: {{method: domain, threshold: 2}}}}\n"),
    );
    let said = refused(&sandbox, &["check", "wrong.yaml"]);
    assert!(said.contains("`multivariate.threshold` is 2") && said.contains("line "), "{said}");
}

/// Complaints of five words each about one of two things, and whether they were answered.
fn complaints(rows: u32, about: &str, moved: f64) -> String {
    let words: Vec<&str> = about.split(' ').collect();
    let mut text = String::from("note,e1,e2,e3,late\n");
    for i in 0..rows {
        let word = |at: u32| words[(i * (7 + 2 * at) + i * i / 3 + at) as usize % words.len()];
        let note: Vec<&str> = (0..5).map(word).collect();
        let (x, y) = (f64::from(i * 37 % 101), f64::from(i * 53 % 89));
        let late = if (i * 37 % 101) + i % 7 > 55 { "yes" } else { "no" };
        text.push_str(&format!("{},{x},{},{y},{late}\n", note.join(" "), x / 2.0 + y + moved));
    }
    text
}

#[test]
fn texts_and_embeddings_have_moved_though_no_length_and_no_column_has() {
    let sandbox = Sandbox::new();
    let parcels = "parcel courier street doors arrived driver";
    let refunds = "refund charged credit twice invoice monies";
    sandbox.write("orders.csv", complaints(900, parcels, 0.0));
    let file = FILE
        .replace("  target: late", "  types: {note: text}\n  target: late")
        .replace("  - one_hot: {columns: categorical}\n", "  - tfidf: {columns: text}\n");
    let monitor = "monitor:\n  drift: {embeddings: {columns: e*}}\n";
    sandbox.write("shop.yaml", format!("{file}{monitor}"));
    let said = sandbox.run(&["run", "shop.yaml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    sandbox.write("same.csv", complaints(300, parcels, 0.0));
    sandbox.write("moved.csv", complaints(300, refunds, 9.0));
    let found = drift(&sandbox, &["same.csv"]);
    assert_eq!(found["drifted"], false, "{found:#}");
    assert_eq!(found["together"]["columns"], serde_json::json!(["e1", "e2", "e3"]));
    for reference in [&[][..], &["--reference", "orders.csv"]] {
        let found = drift(&sandbox, &[&["moved.csv"], reference].concat());
        assert!(column(&found, "note")["content"]["auc"].as_f64().unwrap() > 0.9, "{found:#}");
        let reasons = column(&found, "note")["reasons"].as_array().unwrap();
        assert!(reasons.contains(&"content".into()), "{found:#}");
        let together = &found["together"];
        assert_eq!(
            (&together["drifted"], &found["share"]),
            (&true.into(), &1.0.into()),
            "{found:#}"
        );
        assert_eq!(found["columns"].as_array().unwrap().len(), 1);
    }
    let told = sandbox.run(&["drift", "shop", "--input", "moved.csv", "-o", "page.html"]).out;
    assert!(told.contains("e1 to e3") && told.contains("2 of 2 columns moved"), "{told}");
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("Embeddings") && page.contains("what texts say"));
    sandbox.write("wrong.yaml", format!("{file}{}", monitor.replace("e*", "note")));
    assert!(refused(&sandbox, &["check", "wrong.yaml"]).contains("column `note` is text"));
}
