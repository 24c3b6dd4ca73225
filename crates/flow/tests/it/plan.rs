//! Which tasks run, in which order, and why.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gristmill_flow::{
    Cancel, Capacity, Event, Fault, Output, Plan, PlannedStatus, Task, TaskError, TaskReport,
    TaskStatus,
};
use serde_json::json;

use crate::tasks::{Step, cache, output, plan, previous, run, step, summary};

fn refused(steps: Vec<Step>) -> Vec<String> {
    let tasks = steps.into_iter().map(|step| Box::new(step) as Box<dyn Task>).collect();
    let errors = Plan::new(tasks).unwrap_err();
    errors.iter().map(|e| format!("{e} ({})", e.hint())).collect()
}

/// `fetch` reads a file, `split` parts it, `train` and `report` go on from there.
fn pipeline(file: &std::path::Path, trees: u64) -> Plan {
    plan(vec![
        step("train").needs(&["split"]).parameters(json!({"model": {"trees": trees}})),
        step("fetch").reads(file).does(fetch(file)),
        step("split").needs(&["fetch"]).does(|inputs, context| {
            let text = fs_err::read(inputs.folder("fetch")?.join("rows"))?;
            // Only the first line matters, so that a change further down changes nothing here.
            let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
            fs_err::write(context.output_dir().join("part"), line)?;
            Ok(Output::facts(json!({"rows": 1})))
        }),
        step("report").needs(&["train", "split"]),
    ])
}

fn fetch(
    file: &std::path::Path,
) -> impl Fn(&gristmill_flow::Inputs<'_>, &gristmill_flow::TaskContext<'_>) -> Result<Output, TaskError>
+ use<> {
    let file = file.to_owned();
    move |_, context| {
        fs_err::copy(&file, context.output_dir().join("rows"))?;
        Ok(Output::none())
    }
}

fn whys(plan: &Plan, cache: &gristmill_flow::Cache) -> Vec<(PlannedStatus, String)> {
    plan.preview(cache).into_iter().map(|p| (p.status, p.why.join("; "))).collect()
}

#[test]
fn what_cannot_be_a_plan_is_refused_with_a_way_out() {
    assert_eq!(
        refused(vec![step("fetch"), step("train").needs(&["fetsh", "zebra"]), step("fetch")]),
        [
            "task `fetch` stands twice (give one of them another name)",
            "task `train` needs `fetsh`, which does not exist (did you mean `fetch`?)",
            "task `train` needs `zebra`, which does not exist (known are `fetch`)",
        ]
    );
    assert_eq!(
        refused(vec![
            step("z"),
            step("a").needs(&["b"]),
            step("b").needs(&["c", "z"]),
            step("c").needs(&["b"]),
        ]),
        ["tasks need each other in a circle: b -> c -> b (remove one of these needs)"]
    );
    assert_eq!(
        refused(vec![step("a").needs(&["a"])]),
        ["tasks need each other in a circle: a -> a (remove one of these needs)"]
    );
}

#[test]
fn tasks_run_after_what_they_need_and_else_as_they_were_given() {
    let order: Vec<String> =
        plan(vec![step("d").needs(&["c", "a"]), step("a"), step("c").needs(&["b"]), step("b")])
            .tasks()
            .map(|t| t.name().to_owned())
            .collect();
    assert_eq!(order, ["a", "b", "c", "d"]);
}

#[test]
fn the_same_again_does_no_work_and_a_change_only_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (cache(folder.path()), folder.path().join("rows.csv"));
    fs_err::write(&file, "one\ntwo\n").unwrap();
    let first = run(&pipeline(&file, 100), &cache);
    assert_eq!(
        summary(&first),
        ["fetch succeeded", "split succeeded", "train succeeded", "report succeeded"]
    );
    assert!(first.tasks.iter().all(|t| t.reason == ["it has not run before"]));
    let again = run(&pipeline(&file, 100).with_previous(previous(&first)), &cache);
    assert_eq!(summary(&again), ["fetch cached", "split cached", "train cached", "report cached"]);
    assert!(again.tasks.iter().all(|t| t.reason == ["nothing changed"] && t.attempts == 0));
    assert_eq!(again.task("split").unwrap().facts, json!({"rows": 1}));
    // Another model: what it stands on stays. `report` sees an equal output and stays too.
    let model = run(&pipeline(&file, 200).with_previous(previous(&again)), &cache);
    assert_eq!(
        summary(&model),
        ["fetch cached", "split cached", "train succeeded", "report cached"]
    );
    let train = model.task("train").unwrap();
    assert_eq!(train.reason, ["parameter `model.trees` changed from 100 to 200"]);
    // Back again: nothing is forgotten.
    let back = run(&pipeline(&file, 100).with_previous(previous(&model)), &cache);
    assert!(back.tasks.iter().all(|t| t.cached));
    assert_eq!(back.task("train").unwrap().reason, ["an equal task ran before"]);
}

