//! What is kept on disk: whole or not at all, and never trusted unseen.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gristmill_flow::{Cache, Cancel, Fault, Output, Plan};
use serde_json::json;

use crate::tasks::{cache, clock, output, plan, run, step, summary};

/// A task with two files, and the folder of its entry once it ran.
fn entry(folder: &Path) -> (Plan, PathBuf) {
    let plan = plan(vec![step("make").does(|_, context| {
        let inner = context.output_dir().join("inner");
        fs_err::create_dir(&inner)?;
        fs_err::write(inner.join("b.bin"), [1, 2, 3])?;
        fs_err::write(context.output_dir().join("a.txt"), "text")?;
        Ok(Output::facts(json!({"rows": 3, "share": 0.1})))
    })]);
    let report = run(&plan, &cache(folder));
    let files = report.tasks[0].folder.clone().unwrap();
    (plan, files.parent().unwrap().to_owned())
}

/// The entry is damaged by `damage`: it is made again, and says why.
#[track_caller]
fn check(damage: impl Fn(&Path), reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (plan, entry) = entry(folder.path());
    let cache = cache(folder.path());
    assert_eq!(summary(&run(&plan, &cache)), ["make cached"]);
    damage(&entry);
    let mended = run(&plan, &cache);
    assert_eq!(summary(&mended), ["make succeeded"]);
    assert_eq!(mended.tasks[0].reason, [format!("its cached result is damaged: {reason}")]);
    assert_eq!(summary(&run(&plan, &cache)), ["make cached"]);
    assert_eq!(fs_err::read(entry.join("files/inner/b.bin")).unwrap(), [1, 2, 3]);
}

#[test]
fn a_damaged_entry_is_made_again_and_said_so() {
    check(
        |entry| fs_err::write(entry.join("files/inner/b.bin"), [1, 2, 4]).unwrap(),
        "file `inner/b.bin` was altered",
    );
    check(
        |entry| fs_err::write(entry.join("files/inner/b.bin"), [1]).unwrap(),
        "file `inner/b.bin` has 1 bytes, expected 3",
    );
    check(
        |entry| fs_err::remove_file(entry.join("files/a.txt")).unwrap(),
        "file `a.txt` is missing",
    );
    check(|entry| fs_err::write(entry.join("files/c"), "").unwrap(), "file `c` was added");
    check(|entry| fs_err::remove_file(entry.join("manifest.json")).unwrap(), "it has no manifest");
    check(
        |entry| fs_err::write(entry.join("manifest.json"), "{}").unwrap(),
        "its manifest cannot be read",
    );
    let altered = |from: &'static str, to: &'static str| {
        move |entry: &Path| {
            let path = entry.join("manifest.json");
            let text = fs_err::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            fs_err::write(&path, text.replace(from, to)).unwrap();
        }
    };
    check(altered("\"rows\": 3", "\"rows\": 4"), "its manifest was altered");
    check(altered("\"version\": \"1\"", "\"version\": \"2\""), "its manifest was altered");
    check(altered("\"format\": 1", "\"format\": 9"), "its manifest has format 9, expected 1");
    check(altered("a.txt", "../a.txt"), "its manifest was altered");
}

#[test]
fn an_entry_that_is_gone_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, entry) = entry(folder.path());
    let before = output(&run(&plan, &cache(folder.path())), "make");
    fs_err::remove_dir_all(entry).unwrap();
    let after = run(&plan, &cache(folder.path()));
    assert_eq!((summary(&after), output(&after, "make")), (vec!["make succeeded".into()], before));
}

#[cfg(unix)]
#[test]
fn links_in_an_output_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(vec![step("link").does(|_, context| {
        fs_err::os::unix::fs::symlink("/etc/passwd", context.output_dir().join("x"))?;
        Ok(Output::none())
    })]);
    let report = run(&plan, &cache(folder.path()));
    assert!(report.failure().unwrap().1.message.contains("neither file nor folder"));
}

#[test]
fn nothing_but_entries_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (_, entry) = entry(folder.path());
    let left: Vec<_> = fs_err::read_dir(folder.path().join("cache/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(entry.join("manifest.json").is_file());
}

/// Set in the process that is to die.
const DYING: &str = "GRISTMILL_TEST_DYING";

fn half(die: bool) -> Plan {
    plan(vec![
        step("first"),
        step("half").needs(&["first"]).does(move |_, context| {
            fs_err::write(context.output_dir().join("out"), "half")?;
            if die {
                std::process::abort();
            }
            Ok(Output::none())
        }),
    ])
}

#[test]
fn a_process_that_is_killed_leaves_a_clean_cache() {
    if let Ok(folder) = std::env::var(DYING) {
        run(&half(true), &cache(Path::new(&folder)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cache::a_process_that_is_killed_leaves_a_clean_cache"])
        .env(DYING, folder.path())
        .output()
        .unwrap()
        .status;
    assert!(!status.success());
    let tmp = folder.path().join("cache/tmp");
    assert!(fs_err::read_dir(&tmp).unwrap().count() > 0, "the test shows nothing");
    let cache = cache(folder.path());
    assert_eq!(fs_err::read_dir(&tmp).unwrap().count(), 2, "the folder and lock of this process");
    assert_eq!(summary(&run(&half(false), &cache)), ["first cached", "half succeeded"]);
}

#[test]
fn many_at_once_on_one_cache_agree() {
    let folder = tempfile::tempdir().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let work = || {
        let steps = ["a", "b", "c"].map(|name| {
            step(name).counted(&runs).parameters(json!({"name": name})).does(|_, context| {
                fs_err::write(context.output_dir().join("out"), vec![7; 100_000])?;
                Ok(Output::none().with_value(7u8))
            })
        });
        let cache = cache(folder.path());
        let report = run(&plan(steps.into()), &cache);
        assert!(report.succeeded(), "{report:?}");
        report.tasks.iter().map(|t| t.output.unwrap()).collect::<Vec<_>>()
    };
    let outputs: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(runs.load(Ordering::SeqCst) >= 3);
    assert_eq!(fs_err::read_dir(folder.path().join("cache/tmp")).unwrap().count(), 0);
}

#[test]
fn a_cache_that_cannot_be_made_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let Err(error) = Cache::open(&file.join("cache"), clock()) else { panic!("it was made") };
    assert!(error.to_string().contains("file/cache"), "{error}");
}

#[test]
fn a_task_that_cannot_write_fails_as_the_machine_does() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    // The folder of this process is taken away, as a full or failing disk would.
    fs_err::remove_dir_all(folder.path().join("cache/tmp")).unwrap();
    let report = plan(vec![step("a")]).run(&cache, &(), &Cancel::new());
    assert!(matches!(report.failure().unwrap().1.fault, Fault::Machine | Fault::Input));
}

#[test]
fn a_kept_result_is_found_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, entry) = entry(folder.path());
    let cache = cache(folder.path());
    let key = run(&plan, &cache).tasks[0].key.unwrap();
    assert_eq!(cache.folder(&key), Some(entry.join("files")));
    assert_eq!(cache.folder(&gristmill_flow::Digest::of(b"other")), None);
}
