//! What may befall a task of a workflow: memory that runs out, and output without end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// A group of processes that together may hold so many bytes; gone with the value.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// A new group, where this user may make one: by the second version of the kernel's groups, or
    /// by the first.
    fn new(bytes: u64) -> Option<Self> {
        let own = fs_err::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let path =
            |of: &str| own.lines().find_map(|line| line.split_once(of).map(|(_, path)| path));
        let name = format!("gristmill-test-{}", std::process::id());
        let within = |root: &str, path: &str| {
            let root = Path::new(root);
            [root.join(path.trim_start_matches('/')), root.to_path_buf()]
        };
        let first = within("/sys/fs/cgroup/memory", path(":memory:").unwrap_or_default());
        let second = within("/sys/fs/cgroup", path("0::").unwrap_or_default());
        let limits = first.map(|place| (place, "memory.limit_in_bytes"));
        let limits = second.map(|place| (place, "memory.max")).into_iter().chain(limits);
        for (place, limit) in limits {
            let group = Self(place.join(&name));
            if fs_err::create_dir(&group.0).is_ok() {
                let limit = group.0.join(limit);
                // Without the file the kernel does not count memory here.
                if limit.is_file() && fs_err::write(&limit, bytes.to_string()).is_ok() {
                    return Some(group);
                }
            }
        }
        eprintln!("skipped: this user may not make a group of processes with a limit of memory");
        None
    }

    /// What a shell says to join it.
    fn join(&self) -> String {
        format!("echo $$ > {}", self.0.join("cgroup.procs").display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The kernel takes its time to see that the last process is gone.
        for _ in 0..50 {
            if !self.0.exists() || std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_task_that_the_out_of_memory_killer_ends_says_so_is_retried_and_stops_no_other() {
    let Some(group) = MemoryGroup::new(32 << 20) else { return };
    let join = group.join();
    // It holds the last line in memory, and this one has no end. The second limit is for a machine
    // where joining the group had no effect: there it fails without taking all the memory.
    let eat = "ulimit -v 2000000 && exec tail /dev/zero";
    let hog = format!("{join} && {eat}");
    let sandbox = Sandbox::new();
    let tasks = json!({
        "hog": {"run": hog, "retries": {"times": 1, "backoff": "10ms"}},
        "shy": {
            "run": format!("test $GRISTMILL_ATTEMPT = 2 || {{ {hog}; }}"),
            "retries": {"times": 1, "backoff": "10ms"},
        },
        "piped": {"run": format!("{join} && ulimit -v 2000000 && tail /dev/zero | cat; exit 0")},
        "shell": {"run": format!("{join} && (ulimit -v 2000000; tail /dev/zero); exit $?")},
        "other": {"run": "echo fine"},
        "waits": {"run": "echo never", "needs": ["hog"]},
    });
    sandbox.write("work.yaml", json!({"name": "work", "tasks": tasks}).to_string());
    let said = sandbox.run(&["run", "work.yaml", "--json", "--threads", "2"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let run = sandbox.json(&["runs", "show", "latest"]);
    let task = |name: &str| {
        let tasks = run["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["name"] == name).unwrap().clone()
    };
    let ended = |name: &str| {
        let task = task(name);
        (task["status"].as_str().unwrap().to_owned(), task["attempts"].clone())
    };
    assert_eq!(ended("hog"), ("failed".into(), json!(2)));
    assert_eq!(ended("shy"), ("succeeded".into(), json!(2)));
    assert_eq!(ended("piped"), ("succeeded".into(), json!(1)), "its shell says it went well");
    assert_eq!(ended("shell"), ("failed".into(), json!(1)));
    assert_eq!(ended("other"), ("succeeded".into(), json!(1)));
    assert_eq!(ended("waits").0, "skipped");
    for name in ["hog", "shell"] {
        let why = task(name)["why"].as_str().unwrap().to_owned();
        assert!(why.contains("SIGKILL") && why.contains("out-of-memory killer"), "{name}: {why}");
    }
}

/// The most memory that a living process ever had, in kB.
fn most_memory(process: u32) -> Option<u64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[test]
fn a_task_that_prints_a_gigabyte_fills_neither_memory_nor_disk() {
    let sandbox = Sandbox::new();
    let run = "echo first; head -c 1000000000 /dev/zero; echo; echo last";
    let file = json!({"name": "work", "tasks": {"loud": {"run": run}}});
    sandbox.write("work.yaml", file.to_string());
    let mut command = sandbox.command(&["run", "work.yaml", "--json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while process.try_wait().unwrap().is_none() {
        most = most_memory(process.id()).unwrap_or_default().max(most);
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("1 GB in {} s, {most} kB of memory at most", report["seconds"]);
    assert!(most > 0 && most < 100_000, "{most} kB");
    let log = sandbox.command(&["tasks", "logs", "latest", "loud"]).output().unwrap().stdout;
    assert!(log.len() < 17 << 20, "{}", log.len());
    let ends = |log: &[u8]| log.starts_with(b"first\n") && log.ends_with(b"\nlast\n");
    assert!(ends(&log));
    // By hand: 1,000,000,012 bytes were printed, of which two times 8 MiB are kept.
    let note = b"[gristmill: 983222796 bytes are left out here]";
    assert!(log.windows(note.len()).any(|window| window == note));
    let logs = sandbox.path(".gristmill/logs");
    let mut size = 0;
    for run in fs_err::read_dir(logs).unwrap() {
        for file in fs_err::read_dir(run.unwrap().path()).unwrap() {
            size += file.unwrap().metadata().unwrap().len();
        }
    }
    assert!(size < 17 << 20, "{size} bytes on the disk");
}
