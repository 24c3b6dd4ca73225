//! What models were asked and answered: kept as Parquet, joined with labels, and held against what they learned
//! from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bad_disk::Mounted;
use crate::daemon::{Up, wait};
use crate::operation::metric;
use crate::sandbox::Sandbox;
use crate::serve::{customers, tensors, trained};

const LOGGED: &str = "gristmill_predictions_logged_total";

fn serve(sandbox: &Sandbox, options: &[&str]) -> Up {
    let mut command = sandbox.command(&["serve", "churn", "--port", "0"]);
    Up::of(command.args(options).stderr(Stdio::null()))
}

/// Asks in one of the protocols, and gives back the answer.
#[track_caller]
fn ask(server: &Up, path: &str, id: &str, body: &Value) -> Value {
    let (status, head, answer) =
        server.send("POST", path, &[("X-Request-Id", id)], &body.to_string());
    assert_eq!(status, 200, "{path}: {answer}");
    assert!(
        head.to_lowercase().contains(&format!("x-request-id: {}", id.to_lowercase())),
        "{head}"
    );
    answer
}

fn asked_for_all(rows: &[Value]) -> Value {
    json!({"dataframe_records": rows, "params": {"probabilities": true}})
}

/// What was kept, the earliest first.
fn kept(sandbox: &Sandbox, options: &[&str]) -> Vec<Value> {
    let all = ["predictions", "churn", "--last", "100000"];
    let found = sandbox.json(&[&all[..], options].concat());
    let mut rows = found.as_array().unwrap().clone();
    rows.reverse();
    rows
}

/// The files of the log.
fn files(home: &Path) -> Vec<PathBuf> {
    let days = fs_err::read_dir(home.join("predictions/churn")).unwrap();
    let of_day = |day: fs_err::DirEntry| fs_err::read_dir(day.path()).unwrap();
    days.flat_map(|day| of_day(day.unwrap())).map(|file| file.unwrap().path()).collect()
}

/// The answer and its probabilities.
fn answer(row: &Value) -> [&Value; 3] {
    ["prediction", "probability_No", "probability_Yes"].map(|name| &row[name])
}

/// Whether a kept row holds what was asked. A number that is whole may be kept as one.
#[track_caller]
fn assert_asked(kept: &Value, asked: &Value) {
    for (name, value) in asked.as_object().unwrap() {
        let same = match (value.as_f64(), kept[name].as_f64()) {
            (Some(asked), Some(kept)) => asked == kept,
            _ => kept[name] == *value || (value.is_null() && kept.get(name).is_none()),
        };
        assert!(same, "{name}: {} was asked, {} is kept", value, kept[name]);
    }
}

