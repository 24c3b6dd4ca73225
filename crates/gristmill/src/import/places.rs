//! Where the artifacts of another store lie, and from where they may be taken.
//!
//! A store says of each run where its artifacts are, and a stranger's store may say anything. So
//! files are taken only from the store's own folders and from those that the owner names.

use std::path::{Path, PathBuf};

use gristmill_track::{ExperimentId, RunId};

use super::files::{read, short};
use super::source::Source;
use crate::{Error, Result};

/// Schemes of stores from which clients read by themselves, and whose address is kept.
const KEPT: [&str; 14] = [
    "s3", "gs", "wasb", "wasbs", "abfs", "abfss", "adl", "hdfs", "viewfs", "dbfs", "r2", "b2",
    "oss", "cos",
];

/// Where something's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this folder, which may be read.
    Folder(PathBuf),
    /// Nowhere: there are none.
    Nowhere,
    /// Nowhere, and all that the store kept in this folder is not there either.
    Gone(PathBuf),
    /// In a store that clients reach by themselves.
    Elsewhere(String),
    /// Where they may not be taken from, and what would do.
    Closed(String),
}

/// The folders from which files may be taken.
pub(super) struct Places {
    roots: Vec<PathBuf>,
    /// Those of them that nobody named: the store's own.
    shared: Vec<PathBuf>,
    /// What a relative path is relative to: the folder in which the store stands.
    base: PathBuf,
    /// Whether one of the folders may be that of a server's artifacts.
    has_served: bool,
}

/// What a place is written as.
enum Written {
    Local(PathBuf),
    Served(String),
    Kept,
    Other,
}

impl Places {
    /// Those of a source, and those that were named beside it.
    pub fn new(source: &Source, named: &[PathBuf]) -> Result<Self> {
        let path = source.path();
        let base = path.parent().unwrap_or(path).to_path_buf();
        let mut roots = Vec::new();
        for folder in named {
            let root = fs_err::canonicalize(folder)?;
            if !root.is_dir() {
                let message = format!("`{}` is no folder", folder.display());
                return Err(Error::input(message)
                    .with_hint("`--artifacts` names a folder with artifacts, as `mlartifacts`"));
            }
            roots.push(root);
        }
        if matches!(source, Source::Files(_)) {
            roots.push(path.to_path_buf());
        }
        let beside = ["mlruns", "mlartifacts"].map(|name| base.join(name));
        let has_served = !named.is_empty() || read::is_folder(&beside[1]);
        for folder in beside {
            // A link would lead who knows where; a folder that is one can be named.
            if read::is_folder(&folder) && !roots.contains(&folder) {
                roots.push(folder);
            }
        }
        let shared = roots.iter().skip(named.len()).cloned().collect();
        Ok(Self { roots, shared, base, has_served })
    }

    /// The place of a run's artifacts, of which the store says `uri`; `folder` is the run's own.
    pub fn of_run(
        &self,
        uri: Option<&str>,
        experiment: ExperimentId,
        run: RunId,
        folder: Option<&Path>,
    ) -> Place {
        self.look(uri, &format!("{experiment}/{run}/artifacts"), folder)
    }

    /// The place of a logged model's files.
    pub fn of_model(
        &self,
        uri: Option<&str>,
        experiment: ExperimentId,
        model: &str,
        folder: Option<&Path>,
    ) -> Place {
        if model.contains(['/', '\\']) || model.starts_with('.') {
            return Place::Closed("its id is no name of a folder".into());
        }
        self.look(uri, &format!("{experiment}/models/{model}/artifacts"), folder)
    }

    /// The address of an experiment's artifacts, where clients reach them by themselves.
    pub fn kept(&self, uri: Option<&str>) -> Option<String> {
        let uri = uri?;
        matches!(self.read(uri), Written::Kept).then(|| uri.to_string())
    }

    fn look(&self, uri: Option<&str>, usual: &str, folder: Option<&Path>) -> Place {
        let written = self.read(uri.unwrap_or_default());
        let own = folder.map(|folder| folder.join("artifacts"));
        let own = own.filter(|own| self.holds(own) && holds_anything(own));
        let usual = || self.roots.iter().map(|root| root.join(usual)).find(|p| self.holds(p));
        let uri = uri.unwrap_or_default();
        match written {
            Written::Kept => Place::Elsewhere(uri.into()),
            Written::Other => Place::Closed(format!(
                "its artifacts are at `{}`, which is not followed",
                short(uri)
            )),
            Written::Served(path) => {
                let named = self.roots.iter().map(|root| root.join(&path));
                match named.into_iter().find(|p| self.holds(p)).or(own).or_else(usual) {
                    Some(folder) => Place::Folder(folder),
                    None if self.has_served => Place::Nowhere,
                    None => Place::Closed(format!(
                        "a server kept its artifacts as `{}`; name the folder of that server's \
                         artifacts by `--artifacts DIR`",
                        short(uri)
                    )),
                }
            }
            Written::Local(path) => {
                let named = Some(path.clone()).filter(|path| !uri.is_empty() && self.holds(path));
                match named.or(own).or_else(usual) {
                    Some(folder) => Place::Folder(folder),
                    None if !uri.is_empty() && holds_anything(&path) => Place::Closed(format!(
                        "its artifacts lie in `{}`, outside of the source; allow that by \
                         `--artifacts DIR`",
                        path.display()
                    )),
                    None => match missing_root(uri, &path) {
                        Some(root) => Place::Gone(root),
                        None => Place::Nowhere,
                    },
                }
            }
        }
    }

