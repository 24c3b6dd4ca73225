//! The scheduler against clocks that no machine should have.

use std::collections::BTreeSet;
use std::sync::Arc;

use gristmill_core::Timestamp;
use gristmill_track::{Due, MAX_SNAPSHOT_BYTES, RunStatus, Snapshot as Kept, Store};
use serde_json::json;
use tempfile::TempDir;

use super::scheduler::Scheduler;
use crate::check::{Checked, check, check_in};
use crate::deploy::snapshot_of;
use crate::job::{Job, Ticket, record_end};
use crate::keeper::Keeper;
use crate::snapshot::Snapshot;
use crate::{Home, deploy, deployments, raise, undeploy};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// A home with one deployment.
struct Bench {
    folder: TempDir,
    home: Home,
    keeper: Arc<Keeper>,
    deployed: i64,
}

impl Bench {
    fn new(sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let keeper = Arc::new(Keeper::open(&home).unwrap());
        let mut bench = Self { folder, home, keeper, deployed: 0 };
        bench.deploy(sections);
        bench.deployed = deployments(&bench.home).unwrap()[0].deployed.0;
        bench
    }

    fn deploy(&self, sections: &str) -> &'static str {
        let file = self.folder.path().join("p.yaml");
        fs_err::write(&file, format!("name: p\ntasks: {{work: {{run: \"true\"}}}}\n{sections}\n"))
            .unwrap();
        deploy(&self.home, &file, &[]).unwrap().what
    }

    fn scheduler(&self) -> Scheduler {
        Scheduler::new(&self.home, Arc::clone(&self.keeper))
    }

    /// Claims at a time after the deployment, and does what was claimed.
    fn claim(&self, scheduler: &mut Scheduler, after: i64) -> Vec<i64> {
        let claimed = scheduler.claim(Timestamp(self.deployed + after)).unwrap();
        claimed.iter().for_each(|due| self.finish(due));
        claimed.into_iter().map(|due| due.due.0).collect()
    }

    fn finish(&self, due: &Due) {
        let job = Job::of(due).unwrap();
        assert!(record_end(&self.keeper, &job, RunStatus::Succeeded, "").unwrap());
    }
}

fn hourly(catch_up: &str) -> Bench {
    Bench::new(&format!("schedule: {{every: 1h, catch_up: {catch_up}}}"))
}

#[test]
fn a_day_off_is_caught_up_as_the_file_says() {
    let count = |catch_up| {
        let bench = hourly(catch_up);
        // A quarter past, so that no moment is fresh.
        let at = HOUR - bench.deployed % HOUR + DAY + HOUR / 4;
        let first = bench.claim(&mut bench.scheduler(), at);
        assert!(bench.claim(&mut bench.scheduler(), at).is_empty(), "a restart doubles none");
        first.len()
    };
    assert_eq!((count("all"), count("latest"), count("none")), (25, 1, 0));
}

#[test]
fn a_clock_that_is_set_back_repeats_nothing_and_says_so_once() {
    let bench = hourly("all");
    let mut scheduler = bench.scheduler();
    let first = bench.claim(&mut scheduler, 5 * HOUR);
    assert_eq!(first.len(), 5);
    for back in [4 * HOUR, HOUR, -DAY] {
        assert!(bench.claim(&mut scheduler, back).is_empty());
        assert!(bench.claim(&mut bench.scheduler(), back).is_empty());
    }
    let notes: BTreeSet<String> = scheduler.take_notes().into_iter().collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let later = bench.claim(&mut scheduler, 7 * HOUR);
    assert_eq!(later, [first[4] + HOUR, first[4] + 2 * HOUR]);
}

#[test]
fn two_schedulers_on_one_store_claim_each_moment_once() {
    let bench = Bench::new("schedule: [{every: 1m, catch_up: all}, {every: 1h, catch_up: all}]");
    let claimed: Vec<Vec<Due>> = std::thread::scope(|scope| {
        let work = || {
            let keeper = Arc::new(Keeper::open(&bench.home).unwrap());
            let mut scheduler = Scheduler::new(&bench.home, keeper);
            let at = |minute: i64| Timestamp(bench.deployed + minute * 60_000_000);
            (0..90).flat_map(|minute| scheduler.claim(at(minute)).unwrap()).collect()
        };
        let (a, b) = (scope.spawn(work), scope.spawn(work));
        vec![a.join().unwrap(), b.join().unwrap()]
    });
    let all: Vec<_> = claimed.iter().flatten().map(|due| (&due.trigger, due.due)).collect();
    let once: BTreeSet<_> = all.iter().collect();
    assert_eq!(all.len(), once.len());
    let minutes = all.iter().filter(|(trigger, _)| trigger.ends_with("1m")).count();
    assert_eq!(minutes, 89);
}