#[test]
fn an_equal_output_of_changed_input_stops_the_wave() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (cache(folder.path()), folder.path().join("rows.csv"));
    fs_err::write(&file, "one\ntwo\n").unwrap();
    let first = run(&pipeline(&file, 1), &cache);
    fs_err::write(&file, "one\nother\n").unwrap();
    let second = run(&pipeline(&file, 1).with_previous(previous(&first)), &cache);
    assert_eq!(
        summary(&second),
        ["fetch succeeded", "split succeeded", "train cached", "report cached"]
    );
    assert_eq!(second.task("fetch").unwrap().reason, ["input `rows.csv` changed"]);
    assert_eq!(second.task("split").unwrap().reason, ["output of `fetch` changed"]);
    assert_eq!(output(&first, "split"), output(&second, "split"));
}

#[test]
fn a_new_version_of_the_code_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let first = run(&plan(vec![step("a")]), &cache);
    let second = plan(vec![step("a").version("2")]).with_previous(previous(&first));
    let second = run(&second, &cache);
    assert_eq!(second.tasks[0].reason, ["code version of `a` changed from 1 to 2"]);
}

#[test]
fn a_preview_says_what_a_run_then_does() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (cache(folder.path()), folder.path().join("rows.csv"));
    assert_eq!(whys(&pipeline(&file, 1), &cache)[0].0, PlannedStatus::Blocked);
    fs_err::write(&file, "one\n").unwrap();
    use PlannedStatus::{Cached, Run, Unknown};
    let text = |s: &str| s.to_owned();
    assert_eq!(
        whys(&pipeline(&file, 1), &cache),
        [
            (Run, text("it has not run before")),
            (Unknown, text("it depends on what `fetch` will give")),
            (Unknown, text("it depends on what `split` will give")),
            (Unknown, text("it depends on what `train` and `split` will give")),
        ]
    );
    let first = previous(&run(&pipeline(&file, 1), &cache));
    assert!(whys(&pipeline(&file, 1), &cache).iter().all(|(status, _)| *status == Cached));
    let changed = pipeline(&file, 2).with_previous(first.clone());
    assert_eq!(
        whys(&changed, &cache)[1..],
        [
            (Cached, text("nothing changed")),
            (Run, text("parameter `model.trees` changed from 1 to 2")),
            (Unknown, text("it depends on what `train` will give")),
        ]
    );
    fs_err::write(&file, "two\n").unwrap();
    let changed = pipeline(&file, 2).with_previous(first);
    assert_eq!(
        whys(&changed, &cache)[2].1,
        "it depends on what `split` will give; parameter `model.trees` changed from 1 to 2"
    );
}

#[test]
fn a_task_that_fails_stops_only_those_that_need_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let steps = || {
        vec![
            step("bad").does(|_, context| {
                fs_err::write(context.output_dir().join("half"), "half")?;
                Err(TaskError::new(Fault::Refused, "roc_auc is 0.7, required is 0.8")
                    .with_hint("lower the gate"))
            }),
            step("panics").does(|_, _| panic!("index 7")),
            step("after").needs(&["bad"]),
            step("later").needs(&["after"]),
            step("beside"),
        ]
    };
    let report = run(&plan(steps()), &cache);
    assert_eq!(
        summary(&report),
        ["bad failed", "panics failed", "after skipped", "later skipped", "beside succeeded"]
    );
    let (task, error) = report.failure().unwrap();
    assert_eq!((task.name.as_str(), error.fault), ("bad", Fault::Refused));
    let panics = report.task("panics").unwrap().error.as_ref().unwrap();
    assert_eq!(
        (panics.fault, panics.message.as_str()),
        (Fault::Bug, "task `panics` panicked: index 7")
    );
    assert_eq!(report.task("after").unwrap().reason, ["`bad` failed"]);
    assert_eq!(report.task("later").unwrap().reason, ["`after` was skipped"]);
    assert!(!report.succeeded() && !report.cancelled());
    // A failure is never kept.
    assert_eq!(summary(&run(&plan(steps()), &cache))[..2], ["bad failed", "panics failed"]);
}

