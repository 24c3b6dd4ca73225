//! Deployed pipelines as real processes: killed, doubled, called, and asked to end.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Up, lines, wait};
use crate::sandbox::{Said, Sandbox};

/// A pipeline whose only task writes a line to `ran.txt`.
fn deploy(sandbox: &Sandbox, sections: &str) {
    let file = format!(
        "name: p\n{sections}\ntasks:\n  work: {{run: \"echo $GRISTMILL_SCHEDULED >> ran.txt\"}}\n"
    );
    sandbox.write("p.yaml", file);
    sandbox.json(&["deploy", "p.yaml"]);
}

fn runs(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.json(&["runs", "list", "--limit", "1000"]).as_array().unwrap().clone()
}

/// Every second from the first that ran to the last ran once.
#[track_caller]
fn each_second_once(sandbox: &Sandbox, at_least: usize) {
    let mut ran: Vec<i64> = lines(sandbox, "ran.txt")
        .iter()
        .map(|line| {
            let clock: Vec<i64> = line[11..19].split(':').map(|n| n.parse().unwrap()).collect();
            clock[0] * 3600 + clock[1] * 60 + clock[2]
        })
        .collect();
    ran.sort_unstable();
    assert!(ran.len() >= at_least, "{ran:?}");
    assert!(ran.windows(2).all(|two| (two[1] - two[0]).rem_euclid(86_400) == 1), "{ran:?}");
    assert_eq!(runs(sandbox).len(), ran.len());
}

#[test]
fn each_moment_runs_once_over_kills_and_with_two_schedulers() {
    let sandbox = Sandbox::new();
    deploy(&sandbox, "schedule: {every: 1s, catch_up: all}");
    let (first, second) = (Up::start(&sandbox), Up::start(&sandbox));
    wait("a third run", || lines(&sandbox, "ran.txt").len() >= 3);
    first.kill();
    let third = Up::start(&sandbox);
    wait("a run after the kill", || lines(&sandbox, "ran.txt").len() >= 5);
    second.kill();
    third.kill();
    std::thread::sleep(Duration::from_secs(1));
    let fourth = Up::start(&sandbox);
    wait("a run after all were killed", || lines(&sandbox, "ran.txt").len() >= 8);
    sandbox.json(&["undeploy", "p"]);
    wait("an idle moment", || {
        let before = lines(&sandbox, "ran.txt").len();
        std::thread::sleep(Duration::from_millis(1500));
        lines(&sandbox, "ran.txt").len() == before
    });
    assert_eq!(fourth.end(), Some(0));
    let cancelled = runs(&sandbox).iter().filter(|run| run["status"] == "cancelled").count();
    if cancelled == 0 {
        each_second_once(&sandbox, 8);
    }
    let all = lines(&sandbox, "ran.txt");
    let once: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(once.len(), all.len());
    assert_eq!(sandbox.json(&["deployments"]), json!([]));
}

#[test]
fn a_run_that_up_stops_goes_on_with_the_next_up() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.yaml",
        "name: p\ntriggers: [{event: go}]\ntasks:\n  work:\n    run: \
         'echo begun >> begun.txt; test -f go || sleep 60; cat $GRISTMILL_PAYLOAD >> done.txt'\n",
    );
    sandbox.json(&["deploy", "p.yaml"]);
    sandbox.json(&["events", "raise", "go", "--payload", "{\"a\": 1}"]);
    let up = Up::start(&sandbox);
    wait("the run", || lines(&sandbox, "begun.txt").len() == 1);
    assert_eq!(up.end(), Some(0));
    assert_eq!(runs(&sandbox)[0]["status"], "interrupted");
    sandbox.write("go", "");
    let up = Up::start(&sandbox);
    wait("its end", || runs(&sandbox)[0]["status"] == "succeeded");
    assert_eq!(lines(&sandbox, "done.txt"), ["{\"a\":1}"]);
    assert_eq!(runs(&sandbox).len(), 1);
    assert_eq!(up.end(), Some(0));
}

