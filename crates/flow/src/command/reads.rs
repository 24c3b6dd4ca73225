//! What a command reads, by content: files, folders and globs.

use std::collections::BTreeMap;
use std::path::Path;

use super::tree::{Links, below};
use crate::{Digest, Fault, FileDigests, Input, TaskError};

/// The declared inputs below `folder`: each file once, sorted by name.
///
/// # Errors
/// When one of them matches nothing, or cannot be read.
pub(super) fn inputs(
    declared: &[String],
    folder: &Path,
    files: &FileDigests,
) -> Result<Vec<Input>, TaskError> {
    let mut found = BTreeMap::new();
    for pattern in declared {
        // A file whose name looks like a pattern is meant by its name.
        let path = folder.join(pattern);
        if path.exists() {
            read(pattern.trim_end_matches('/'), &path, files, &mut found)?;
        } else {
            read_glob(pattern, folder, files, &mut found)?;
        }
    }
    Ok(found.into_iter().map(|(name, digest)| Input { name, digest }).collect())
}

fn read(
    name: &str,
    path: &Path,
    files: &FileDigests,
    found: &mut BTreeMap<String, Digest>,
) -> Result<(), TaskError> {
    if !path.is_dir() {
        found.insert(name.to_owned(), files.digest(path)?);
        return Ok(());
    }
    for relative in below(path, Links::Anywhere)?.files {
        let digest = files.digest(&path.join(&relative))?;
        found.insert(format!("{name}/{}", relative.display()), digest);
    }
    Ok(())
}

fn read_glob(
    pattern: &str,
    folder: &Path,
    files: &FileDigests,
    found: &mut BTreeMap<String, Digest>,
) -> Result<(), TaskError> {
    let folder_text = folder.to_string_lossy();
    let whole = if Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("{}/{pattern}", glob::Pattern::escape(&folder_text))
    };
    let paths = glob::glob(&whole).map_err(|error| {
        let message = format!("`{pattern}` among `inputs` is no glob: {}", error.msg);
        TaskError::new(Fault::Input, message)
    })?;
    let mut any = false;
    for path in paths {
        let path = path.map_err(|error| TaskError::from(std::io::Error::from(error)))?;
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        read(&name, &path, files, found)?;
        any = true;
    }
    if any {
        return Ok(());
    }
    let message = format!("`{pattern}` among `inputs` matches nothing in `{folder_text}`");
    let hint = "correct it, or put the task that makes it into `needs`";
    Err(TaskError::new(Fault::Input, message).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Cache;

    fn names(declared: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("work [1]");
        fs_err::create_dir_all(place.join("data/deep")).unwrap();
        for file in ["data/a.csv", "data/b.csv", "data/deep/c.csv", "x[1].txt", "x1.txt"] {
            fs_err::write(place.join(file), file).unwrap();
        }
        let cache = Cache::open(&folder.path().join("cache"), Arc::new(|| 0)).unwrap();
        let declared: Vec<String> = declared.iter().map(|d| (*d).to_owned()).collect();
        let inputs = inputs(&declared, &place, cache.files()).map_err(|e| e.message)?;
        Ok(inputs.into_iter().map(|input| input.name).collect())
    }

    #[track_caller]
    fn check(declared: &[&str], expected: &[&str]) {
        assert_eq!(names(declared).unwrap(), expected);
    }

    #[test]
    fn files_folders_and_globs_give_each_file_once() {
        check(&["data/a.csv"], &["data/a.csv"]);
        check(&["data/"], &["data/a.csv", "data/b.csv", "data/deep/c.csv"]);
        check(&["data/*.csv", "data/a.csv"], &["data/a.csv", "data/b.csv"]);
        check(&["**/*.csv"], &["data/a.csv", "data/b.csv", "data/deep/c.csv"]);
        check(&["d*"], &["data/a.csv", "data/b.csv", "data/deep/c.csv"]);
        check(&["x[1].txt"], &["x[1].txt"]);
        check(&["data/../x1.txt"], &["data/../x1.txt"]);
        check(&[], &[]);
    }

    #[test]
    fn what_matches_nothing_is_named() {
        for pattern in ["none.csv", "*.parquet", "none/"] {
            let error = names(&["data", pattern]).unwrap_err();
            let words = format!("`{pattern}` among `inputs` matches nothing in `");
            assert!(error.starts_with(&words), "{error}");
        }
        assert!(names(&["a***b"]).unwrap_err().contains("is no glob"));
    }
}
