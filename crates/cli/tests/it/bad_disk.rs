//! A home on a disk that is full or may not be written. Needs the right to mount; without it the
//! tests say so and pass.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::{Said, Sandbox};
use crate::search;

/// A small file system of its own, gone with the value.
pub struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    pub fn new(place: &'a Path, options: &str) -> Option<Self> {
        fs_err::create_dir_all(place).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place).output();
        match mount {
            Ok(done) if done.status.success() => Some(Self(place)),
            _ => {
                eprintln!("skipped: this user may not mount a file system");
                None
            }
        }
    }
}

fn make_room(place: &Path) {
    let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(place).status().unwrap();
    assert!(more.success());
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

/// A run with its home on a file system with these options ends with 1 and these words.
#[track_caller]
fn check(options: &str, words: &[&str]) {
    let sandbox = Sandbox::churn();
    let place = sandbox.path("disk");
    let Some(_disk) = Mounted::new(&place, options) else { return };
    let said = sandbox.run(&["run", "pipeline.yaml", "--home", "disk/home", "--quiet"]);
    assert_eq!(said.code, 1, "{}", said.err);
    for word in words {
        assert!(said.err.contains(word), "`{word}` is not in:\n{}", said.err);
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert!(said.out.is_empty(), "{}", said.out);
}

#[test]
fn a_home_on_a_read_only_disk_is_refused_by_name() {
    check("ro", &["disk/home", "Read-only", "hint:"]);
}

#[test]
fn a_disk_that_fills_up_is_named_and_leaves_no_half_result() {
    for size in ["200k", "600k", "1500k", "2500k"] {
        check(&format!("size={size}"), &["hint:"]);
    }
}

#[test]
fn a_run_goes_on_once_the_disk_has_room() {
    let sandbox = Sandbox::churn();
    let place = sandbox.path("disk");
    let Some(_disk) = Mounted::new(&place, "size=2500k") else { return };
    let arguments = ["run", "pipeline.yaml", "--home", "disk/home", "--quiet"];
    assert_eq!(sandbox.run(&arguments).code, 1);
    make_room(&place);
    let said = sandbox.run(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn a_disk_that_fills_up_amid_a_search_costs_no_trial_that_is_done() {
    let sandbox = search::sandbox(&json!({"search": {"random": {"trials": 250}}}));
    let place = sandbox.path("disk");
    let Some(_disk) = Mounted::new(&place, "size=1500k") else { return };
    let arguments = ["run", "search.yaml", "--home", "disk/home", "--quiet"];
    let said = sandbox.run(&arguments);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("hint:") && !said.err.contains("panicked"), "{}", said.err);
    make_room(&place);
    let done = sandbox.json(&["runs", "show", "latest", "--home", "disk/home"]);
    let done = done["trials"].as_array().unwrap().len();
    assert!(done > 0, "the disk was full before the search");
    search::run(&sandbox, "disk/home", &[]);
    search::run(&sandbox, "undisturbed", &[]);
    assert_eq!(search::outcome(&sandbox, "disk/home"), search::outcome(&sandbox, "undisturbed"));
}

#[test]
fn a_backup_that_finds_no_room_is_none_and_a_restore_makes_no_half_home() {
    let sandbox = Sandbox::churn();
    assert_eq!(sandbox.run(&["run", "pipeline.yaml", "--quiet"]).code, 0);
    assert_eq!(sandbox.run(&["backup", "saved"]).code, 0);
    let place = sandbox.path("disk");
    let Some(_disk) = Mounted::new(&place, "size=400k") else { return };
    for target in ["disk/saved", "disk/saved.tar"] {
        let said = sandbox.run(&["backup", target]);
        assert!(said.code == 1 && said.err.contains("disk/"), "{}", said.err);
        assert!(said.err.contains("free some space"), "{}", said.err);
        let said = sandbox.run(&["restore", target, "--home", "other"]);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(!sandbox.path("other").exists());
    }
    let _ = fs_err::remove_dir_all(sandbox.path("disk/saved"));
    assert_eq!(Sandbox::names(&place), Vec::<String>::new(), "the rest was taken away");
    let said = sandbox.run(&["restore", "saved", "--home", "disk/home"]);
    assert!(said.code == 1 && said.err.contains("free some space"), "{}", said.err);
    assert_eq!(Sandbox::names(&place), Vec::<String>::new());
    make_room(&place);
    assert_eq!(sandbox.run(&["restore", "saved", "--home", "disk/home"]).code, 0);
}

/// How many tasks write an output of so many bytes.
const TASKS: usize = 30;
const BYTES: usize = 300_000;

/// A workflow whose outputs fill 9 MB of the cache, and a last task that needs them all. Each task
/// writes down that it was begun.
fn workflow(sandbox: &Sandbox) {
    let mut tasks = serde_json::Map::new();
    for i in 0..TASKS {
        let run = format!("echo >> begun/$GRISTMILL_TASK; yes {i} | head -c {BYTES} > made/{i}");
        tasks.insert(format!("t{i}"), json!({"run": run, "outputs": [format!("made/{i}")]}));
    }
    let needs: Vec<String> = (0..TASKS).map(|i| format!("t{i}")).collect();
    let sum = json!({"run": "cat made/* | cksum > sum", "needs": needs, "outputs": ["sum"]});
    tasks.insert("sum".into(), sum);
    sandbox.write("work.yaml", json!({"name": "work", "tasks": tasks}).to_string());
    fs_err::create_dir(sandbox.path("begun")).unwrap();
    fs_err::create_dir(sandbox.path("made")).unwrap();
}

fn run_work(sandbox: &Sandbox) -> Said {
    sandbox.run(&["run", "work.yaml", "--home", "disk/home", "--threads", "2", "--quiet"])
}

/// How often each task was begun.
fn begun(sandbox: &Sandbox) -> Vec<(String, usize)> {
    let files = Sandbox::bytes(&sandbox.path("begun")).into_iter();
    files.map(|(name, bytes)| (name, bytes.len())).collect()
}

/// The names of tasks that the latest run has done.
fn done(sandbox: &Sandbox) -> Vec<String> {
    let run = sandbox.json(&["runs", "show", "latest", "--home", "disk/home"]);
    let tasks = run["tasks"].as_array().unwrap().iter();
    let done = tasks.filter(|task| task["status"] == "succeeded");
    done.map(|task| task["name"].as_str().unwrap().to_owned()).collect()
}

/// The sizes of the files with results in the cache, and how many drafts lie beside them.
fn cached(sandbox: &Sandbox) -> (Vec<u64>, usize) {
    let (mut sizes, mut drafts) = (Vec::new(), 0);
    let cache = sandbox.path("disk/home/cache");
    let mut folders = vec![cache.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let within = path.strip_prefix(&cache).unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if within.starts_with("tmp") {
                drafts += usize::from(path.metadata().unwrap().len() > 0);
            } else if within.components().any(|part| part.as_os_str() == "files") {
                sizes.push(path.metadata().unwrap().len());
            }
        }
    }
    (sizes, drafts)
}

#[test]
fn a_disk_that_fills_up_amid_a_workflow_is_named_and_the_rest_is_done_once_there_is_room() {
    let undisturbed = Sandbox::new();
    workflow(&undisturbed);
    assert_eq!(run_work(&undisturbed).code, 0);
    let whole = |sandbox: &Sandbox| {
        (fs_err::read(sandbox.path("sum")).unwrap(), Sandbox::bytes(&sandbox.path("made")))
    };
    for size in ["3500k", "4m", "6300k"] {
        let sandbox = Sandbox::new();
        workflow(&sandbox);
        let place = sandbox.path("disk");
        let Some(_disk) = Mounted::new(&place, &format!("size={size}")) else { return };
        let said = run_work(&sandbox);
        assert_eq!(said.code, 1, "{size}: {}", said.err);
        for word in ["disk/home", "free some space"] {
            assert!(said.err.contains(word), "{size}: `{word}` is not in:\n{}", said.err);
        }
        let full = ["No space left", "disk is full"].iter().any(|words| said.err.contains(words));
        assert!(full, "{size}: {}", said.err);
        let (sizes, drafts) = cached(&sandbox);
        assert!(sizes.iter().all(|size| *size == BYTES as u64), "{sizes:?} are not whole");
        assert_eq!(drafts, 0);
        let (first, before) = (done(&sandbox), begun(&sandbox));
        assert!(!first.is_empty() && first.len() < TASKS, "{first:?}");
        make_room(&place);
        let said = run_work(&sandbox);
        assert_eq!(said.code, 0, "{size}: {}", said.err);
        let runs = sandbox.json(&["runs", "list", "--home", "disk/home"]);
        let succeeded = |run: &&Value| run["status"] == "succeeded";
        assert_eq!(runs.as_array().unwrap().iter().filter(succeeded).count(), 1);
        let times = |of: &[(String, usize)], task: &str| {
            of.iter().find(|(name, _)| name == task).map_or(0, |(_, times)| *times)
        };
        let after = begun(&sandbox);
        for task in &first {
            assert_eq!((times(&before, task), times(&after, task)), (1, 1), "`{task}` again");
        }
        assert!(after.iter().all(|(_, times)| *times <= 2), "{after:?}");
        assert_eq!(whole(&sandbox), whole(&undisturbed));
    }
}