#[test]
fn rows_of_every_protocol_are_kept_with_their_ids_and_answers() {
    let sandbox = trained();
    let (rows, csv) = customers(&sandbox, 3);
    let server = serve(&sandbox, &["--log-predictions"]);
    let mlflow = ask(&server, "/invocations", "order 7", &asked_for_all(&rows));
    let mlflow = mlflow["predictions"].as_array().unwrap();
    ask(&server, "/models/churn/invocations", "one", &json!({"instances": [rows[1]]}));
    ask(&server, "/v1/models/churn:predict", "tf", &json!({"instances": rows}));
    ask(&server, "/v2/models/churn/infer", "v2", &json!({"inputs": tensors(&rows)}));
    ask(&server, "/v2/models/churn/versions/1/infer", "v2-1", &json!({"inputs": tensors(&rows)}));
    let csv = format!(
        "POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\n\
         X-Request-Id: csv\r\nContent-Length: {}\r\n\r\n{csv}",
        csv.len()
    );
    assert_eq!(server.call(&csv).0, 200);
    assert_eq!(server.post("/invocations", r#"{"instances": [{}]}"#).0, 400);
    assert_eq!(server.end(), Some(0), "what waits is written at the end");
    let all = kept(&sandbox, &[]);
    let ids: Vec<&str> = all.iter().map(|row| row["prediction_id"].as_str().unwrap()).collect();
    let of_three = |id: &str| [1, 2, 3].map(|row| format!("{id}/{row}")).to_vec();
    let expected = [
        of_three("order 7"),
        vec!["one".into()],
        of_three("tf"),
        of_three("v2"),
        of_three("v2-1"),
        of_three("csv"),
    ];
    assert_eq!(ids, expected.concat());
    for row in &all {
        let number = row["request_row"].as_u64().unwrap() as usize;
        let asked = if row["request_id"] == "one" { 1 } else { number - 1 };
        assert_eq!(answer(row), answer(&mlflow[asked]), "{row}");
        assert_asked(row, &rows[asked]);
        assert_eq!(row["model_version"], "1");
        assert!(row["latency_micros"].as_u64().unwrap() > 0, "{row}");
        assert!(row["predicted_at"].as_str().unwrap().starts_with("20"), "{row}");
    }
    let request: Vec<Value> = kept(&sandbox, &["--request", "tf"]);
    assert_eq!(request, all[4..7]);
    let files = files(&sandbox.path(".gristmill"));
    assert_eq!(files.len(), 1, "{files:?}");
    let file = files[0].to_str().unwrap();
    let again = sandbox.json(&["predict", "churn", "--input", file]);
    let again: Vec<_> = again.as_array().unwrap().iter().map(answer).collect();
    assert_eq!(again, all.iter().map(answer).collect::<Vec<_>>(), "the log is a file of rows");
}

#[test]
fn sql_sees_predictions_beside_files() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 40);
    let server = serve(&sandbox, &["--log-predictions"]);
    ask(&server, "/invocations", "all", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    sandbox.write("terms.csv", "contract,months\nMonth-to-month,1\nOne year,12\nTwo year,24\n");
    let query = "SELECT months, count(*) AS n FROM predictions_churn p \
                 JOIN terms t ON t.contract = p.contract GROUP BY months ORDER BY months";
    let found = sandbox.json(&["sql", query, "--source", "terms=terms.csv"]);
    let of = |word: &str| rows.iter().filter(|row| row["contract"] == word).count();
    let expected = json!([
        {"months": 1, "n": of("Month-to-month")},
        {"months": 12, "n": of("One year")},
        {"months": 24, "n": of("Two year")},
    ]);
    assert_eq!(found, expected);
    let csv = sandbox.run(&["sql", "SELECT count(*) AS n FROM predictions_churn"]);
    assert_eq!((csv.code, csv.out.as_str()), (0, "n\n40\n"));
    let refused = sandbox.run(&["sql", "SELECT * FROM predictions_nobody"]);
    assert!(refused.code == 1 && refused.err.contains("predictions_nobody"), "{}", refused.err);
    assert_eq!(
        sandbox.json(&["sql", "SELECT tenure FROM predictions_churn WHERE false"]),
        json!([])
    );
    let none = sandbox.run(&["sql", "SELECT tenure FROM predictions_churn WHERE false"]);
    assert_eq!((none.code, none.out.as_str()), (0, "tenure\n"));
    let wrong = sandbox.run(&["sql", "SELECT tenur FROM predictions_churn", "--json"]);
    let said: Value = serde_json::from_str(&wrong.out).expect(&wrong.out);
    assert_eq!(said["error"]["message"], "`sql` cannot run: column `tenur` not found");
}

#[test]
fn rows_that_sql_selects_are_written_as_they_come() {
    let sandbox = Sandbox::new();
    let rows: String = (0..40_000).map(|row| format!("{row},w{}\n", row % 7)).collect();
    sandbox.write("rows.csv", format!("x,word\n{rows}"));
    let all = sandbox.run(&["sql", "SELECT * FROM t", "--source", "t=rows.csv"]);
    assert_eq!(all.out, format!("x,word\n{rows}"));
    let sorted = "SELECT * FROM t ORDER BY word, x DESC";
    let json = sandbox.json(&["sql", sorted, "--source", "t=rows.csv"]);
    assert_eq!(json.as_array().unwrap().len(), 40_000);
    assert_eq!(json[0], json!({"x": 39_998, "word": "w0"}));
}

#[test]
fn what_clients_of_other_projects_ask_is_kept() {
    let Some(python) = std::env::var_os("GRISTMILL_SERVING_PYTHON") else {
        eprintln!("skipped: GRISTMILL_SERVING_PYTHON names no Python with tritonclient and kserve");
        return;
    };
    let sandbox = trained();
    let (rows, csv) = customers(&sandbox, 20);
    sandbox.write("customers.csv", csv);
    let expected = sandbox.json(&["predict", "churn", "--input", "customers.csv"]);
    let server = serve(&sandbox, &["--log-predictions"]);
    let asked = json!({"url": server.url(), "rows": rows, "expected": expected});
    sandbox.write("asked.json", asked.to_string());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve_clients.py");
    for client in ["triton", "triton_grpc", "parquet"] {
        let mut command = Command::new(&python);
        let done =
            command.arg(&script).arg(sandbox.path("asked.json")).arg(client).output().unwrap();
        assert!(done.status.success(), "{client}: {}", String::from_utf8_lossy(&done.stderr));
    }
    assert_eq!(server.end(), Some(0));
    let all = kept(&sandbox, &[]);
    assert!(all.len() > 20 * 20, "each client asks, one of them again and again: {}", all.len());
    for row in &all {
        let at = row["request_row"].as_u64().unwrap() as usize - 1;
        assert_eq!(answer(row), answer(&expected[at]), "{row}");
        assert_asked(row, &rows[at]);
    }
}

#[test]
fn up_keeps_what_it_answers_too_whichever_version_does() {
    let sandbox = trained();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", pipeline.replace("c: 1.0", "c: 0.01"));
    sandbox.json(&["run", "pipeline.yaml"]);
    let (rows, _) = customers(&sandbox, 2);
    let mut command = sandbox.command(&["up", "--port", "0", "--log-predictions"]);
    let server = Up::of(command.stderr(Stdio::null()));
    let tensors = json!({"inputs": tensors(&rows)});
    for version in ["1", "2"] {
        let path = format!("/v2/models/churn/versions/{version}/infer");
        ask(&server, &path, &format!("by {version}"), &tensors);
    }
    assert_eq!(server.end(), Some(0));
    let all = kept(&sandbox, &[]);
    let by = |row: &Value| (row["prediction_id"].clone(), row["model_version"].clone());
    let mut found: Vec<_> = all.iter().map(by).collect();
    found.sort_by_key(|(id, _)| id.to_string());
    let expected = [("by 1/1", "1"), ("by 1/2", "1"), ("by 2/1", "2"), ("by 2/2", "2")];
    assert_eq!(found, expected.map(|(id, version)| (json!(id), json!(version))));
    let files = files(&sandbox.path(".gristmill"));
    assert_eq!(files.len(), 2, "each version has files of its own: {files:?}");
}

#[test]
fn nothing_is_kept_unless_that_is_asked_for() {
    let sandbox = trained();
    let server = serve(&sandbox, &[]);
    let (rows, _) = customers(&sandbox, 3);
    ask(&server, "/invocations", "a", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    assert!(!sandbox.path(".gristmill/predictions").exists());
    assert!(kept(&sandbox, &[]).is_empty());
}

#[test]
fn a_share_of_the_requests_is_kept_and_always_the_same() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 1);
    let asked = |from: usize, to: usize| {
        let server = serve(&sandbox, &["--log-predictions=0.5"]);
        for id in from..to {
            ask(&server, "/invocations", &format!("r{id}"), &asked_for_all(&rows));
        }
        assert_eq!(server.end(), Some(0));
        kept(&sandbox, &[]).iter().map(|row| row["request_id"].clone()).collect::<Vec<_>>()
    };
    let first = asked(0, 200);
    // Of 200 throws of a coin fewer than 60 or more than 140 are heads once in a hundred million times.
    assert!((60..=140).contains(&first.len()), "{}", first.len());
    assert_eq!(asked(0, 200), [first.clone(), first].concat());
    for rate in ["0", "1.5", "-0.1", "NaN"] {
        let said = sandbox.run(&["serve", "churn", &format!("--log-predictions={rate}")]);
        assert_eq!(said.code, 1, "{rate}: {}", said.err);
    }
}

