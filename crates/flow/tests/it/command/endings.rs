//! How commands end, and that nothing of them is left.

use std::time::Duration;

use gristmill_flow::{Cancel, Fault, Task, TaskStatus};
use serde_json::{Value, json};

use super::bench::{bench, lives, timed};

#[track_caller]
fn check(run: Value, expected: &str) {
    let (message, hint) = bench().failure(json!({"run": run}));
    assert_eq!((message.as_str(), hint.as_str()), (expected, ""));
}

#[test]
fn codes_and_signals_are_told() {
    check(json!("exit 3"), "the command ended with exit code 3");
    check(json!(["false"]), "the command ended with exit code 1");
    check(json!("kill -TERM $$"), "the command was ended by signal 15 (SIGTERM)");
    check(
        json!("exec 2>/dev/null; sh -c 'kill -SEGV $$'; exit $?"),
        "the command ended with exit code 139: its shell saw signal 11 (SIGSEGV)",
    );
}

#[test]
fn a_kill_from_outside_is_told_apart_from_ours() {
    let (message, _) = bench().failure(json!({"run": "kill -KILL $$"}));
    assert!(message.starts_with("the command was ended by signal 9 (SIGKILL)"), "{message}");
}

#[test]
fn the_last_words_and_the_way_to_the_others_are_told() {
    let bench = bench();
    let (message, hint) = bench.failure(json!({"run": "echo one; echo two >&2; exit 4"}));
    let expected = "the command ended with exit code 4; it last said:\n    one\n    two";
    assert_eq!(message, expected);
    assert_eq!(hint, "`gristmill tasks logs run-1 job` shows all that it said");
    assert_eq!(bench.log("job"), "one\ntwo\n");
}

#[test]
fn what_cannot_be_started_is_told() {
    let bench = bench();
    let (message, hint) = bench.failure(json!({"run": ["no-such-program"]}));
    assert!(message.starts_with("the command could not be run: No such file"), "{message}");
    assert_eq!(hint, "its program was not found; is it in `PATH`?");
    let (message, hint) = bench.failure(json!({"run": "no-such-program"}));
    assert!(message.starts_with("the command ended with exit code 127"), "{message}");
    assert!(hint.starts_with("the shell found no such command"), "{hint}");
    let (message, _) = bench.failure(json!({"run": "true", "folder": "none"}));
    assert!(message.contains("/none` is not there"), "{message}");
    bench.write("plain", "text");
    let (_, hint) = bench.failure(json!({"run": ["./plain"]}));
    assert_eq!(hint, "`chmod +x` makes a file a program");
    let (_, hint) = bench.failure(json!({"run": ["true", "x".repeat(200_000)]}));
    assert!(hint.contains("is too long"), "{hint}");
}

#[test]
fn a_shell_that_forks_and_ignores_sigterm_is_ended_in_time() {
    let bench = bench();
    let run = "trap '' TERM; sleep 60 & echo $! > child; echo waiting; sleep 60";
    let spec = json!({"run": run, "timeout": "300ms", "grace": "200ms"});
    let ((message, _), took) = timed(|| bench.failure(spec));
    assert_eq!(message, "the command timed out after 300ms; it last said:\n    waiting");
    assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(3), "{took:?}");
    assert!(!lives(bench.read("child").trim()));
}

#[test]
fn a_command_that_heeds_sigterm_may_tidy_up() {
    let bench = bench();
    let run = "trap 'echo tidy > done; exit 0' TERM; sleep 60 & wait";
    let (message, _) = bench.failure(json!({"run": run, "timeout": "200ms"}));
    assert_eq!(message, "the command timed out after 200ms");
    assert_eq!(bench.read("done"), "tidy\n");
}

#[test]
fn what_a_command_leaves_behind_is_ended_and_not_waited_for() {
    let bench = bench();
    let run = "sleep 60 & echo $! > child; echo done";
    let (report, took) = timed(|| bench.run("job", json!({"run": run})));
    assert_eq!((report.status, bench.log("job").as_str()), (TaskStatus::Succeeded, "done\n"));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(!lives(bench.read("child").trim()));
    // It ignores the first request, so that it takes the second, which cannot be.
    let run = "(trap '' TERM; echo > ready; exec sleep 60) & echo $! > child; \
               while [ ! -f ready ]; do sleep 0.01; done";
    let spec = json!({"run": run, "grace": "100ms"});
    let (report, took) = timed(|| bench.run("job", spec));
    assert_eq!(report.status, TaskStatus::Succeeded);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(!lives(bench.read("child").trim()));
}

#[test]
fn a_process_that_escapes_with_the_pipe_is_not_waited_for() {
    let bench = bench();
    let run = "setsid sh -c 'echo $$ > child; exec sleep 3' & \
               while [ ! -s child ]; do sleep 0.01; done; echo done";
    let (report, took) = timed(|| bench.run("job", json!({"run": run})));
    assert_eq!((report.status, bench.log("job").as_str()), (TaskStatus::Succeeded, "done\n"));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(lives(bench.read("child").trim()), "another session is another's business");
}

#[test]
fn a_command_that_closes_its_output_is_still_waited_for() {
    let bench = bench();
    let run = "exec >&- 2>&-; sleep 0.2; exit 5";
    let (message, _) = bench.failure(json!({"run": run}));
    assert_eq!(message, "the command ended with exit code 5");
}

#[test]
fn a_wish_to_stop_ends_a_command_at_once() {
    let bench = bench();
    let cancel = Cancel::new();
    let run = "echo $$ > leader; sleep 60";
    let tasks: Vec<Box<dyn Task>> = vec![Box::new(bench.task("job", json!({"run": run})))];
    let took = std::thread::scope(|scope| {
        let running = scope.spawn(|| bench.run_all(tasks, &cancel));
        bench.wait_for("leader");
        let (report, took) = timed(|| {
            cancel.cancel();
            running.join().unwrap()
        });
        assert_eq!(report.tasks[0].status, TaskStatus::Cancelled);
        assert_eq!(report.tasks[0].error.as_ref().unwrap().fault, Fault::Cancelled);
        took
    });
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(!lives(bench.read("leader").trim()));
}

#[test]
fn a_command_that_fails_is_tried_again_with_a_log_for_each_try() {
    let bench = bench();
    let run = "echo try $GRISTMILL_ATTEMPT; test $GRISTMILL_ATTEMPT = 3";
    let retries = json!({"times": 4, "backoff": "1ms"});
    let report = bench.run("job", json!({"run": run, "retries": retries}));
    assert_eq!((report.status, report.attempts), (TaskStatus::Succeeded, 3), "{report:?}");
    assert_eq!(bench.log("job"), "try 1\ntry 2\ntry 3\n");
}
