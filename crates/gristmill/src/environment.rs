//! Where a run came from: commit, engine, machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use gristmill_track::tags;

/// Tags that say where work in `folder` came from. What cannot be found out is left out.
pub(crate) fn tags_of(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([
        (tags::ENGINE_VERSION.into(), env!("CARGO_PKG_VERSION").into()),
        (tags::OS.into(), std::env::consts::OS.into()),
        (tags::CPU.into(), std::env::consts::ARCH.into()),
        (tags::THREADS.into(), rayon::current_num_threads().to_string()),
    ]);
    if let Some(commit) = git_commit(folder) {
        found.insert(tags::GIT_COMMIT.into(), commit);
    }
    found
}

/// The commit that is checked out in the repository that `folder` belongs to.
///
/// The files of the repository are read directly where they say it, since starting a process costs
/// more than a cached run; packed references are left to git itself.
fn git_commit(folder: &Path) -> Option<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = std::path::absolute(folder).ok()?;
    let git = folder.ancestors().map(|p| p.join(".git")).find(|p| p.exists())?;
    let head = fs_err::read_to_string(git.join("HEAD")).ok();
    let direct = head.as_deref().map(str::trim).and_then(|head| match head.strip_prefix("ref: ") {
        Some(reference) => fs_err::read_to_string(git.join(reference)).ok(),
        None => Some(head.to_string()),
    });
    direct.map(|c| c.trim().to_string()).filter(|c| is_commit(c)).or_else(|| ask_git(&folder))
}

fn ask_git(folder: &Path) -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_string();
    is_commit(&commit).then_some(commit)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}