    /// Whether a folder stands there and really lies in one from which may be taken. The store's own
    /// folders hold those of all runs, and are the artifacts of none.
    fn holds(&self, path: &Path) -> bool {
        let is_in = |real: &Path| self.roots.iter().any(|root| real.starts_with(root));
        let is_shared = |real: &Path| self.shared.iter().any(|root| real == root);
        read::is_folder(path)
            && fs_err::canonicalize(path).is_ok_and(|real| is_in(&real) && !is_shared(&real))
    }

    fn read(&self, uri: &str) -> Written {
        let Some((scheme, rest)) = scheme(uri) else { return Written::Local(self.base.join(uri)) };
        let path = match rest.strip_prefix("//") {
            Some(rest) => rest.find('/').map_or("", |start| &rest[start..]),
            None => rest,
        };
        let winds = path.split(['/', '\\']).any(|part| part == "..");
        match scheme.as_str() {
            "file" => Written::Local(self.base.join(decoded(path))),
            "mlflow-artifacts" if !winds => Written::Served(path.trim_matches('/').into()),
            known if KEPT.contains(&known) && !winds && !uri.contains(['#', ';']) => Written::Kept,
            _ => Written::Other,
        }
    }
}

/// The folder of all artifacts in which `EXPERIMENT/RUN/artifacts` or `EXPERIMENT/models/ID/artifacts` would
/// lie, when it is not there.
fn missing_root(uri: &str, path: &Path) -> Option<PathBuf> {
    let is_model = path.ancestors().nth(2).is_some_and(|folder| folder.ends_with("models"));
    let root = path.ancestors().nth(if is_model { 4 } else { 3 })?;
    (!uri.is_empty() && !root.exists()).then(|| root.to_path_buf())
}

fn holds_anything(folder: &Path) -> bool {
    fs_err::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// The scheme in small letters, and what stands behind its colon. One letter is a drive.
pub(super) fn scheme(uri: &str) -> Option<(String, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    plain.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The path of a URI with its percent signs decoded once.
pub(super) fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = digits.filter(|_| *byte == b'%');
        match value.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                plain.push(value);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folders(tempfile::TempDir);

    impl Folders {
        /// A store with the artifacts of one run, and a folder beside it that is nobody's business.
        fn new() -> Self {
            let folders = Self(tempfile::tempdir().unwrap());
            for file in ["mlruns/7/RUN/artifacts/a.txt", "private/key"] {
                let path = folders.path(file);
                fs_err::create_dir_all(path.parent().unwrap()).unwrap();
                fs_err::write(path, "x").unwrap();
            }
            folders
        }

        fn path(&self, name: &str) -> PathBuf {
            fs_err::canonicalize(self.0.path()).unwrap().join(name.replace("RUN", RUN))
        }

        fn look(&self, uri: &str) -> Place {
            let base = self.path("");
            let roots = vec![base.join("mlruns")];
            let shared = roots.clone();
            let places = Places { roots, shared, base, has_served: false };
            let uri = uri.replace("BASE", self.path("").to_str().unwrap().trim_end_matches('/'));
            places.of_run(Some(&uri), "7".parse().unwrap(), RUN.parse().unwrap(), None)
        }
    }

    const RUN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_place_in_the_store_is_found_however_it_is_written() {
        let folders = Folders::new();
        let expected = Place::Folder(folders.path("mlruns/7/RUN/artifacts"));
        for uri in [
            format!("BASE/mlruns/7/{RUN}/artifacts"),
            format!("file://BASE/mlruns/7/{RUN}/artifacts"),
            format!("./mlruns/7/{RUN}/artifacts"),
            format!("/gone/mlruns/7/{RUN}/artifacts"),
            format!("mlflow-artifacts:/7/{RUN}/artifacts"),
            String::new(),
        ] {
            match folders.look(&uri) {
                Place::Folder(found) => {
                    let found = fs_err::canonicalize(found).unwrap();
                    assert_eq!(Place::Folder(found), expected, "{uri}");
                }
                other => panic!("{uri}: {other:?}"),
            }
        }
    }

    #[test]
    fn nothing_is_taken_from_outside_of_the_store() {
        let folders = Folders::new();
        fs_err::remove_dir_all(folders.path("mlruns/7")).unwrap();
        fs_err::write(folders.path("mlruns/file"), "x").unwrap();
        for uri in ["BASE/private", "file://BASE/private", "mlruns/../private", "BASE/mlruns"] {
            let found = folders.look(uri);
            let closed = matches!(&found, Place::Closed(why) if why.contains("--artifacts DIR"));
            assert!(closed, "{uri}: {found:?}");
        }
        assert_eq!(folders.look(&format!("BASE/mlruns/7/{RUN}/artifacts")), Place::Nowhere);
        let elsewhere = folders.look(&format!("/gone/mlruns/7/{RUN}/artifacts"));
        assert_eq!(elsewhere, Place::Gone("/gone/mlruns".into()));
        assert_eq!(folders.look("s3://bucket/a"), Place::Elsewhere("s3://bucket/a".into()));
        for uri in ["http://169.254.169.254/a", "s3://bucket/../a", "mlflow-artifacts:/../private"]
        {
            assert!(matches!(folders.look(uri), Place::Closed(_)), "{uri}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_store_is_not_followed() {
        let folders = Folders::new();
        let run = folders.path("mlruns/7/RUN");
        fs_err::remove_dir_all(&run).unwrap();
        fs_err::create_dir(&run).unwrap();
        let link = run.join("artifacts");
        std::os::unix::fs::symlink(folders.path("private"), &link).unwrap();
        let found = folders.look(link.to_str().unwrap());
        assert!(matches!(found, Place::Closed(_)), "{found:?}");
    }
}