#[test]
fn columns_that_are_left_out_are_nowhere() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 5);
    let options = ["--log-predictions", "--log-redact", "contract,tenure"];
    let server = serve(&sandbox, &options);
    ask(&server, "/invocations", "a", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    for row in kept(&sandbox, &[]) {
        assert!(row.get("contract").is_none() && row.get("tenure").is_none(), "{row}");
        assert!(row.get("monthly_charges").is_some());
    }
    let file = fs_err::read(&files(&sandbox.path(".gristmill"))[0]).unwrap();
    let text = String::from_utf8_lossy(&file);
    assert!(!text.contains("Month-to-month") && text.contains("Electronic check"));
    let said = sandbox.run(&["serve", "churn", "--log-predictions", "--log-redact", "tenur"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("did you mean `tenure`?"), "{}", said.err);
}

#[test]
fn kill_9_leaves_whole_files_alone() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 20);
    let server = serve(&sandbox, &["--log-predictions"]);
    let mut asked = 0;
    let ask_more = |asked: &mut usize| {
        ask(&server, "/invocations", &format!("r{asked}"), &asked_for_all(&rows));
        *asked += 1;
    };
    while metric(&server, LOGGED) == 0.0 {
        ask_more(&mut asked);
    }
    let written = metric(&server, LOGGED) as usize;
    (0..20).for_each(|_| ask_more(&mut asked));
    server.kill();
    let ids = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter().map(|row| row["prediction_id"].as_str().unwrap().to_string()).collect()
    };
    let before = kept(&sandbox, &[]);
    assert!(before.len() >= written && before.len() <= asked * rows.len(), "{}", before.len());
    assert_eq!(ids(&before).len(), before.len(), "no row stands there twice");
    let server = serve(&sandbox, &["--log-predictions"]);
    ask(&server, "/invocations", "later", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    assert_eq!(kept(&sandbox, &[]).len(), before.len() + rows.len());
}