#[test]
fn a_missing_input_is_the_users_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(vec![step("read").reads(&folder.path().join("none.csv"))]);
    let report = run(&plan, &cache(folder.path()));
    let (task, error) = report.failure().unwrap();
    assert_eq!((task.attempts, error.fault), (0, Fault::Input));
    assert!(error.message.contains("none.csv"), "{error}");
}

#[test]
fn a_result_whose_input_changed_under_it_is_used_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, file) = (cache(folder.path()), folder.path().join("rows.csv"));
    let steps = |content: &'static str| {
        fs_err::write(&file, "before").unwrap();
        let path = file.clone();
        let read = step("read").reads(&file).does(move |_, context| {
            fs_err::write(context.output_dir().join("out"), content)?;
            fs_err::write(&path, content)?;
            Ok(Output::none())
        });
        plan(vec![read, step("after").needs(&["read"])])
    };
    let report = run(&steps("after"), &cache);
    assert_eq!(summary(&report), ["read succeeded", "after succeeded"]);
    let note = "input `rows.csv` changed while it ran, so its result is not kept";
    assert_eq!(report.tasks[0].notes, [note]);
    assert_eq!(summary(&run(&steps("before"), &cache))[0], "read succeeded");
    assert_eq!(summary(&run(&steps("before"), &cache))[0], "read cached");
}

#[test]
fn a_task_that_runs_every_time_does_and_its_output_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let (runs, after) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let steps = || {
        vec![
            step("command").every_time().counted(&runs),
            step("after").needs(&["command"]).counted(&after).does(|inputs, context| {
                let text = fs_err::read_to_string(inputs.folder("command")?.join("out"))?;
                fs_err::write(context.output_dir().join("copy"), text)?;
                Ok(Output::none())
            }),
        ]
    };
    assert!(run(&plan(steps()), &cache).succeeded());
    let report = run(&plan(steps()), &cache);
    assert_eq!(summary(&report), ["command succeeded", "after cached"]);
    assert_eq!((runs.load(Ordering::SeqCst), after.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(report.task("command").unwrap().reason, ["it runs every time"]);
    assert!(report.task("command").unwrap().folder.is_none());
    assert!(report.task("after").unwrap().folder.as_ref().unwrap().join("copy").is_file());
}

#[test]
fn values_pass_through_memory_and_are_read_once_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let loads = Arc::new(AtomicUsize::new(0));
    let reader = |name: &str, round: u64| {
        let loads = Arc::clone(&loads);
        step(name).needs(&["make"]).parameters(json!({"round": round})).does(move |inputs, _| {
            assert!(inputs.value::<u8>("make").is_none());
            assert!(inputs.folder("other").unwrap_err().message.contains("not needed"));
            let value = inputs.value_or_load::<String>("make", |folder| {
                loads.fetch_add(1, Ordering::SeqCst);
                Ok(fs_err::read_to_string(folder.join("text"))?)
            })?;
            Ok(Output::facts(json!({"text": *value})))
        })
    };
    let steps = |round: u64| {
        vec![
            step("make").does(|_, context| {
                fs_err::write(context.output_dir().join("text"), "made")?;
                Ok(Output::none().with_value("made".to_owned()))
            }),
            reader("one", round),
            reader("two", round),
        ]
    };
    let first = run(&plan(steps(1)), &cache);
    assert_eq!(
        (first.task("two").unwrap().facts["text"].as_str(), loads.load(Ordering::SeqCst)),
        (Some("made"), 0)
    );
    let second = run(&plan(steps(2)), &cache);
    assert_eq!(summary(&second), ["make cached", "one succeeded", "two succeeded"]);
    assert_eq!(second.task("two").unwrap().facts["text"], "made");
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[test]
fn cancelling_ends_the_run_and_keeps_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let cancel = Cancel::new();
    let steps = |cancel: Cancel| {
        vec![
            step("done"),
            step("asks").does(move |_, context| {
                cancel.cancel();
                context.cancel().check()?;
                Ok(Output::none())
            }),
            step("never"),
        ]
    };
    let report = plan(steps(cancel.clone())).run(&cache, &(), &cancel);
    assert_eq!(summary(&report), ["done succeeded", "asks cancelled", "never cancelled"]);
    assert!(report.cancelled());
    let report = run(&plan(vec![step("done"), step("asks"), step("never")]), &cache);
    assert_eq!(summary(&report), ["done cached", "asks succeeded", "never succeeded"]);
}