#[test]
fn moments_wait_where_a_hundred_runs_do() {
    let bench = Bench::new("schedule: {every: 1m, catch_up: all}");
    let mut scheduler = bench.scheduler();
    let late = Timestamp(bench.deployed + 4 * HOUR);
    let first = scheduler.claim(late).unwrap();
    assert_eq!(first.len(), 100);
    assert!(scheduler.claim(late).unwrap().is_empty());
    first.iter().for_each(|due| bench.finish(due));
    assert_eq!(bench.claim(&mut bench.scheduler(), 4 * HOUR).len(), 100);
    assert_eq!(bench.claim(&mut scheduler, 4 * HOUR).len(), 40);
}

#[test]
fn while_a_run_is_open_the_latest_moment_waits_for_it() {
    let bench = hourly("latest");
    let mut scheduler = bench.scheduler();
    let at = |hours: i64| Timestamp(bench.deployed + hours * HOUR);
    let first = scheduler.claim(at(1)).unwrap();
    assert_eq!(first.len(), 1);
    assert!(scheduler.claim(at(2)).unwrap().is_empty());
    bench.finish(&first[0]);
    let next = scheduler.claim(at(4)).unwrap();
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].due.0 - first[0].due.0, 3 * HOUR);
}

#[test]
fn another_version_goes_on_where_the_earlier_was() {
    let bench = hourly("all");
    let late = 3 * HOUR;
    let again = "schedule: {every: 1h, catch_up: all}";
    assert_eq!(bench.deploy(again), "unchanged");
    assert_eq!(bench.deploy(&format!("seed: 3\n{again}")), "replaced");
    assert_eq!(bench.claim(&mut bench.scheduler(), late).len(), 3);
    undeploy(&bench.home, "p").unwrap();
    assert!(bench.claim(&mut bench.scheduler(), 2 * late).is_empty());
}

#[test]
fn an_event_counts_from_the_deployment_on_and_once() {
    let bench = hourly("latest");
    raise(&bench.home, "drift", json!(1)).unwrap();
    bench.deploy("triggers: [{event: drift}, {event: other}]");
    let mut scheduler = bench.scheduler();
    assert!(bench.claim(&mut scheduler, 0).is_empty());
    for n in [2, 3] {
        raise(&bench.home, "drift", json!({"n": n})).unwrap();
    }
    raise(&bench.home, "nobody", json!(null)).unwrap();
    let claimed = scheduler.claim(Timestamp(bench.deployed)).unwrap();
    let payload = |due: &Due| Job::of(due).unwrap().payload(&bench.keeper).unwrap();
    assert_eq!(claimed.iter().map(payload).collect::<Vec<_>>(), [json!({"n": 2}), json!({"n": 3})]);
    assert!(bench.claim(&mut scheduler, 1).is_empty());
    assert!(bench.claim(&mut bench.scheduler(), 1).is_empty());
}

#[test]
fn every_success_of_another_pipeline_counts_once() {
    let bench = Bench::new("triggers: [{pipeline: sales}]");
    let end = |n: u8, status| {
        let ticket = Ticket {
            file: "s.yaml".into(),
            folder: "".into(),
            set: Vec::new(),
            payload: json!(null),
            needs: Vec::new(),
            signal: None,
        };
        let job = Job {
            run: gristmill_track::RunId::from_bytes([n; 16]),
            name: "sales".into(),
            trigger: "hand".into(),
            scheduled: Timestamp(0),
            ticket,
            tags: Vec::new(),
        };
        record_end(&bench.keeper, &job, status, "").unwrap();
    };
    let mut scheduler = bench.scheduler();
    assert!(bench.claim(&mut scheduler, 0).is_empty());
    (1..=120).for_each(|n| end(n, RunStatus::Succeeded));
    end(200, RunStatus::Failed);
    assert_eq!(bench.claim(&mut scheduler, 0).len(), 120);
    end(121, RunStatus::Succeeded);
    assert_eq!(bench.claim(&mut scheduler, 0).len(), 1);
    assert!(bench.claim(&mut bench.scheduler(), 0).is_empty());
}