#[test]
fn a_full_disk_fails_no_request_and_what_it_kept_out_is_written_once_there_is_room() {
    let sandbox = trained();
    let place = sandbox.path("disk");
    let Some(_disk) = Mounted::new(&place, "size=48m") else { return };
    let said = sandbox.run(&["run", "pipeline.yaml", "--home", "disk/home", "--quiet"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let heard = fs_err::File::create(sandbox.path("heard")).unwrap().into_parts().0;
    let mut command = sandbox.command(&["serve", "churn", "--port", "0", "--home", "disk/home"]);
    let server = Up::of(command.arg("--log-predictions").stderr(heard));
    let filler = place.join("filler");
    fill(&filler);
    let (rows, _) = customers(&sandbox, 10);
    let failed = "gristmill_prediction_writes_failed_total";
    let mut asked = 0;
    while metric(&server, failed) < 2.0 {
        ask(&server, "/invocations", &format!("r{asked}"), &asked_for_all(&rows));
        asked += 1;
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let heard = fs_err::read_to_string(sandbox.path("heard")).unwrap();
    let told: Vec<&str> = heard.lines().filter(|line| line.contains("cannot be logged")).collect();
    assert!(told.len() == 1 && told[0].contains("disk/home/predictions"), "{heard}");
    assert_eq!(metric(&server, "gristmill_predictions_unwritten"), (asked * rows.len()) as f64);
    assert_eq!(metric(&server, "gristmill_predictions_lost_total"), 0.0);
    fs_err::remove_file(&filler).unwrap();
    wait("what the disk had no room for", || metric(&server, LOGGED) > 0.0);
    assert_eq!(server.end(), Some(0));
    let found = kept(&sandbox, &["--home", "disk/home"]);
    assert_eq!(found.len(), asked * rows.len());
    let whole = |path: &PathBuf| path.extension().is_some_and(|end| end == "parquet");
    assert!(files(&place.join("home")).iter().all(whole));
}

/// Takes all the room that a disk has.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs_err::File::create(path).unwrap();
    for size in [1 << 20, 1 << 12] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

/// Customers with what became of them.
fn truths(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let text = fs_err::read_to_string(sandbox.path("customers.csv")).unwrap();
    let lines = text.lines().skip(1).take(count);
    lines.map(|line| line.split(',').next().unwrap().to_string()).collect()
}

#[test]
fn labels_that_come_later_say_how_good_the_answers_were() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 300);
    let server = serve(&sandbox, &["--log-predictions"]);
    let answers = ask(&server, "/invocations", "all", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    let truths = truths(&sandbox, 300);
    let mut file = String::from("when,id,label\n");
    for (row, truth) in truths.iter().enumerate() {
        file.push_str(&format!("2026-12-01,all/{},{truth}\n", row + 1));
    }
    sandbox.write("labels.csv", &file);
    let add = |name: &str, more: &[&str]| {
        let added = sandbox.json(&[&["labels", "add", "churn", name][..], more].concat());
        ["new", "repeated", "contradicted", "unknown"].map(|what| added[what].as_u64().unwrap())
    };
    assert_eq!(add("labels.csv", &[]), [300, 0, 0, 0]);
    assert_eq!(add("labels.csv", &[]), [0, 300, 0, 0]);
    let scores = sandbox.json(&["labels", "show", "churn"]);
    assert_eq!((&scores["labelled"], &scores["unusable"]), (&json!(300), &json!(0)));
    let version = &scores["versions"][0];
    let right = answers["predictions"].as_array().unwrap().iter().zip(&truths);
    let right = right.filter(|(answer, truth)| answer["prediction"] == **truth).count();
    let accuracy = version["metrics"]["accuracy"].as_f64().unwrap();
    assert!((accuracy - right as f64 / 300.0).abs() < 1e-12, "{scores}");
    let names: Vec<&String> = version["metrics"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["accuracy", "f1", "recall", "roc_auc"], "those of the evaluation");
    // Customers turn out otherwise: the latest word counts.
    let other = |truth: &str| if truth == "Yes" { "No" } else { "Yes" };
    let lines: Vec<String> = (0..30)
        .map(|row| json!({"request": format!("all/{}", row + 1), "gone": other(&truths[row])}))
        .chain([
            json!({"request": "never", "gone": "Yes"}),
            json!({"request": "all/31", "gone": "?"}),
        ])
        .map(|line| line.to_string())
        .collect();
    sandbox.write("later.jsonl", lines.join("\n"));
    assert_eq!(add("later.jsonl", &["--id", "request", "--label", "gone"]), [1, 0, 31, 1]);
    let scores = sandbox.json(&["labels", "show", "churn"]);
    assert_eq!((&scores["labelled"], &scores["unusable"]), (&json!(300), &json!(1)));
    assert_eq!(scores["versions"][0]["rows"], 299);
    let latest = sandbox.json(&["labels", "show", "churn", "--rows", "20"]);
    assert_eq!((&latest["labelled"], &latest["predictions"]), (&json!(20), &json!(20)));
    let joined = kept(&sandbox, &[]);
    assert_eq!(joined[0]["label"], other(&truths[0]));
    assert_eq!(joined[299]["label"], json!(truths[299]));
}

#[test]
fn what_was_kept_answers_queries() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 40);
    let asked = |options: &[&str], id: &str| {
        let server = serve(&sandbox, options);
        let answers = ask(&server, "/invocations", id, &asked_for_all(&rows));
        assert_eq!(server.end(), Some(0));
        answers["predictions"].as_array().unwrap().clone()
    };
    let answers = asked(&["--log-predictions"], "a");
    asked(&["--log-predictions", "--log-redact", "tenure"], "b");
    sandbox.write("labels.csv", "id,label\na/1,Yes\nb/40,No\n");
    sandbox.json(&["labels", "add", "churn", "labels.csv"]);
    let select = |sql: &str| sandbox.run(&["predictions", "churn", "--sql", sql]);
    let said = select(
        "SELECT request_id, count(*) AS rows, count(tenure) AS tenures, count(label) AS labels, \
         sum(CASE WHEN prediction = 'Yes' THEN 1 ELSE 0 END) AS yes \
         FROM predictions GROUP BY request_id ORDER BY request_id",
    );
    let yes = answers.iter().filter(|answer| answer["prediction"] == "Yes").count();
    let expected = format!("request_id,rows,tenures,labels,yes\na,40,40,1,{yes}\nb,40,0,1,{yes}\n");
    assert_eq!((said.code, said.out), (0, expected), "{}", said.err);
    let sql = "SELECT max(request_row) AS last FROM predictions";
    let found =
        sandbox.json(&["predictions", "churn", "--sql", sql, "--version", "1", "--days", "1"]);
    assert_eq!(found, json!([{"last": 40}]));
    let said = sandbox.run(&["predictions", "churn", "--sql", sql, "--version", "9"]);
    assert!(said.code == 1 && said.err.contains("no predictions of `churn`"), "{}", said.err);
    let said = select("SELECT latency FROM predictions");
    assert!(said.code == 1 && said.err.contains("latency_micros"), "{}", said.err);
    assert_eq!(select("DROP TABLE predictions").code, 1);
}

