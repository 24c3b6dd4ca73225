//! A home on a disk that is full or may not be written. Needs the right to mount; without it the
//! tests say so and pass.

use std::path::Path;
use std::process::Command;

use crate::sandbox::Sandbox;

/// A small file system of its own, gone with the value.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(place: &'a Path, options: &str) -> Option<Self> {
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
    let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&place).status().unwrap();
    assert!(more.success());
    let said = sandbox.run(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
}
