//! What a command makes: kept when it succeeds, put back when its result is reused.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tree::{Links, allowed, below};
use crate::{Fault, TaskError};

/// Copies the declared outputs of `task` from its working folder to where they are kept.
///
/// # Errors
/// When one is not there, cannot be read, or has a link that leads out of the working folder.
pub(super) fn keep(
    task: &str,
    declared: &[String],
    folder: &Path,
    kept: &Path,
) -> Result<(), TaskError> {
    for name in declared {
        let (from, to) = (folder.join(name), kept.join(name));
        if fs_err::symlink_metadata(&from).is_err() {
            let message = format!("task `{task}` says that it gives `{name}`, which is not there");
            let hint = format!("write it to `{}`, or correct `outputs`", from.display());
            return Err(TaskError::new(Fault::Failed, message).with_hint(hint));
        }
        allowed(&from, Links::Within(folder))?;
        if let Some(parent) = to.parent() {
            fs_err::create_dir_all(parent)?;
        }
        if !from.is_dir() {
            copy(&from, &to)?;
            continue;
        }
        fs_err::create_dir_all(&to)?;
        let tree = below(&from, Links::Within(folder))?;
        tree.folders.iter().try_for_each(|f| fs_err::create_dir_all(to.join(f)))?;
        tree.files.iter().try_for_each(|f| copy(&from.join(f), &to.join(f)))?;
    }
    Ok(())
}

/// Puts what lies in `kept` into the working folder, where it is absent or differs. What else
/// lies there stays.
///
/// # Errors
/// When that cannot be read or written.
pub(super) fn put_back(kept: &Path, folder: &Path) -> Result<(), TaskError> {
    let tree = below(kept, Links::Within(kept))?;
    fs_err::create_dir_all(folder)?;
    tree.folders.iter().try_for_each(|f| fs_err::create_dir_all(folder.join(f)))?;
    for name in &tree.files {
        let (from, to) = (kept.join(name), folder.join(name));
        if !is_equal(&from, &to)? {
            replace(&from, &to)?;
        }
    }
    Ok(())
}

/// Copies a file with its permissions.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !fs_err::metadata(from)?.is_file() {
        let message = format!("{} is neither file nor folder", from.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    fs_err::copy(from, to).map(drop)
}

/// Puts a copy in the place of a file, in one step: nobody sees half of it.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let short: String = name.chars().take(40).collect();
    let beside = to.with_file_name(format!(".{short}.{}-{number}.part", std::process::id()));
    let done = copy(from, &beside).and_then(|()| fs_err::rename(&beside, to));
    if done.is_err() {
        // It may not even have been made.
        let _ = fs_err::remove_file(&beside);
    }
    done
}

/// Whether two files hold the same, and may both be executed or both not.
fn is_equal(kept: &Path, there: &Path) -> io::Result<bool> {
    let found = match fs_err::metadata(there) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let wanted = fs_err::metadata(kept)?;
    let alike = found.is_file() && found.len() == wanted.len() && mode(&found) == mode(&wanted);
    if !alike {
        return Ok(false);
    }
    let (mut kept, mut there) = (fs_err::File::open(kept)?, fs_err::File::open(there)?);
    const CHUNK: u64 = 1 << 20;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        kept.by_ref().take(CHUNK).read_to_end(&mut a)?;
        there.by_ref().take(CHUNK).read_to_end(&mut b)?;
        if a != b || a.is_empty() {
            return Ok(a == b);
        }
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111
}

#[cfg(not(unix))]
fn mode(_metadata: &std::fs::Metadata) -> u32 {
    0
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Bench {
        _all: tempfile::TempDir,
        work: std::path::PathBuf,
        kept: std::path::PathBuf,
    }

    /// A working folder with a file, a program and a folder.
    fn bench() -> Bench {
        let all = tempfile::tempdir().unwrap();
        let (work, kept) = (all.path().join("work"), all.path().join("kept"));
        fs_err::create_dir_all(work.join("out/empty")).unwrap();
        fs_err::create_dir(&kept).unwrap();
        fs_err::write(work.join("rows.csv"), "rows").unwrap();
        fs_err::write(work.join("out/tool"), "#!/bin/sh").unwrap();
        let runs = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(work.join("out/tool"), runs).unwrap();
        symlink("tool", work.join("out/latest")).unwrap();
        Bench { _all: all, work, kept }
    }

    fn kept(bench: &Bench, outputs: &[&str]) -> Result<(), String> {
        let outputs: Vec<String> = outputs.iter().map(|o| (*o).to_owned()).collect();
        keep("make", &outputs, &bench.work, &bench.kept).map_err(|e| e.message)
    }

    #[test]
    fn files_and_folders_come_back_as_they_were() {
        let bench = bench();
        kept(&bench, &["rows.csv", "out"]).unwrap();
        fs_err::remove_dir_all(bench.work.join("out")).unwrap();
        fs_err::write(bench.work.join("rows.csv"), "rowz").unwrap();
        fs_err::write(bench.work.join("other"), "stays").unwrap();
        put_back(&bench.kept, &bench.work).unwrap();
        assert_eq!(fs_err::read(bench.work.join("rows.csv")).unwrap(), b"rows");
        assert_eq!(fs_err::read(bench.work.join("out/latest")).unwrap(), b"#!/bin/sh");
        let tool = fs_err::metadata(bench.work.join("out/tool")).unwrap();
        assert_eq!(tool.permissions().mode() & 0o111, 0o111);
        assert!(bench.work.join("out/empty").is_dir() && bench.work.join("other").exists());
        assert_eq!(fs_err::read_dir(&bench.work).unwrap().count(), 3, "nothing half is left");
    }

    #[test]
    fn what_is_as_it_was_is_not_touched() {
        let bench = bench();
        kept(&bench, &["rows.csv"]).unwrap();
        let changed = || fs_err::metadata(bench.work.join("rows.csv")).unwrap().modified().unwrap();
        let before = changed();
        put_back(&bench.kept, &bench.work).unwrap();
        assert_eq!(changed(), before);
    }

    #[test]
    fn what_is_missing_or_leads_away_is_refused() {
        let bench = bench();
        assert_eq!(
            kept(&bench, &["none"]).unwrap_err(),
            "task `make` says that it gives `none`, which is not there"
        );
        symlink("/etc/hostname", bench.work.join("away")).unwrap();
        assert!(kept(&bench, &["away"]).unwrap_err().contains("out of the working folder"));
        symlink("/etc", bench.work.join("out/away")).unwrap();
        assert!(kept(&bench, &["out"]).unwrap_err().contains("out of the working folder"));
    }
}