#[test]
fn labels_come_over_http_too() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 2);
    let server = serve(&sandbox, &["--log-predictions"]);
    ask(&server, "/invocations", "a", &asked_for_all(&rows));
    wait("the rows", || metric(&server, LOGGED) == 2.0);
    let tell = |body: Value| server.post("/api/v1/models/churn/labels", &body.to_string());
    let added = |new: u64, repeated: u64, contradicted: u64, unknown: u64| {
        let names = ["new", "repeated", "contradicted", "unknown"];
        let values = [new, repeated, contradicted, unknown];
        (200, names.into_iter().map(String::from).zip(values.map(Value::from)).collect::<Value>())
    };
    let first = json!([{"id": "a/1", "label": "Yes"}, {"id": "b", "label": "No"}]);
    assert_eq!(tell(first), added(2, 0, 0, 1));
    let second = json!([{"id": "a/1", "label": "Yes"}, {"id": "a/2", "label": true}]);
    assert_eq!(tell(second), added(1, 1, 0, 0));
    assert_eq!(tell(json!([{"id": "a/1", "label": "No"}])), added(0, 0, 1, 0));
    assert_eq!(tell(json!({"id": "a/1", "label": "No"})).0, 400);
    assert_eq!(server.post("/api/v1/models/none/labels", "[]").0, 404);
    let scores = sandbox.json(&["labels", "show", "churn"]);
    assert_eq!((&scores["labelled"], &scores["unusable"]), (&json!(2), &json!(1)));
}

