//! A run that is cut short goes on where it was; tries, turns and room on the machine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gristmill_flow::{
    Cancel, Capacity, Demand, Earlier, EarlierResult, Event, Fault, Journal, JournalError, Output,
    Plan, TaskError, TaskReport, TaskStatus,
};
use serde_json::json;

use crate::tasks::{Step, cache, output, plan, run, step, summary};

/// A journal in memory that can be read as an earlier process of the run.
#[derive(Default)]
struct Book {
    earlier: Mutex<HashMap<String, Earlier>>,
    lines: Mutex<Vec<String>>,
    /// After how many outcomes the disk is full.
    full_after: Option<usize>,
}

impl Book {
    fn earlier(&self) -> HashMap<String, Earlier> {
        self.earlier.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }
}

impl Journal for Book {
    fn started(&self, report: &TaskReport, _at: i64) {
        let (task, attempt) = (&report.name, report.attempts);
        self.earlier.lock().unwrap().entry(task.clone()).or_default().attempts = attempt;
        self.write(format!("{task} started {attempt}"));
    }

    fn spread(&self, task: &dyn gristmill_flow::Task, parts: &[&str]) {
        self.write(format!("{} spread into {}", task.name(), parts.join(" ")));
    }

    fn settled(&self, report: &TaskReport) -> Result<(), JournalError> {
        let settled = self.lines().iter().filter(|line| !line.contains("started")).count();
        if self.full_after.is_some_and(|most| settled >= most) {
            return Err(JournalError("the disk is full".into()));
        }
        self.write(format!("{} {}", report.name, report.status));
        if report.status == TaskStatus::Succeeded {
            let result = EarlierResult {
                key: report.key.unwrap(),
                output: report.output.unwrap(),
                facts: report.facts.clone(),
                notes: report.notes.clone(),
                cached: report.cached,
                seconds: report.seconds,
                moments: report.moments,
            };
            let mut earlier = self.earlier.lock().unwrap();
            earlier.entry(report.name.clone()).or_default().result = Some(result);
        }
        Ok(())
    }
}

/// `a` and `b` count their runs, `c` sums up what they gave; none of them is ever cached.
fn counted(runs: &[Arc<AtomicUsize>; 3]) -> Plan {
    let facts = |name: &str, runs: &Arc<AtomicUsize>| {
        step(name).every_time().counted(runs).does(|_, _| Ok(Output::facts(json!({"rows": 2}))))
    };
    plan(vec![
        facts("a", &runs[0]),
        facts("b", &runs[1]),
        step("c").needs(&["a", "b"]).every_time().counted(&runs[2]).does(|inputs, _| {
            let rows = |task| Ok::<_, TaskError>(inputs.facts(task)?["rows"].as_u64().unwrap());
            Ok(Output::facts(json!({"rows": rows("a")? + rows("b")?})))
        }),
    ])
}

fn counts(runs: &[Arc<AtomicUsize>; 3]) -> [usize; 3] {
    [0, 1, 2].map(|i| runs[i].load(Ordering::SeqCst))
}

#[test]
fn what_was_written_down_is_not_done_again_and_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, runs) = (cache(folder.path()), Default::default());
    let whole = Arc::new(Book::default());
    let undisturbed = run(&counted(&runs).with_journal(whole.clone()), &cache);
    assert_eq!(counts(&runs), [1, 1, 1]);
    let mut cut_short = whole.earlier();
    cut_short.get_mut("c").unwrap().result = None;
    let rest = Arc::new(Book::default());
    let resumed = counted(&runs).with_journal(rest.clone()).with_earlier(cut_short);
    let resumed = run(&resumed, &cache);
    assert_eq!(counts(&runs), [1, 1, 2]);
    assert_eq!(summary(&resumed), summary(&undisturbed));
    assert_eq!(output(&resumed, "c"), output(&undisturbed, "c"));
    assert_eq!(resumed.task("c").unwrap().attempts, 2, "the one that was cut short counts");
    assert_eq!(rest.lines(), ["c started 2", "c succeeded"]);
}

