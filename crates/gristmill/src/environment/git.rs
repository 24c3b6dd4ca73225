//! What git says of a folder: its commit, its branch, and whether files differ from that commit.
//!
//! Git is asked once, for no longer than [`PATIENCE`], and only where a parent of the folder is a
//! work tree: whatever it cannot say in time is left out, and no run fails or waits for it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use gristmill_track::tags;

/// How long git may take.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How much of its answer is read: the head, and the first of the files that differ.
const ENOUGH: u64 = 16 << 10;

/// The tags that say it.
pub(super) fn tags_of(folder: &Path) -> Vec<(String, String)> {
    let Some((folder, git)) = work_tree(folder) else { return Vec::new() };
    let mut standing = ask(&folder, PATIENCE).map(|said| read(&said)).unwrap_or_default();
    if standing.commit.is_none() {
        standing.commit = commit_in(&git);
    }
    let dirty = standing.dirty.map(|dirty| dirty.to_string());
    [
        (tags::GIT_COMMIT, standing.commit),
        (tags::GIT_BRANCH, standing.branch),
        (tags::GIT_DIRTY, dirty),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_string(), value?)))
    .collect()
}

/// The folder as git can be started in it, and the `.git` of the work tree that it belongs to.
fn work_tree(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = std::path::absolute(folder).ok()?;
    let git = folder.ancestors().map(|parent| parent.join(".git")).find(|git| git.exists())?;
    Some((folder, git))
}

/// How a work tree stands; what is not known is nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    commit: Option<String>,
    branch: Option<String>,
    dirty: Option<bool>,
}

/// Reads the answer of `git status --porcelain=v2 --branch`.
fn read(said: &str) -> Standing {
    let mut standing = Standing { dirty: Some(false), ..Standing::default() };
    for line in said.lines() {
        if let Some(commit) = line.strip_prefix("# branch.oid ") {
            standing.commit = is_commit(commit).then(|| commit.to_string());
        } else if let Some(branch) = line.strip_prefix("# branch.head ") {
            standing.branch = (branch != "(detached)").then(|| branch.to_string());
        } else if !line.starts_with('#') {
            standing.dirty = Some(true);
        }
    }
    standing
}

/// What git says of tracked files. It runs no monitor of files that the repository may name.
fn ask(folder: &Path, patience: Duration) -> Option<String> {
    let mut git = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"])
        .args(["--untracked-files=no", "--ignore-submodules=all"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let said = hear(&mut git, patience);
    // It may have ended by itself; either way it is waited for, so that nothing of it stays.
    let _ = git.kill();
    let _ = git.wait();
    said
}

fn hear(git: &mut Child, patience: Duration) -> Option<String> {
    let out = git.stdout.take()?;
    let (told, heard) = channel();
    std::thread::Builder::new()
        .name("gristmill-git".into())
        .spawn(move || {
            let mut text = Vec::new();
            let read = out.take(ENOUGH).read_to_end(&mut text).map(|_| text);
            // Whoever waited too long has gone.
            let _ = told.send(read);
        })
        .ok()?;
    let text = heard.recv_timeout(patience).ok()?.ok()?;
    (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
}

/// The commit as the files of the repository say it, where git did not.
fn commit_in(git: &Path) -> Option<String> {
    let head = fs_err::read_to_string(git.join("HEAD")).ok()?;
    let commit = match head.trim().strip_prefix("ref: ") {
        Some(reference) => fs_err::read_to_string(git.join(reference)).ok()?,
        None => head,
    };
    Some(commit.trim().to_string()).filter(|commit| is_commit(commit))
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "62af5c3a1b0c4d5e6f708192a3b4c5d6e7f80910";

    #[track_caller]
    fn check(said: &str, commit: Option<&str>, branch: Option<&str>, dirty: bool) {
        let (commit, branch) = (commit.map(Into::into), branch.map(Into::into));
        assert_eq!(read(said), Standing { commit, branch, dirty: Some(dirty) }, "{said}");
    }

    #[test] // as git 2.39 prints it
    fn an_answer_of_git_is_read() {
        let head = format!("# branch.oid {COMMIT}\n# branch.head main\n# branch.ab +0 -0\n");
        check(&head, Some(COMMIT), Some("main"), false);
        let changed = "1 .M N... 100644 100644 100644 a a pipeline.yaml\n";
        check(&format!("{head}{changed}"), Some(COMMIT), Some("main"), true);
        check("# branch.oid (initial)\n# branch.head main\n", None, Some("main"), false);
        check(
            &format!("# branch.oid {COMMIT}\n# branch.head (detached)\n"),
            Some(COMMIT),
            None,
            false,
        );
    }

    #[test]
    fn outside_of_a_work_tree_git_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tags_of(folder.path()), []);
    }

    #[test]
    fn a_repository_that_git_refuses_gives_what_its_files_say() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs_err::create_dir_all(git.join("refs/heads")).unwrap();
        fs_err::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs_err::write(git.join("refs/heads/main"), format!("{COMMIT}\n")).unwrap();
        // No objects: git says that this is no repository.
        let found = tags_of(folder.path());
        assert_eq!(found, [(tags::GIT_COMMIT.to_string(), COMMIT.to_string())]);
    }
}