#[test]
fn what_models_are_asked_is_held_against_what_they_learned_from() {
    let sandbox = trained();
    let (rows, csv) = customers(&sandbox, 500);
    let server = serve(&sandbox, &["--drift-window", "500"]);
    let share = r#"gristmill_drift_share{model="churn",version="1"}"#;
    let psi = r#"gristmill_drift{model="churn",version="1",column="tenure",test="psi"}"#;
    let drifted = r#"gristmill_drift_drifted{model="churn",version="1"}"#;
    let judged = r#"gristmill_drift_rows{model="churn",version="1"}"#;
    let alone = rows[..499].iter();
    for (at, row) in alone.enumerate() {
        ask(&server, "/invocations", &format!("r{at}"), &json!({"instances": [row]}));
    }
    assert_eq!(metric(&server, judged), 0.0, "nothing is judged before the window is full");
    ask(&server, "/invocations", "last", &json!({"instances": [rows[499]]}));
    wait("the first verdict", || metric(&server, judged) == 500.0);
    sandbox.write("asked.csv", csv);
    let expected = sandbox.json(&["drift", "churn", "--input", "asked.csv"]);
    let columns = expected["columns"].as_array().unwrap();
    let tenure = columns.iter().find(|column| column["name"] == "tenure").unwrap();
    assert_eq!(metric(&server, psi), tenure["value"].as_f64().unwrap(), "as `drift` finds it");
    assert_eq!(metric(&server, share), expected["share"].as_f64().unwrap());
    assert_eq!(metric(&server, drifted), 0.0);
    let of_answers = expected["answers"]["columns"].as_array().unwrap();
    let yes = of_answers.iter().find(|column| column["name"] == "probability_Yes").unwrap();
    let answers =
        r#"gristmill_drift_answers{model="churn",version="1",column="probability_Yes",test="psi"}"#;
    assert_eq!(metric(&server, answers), yes["value"].as_f64().unwrap());
    let moved = |row: &Value| {
        let mut row = row.clone();
        for name in ["tenure", "monthly_charges", "total_charges"] {
            row[name] = json!(70);
        }
        for name in ["contract", "payment_method", "internet_service"] {
            row[name] = json!("None");
        }
        row
    };
    let moved: Vec<Value> = rows.iter().map(moved).collect();
    ask(&server, "/invocations", "moved", &json!({"instances": moved}));
    wait("the second verdict", || metric(&server, drifted) == 1.0);
    assert!(metric(&server, psi) > 1.0 && metric(&server, share) > 0.3);
    assert_eq!(server.end(), Some(0));
    let server = serve(&sandbox, &["--drift-window", "0"]);
    assert!(
        !server.call("GET /metrics HTTP/1.1\r\n\r\n").1.to_string().contains("gristmill_drift")
    );
}