#[test]
fn what_would_be_given_something_else_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, book) = (cache(folder.path()), Arc::new(Book::default()));
    let with = |version: &str| plan(vec![step("a").version(version).every_time()]);
    run(&with("1").with_journal(book.clone()), &cache);
    let report = run(&with("2").with_earlier(book.earlier()), &cache);
    assert_eq!(report.tasks[0].reason, ["it runs every time"]);
}

#[test]
fn files_that_were_not_kept_went_with_the_process_and_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let book = Arc::new(Book::default());
    let steps = || {
        let reads = step("b").needs(&["a"]).every_time().does(|inputs, _| {
            Ok(Output::facts(json!(fs_err::read_to_string(inputs.folder("a")?.join("out"))?)))
        });
        plan(vec![step("a").every_time(), reads])
    };
    run(&steps().with_journal(book.clone()), &cache(&folder.path().join("first")));
    let mut cut_short = book.earlier();
    cut_short.get_mut("b").unwrap().result = None;
    let report = run(&steps().with_earlier(cut_short), &cache(&folder.path().join("second")));
    assert_eq!(summary(&report), ["a succeeded", "b succeeded"]);
    assert_eq!(report.task("b").unwrap().facts, json!("a"));
}

#[test]
fn a_kept_result_that_was_damaged_since_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, book) = (cache(folder.path()), Arc::new(Book::default()));
    let first = run(&plan(vec![step("a")]).with_journal(book.clone()), &cache);
    fs_err::write(first.tasks[0].folder.as_ref().unwrap().join("out"), "other").unwrap();
    let report = run(&plan(vec![step("a")]).with_earlier(book.earlier()), &cache);
    assert_eq!(
        report.tasks[0].reason,
        ["its cached result is damaged: file `out` has 5 bytes, expected 1"]
    );
    assert_eq!(output(&report, "a"), output(&first, "a"));
}

#[test]
fn nobody_hears_of_an_outcome_that_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let book = Arc::new(Book { full_after: Some(1), ..Book::default() });
    let runs = Default::default();
    let report = run(&counted(&runs).with_journal(book.clone()), &cache(folder.path()));
    assert_eq!(report.fault.unwrap().to_string(), "the disk is full");
    assert_eq!(counts(&runs), [1, 1, 0], "`c` must not begin on what could be lost");
    assert_eq!(report.tasks[2].status, TaskStatus::Cancelled);
    assert_eq!(book.lines(), ["a started 1", "a succeeded", "b started 1"]);
}

/// Fails `times`, then succeeds.
fn shaky(name: &str, times: usize, fault: Fault) -> Step {
    let tries = AtomicUsize::new(0);
    step(name).does(move |_, context| {
        let tried = tries.fetch_add(1, Ordering::SeqCst);
        assert_eq!(context.attempt() as usize, tried + 1);
        if tried < times {
            return Err(TaskError::new(fault, "the line was cut"));
        }
        Ok(Output::none())
    })
}

#[test]
fn a_task_is_tried_again_as_often_as_it_says() {
    #[track_caller]
    fn check(fails: usize, fault: Fault, retries: u32, status: TaskStatus, attempts: u32) {
        let folder = tempfile::tempdir().unwrap();
        let report =
            run(&plan(vec![shaky("a", fails, fault).retried(retries)]), &cache(folder.path()));
        assert_eq!((report.tasks[0].status, report.tasks[0].attempts), (status, attempts));
    }
    check(2, Fault::Machine, 3, TaskStatus::Succeeded, 3);
    check(2, Fault::Machine, 2, TaskStatus::Succeeded, 3);
    check(2, Fault::Machine, 1, TaskStatus::Failed, 2);
    check(1, Fault::Refused, 3, TaskStatus::Failed, 1);
    check(1, Fault::Bug, 3, TaskStatus::Failed, 1);
}

#[test]
fn a_task_that_rests_leaves_its_place_to_others_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let events = Mutex::new(Vec::new());
    let watch = |event: Event<'_>| match event {
        Event::Retrying { task, attempt, error, .. } => {
            events.lock().unwrap().push(format!("{task} {attempt}: {error}"));
        }
        Event::Finished { report } => events.lock().unwrap().push(report.name.clone()),
        _ => {}
    };
    let plan = plan(vec![shaky("a", 1, Fault::Machine).retried(1), step("b")]);
    plan.run(&cache(folder.path()), &watch, &Cancel::new());
    assert_eq!(*events.lock().unwrap(), ["a 1: the line was cut", "b", "a"]);
}