#[test]
fn a_snapshot_says_what_the_file_and_its_fragments_said() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let keeper = Keeper::open(&home).unwrap();
    let write = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
    write("more.yaml", "params: {n: 3, word: '$${HOME} # \u{fc}: \\'}\nseed: 5\n");
    let run = "echo ${n} ${word} | tee 'a: b'\n      echo \"{{x}}\" -1e-7 0x10 no\n";
    let text = format!(
        "name: p\ninclude: more.yaml\nparams: {{n: 7, m: 0.1}}\ntasks:\n  w:\n    env: {{A: '007', \
         B: 'is ${{m}}'}}\n    run: |\n      {}schedule: {{cron: 0 3 * * *}}\n",
        run.replace("{{x}}", "\\{{x}}")
    );
    write("p.yaml", &text);
    let path = folder.path().join("p.yaml");
    let settings = ["tasks.w.cpu=2".to_string(), "params.m=1.50".to_string()];
    let (snapshot, _) = Snapshot::take(&path, &settings, &home, &keeper).unwrap();
    let whole = |checked: Checked| serde_json::to_value(checked.file).unwrap();
    let before = whole(check(&path, &settings).unwrap());
    fs_err::remove_file(folder.path().join("more.yaml")).unwrap();
    let after = whole(check_in(&snapshot.file, &[], &snapshot.folder).unwrap());
    assert_eq!(before, after);
    assert_eq!((&after["seed"], &after["tasks"]["w"]["cpu"]), (&json!(5), &json!(2)));
}

#[test]
fn a_deployed_text_is_written_into_whichever_home_needs_it_and_no_other_text_is() {
    let bench = hourly("all");
    let deployment = bench.keeper.wait(|s| s.deployment("p")).unwrap();
    let other = Home::at(bench.folder.path().join("other"));
    let here = |home: &Home| snapshot_of(&deployment, home, &bench.keeper);
    let text = fs_err::read_to_string(here(&bench.home).unwrap()).unwrap();
    let there = here(&other).unwrap();
    assert!(there.starts_with(other.root()), "{}", there.display());
    fs_err::write(&there, "{}").unwrap();
    assert_eq!(here(&other).unwrap(), there);
    assert_eq!(fs_err::read_to_string(&there).unwrap(), text, "a damaged one is replaced");

    let forget =
        || bench.keeper.wait(|s| s.forget_snapshot(&deployment.digest, Timestamp(i64::MAX)));
    let digest = deployment.digest.clone();
    let wrong = Kept { digest, text: "{}".into(), since: Timestamp(0) };
    assert!(forget().unwrap());
    bench.keeper.wait(|s| s.keep_snapshot(wrong)).unwrap();
    assert_eq!(here(&other).unwrap(), there, "it has the right one");
    fs_err::remove_file(&there).unwrap();
    let error = here(&other).unwrap_err();
    assert!(error.message.contains("another text under the hash"), "{error}");
    assert!(!there.exists());
    assert!(forget().unwrap());
    let error = here(&other).unwrap_err();
    assert!(error.message.contains("kept its file in one home alone"), "{error}");
    assert!(here(&bench.home).is_ok(), "it runs where it was deployed");
    assert_eq!(bench.deploy("schedule: {every: 1h, catch_up: all}"), "unchanged");
    assert_eq!(here(&other).unwrap(), there);
}

#[test]
fn a_text_that_is_too_long_to_be_shared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let file = folder.path().join("p.yaml");
    // A snapshot is JSON, in which each of these takes two bytes.
    let long = "\"".repeat(MAX_SNAPSHOT_BYTES / 2);
    let text = format!(
        "name: p\nschedule: {{every: 1h}}\ntasks: {{work: {{run: \"true\", env: {{A: '{long}'}}}}}}\n"
    );
    fs_err::write(&file, text).unwrap();
    let error = deploy(&home, &file, &[]).unwrap_err();
    assert!(error.message.contains("at most 4000000 can be deployed"), "{error}");
    assert!(deployments(&home).unwrap().is_empty());
}

#[test]
fn pipelines_that_start_each_other_are_refused() {
    let bench = Bench::new("triggers: [{pipeline: q}]");
    let file = bench.folder.path().join("q.yaml");
    let text = "name: q\ntasks: {work: {run: \"true\"}}\ntriggers: [{pipeline: p}]\n";
    fs_err::write(&file, text).unwrap();
    let error = deploy(&bench.home, &file, &[]).unwrap_err();
    assert_eq!(error.message, "pipelines would start each other without end: q <- p <- q");
}

#[test]
fn runs_that_wait_are_cancelled_when_their_pipeline_is_undeployed() {
    let bench = hourly("all");
    assert_eq!(bench.scheduler().claim(Timestamp(bench.deployed + 3 * HOUR)).unwrap().len(), 3);
    assert_eq!(undeploy(&bench.home, "p").unwrap().cancelled, 3);
    assert!(bench.keeper.wait(Store::open_dues).unwrap().is_empty());
    assert!(undeploy(&bench.home, "p").is_err());
}