#[test]
fn old_days_go_with_their_labels_and_drafts_that_nobody_finishes() {
    let sandbox = trained();
    let (rows, _) = customers(&sandbox, 2);
    let server = serve(&sandbox, &["--log-predictions"]);
    ask(&server, "/invocations", "a", &asked_for_all(&rows));
    assert_eq!(server.end(), Some(0));
    let today = files(&sandbox.path(".gristmill")).remove(0);
    let old = sandbox.path(".gristmill/predictions/churn/date=2020-02-29");
    fs_err::create_dir(&old).unwrap();
    fs_err::copy(&today, old.join("1-1582934400000000-7-1.parquet")).unwrap();
    fs_err::write(old.join(".1-1582934400000001-7-2.parquet.7.0.part"), "half").unwrap();
    let count = |options: &[&str]| {
        let report = sandbox.json(&[&["gc"], options].concat());
        ["removed", "kept"].map(|what| report["predictions"][what].as_u64().unwrap())
    };
    assert_eq!(count(&["--predictions", "90d", "--dry-run"]), [2, 1]);
    assert_eq!(kept(&sandbox, &[]).len(), 4);
    assert_eq!(count(&[]), [1, 2], "a draft goes without a word, what is whole does not");
    assert_eq!(count(&["--predictions", "90d"]), [1, 1]);
    assert!(!old.exists());
    assert_eq!(kept(&sandbox, &[]).len(), 2);
}

/// The customers with a model that is watched as `monitor` says.
fn watched(monitor: &str) -> Sandbox {
    let sandbox = Sandbox::churn();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    sandbox.write("pipeline.yaml", format!("{pipeline}\nmonitor: {monitor}\n"));
    sandbox.json(&["run", "pipeline.yaml"]);
    sandbox
}

const ESTIMATE: &str =
    r#"gristmill_performance_estimate{model="churn",version="1",metric="roc_auc"}"#;
const PERFORMANCE: &str = r#"gristmill_performance{model="churn",version="1",metric="roc_auc"}"#;