/// `list` names some words, `count` is spread out over them, `sum` reads all counts.
fn spread(words: &'static [&'static str], runs: &Arc<AtomicUsize>) -> Plan {
    let runs = Arc::clone(runs);
    let part = move |word: &str, runs: &Arc<AtomicUsize>| {
        let length = word.len();
        step(&format!("count[{word}]"))
            .parameters(json!({"word": word}))
            .counted(runs)
            .does(move |_, _| Ok(Output::facts(json!({"length": length}))))
    };
    plan(vec![
        step("list").parameters(json!(words)).does(|_, _| Ok(Output::none())),
        step("count")
            .needs(&["list"])
            .parts(move |_| words.iter().map(|word| part(word, &runs)).collect())
            .does(move |inputs, _| {
                let lengths = words.iter().map(|word| {
                    inputs.facts(&format!("count[{word}]")).map(|facts| facts["length"].clone())
                });
                Ok(Output::facts(json!(lengths.collect::<Result<Vec<_>, _>>()?)))
            }),
        step("sum").needs(&["count"]),
    ])
}

#[test]
fn a_task_is_spread_out_over_what_is_known_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, runs, book) = (cache(folder.path()), Arc::default(), Arc::new(Book::default()));
    let report = run(&spread(&["a", "bcd"], &runs).with_journal(book.clone()), &cache);
    assert_eq!(
        summary(&report),
        [
            "list succeeded",
            "count succeeded",
            "count[a] succeeded",
            "count[bcd] succeeded",
            "sum succeeded"
        ]
    );
    assert_eq!(report.task("count").unwrap().facts, json!([1, 3]));
    assert_eq!(report.task("count[a]").unwrap().within.as_deref(), Some("count"));
    assert!(book.lines().contains(&"count spread into count[a] count[bcd]".to_owned()));
    // One word more is one part more; the others are there already.
    run(&spread(&["a", "bcd", "ef"], &runs), &cache);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    let nothing = run(&spread(&[], &runs), &cache);
    assert_eq!(summary(&nothing), ["list succeeded", "count succeeded", "sum succeeded"]);
}

#[test]
fn what_is_spread_out_is_foreseen_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, runs) = (cache(folder.path()), Arc::default());
    let seen = |words: &'static [&'static str]| -> Vec<String> {
        let planned = spread(words, &runs).preview(&cache).into_iter();
        planned.map(|p| format!("{:?} {}", p.status, p.why.join("; "))).collect()
    };
    run(&spread(&["a"], &runs), &cache);
    assert_eq!(seen(&["a"]), ["Cached an equal task ran before"; 3]);
    run(&spread(&["b", "a", "c"], &runs), &cache);
    // Another order of the words is another list, which has not run yet.
    assert!(seen(&["c", "a"])[1].starts_with("Unknown it depends on what `list` will give"));
    let alone = plan(vec![step("count").parts(|_| vec![step("p"), step("q").version("2")])]);
    run(&plan(vec![step("p")]), &cache);
    let planned = alone.preview(&cache).remove(0);
    assert_eq!(planned.why, ["1 of 2 parts run", "`q`: it has not run before"]);
}

#[test]
fn a_task_alone_takes_what_others_gave_as_it_was_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, runs) = (cache(folder.path()), Default::default());
    let book = Arc::new(Book::default());
    let settled = |names: &[&str]| -> HashMap<String, TaskStatus> {
        names.iter().map(|name| ((*name).to_owned(), TaskStatus::Succeeded)).collect()
    };
    for (alone, done) in [("a", &[][..]), ("b", &["a"]), ("c", &["a", "b"])] {
        let plan = counted(&runs).with_earlier(book.earlier()).with_journal(book.clone());
        run(&plan.alone(alone, settled(done)), &cache);
    }
    assert_eq!(counts(&runs), [1, 1, 1]);
    assert_eq!(book.earlier()["c"].result.as_ref().unwrap().facts, json!({"rows": 4}));
    // Once more it is done already; without what it stands on it cannot be.
    let plan = counted(&runs).with_earlier(book.earlier());
    run(&plan.alone("c", settled(&["a", "b", "c"])), &cache);
    let report = run(&counted(&runs).alone("c", settled(&["a", "b"])), &cache);
    assert_eq!(counts(&runs), [1, 1, 1]);
    let fault = report.fault.unwrap().to_string();
    assert_eq!(fault, "what `a` gave in this run is not kept any more");
}

