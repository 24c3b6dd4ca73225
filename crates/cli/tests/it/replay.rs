//! What a loop would have done in the past.

use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Six years of traffic, and files over them.
fn traffic() -> Sandbox {
    let sandbox = Sandbox::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/traffic");
    for name in ["traffic.csv", "monthly.yaml", "watched.yaml"] {
        fs_err::copy(example.join(name), sandbox.path(name)).unwrap();
    }
    sandbox
}

fn replay(sandbox: &Sandbox, options: &[&str]) -> Value {
    let all = ["replay", "watched.yaml", "--time", "date_time"];
    sandbox.json(&[&all[..], options].concat())
}

#[test]
fn six_years_of_traffic_are_answered_better_with_the_loop() {
    let sandbox = traffic();
    let found = replay(&sandbox, &["-o", "replay.html", "--chart", "replay.svg", "--into", "home"]);
    let gain = found["gain"].as_f64().unwrap();
    assert!(gain >= 0.10, "{gain}");
    assert_eq!((&found["rows"], &found["trained_on"]), (&32_804.into(), &7_771.into()));
    let words = |line: &Value| line["words"].as_str().unwrap().to_owned();
    let history: Vec<String> = found["history"].as_array().unwrap().iter().map(words).collect();
    let of = |what: &str| history.iter().filter(|line| line.contains(what)).collect::<Vec<_>>();
    let (promoted, refused) = (of("alias set `champion` (before"), of("refused by monitor"));
    let back = of("rolled back `champion`");
    for (what, least) in [(&promoted, 15), (&refused, 1), (&back, 1)] {
        assert!(what.len() >= least, "{history:#?}");
        for line in what {
            assert!(line.contains("`mae` is ") && line.contains(" rows; difference "), "{line}");
        }
    }
    let begun = of(" retraining by monitor: labels: ").len();
    assert_eq!(begun, promoted.len() + refused.len(), "each retraining has its outcome");
    let page = fs_err::read_to_string(sandbox.path("replay.html")).unwrap();
    assert!(page.contains("rolled back `champion`") && !page.contains("http://"), "{page}");
    assert!(fs_err::read_to_string(sandbox.path("replay.svg")).unwrap().starts_with("<svg"));
    let models = sandbox.json(&["--home", "home", "models", "list"]);
    let last = found["periods"].as_array().unwrap().last().unwrap()["version"].clone();
    assert!(last.as_u64() <= models[0]["aliases"]["champion"].as_u64(), "{models}");
}

#[test]
fn a_replay_is_the_same_on_any_number_of_threads() {
    let quick = [
        "--set",
        "model.gradient_boosting.trees=20",
        "--set",
        "evaluate.require={}",
        "--first",
        "45",
    ];
    let sandbox = traffic();
    let of = |threads: &str| replay(&sandbox, &[&quick[..], &["--threads", threads]].concat());
    let (one, two) = (of("1"), of("2"));
    assert_eq!(one["periods"], two["periods"]);
    assert!(one["periods"].as_array().unwrap().len() >= 5, "{one}");
}

/// Half a year of rows, four a day, that a line goes through, and a file that learns from requests alone. What it
/// splits by is no column of the model, so requests do not have it: no retraining can begin.
fn line() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rows = String::from("at,unit,x,y\n");
    for month in 1..=6 {
        for row in 0..28 * 4 {
            let (day, hour, x) = (row / 4 + 1, row % 4 * 6, row % 10);
            let y = 2 * x + row % 3;
            rows += &format!("2024-{month:02}-{day:02} {hour:02}:00:00,u{},{x},{y}\n", row % 7);
        }
    }
    sandbox.write("rows.csv", rows);
    let file = "name: line\n\
        data: {source: rows.csv, target: y, types: {at: datetime}, split: {test: 0.3, group: unit}}\n\
        features: [{drop: [at]}]\n\
        model: {linear_regression: {}}\n\
        register: {model: line, promote: {alias: champion}}\n\
        monitor: {retrain: {on: [{labels: 60}], cooldown: 1d, data: [logged]}}\n";
    sandbox.write("line.yaml", file);
    sandbox
}

#[test]
fn a_retraining_that_cannot_begin_is_on_record_and_the_loop_goes_on() {
    let sandbox = line();
    let options = ["replay", "line.yaml", "--time", "at", "--first", "2", "--into", "home"];
    let found = sandbox.json(&options);
    let lines = found["history"].as_array().unwrap();
    let of = |what: &str| lines.iter().filter(|line| line["what"] == what).collect::<Vec<_>>();
    let (begun, ended) = (of("retraining"), of("retraining ended"));
    assert_eq!((begun.len(), ended.len()), (4, 4), "one a month, each with its end: {lines:#?}");
    for (begun, ended) in begun.iter().zip(&ended) {
        assert_eq!((&begun["run"], &begun["at"]), (&ended["run"], &ended["at"]));
        let why = ended["why"].as_str().unwrap();
        assert!(why.contains("its run failed: column `unit` not found"), "{why}");
    }
    let runs = sandbox.json(&["--home", "home", "runs", "list"]);
    let failed = runs.as_array().unwrap().iter().filter(|run| run["status"] == "failed");
    assert_eq!(failed.count(), 4, "{runs}");
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let sandbox = traffic();
    #[track_caller]
    fn check(sandbox: &Sandbox, arguments: &[&str], message: &str) {
        let said = sandbox.run(arguments);
        assert!(said.code == 1 && said.err.contains(message), "{}", said.err);
    }
    check(&sandbox, &["replay", "watched.yaml"], "nothing says when a row was");
    check(
        &sandbox,
        &["replay", "watched.yaml", "--time", "weather_main"],
        "does not say of each row when it was",
    );
    check(
        &sandbox,
        &["replay", "watched.yaml", "--time", "date_time", "--first", "900"],
        "the rows lie in ",
    );
    check(
        &sandbox,
        &["replay", "monthly.yaml", "--time", "date_time"],
        "the file retrains no model",
    );
}