#[test]
fn a_webhook_runs_its_pipeline_once_for_each_call_and_refuses_the_rest() {
    let sandbox = Sandbox::new();
    deploy(&sandbox, "triggers: [{webhook: sale}]");
    let up = Up::start(&sandbox);
    assert_eq!(up.call("GET /health HTTP/1.1\r\n\r\n"), (200, json!("OK")));
    assert_eq!(up.call("GET /version HTTP/1.1\r\n\r\n").0, 200);
    for n in 0..3 {
        let (status, answer) = up.post("/api/v1/hooks/sale", &format!("{{\"n\": {n}}}"));
        assert_eq!((status, &answer["pipelines"]), (202, &json!(["p"])));
    }
    assert_eq!(up.post("/api/v1/hooks/sole", "{}").0, 404);
    assert_eq!(up.post("/api/v1/hooks/sale", "{").0, 400);
    assert_eq!(up.post("/api/v1/hooks/sale", &"1".repeat(1_000_001)).0, 413);
    assert_eq!(up.call("GET /api/v1/hooks/sale HTTP/1.1\r\n\r\n").0, 405);
    assert_eq!(up.call("nonsense\r\n\r\n").0, 400);
    let page = "POST /api/v1/hooks/sale HTTP/1.1\r\nOrigin: http://elsewhere\r\n\r\n";
    assert_eq!(up.call(page).0, 403);
    let form = "POST /api/v1/hooks/sale HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(up.call(form).0, 415);
    wait("three runs", || lines(&sandbox, "ran.txt").len() == 3);
    let tags = sandbox.json(&["runs", "show", "latest"])["tags"].clone();
    assert_eq!(tags["gristmill.trigger"], "webhook sale");
    assert_eq!(tags["gristmill.deployment"], "p");
    let mut command = sandbox.command(&["up", "--port", "0"]);
    command.env("GRISTMILL_TOKEN", "a-token-of-some-length");
    let guarded = Up::of(command.stderr(Stdio::null()));
    assert_eq!(guarded.post("/api/v1/hooks/sale", "{}").0, 401);
    let bearer = |token: &str| {
        guarded.call(&format!(
            "POST /api/v1/hooks/sale HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        ))
    };
    assert_eq!(bearer("a-token-of-some-lengtH").0, 401);
    assert_eq!(bearer("a-token-of-some-length").0, 202);
    wait("a fourth run", || lines(&sandbox, "ran.txt").len() == 4);
}

#[test]
fn a_file_that_arrives_runs_one_pipeline_and_its_success_another() {
    let sandbox = Sandbox::new();
    fs_err::create_dir(sandbox.path("incoming")).unwrap();
    sandbox.write("incoming/old.csv", "a\n1\n");
    deploy(&sandbox, "triggers: [{pipeline: q}]");
    sandbox.write(
        "q.yaml",
        "name: q\nparams: {arrived_file: none}\ntriggers: [{file: 'incoming/*.csv'}]\n\
         tasks: {work: {run: \"echo '${arrived_file}' >> arrived.txt\"}}\n",
    );
    sandbox.json(&["deploy", "q.yaml"]);
    // What was deployed is what runs, whatever becomes of the file.
    sandbox.write("q.yaml", "name: q\n");
    let up = Up::start(&sandbox);
    sandbox.write("incoming/new, #1.csv", "a\n2\n");
    wait("the second pipeline", || lines(&sandbox, "ran.txt").len() == 1);
    let arrived = lines(&sandbox, "arrived.txt");
    assert!(arrived.len() == 1 && arrived[0].ends_with("incoming/new, #1.csv"), "{arrived:?}");
    up.kill();
    let up = Up::start(&sandbox);
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!((lines(&sandbox, "arrived.txt").len(), runs(&sandbox).len()), (1, 2));
    assert_eq!(up.end(), Some(0));
}

#[test]
fn a_run_that_cannot_begin_is_recorded_as_failed_and_the_next_one_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", "a,y\n1,2\n");
    sandbox.write("p.yaml", "name: p\ndata: {source: rows.csv}\ntriggers: [{event: go}]\n");
    sandbox.json(&["deploy", "p.yaml"]);
    fs_err::rename(sandbox.path("rows.csv"), sandbox.path("gone.csv")).unwrap();
    sandbox.json(&["events", "raise", "go"]);
    let up = Up::start(&sandbox);
    wait("a failed run", || runs(&sandbox).iter().any(|run| run["status"] == "failed"));
    let shown = sandbox.json(&["runs", "show", "latest"]);
    assert!(shown["error"].as_str().unwrap().contains("rows.csv"), "{shown:#}");
    fs_err::rename(sandbox.path("gone.csv"), sandbox.path("rows.csv")).unwrap();
    sandbox.json(&["events", "raise", "go"]);
    wait("a run that succeeds", || runs(&sandbox).iter().any(|run| run["status"] == "succeeded"));
    assert_eq!(runs(&sandbox).len(), 2);
    drop(up);
}

#[test]
fn a_backfill_runs_each_moment_until_it_has_succeeded() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.yaml",
        "name: p\nparams: {scheduled: now}\nschedule: {cron: 0 3 * * *}\ntasks:\n  work:\n    run: \
         'echo ${scheduled} >> ran.txt; case ${scheduled} in *01-03*) test -f mended;; esac'\n",
    );
    let call =
        ["backfill", "p.yaml", "--from", "2026-01-01", "--to", "2026-01-06", "--parallel", "2"];
    let said = sandbox.run(&call);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(said.out, "p: 5 moments: 4 succeeded, 1 failed\n");
    assert!(said.err.contains("5/5"), "{}", said.err);
    sandbox.write("mended", "");
    assert_eq!(sandbox.json(&call)["succeeded"], 1);
    let third = sandbox.json(&call);
    assert_eq!((&third["done_before"], &third["succeeded"]), (&json!(5), &json!(0)));
    let mut ran = lines(&sandbox, "ran.txt");
    ran.sort();
    ran.dedup();
    assert_eq!((ran.len(), runs(&sandbox).len()), (5, 6));
    assert_eq!(ran[0], "2026-01-01T03:00:00Z");
}

#[test]
fn what_cannot_be_deployed_is_refused_with_a_remedy() {
    let sandbox = Sandbox::new();
    let mut refusals = String::new();
    for sections in [
        "",
        "schedule: {cron: 0 3 * *}",
        "schedule: [{every: 1h}, {every: 1h}]",
        "schedule: {cron: '@daily', timezone: Europe/Viena}",
        "triggers: [{file: 'gs://rows/*.csv'}]",
        "triggers: [{pipeline: p}]",
        "triggers: [{webhok: a}]",
    ] {
        sandbox
            .write("p.yaml", format!("name: p\ntasks: {{work: {{run: \"true\"}}}}\n{sections}\n"));
        let Said { code, err, .. } = sandbox.run(&["deploy", "p.yaml"]);
        assert_eq!(code, 1, "{sections}");
        refusals.push_str(&format!("{sections}\n{err}\n"));
    }
    assert_eq!(refusals.matches("hint:").count(), 7, "{refusals}");
    let up = sandbox.run(&["up", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(up.code, 1);
    assert!(up.err.contains("can be reached from elsewhere"), "{}", up.err);
}