#[test]
fn parts_of_one_name_are_refused_and_a_failed_part_stops_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let twice = plan(vec![step("a").parts(|_| vec![step("p"), step("p")])]);
    let report = run(&twice, &cache(folder.path()));
    let error = report.tasks[0].error.as_ref().unwrap().to_string();
    assert_eq!(error, "it is spread out into `p`, which stands twice");
    let failing = || step("p").does(|_, _| Err(TaskError::new(Fault::Input, "no such row")));
    let plan = plan(vec![step("a").parts(move |_| vec![failing(), step("q")])]);
    let report = run(&plan, &cache(folder.path()));
    assert_eq!(summary(&report), ["a skipped", "p failed", "q succeeded"]);
    assert_eq!(report.tasks[0].reason, ["`p` failed"]);
}

/// The most of these tasks that were at work at one time.
fn most_at_once(tasks: usize, demand: &Demand, capacity: Capacity) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let steps = (0..tasks).map(|i| {
        let (now, most) = (now.clone(), most.clone());
        step(&format!("t{i}")).demands(demand.clone()).does(move |_, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(Output::none())
        })
    });
    let plan = plan(steps.collect()).with_capacity(capacity);
    assert!(run(&plan, &cache(folder.path())).succeeded());
    most.load(Ordering::SeqCst)
}

#[test]
fn tasks_share_the_machine_without_asking_for_more_than_it_has() {
    let cores = |cpu| Demand { cpu, ..Demand::default() };
    assert_eq!(most_at_once(12, &cores(1), Capacity::cores(3)), 3);
    assert_eq!(most_at_once(6, &cores(2), Capacity::cores(3)), 1);
    let memory = Demand { memory: 4, ..cores(1) };
    assert_eq!(most_at_once(6, &memory, Capacity { memory: 9, ..Capacity::cores(8) }), 2);
    let pool = Demand { pools: [("db".to_owned(), 1)].into(), ..cores(0) };
    let pools = Capacity { pools: [("db".to_owned(), 2)].into(), ..Capacity::cores(8) };
    assert_eq!(most_at_once(6, &pool, pools), 2);
    // Tasks that only wait for something else take no core.
    assert!(most_at_once(12, &cores(0), Capacity::cores(1)) > 6);
}

#[test]
fn ten_thousand_tasks_behind_one_place_have_their_turn_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let demand = Demand { cpu: 0, pools: [("db".to_owned(), 1)].into(), ..Demand::default() };
    let (now, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let steps = (0..10_000).map(|i| {
        let (now, done) = (now.clone(), done.clone());
        step(&format!("t{i}")).every_time().demands(demand.clone()).does(move |_, _| {
            assert_eq!(now.fetch_add(1, Ordering::SeqCst), 0, "another is at work");
            now.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
            Ok(Output::none())
        })
    });
    let pools = Capacity { pools: [("db".to_owned(), 1)].into(), ..Capacity::cores(8) };
    let report = run(&plan(steps.collect()).with_capacity(pools), &cache(folder.path()));
    assert!(report.succeeded());
    assert_eq!(done.load(Ordering::SeqCst), 10_000);
}

#[test]
fn of_those_that_could_begin_the_most_urgent_does() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![step("a"), step("b").priority(2), step("c").priority(1)];
    let order = Mutex::new(Vec::new());
    let watch = |event: Event<'_>| {
        if let Event::Started { task, .. } = event {
            order.lock().unwrap().push(task.to_owned());
        }
    };
    plan(steps).run(&cache(folder.path()), &watch, &Cancel::new());
    assert_eq!(*order.lock().unwrap(), ["b", "c", "a"]);
}