#[test]
fn an_observer_hears_everything_and_notes_again_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let steps = || {
        vec![step("a").does(|_, context| {
            context.progress(1, Some(2));
            context.note("column `x` is all null and was dropped");
            Ok(Output::none())
        })]
    };
    let heard = || {
        let heard = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            heard.lock().unwrap().push(match event {
                Event::Started { task, reason } => format!("{task} started: {}", reason.join(", ")),
                Event::Progress { task, done, total, .. } => format!("{task} {done} of {total:?}"),
                Event::Note { task, text } => format!("{task}: {text}"),
                Event::Finished { report: TaskReport { name, status, seconds, .. } } => {
                    format!("{name} {status} in {seconds}")
                }
                _ => "?".into(),
            });
        };
        let report = plan(steps()).run(&cache, &observer, &Cancel::new());
        assert_eq!(report.tasks[0].notes, ["column `x` is all null and was dropped"]);
        heard.into_inner().unwrap()
    };
    assert_eq!(
        heard(),
        [
            "a started: it has not run before",
            "a 1 of Some(2)",
            "a: column `x` is all null and was dropped",
            "a succeeded in 0.1",
        ]
    );
    // Once more the clock is asked: when the kept result was of use.
    assert_eq!(heard(), ["a: column `x` is all null and was dropped", "a succeeded in 0.2"]);
}

#[test]
fn a_plan_of_nothing_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(&plan(vec![]), &cache(folder.path()));
    assert!(report.succeeded() && report.tasks.is_empty());
    assert_eq!(TaskStatus::Skipped.to_string(), "skipped");
}

/// 40 tasks in a row of diamonds, each of which adds up what it needs.
fn diamonds() -> Vec<Step> {
    let sum = |inputs: &gristmill_flow::Inputs<'_>, needs: &[String]| {
        let facts = needs.iter().map(|need| inputs.facts(need).map(|f| f["sum"].as_u64()));
        facts.sum::<Result<Option<u64>, TaskError>>().map(|sum| sum.unwrap_or(0) + 1)
    };
    let named = |i: usize| format!("t{i}");
    (0..40)
        .map(|i| {
            let needs: Vec<String> = match i % 4 {
                0 if i == 0 => vec![],
                0 => vec![named(i - 1)],
                3 => vec![named(i - 1), named(i - 2)],
                at => vec![named(i - at)],
            };
            let given: Vec<&str> = needs.iter().map(String::as_str).collect();
            let step = step(&named(i)).needs(&given);
            step.does(move |inputs, _| Ok(Output::facts(json!({"sum": sum(inputs, &needs)?}))))
        })
        .collect()
}

#[test]
fn any_number_of_workers_gives_the_same_results_in_the_same_order() {
    let facts = |workers: u32| {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(diamonds()).with_capacity(Capacity::cores(workers));
        let report = run(&plan, &cache(folder.path()));
        assert!(report.succeeded());
        let tasks = report.tasks.iter().map(|t| (t.name.clone(), t.facts.to_string(), t.output));
        tasks.collect::<Vec<_>>()
    };
    let one = facts(1);
    assert_eq!(one.len(), 40);
    assert_eq!(one[0].0, "t0");
    for workers in [2, 5, 100] {
        assert_eq!(facts(workers), one, "{workers} workers");
    }
}

#[test]
fn tasks_that_need_nothing_of_each_other_run_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let meeting = Arc::new(std::sync::Barrier::new(3));
    let meet = |name: &str| {
        let meeting = Arc::clone(&meeting);
        // One alone would wait for the others for ever.
        step(name).does(move |_, _| {
            meeting.wait();
            Ok(Output::none())
        })
    };
    let plan = plan(vec![meet("a"), meet("b"), meet("c"), step("d").needs(&["a", "b", "c"])]);
    let report = run(&plan.with_capacity(Capacity::cores(3)), &cache(folder.path()));
    assert_eq!(summary(&report), ["a succeeded", "b succeeded", "c succeeded", "d succeeded"]);
}

#[test]
fn ten_thousand_tasks_are_put_in_order_at_once() {
    let chain = (0..10_000).map(|i| match i {
        0 => step("t0"),
        i => step(&format!("t{i}")).needs(&[&format!("t{}", i - 1)]),
    });
    // Backwards, so that the first can only be placed when the last was read.
    let plan = plan(chain.rev().collect());
    assert_eq!(plan.tasks().next().unwrap().name(), "t0");
    assert_eq!(plan.tasks().count(), 10_000);
}
