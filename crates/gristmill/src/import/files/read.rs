//! Reading what strangers wrote: no link is followed, nothing is read without a bound.

use std::fs::Metadata;
use std::io::Read;
use std::path::Path;

use fs_err::{self as fs, File};
use gristmill_track::LeftOut;

use crate::Result;

/// How deep folders may stand in one another.
const MAX_DEPTH: usize = 32;
/// How many things one folder may hold.
const MAX_ENTRIES: usize = 1_000_000;

/// A file or a folder that stands in a folder.
pub(in crate::import) struct Entry {
    pub name: String,
    pub is_folder: bool,
    pub len: u64,
}

/// What stands in a folder, by name; links and special files are left out by name. A folder that is
/// not there holds nothing.
pub(in crate::import) fn entries(folder: &Path, left_out: &mut Vec<LeftOut>) -> Vec<Entry> {
    let mut found = Vec::new();
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return found,
        Err(error) => {
            left_out.push(at(folder, format!("it cannot be listed: {}", error.kind())));
            return found;
        }
    };
    for entry in read {
        if found.len() >= MAX_ENTRIES {
            left_out.push(at(folder, format!("it holds more than {MAX_ENTRIES} things")));
            break;
        }
        match entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?))) {
            Ok((name, known)) => match usable(&name, &known) {
                Ok(name) => {
                    found.push(Entry { name, is_folder: known.is_dir(), len: known.len() });
                }
                Err(why) => left_out.push(at(&folder.join(name), why)),
            },
            Err(error) => {
                left_out.push(at(folder, format!("it cannot be listed: {}", error.kind())))
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn usable(name: &std::ffi::OsStr, known: &Metadata) -> Result<String, String> {
    if known.is_symlink() {
        return Err("it is a link, and links are not followed; put what it leads to there".into());
    }
    if !known.is_dir() && !known.is_file() {
        return Err("it is neither a file nor a folder".into());
    }
    match name.to_str() {
        Some(name) => Ok(name.into()),
        None => Err("its name is not in UTF-8".into()),
    }
}

/// Something at this path that was left out.
pub(in crate::import) fn at(path: &Path, why: impl Into<String>) -> LeftOut {
    LeftOut::new(format!("`{}`", path.display()), why)
}

/// What is done with each file: its name below the folder, its path and its size.
pub(in crate::import) type Each<'a> =
    dyn FnMut(&str, &Path, u64, &mut Vec<LeftOut>) -> Result<()> + 'a;

/// Every file below a folder, in order, by its path there joined with `/`.
pub(in crate::import) fn walk(
    folder: &Path,
    left_out: &mut Vec<LeftOut>,
    each: &mut Each<'_>,
) -> Result<()> {
    descend(folder, "", 0, left_out, each)
}

fn descend(
    folder: &Path,
    before: &str,
    depth: usize,
    left_out: &mut Vec<LeftOut>,
    each: &mut Each<'_>,
) -> Result<()> {
    if depth > MAX_DEPTH {
        left_out.push(at(folder, format!("it stands more than {MAX_DEPTH} folders deep")));
        return Ok(());
    }
    for Entry { name, is_folder, len } in entries(folder, left_out) {
        let path = folder.join(&name);
        match is_folder {
            true => descend(&path, &format!("{before}{name}/"), depth + 1, left_out, each)?,
            false => each(&format!("{before}{name}"), &path, len, left_out)?,
        }
    }
    Ok(())
}

/// Whether a folder stands there, and no link to one.
pub(in crate::import) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The file at `path`, open for reading, with its length; or why it is not.
pub(in crate::import) fn open(path: &Path) -> Result<(File, u64), String> {
    let told = |error: std::io::Error| format!("it cannot be read: {}", error.kind());
    let before = fs::symlink_metadata(path).map_err(told)?;
    if !before.is_file() {
        return Err("it is no file, expected one and no link to one".into());
    }
    let file = File::open(path).map_err(told)?;
    let found = file.metadata().map_err(told)?;
    match is_same(&before, &found) {
        true => Ok((file, found.len())),
        false => Err("it was replaced while it was read".into()),
    }
}

#[cfg(unix)]
fn is_same(before: &Metadata, found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (before.dev(), before.ino()) == (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, found: &Metadata) -> bool {
    found.is_file()
}

/// The text of a file of at most `most` bytes, or why there is none.
pub(in crate::import) fn text(path: &Path, most: usize) -> Result<String, String> {
    let (file, len) = open(path)?;
    if len > most as u64 {
        return Err(format!("it has {len} bytes, expected at most {most}"));
    }
    let mut bytes = Vec::new();
    let read = file.take(most as u64).read_to_end(&mut bytes);
    read.map_err(|error| format!("it cannot be read: {}", error.kind()))?;
    String::from_utf8(bytes).map_err(|_| "it holds no text in UTF-8, expected some".into())
}