/// `fetch` gives rows, `train` fails, `evaluate` gives a score; `tell` runs by this condition.
fn told(condition: &str) -> (TaskStatus, String) {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![
        step("tell").when(condition),
        step("fetch").does(|_, _| Ok(Output::facts(json!({"rows": 7, "files": ["a", "b"]})))),
        step("train").does(|_, _| Err(TaskError::new(Fault::Input, "no class"))),
        step("evaluate").does(|_, _| Ok(Output::facts(json!({"metrics": {"test": {"auc": 0.9}}})))),
    ];
    let report = run(&plan(steps), &cache(folder.path()));
    let tell = report.task("tell").unwrap();
    let error = tell.error.as_ref().map(|error| error.message.clone());
    (tell.status, error.unwrap_or_else(|| tell.reason.join("; ")))
}

#[test]
fn a_condition_decides_on_what_earlier_tasks_gave_and_how_they_ended() {
    #[track_caller]
    fn check(condition: &str, status: TaskStatus, words: &str) {
        let (found, reason) = told(condition);
        assert_eq!((found, reason.as_str()), (status, words), "{condition}");
    }
    use TaskStatus::{Failed, Skipped, Succeeded};
    let ran = "it has not run before";
    check("fetch.rows > 5 and fetch.files[1] == 'b'", Succeeded, ran);
    check("metrics.test.auc > 0.8", Succeeded, ran);
    check("metrics.test.auc > 0.95", Skipped, "`metrics.test.auc > 0.95` does not hold");
    check("status.train == 'failed'", Succeeded, ran);
    check("status.train == 'succeeded'", Skipped, "`status.train == 'succeeded'` does not hold");
    let (status, words) = told("fetch.colums > 5");
    assert_eq!(status, Failed);
    assert!(words.starts_with("its condition: "), "{words}");
}

#[test]
fn a_condition_over_nothing_that_exists_is_refused_with_the_plan() {
    let tasks = vec![step("fetch"), step("tell").when("fetsh.rows > 1")];
    let tasks = tasks.into_iter().map(|step| Box::new(step) as Box<dyn gristmill_flow::Task>);
    let errors = Plan::new(tasks.collect()).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "the condition of task `tell` names `fetsh`, which does not exist"
    );
    assert_eq!(errors[0].hint(), "did you mean `fetch`?");
}

#[test]
fn a_task_that_asks_how_another_ended_runs_although_that_one_failed() {
    let folder = tempfile::tempdir().unwrap();
    let fails = || step("a").does(|_, _| Err(TaskError::new(Fault::Input, "no")));
    let tell = step("b").needs(&["a"]).when("status.a == 'failed'");
    let report = run(&plan(vec![fails(), tell, step("c").needs(&["a"])]), &cache(folder.path()));
    assert_eq!(summary(&report), ["a failed", "b succeeded", "c skipped"]);
}

#[test]
fn a_preview_leaves_open_what_a_condition_decides() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(vec![step("a").every_time(), step("b").when("a.rows > 1")]);
    let planned = plan.preview(&cache(folder.path())).pop().unwrap();
    assert_eq!(planned.status, gristmill_flow::PlannedStatus::Unknown);
    assert_eq!(planned.why, ["it runs if `a.rows > 1` holds"]);
}

#[test]
fn a_clock_that_is_set_back_takes_nothing_from_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let now = std::sync::atomic::AtomicI64::new(1_700_000_000_000_000);
    let back = Arc::new(move || now.fetch_sub(3_600_000_000, Ordering::SeqCst));
    let cache = gristmill_flow::Cache::open(&folder.path().join("cache"), back).unwrap();
    let steps = || vec![shaky("a", 1, Fault::Machine).retried(1), step("b").needs(&["a"])];
    let report = run(&plan(steps()), &cache);
    assert_eq!(summary(&report), ["a succeeded", "b succeeded"]);
    assert!(report.tasks.iter().all(|task| task.seconds >= 0.0));
    assert!(
        report.tasks.iter().all(|task| task.moments.is_some_and(|(began, ended)| began <= ended))
    );
    assert_eq!(summary(&run(&plan(steps()), &cache)), ["a cached", "b cached"]);
}