#[test]
fn performance_is_estimated_until_the_truth_is_known_and_then_said() {
    let sandbox = watched(
        "{performance: {metric: roc_auc, below: 0.7, estimate: true}, window: {rows: 500}, \
         retrain: {on: [{labels: 1000000}]}}",
    );
    sandbox.json(&["deploy", "pipeline.yaml"]);
    let server = Up::start(&sandbox);
    let (rows, csv) = customers(&sandbox, 500);
    let path = "/models/churn/invocations";
    ask(&server, path, "as before", &asked_for_all(&rows));
    wait("the first estimate", || metric(&server, ESTIMATE) > 0.0);
    let estimate = metric(&server, ESTIMATE);
    sandbox.write("asked.csv", &csv);
    let drift = sandbox.json(&["drift", "churn", "--input", "asked.csv"]);
    let of_file = &drift["estimate"]["roc_auc"];
    assert_eq!(of_file["value"].as_f64(), Some(estimate), "{drift}");
    let error = of_file["standard_error"].as_f64().unwrap();
    // nannyml 0.13.1: its CBPE fitted to `monitor/held_out.parquet`, asked about what `predict` answers to these
    // rows. It finds as we do that the probabilities need no calibration.
    for (metric, expected) in [("roc_auc", 0.850_274_692), ("accuracy", 0.796_978_034)] {
        let found = drift["estimate"][metric]["value"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{metric}: {found} is not {expected}");
    }
    let page = |more: &[&str]| {
        let wanted = ["drift", "churn", "--input", "asked.csv", "-o", "drift.html"];
        sandbox.json(&[&wanted, more].concat());
        fs_err::read_to_string(sandbox.path("drift.html")).unwrap()
    };
    let shown = page(&[]);
    let (_, section) = shown.split_once("Estimated performance</h2>").expect(&shown);
    assert!(section.contains("roc_auc") && section.contains("Standard error"), "{section}");
    let without = sandbox.json(&["drift", "churn", "--input", "asked.csv", "--without-answers"]);
    assert!(without.get("estimate").is_none(), "{without}");
    assert!(!page(&["--without-answers"]).contains("Estimated performance"));
    // The requests were kept, though the command line does not say so: the file does.
    wait("the rows", || metric(&server, LOGGED) == 500.0);
    let labels = truths(&sandbox, 500).into_iter().enumerate();
    let labels = labels.map(|(row, truth)| format!("as before/{},{truth}\n", row + 1));
    sandbox.write("labels.csv", format!("id,label\n{}", labels.collect::<String>()));
    sandbox.json(&["labels", "add", "churn", "labels.csv"]);
    wait("what is true", || metric(&server, PERFORMANCE) > 0.0);
    let truly = metric(&server, PERFORMANCE);
    assert!((truly - estimate).abs() < 3.0 * error, "{truly} is not {estimate} ± {error}");
    let known = r#"gristmill_performance_rows{model="churn",version="1",metric="roc_auc"}"#;
    assert_eq!(metric(&server, known), 500.0);
    let moved: Vec<Value> = rows.iter().map(with_one_contract).collect();
    ask(&server, path, "moved", &asked_for_all(&moved));
    wait("the second estimate", || metric(&server, ESTIMATE) != estimate);
    let later = metric(&server, ESTIMATE);
    assert!(later < estimate - 3.0 * error, "{later} was {estimate}");
    assert_eq!(server.end(), Some(0));
}

/// A customer of whom nothing is known that tells who leaves.
fn with_one_contract(row: &Value) -> Value {
    let mut row = row.clone();
    for name in ["tenure", "monthly_charges", "total_charges"] {
        row[name] = json!(30);
    }
    for name in ["contract", "payment_method", "internet_service"] {
        row[name] = json!("None");
    }
    row
}

#[test]
fn the_errors_of_a_regression_are_estimated_by_those_of_rows_that_were_held_out() {
    let sandbox = Sandbox::new();
    let prices = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/prices");
    let pipeline = fs_err::read_to_string(prices.join("pipeline.yaml")).unwrap();
    let pipeline = pipeline.replace("trees: 800", "trees: 200");
    let pipeline = pipeline.replace("learning_rate: 0.03", "learning_rate: 0.1");
    let pipeline = pipeline.replace("  cross_validate: {folds: 5}\n", "");
    let monitor = "monitor: {performance: {metric: mae, above: 30000, estimate: true}}";
    sandbox.write("pipeline.yaml", format!("{pipeline}\n{monitor}\n"));
    fs_err::copy(prices.join("houses.csv"), sandbox.path("houses.csv")).unwrap();
    let run = sandbox.json(&["run", "pipeline.yaml"]);
    let drift = sandbox.json(&["drift", "prices", "--input", "houses.csv"]);
    for metric in ["mae", "rmse"] {
        let tested = run["metrics"]["test"][metric].as_f64().unwrap();
        let found = drift["estimate"][metric]["value"].as_f64().unwrap();
        // Most of these rows are those that it learned from: the estimate is of rows that it did not.
        assert!((found / tested - 1.0).abs() < 0.15, "{metric}: {found}, {tested}");
        assert!(drift["estimate"][metric]["standard_error"].as_f64().unwrap() < 0.1 * tested);
    }
    assert!(drift["estimate"].get("r2").is_none(), "{drift}");
}

#[test]
fn a_column_to_leave_out_that_no_request_has_is_named_before_anything_is_served() {
    let sandbox = Sandbox::churn();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let lines = pipeline.trim_end().lines().count();
    for (name, message, hint) in [
        ("tenur", "column `tenur` not found", "did you mean `tenure`?"),
        ("phone", "column `phone` not found", "take it out of `redact`"),
        ("churn", "the model does not take column `churn`", "take it out of `redact`"),
    ] {
        let monitor = format!("monitor: {{log: {{redact: [tenure, {name}]}}}}");
        sandbox.write("watched.yaml", format!("{}\n{monitor}\n", pipeline.trim_end()));
        for command in ["check", "plan"] {
            let said = sandbox.run(&[command, "watched.yaml"]);
            let place = format!("watched.yaml, line {}", lines + 1);
            let told = [message, hint, &place];
            assert!(
                said.code == 1 && told.iter().all(|word| said.err.contains(word)),
                "{}",
                said.err
            );
        }
    }
    sandbox.write("watched.yaml", format!("{pipeline}\nmonitor: {{log: {{redact: [tenure]}}}}\n"));
    assert_eq!(sandbox.run(&["check", "watched.yaml"]).code, 0);
}

#[test]
fn a_metric_that_cannot_be_estimated_is_refused_with_those_that_can() {
    let sandbox = Sandbox::churn();
    let pipeline = fs_err::read_to_string(sandbox.path("pipeline.yaml")).unwrap();
    let monitor = "monitor: {performance: {metric: ks, below: 0.2, estimate: true}}";
    sandbox.write("pipeline.yaml", format!("{pipeline}\n{monitor}\n"));
    let said = sandbox.run(&["check", "pipeline.yaml"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`ks` cannot be estimated"), "{}", said.err);
    assert!(
        said.err.contains("accuracy, precision,") && said.err.contains("rmsle"),
        "{}",
        said.err
    );
}
