//! What git says of a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::{Error, Result};

/// Where a default branch is looked for.
const BRANCHES: [&str; 5] = ["origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// The repository that a folder belongs to.
pub(super) struct Git {
    folder: PathBuf,
}

/// The commit since which changes count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    commit: String,
    name: String,
}

impl Base {
    /// The commit as people name it.
    pub fn shown(&self) -> String {
        let short = self.commit.get(..8).unwrap_or(&self.commit);
        if self.name == self.commit { short.into() } else { format!("{} ({short})", self.name) }
    }
}

impl Git {
    /// The repository of `folder`, if it belongs to one and there is a git.
    pub fn at(folder: &Path) -> Option<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let git = Self { folder: folder.into() };
        git.word(&["rev-parse", "--is-inside-work-tree"]).filter(|word| word == "true").map(|_| git)
    }

    /// The commit that is called `since`; without a word the last one that HEAD has in common with
    /// the default branch, if there is one.
    ///
    /// # Errors
    /// When git does not know `since`.
    pub fn base(&self, since: Option<&str>) -> Result<Option<Base>> {
        if let Some(name) = since {
            let commit = format!("{name}^{{commit}}");
            let commit =
                self.word(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
            let commit = commit.ok_or_else(|| {
                Error::input(format!("git knows no commit `{name}`"))
                    .with_hint("fetch the whole history, or name another with `--since`")
            })?;
            return Ok(Some(Base { commit, name: name.into() }));
        }
        let common = BRANCHES.into_iter().find_map(|branch| {
            let commit = self.word(&["merge-base", "HEAD", branch])?;
            Some(Base { commit, name: branch.into() })
        });
        Ok(common)
    }

    /// The first of these files and globs, or of what is below them, that differs from `base` in
    /// the working tree, whether it is committed or not.
    ///
    /// # Errors
    /// When git cannot say, as of files outside of the repository.
    pub fn first_change(&self, base: &Base, paths: &[String]) -> Result<Option<String>> {
        let paths: Vec<String> = paths.iter().map(|path| format!(":(glob){path}")).collect();
        let ask = |arguments: &[&str]| {
            let paths = paths.iter().map(String::as_str);
            let arguments: Vec<&str> =
                arguments.iter().copied().chain(["--"]).chain(paths).collect();
            self.lines(&arguments)
        };
        let tracked = ask(&["diff", "--name-only", "-z", "--relative", &base.commit])?;
        match tracked {
            Some(file) => Ok(Some(file)),
            None => ask(&["ls-files", "-z", "--others", "--exclude-standard"]),
        }
    }

    /// The first of the names that git prints.
    fn lines(&self, arguments: &[&str]) -> Result<Option<String>> {
        let output = self.ask(arguments)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it gave no reason").to_owned();
            return Err(Error::input(format!("git cannot say what changed: {said}"))
                .with_hint("let `inputs` stand in the repository of the pipeline file"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split('\0').find(|name| !name.is_empty()).map(Into::into))
    }

    fn word(&self, arguments: &[&str]) -> Option<String> {
        let output = self.ask(arguments).ok().filter(|output| output.status.success())?;
        let word = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!word.is_empty()).then_some(word)
    }

    fn ask(&self, arguments: &[&str]) -> std::io::Result<Output> {
        Command::new("git").args(arguments).current_dir(&self.folder).stdin(Stdio::null()).output()
    }
}
