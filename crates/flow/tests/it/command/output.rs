//! What commands print, and what of it is seen.

use std::time::Duration;

use gristmill_flow::task_logs;
use serde_json::{Value, json};

use super::bench::{bench, timed};

#[test]
fn both_streams_come_in_the_order_in_which_they_were_written() {
    let bench = bench();
    bench.run("job", json!({"run": "for i in 1 2 3; do echo $i; echo e$i >&2; done"}));
    assert_eq!(bench.log("job"), "1\ne1\n2\ne2\n3\ne3\n");
}

#[test]
fn a_silent_command_leaves_no_log() {
    let bench = bench();
    bench.run("job", json!({"run": "true"}));
    assert_eq!(fs_err::read_dir(bench.logs()).unwrap().count(), 0);
    assert_eq!(task_logs(&bench.logs(), "job").unwrap(), []);
}

#[test]
fn what_is_printed_without_end_is_kept_in_few_megabytes() {
    let bench = bench();
    let run = "echo first; head -c 200000000 /dev/zero; echo; echo last";
    let (report, took) = timed(|| bench.run("job", json!({"run": run})));
    assert!(report.error.is_none(), "{report:?}");
    println!("200 MB in {took:?}");
    let log = bench.log("job");
    assert!(log.len() < 17 << 20, "{}", log.len());
    assert!(log.starts_with("first\n") && log.ends_with("\nlast\n"));
    // By hand: 200,000,012 bytes were printed, of which two times 8 MiB are kept.
    assert!(log.contains("\n[gristmill: 183222796 bytes are left out here]\n"));
}

#[test]
fn secrets_reach_the_command_and_nobody_else() {
    let bench = bench();
    bench.secret("TOKEN", "hunter2hunter\n");
    let run = r#"
        test "$T" = hunter2hunter || exit 9
        printf 'it is hunter2'; sleep 0.05; printf 'hun'; sleep 0.05; echo 'ter!'
        echo "{\"url\": \"x?key=$T\", \"n\": 1}" > "$GRISTMILL_OUTPUT"
        echo "oh: $T"
        exit $END
    "#;
    let spec = |end: &str| json!({"run": run, "env": {"T": {"secret": "TOKEN"}, "END": end}});
    let report = bench.run("job", spec("0"));
    assert_eq!(report.facts, json!({"url": "x?key=***", "n": 1}), "{report:?}");
    assert_eq!(bench.log("job"), "it is ***!\noh: ***\n");
    let (message, _) = bench.failure(spec("3"));
    assert!(message.ends_with("\n    it is ***!\n    oh: ***"), "{message}");
}

#[test]
fn a_missing_secret_stops_the_command() {
    let env = json!({"T": {"secret": "GRISTMILL_NO_SUCH"}});
    // Another try would not find it either.
    let spec = json!({"run": "echo > ran", "env": env, "retries": {"times": 3, "backoff": "1h"}});
    let bench = bench();
    let (message, _) = bench.failure(spec);
    let start = "secret `GRISTMILL_NO_SUCH` was not found: there is no environment variable \
                 `GRISTMILL_NO_SUCH` and no file `";
    assert!(message.starts_with(start), "{message}");
    assert!(!bench.work.join("ran").exists());
}

#[test]
fn the_environment_tells_where_and_on_how_many_cores_a_command_runs() {
    let bench = bench();
    let run = "echo $GRISTMILL_RUN_ID $GRISTMILL_TASK $GRISTMILL_ATTEMPT \
               $OMP_NUM_THREADS $POLARS_MAX_THREADS $RAYON_NUM_THREADS $A; pwd; \
               test -z \"$(cat)\"";
    let env = json!({"A": "a $b", "RAYON_NUM_THREADS": "7"});
    bench.write("sub/x", "");
    let spec = json!({"run": run, "cpu": 3, "env": env, "folder": "sub"});
    let report = bench.run("a/b", spec);
    assert!(report.error.is_none(), "{report:?}");
    let log = bench.log("a/b");
    let mut lines = log.lines();
    // What the one who runs the tests has set stays as it is.
    let set = |name: &str| std::env::var(name).unwrap_or("3".into());
    let (omp, polars) = (set("OMP_NUM_THREADS"), set("POLARS_MAX_THREADS"));
    assert_eq!(lines.next(), Some(format!("run-1 a/b 1 {omp} {polars} 7 a $b").as_str()));
    assert!(lines.next().unwrap().ends_with("/work/sub"));
}

#[track_caller]
fn refused(write: &str, expected: &str) {
    let run = format!("{write} > \"$GRISTMILL_OUTPUT\"");
    let (message, hint) = bench().failure(json!({"run": run}));
    assert!(message.starts_with(expected), "{message}");
    assert!(hint.starts_with("write one JSON object"), "{hint}");
}

#[test]
fn facts_are_one_object_of_bounded_size() {
    let run = "echo '{\"rows\": 7}' > \"$GRISTMILL_OUTPUT\"";
    assert_eq!(bench().run("job", json!({"run": run})).facts, json!({"rows": 7}));
    assert_eq!(bench().run("job", json!({"run": "true"})).facts, Value::Null);
    refused("echo '[7]'", "what it wrote to GRISTMILL_OUTPUT is a list");
    refused("echo rows", "what it wrote to GRISTMILL_OUTPUT is no JSON object");
    refused("head -c 2000000 /dev/zero", "what it wrote to GRISTMILL_OUTPUT has 2000000 bytes");
}

#[test]
fn a_finished_command_is_noticed_at_once() {
    let bench = bench();
    let (_, took) = timed(|| (0..20).for_each(|_| drop(bench.run("job", json!({"run": "true"})))));
    assert!(took < Duration::from_millis(20 * 40), "{took:?} for 20 commands");
}
