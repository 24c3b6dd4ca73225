//! Which of many pipeline files have something to do: by what is kept of their last run, and where
//! that cannot tell, by git.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gristmill_flow::{Caching, Plan, PlannedStatus};
use gristmill_track::{RunId, RunStatus, tags};

use crate::check::{Checked, check};
use crate::execution::{cache, planned, previous};
use crate::keeper::Keeper;
use crate::recorder::Subject;
use crate::tasks::{Means, tasks};
use crate::{Error, Home, Result};

mod git;

use git::Git;

/// Whether a file has something to do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has.
    Due(String),
    /// Nothing would come out differently.
    Unchanged(String),
}

/// Since when git is asked for changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// A commit by any name that git knows; where HEAD left the default branch without one.
    pub since: Option<String>,
}

impl Changes {
    /// Whether the file at `path` has something to do.
    ///
    /// It has none when three things hold. Its last run in this home was of this very file, and
    /// succeeded; what it includes is a part of it. Every task that keeps its result would be taken
    /// from the cache. And of the `inputs` of commands whose results are not kept, git knows no
    /// change since the commit, in the working tree or committed.
    ///
    /// # Errors
    /// As [`check`], and when git does not know the commit.
    pub fn standing(&self, path: &Path, settings: &[String], home: &Home) -> Result<Standing> {
        let checked = check(path, settings)?;
        let subject = Subject::file(&checked, path);
        let keeper = Keeper::open(home)?;
        if let Some(why) = last_run(&keeper, &subject)? {
            return Ok(Standing::Due(why));
        }
        let always = commands_of_every_run(&checked);
        let tasks = tasks(checked.clone(), home, RunId::from_bytes([0; 16]), Means::default())?;
        let plan = planned(tasks)?.with_previous(previous(&keeper, &subject.name)?);
        if let Some(why) = not_cached(&plan, home)? {
            return Ok(Standing::Due(why));
        }
        let unchanged = "nothing changed since its last run";
        match always.values().any(|inputs| !inputs.is_empty()) {
            false => Ok(Standing::Unchanged(unchanged.into())),
            true => self.by_git(&checked, &always),
        }
    }

    fn by_git(&self, checked: &Checked, always: &BTreeMap<&str, Vec<String>>) -> Result<Standing> {
        let names: Vec<String> = always.keys().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        let Some(git) = Git::at(&checked.folder) else {
            let why = format!("of the inputs of {names} no result is kept, and there is no git");
            return Ok(Standing::Due(why));
        };
        let Some(base) = git.base(self.since.as_deref())? else {
            let why = format!("git knows no default branch to compare the inputs of {names} with");
            return Ok(Standing::Due(why));
        };
        let inputs: Vec<String> = always.values().flatten().cloned().collect();
        Ok(match git.first_change(&base, &inputs)? {
            Some(file) => Standing::Due(format!("`{file}` changed since {}", base.shown())),
            None => Standing::Unchanged(format!("no input changed since {}", base.shown())),
        })
    }
}

/// Why the last run of the pipeline does not stand for another one.
fn last_run(keeper: &Keeper, subject: &Subject) -> Result<Option<String>> {
    let Some(last) = keeper.wait(|s| s.latest_run(&subject.name))? else {
        return Ok(Some("it has not run before".into()));
    };
    let same = last.tags.get(tags::PIPELINE_HASH) == Some(&subject.fingerprint);
    Ok(match last.info.status {
        _ if !same => Some("the file changed since its last run".into()),
        RunStatus::Succeeded => None,
        RunStatus::Running => Some("its last run is not at its end".into()),
        RunStatus::Refused => Some("its last run was refused by the gate".into()),
        RunStatus::Failed => Some("its last run failed".into()),
        RunStatus::Cancelled => Some("its last run was stopped".into()),
        _ => Some("its last run was cut short".into()),
    })
}

/// The commands whose result is not kept, with what git is to be asked about for each.
fn commands_of_every_run(checked: &Checked) -> BTreeMap<&str, Vec<String>> {
    let tasks = checked.file.tasks.iter();
    let always = tasks.filter(|(_, spec)| spec.outputs.is_empty() || spec.cache.is_some());
    let always = always.map(|(name, spec)| {
        let folder = Path::new(spec.folder.as_deref().unwrap_or_default());
        let inputs = spec
            .inputs
            .iter()
            .map(|input| folder.join(without_templates(input)).to_string_lossy().into_owned());
        (name.as_str(), inputs.collect())
    });
    always.collect()
}

/// The path with a star for each template, so that it covers whatever that stands for.
fn without_templates(path: &str) -> String {
    let mut parts = path.split("{{");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push('*');
        shown.push_str(part.split_once("}}").map_or("", |(_, rest)| rest));
    }
    shown
}

/// The first task that keeps its result and would not be taken from the cache, and why.
fn not_cached(plan: &Plan, home: &Home) -> Result<Option<String>> {
    let caching: BTreeMap<&str, Caching> =
        plan.tasks().map(|task| (task.name(), task.caching())).collect();
    let preview = plan.preview(&cache(home)?);
    let due = preview.into_iter().find(|task| {
        let kept = caching.get(task.name.as_str()) == Some(&Caching::Reuse);
        kept && matches!(task.status, PlannedStatus::Run | PlannedStatus::Blocked)
    });
    Ok(due.map(|task| format!("`{}`: {}", task.name, task.why.join("; "))))
}

/// The pipeline files among `paths`, in the order of their names: files as they are, and of folders
/// all files below that end in `.yaml` or `.yml` and have a `name:` beside `data:`, `model:` or
/// `tasks:`. Folders whose name begins with a dot are passed over.
///
/// # Errors
/// When a path is not there, or a folder has no such file.
pub fn pipeline_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        collect(path, &mut found)?;
        if found.len() == before {
            return Err(Error::input(format!(
                "there is no pipeline file below {}",
                path.display()
            ))
            .with_hint("one ends in `.yaml` and has `name:` beside `data:` or `tasks:`"));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link may lead in a circle.
        let kind = entry.file_type()?;
        if kind.is_dir() && !hidden {
            collect(&path, found)?;
        } else if kind.is_file() && is_pipeline(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file looks like a pipeline file; one with mistakes does too.
fn is_pipeline(path: &Path) -> bool {
    if !path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
        return false;
    }
    let Ok(text) = fs_err::read_to_string(path) else { return false };
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("name:") && (has("data:") || has("model:") || has("tasks:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_in_a_path_covers_everything() {
        assert_eq!(without_templates("in/{{item.file}}.csv"), "in/*.csv");
        assert_eq!(without_templates("in/a.csv"), "in/a.csv");
    }

    #[test]
    fn folders_give_their_pipeline_files_by_name_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for inner in ["b", ".github"] {
            fs_err::create_dir(at(inner)).unwrap();
        }
        fs_err::write(at("b/a.yaml"), "name: a\ntasks: {}\n").unwrap();
        fs_err::write(at("z.yml"), "name: z\ndata: {}\n").unwrap();
        fs_err::write(at("shared.yaml"), "data: {}\n").unwrap();
        fs_err::write(at("compose.yaml"), "name: app\nservices: {}\n").unwrap();
        fs_err::write(at(".github/ci.yaml"), "name: ci\ntasks: {}\n").unwrap();
        let found = pipeline_files(&[folder.path().into()]).unwrap();
        assert_eq!(found, [at("b/a.yaml"), at("z.yml")]);
        let error = pipeline_files(&[at(".github/..").join("b"), at("b/..").join(".github")]);
        assert!(error.is_ok(), "a folder that was named is looked into: {error:?}");
    }
}
