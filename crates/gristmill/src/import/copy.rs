//! Files of another store, copied into ours.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::Path;

use gristmill_track::{ArtifactPath, Content, LeftOut};

use super::files::read;
use super::report::Copied;
use crate::Result;
use crate::keeper::Keeper;

/// How much of a file is in memory at a time.
const PIECE: usize = 1 << 18;
/// How many files are recorded together.
const TOGETHER: usize = 200;

/// What has been copied, on its way to the store.
pub(super) type Record<'a> = &'a mut dyn FnMut(Vec<(ArtifactPath, Content)>) -> Result<()>;

/// The files below a folder with their sizes, but for those that cannot be kept.
pub(super) fn listed(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    read::walk(folder, left_out, &mut |name, path, len, left_out| {
        match ArtifactPath::parse(name) {
            Ok(name) => drop(found.insert(name.as_str().to_string(), len)),
            Err(error) => left_out.push(read::at(path, error.to_string())),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Copies every file below a folder but those that are `known` by path and size, and records them
/// a handful at a time. What cannot be read is left out.
pub(super) fn copy(
    keeper: &Keeper,
    folder: &Path,
    known: &BTreeMap<String, u64>,
    left_out: &mut Vec<LeftOut>,
    record: Record<'_>,
) -> Result<Copied> {
    let (mut copied, mut waiting) = (Copied::default(), Vec::new());
    read::walk(folder, left_out, &mut |name, path, len, left_out| {
        if known.get(name) == Some(&len) {
            return Ok(());
        }
        let name = match ArtifactPath::parse(name) {
            Ok(name) => name,
            Err(error) => {
                left_out.push(read::at(path, error.to_string()));
                return Ok(());
            }
        };
        match copy_file(keeper, path)? {
            Ok(content) => {
                copied.files += 1;
                copied.bytes += content.size;
                waiting.push((name, content));
            }
            Err(why) => left_out.push(read::at(path, why)),
        }
        if waiting.len() >= TOGETHER { record(std::mem::take(&mut waiting)) } else { Ok(()) }
    })?;
    if !waiting.is_empty() {
        record(waiting)?;
    }
    Ok(copied)
}

/// Copies a file as long as it was when it was opened, or says why it cannot be read.
fn copy_file(keeper: &Keeper, path: &Path) -> Result<Result<Content, String>> {
    let (file, len) = match read::open(path) {
        Ok(opened) => opened,
        Err(why) => return Ok(Err(why)),
    };
    let (mut file, mut draft) = (file.take(len), keeper.artifacts().draft());
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                let read = piece.get(..count).unwrap_or_default();
                keeper.wait_for(draft.write(read))?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(format!("it cannot be read: {}", error.kind()))),
        }
    }
    Ok(Ok(keeper.wait_for(draft.finish())?))
}
