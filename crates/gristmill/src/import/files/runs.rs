//! Runs in a file store.

use std::path::Path;

use gristmill_core::Timestamp;
use gristmill_track::{
    Dataset, DatasetInput, Experiment, LeftOut, MAX_PARAM_CHARS, MAX_TAG_CHARS, Metric, ModelLink,
    ModelRole, Run, RunId, RunInfo, RunStatus, TrackError,
};

use super::meta::{Meta, short};
use super::read::{self, Entry};
use super::values::Values;
use super::{FileStore, RESERVED, lifecycle, pairs};
use crate::Result;
use crate::import::source::{Each, SourceRun};

impl FileStore {
    /// Every run of every experiment, without its metrics.
    pub fn each_run(&self, left_out: &mut Vec<LeftOut>, each: Each<'_, SourceRun>) -> Result<()> {
        for (experiment, folder) in &self.experiments {
            for Entry { name, is_folder, .. } in read::entries(folder, left_out) {
                if !is_folder || RESERVED.contains(&name.as_str()) {
                    continue;
                }
                let run = folder.join(&name);
                match read_run(experiment, folder, &name, left_out) {
                    Ok(found) => each(SourceRun { run: found, folder: Some(run) }, left_out)?,
                    Err(why) => left_out.push(read::at(&run, why)),
                }
            }
        }
        Ok(())
    }

    /// All values of the metrics of a run, file by file.
    pub fn metrics(
        &self,
        run: &SourceRun,
        left_out: &mut Vec<LeftOut>,
        each: &mut dyn FnMut(Vec<Metric>) -> Result<()>,
    ) -> Result<()> {
        let Some(folder) = run.folder.as_ref().map(|folder| folder.join("metrics")) else {
            return Ok(());
        };
        if !read::is_folder(&folder) {
            return Ok(());
        }
        read::walk(&folder, left_out, &mut |key, path, _, left_out| {
            match Values::open(path) {
                Ok(mut values) => {
                    while let Some(found) = values.next(|line| metric(key, line)) {
                        each(found)?;
                    }
                    left_out.extend(values.complaint().map(|why| read::at(path, why)));
                }
                Err(why) => left_out.push(read::at(path, why)),
            }
            Ok(())
        })
    }
}

/// A value as a line holds it: moment, value, step, and the name and the digest of a dataset; the last
/// three may be missing.
fn metric(key: &str, line: &str) -> Result<Metric, String> {
    let parts: Vec<&str> = line.split(' ').collect();
    let (at, value, step) = match parts.as_slice() {
        [at, value] => (at, value, "0"),
        [at, value, step] | [at, value, step, _, _] => (at, value, *step),
        _ => return Err(format!("{} words, expected 2, 3 or 5: `{}`", parts.len(), short(line))),
    };
    measured(key, at, value, step)
}

/// A value of these words.
pub(super) fn measured(key: &str, at: &str, value: &str, step: &str) -> Result<Metric, String> {
    let wrong = |what: &str, word: &str| format!("the {what} is `{}`", short(word));
    let millis: i64 = at.parse().map_err(|_| wrong("moment", at))?;
    let at = millis.checked_mul(1000).ok_or_else(|| wrong("moment", at))?;
    Ok(Metric {
        key: key.into(),
        value: value.parse().map_err(|_| wrong("value", value))?,
        step: step.parse().map_err(|_| wrong("step", step))?,
        at: Timestamp(at),
    })
}

fn read_run(
    experiment: &Experiment,
    home: &Path,
    name: &str,
    left_out: &mut Vec<LeftOut>,
) -> Result<Run, String> {
    let folder = home.join(name);
    let meta = Meta::of(&folder)?;
    let written = meta.text("run_id").or_else(|| meta.text("run_uuid"));
    if written.as_deref().is_some_and(|id| id != name) {
        return Err(format!(
            "`meta.yaml` is that of run `{}`",
            short(&written.unwrap_or_default())
        ));
    }
    let id: RunId = name.parse().map_err(|error: TrackError| error.to_string())?;
    let of = meta.text("experiment_id");
    if of.as_deref().is_some_and(|of| of != experiment.id.to_string()) {
        let of = short(&of.unwrap_or_default());
        return Err(format!("`meta.yaml` says that it is of experiment `{of}`"));
    }
    let info = RunInfo {
        id,
        experiment: experiment.id,
        name: meta.text("run_name").or_else(|| meta.text("name")).unwrap_or_default(),
        status: status(&meta)?,
        lifecycle: lifecycle(&meta)?,
        started: meta.moment("start_time")?.unwrap_or_default(),
        ended: meta.moment("end_time")?,
        kind: None,
        pipeline: None,
        source: None,
        error: None,
        parent: None,
        user: meta.text("user_id").filter(|user| !user.is_empty()),
        artifact_location: meta.text("artifact_uri"),
    };
    let what = format!("run {id}");
    let mut links = Links { home, what: &what, left_out: &mut *left_out };
    let (mut datasets, mut models) = (Vec::new(), Vec::new());
    links.inputs(&folder.join("inputs"), &mut datasets, &mut models);
    links.outputs(&folder.join("outputs"), &mut models);
    models.sort();
    Ok(Run {
        info,
        params: pairs(&folder.join("params"), MAX_PARAM_CHARS, &what, left_out),
        metrics: std::collections::BTreeMap::new(),
        tags: pairs(&folder.join("tags"), MAX_TAG_CHARS, &what, left_out),
        datasets,
        models,
    })
}

/// How far a run got, by MLflow's number.
fn status(meta: &Meta) -> Result<RunStatus, String> {
    let number = meta.whole("status")?.unwrap_or(1);
    let word = match number {
        1 => "RUNNING",
        2 => "SCHEDULED",
        3 => "FINISHED",
        4 => "FAILED",
        5 => "KILLED",
        _ => "",
    };
    RunStatus::from_mlflow(word)
        .ok_or_else(|| format!("`status` in `meta.yaml` is {number}, expected 1 to 5"))
}

/// Reads what a run used and made.
struct Links<'a> {
    /// The folder of the experiment.
    home: &'a Path,
    what: &'a str,
    left_out: &'a mut Vec<LeftOut>,
}

impl Links<'_> {
    fn inputs(
        &mut self,
        folder: &Path,
        datasets: &mut Vec<DatasetInput>,
        models: &mut Vec<ModelLink>,
    ) {
        for (path, meta) in self.metas(folder) {
            let source = meta.text("source_id").unwrap_or_default();
            match meta.text("source_type").as_deref() {
                Some("DATASET") => match dataset(self.home, &source) {
                    Ok(dataset) => {
                        datasets.push(DatasetInput { dataset, tags: meta.texts("tags") })
                    }
                    Err(why) => self.refuse(&path, format!("dataset `{}`: {why}", short(&source))),
                },
                Some("MODEL") => {
                    let role = ModelRole::Input;
                    models.push(ModelLink { role, model: source, step: 0 });
                }
                other => {
                    let other = short(other.unwrap_or_default());
                    self.refuse(&path, format!("`source_type` is `{other}`"));
                }
            }
        }
    }

    fn outputs(&mut self, folder: &Path, models: &mut Vec<ModelLink>) {
        for (path, meta) in self.metas(folder) {
            match (meta.text("destination_id"), meta.whole("step")) {
                (Some(model), Ok(step)) => {
                    let (role, step) = (ModelRole::Output, step.unwrap_or_default());
                    models.push(ModelLink { role, model, step });
                }
                (_, Err(why)) => self.refuse(&path, why),
                (None, _) => self.refuse(&path, "`meta.yaml` has no `destination_id`".into()),
            }
        }
    }

    fn metas(&mut self, folder: &Path) -> Vec<(std::path::PathBuf, Meta)> {
        let mut found = Vec::new();
        if !read::is_folder(folder) {
            return found;
        }
        for Entry { name, is_folder, .. } in read::entries(folder, self.left_out) {
            let path = folder.join(name);
            if !is_folder {
                continue;
            }
            match Meta::of(&path) {
                Ok(meta) => found.push((path, meta)),
                Err(why) => self.refuse(&path, why),
            }
        }
        found
    }

    fn refuse(&mut self, path: &Path, why: String) {
        self.left_out.push(LeftOut::new(format!("{}: `{}`", self.what, path.display()), why));
    }
}

fn dataset(experiment: &Path, id: &str) -> Result<Dataset, String> {
    if id.is_empty() || id.contains(['/', '\\']) || id.starts_with('.') {
        return Err("its id is no name of a folder".into());
    }
    let datasets = experiment.join("datasets");
    let folder = datasets.join(id);
    if !read::is_folder(&datasets) || !read::is_folder(&folder) {
        return Err("it is named and not there".into());
    }
    let meta = Meta::of(&folder)?;
    Ok(Dataset {
        name: meta.required("name")?,
        digest: meta.required("digest")?,
        source_type: meta.text("source_type").unwrap_or_default(),
        source: meta.text("source").unwrap_or_default(),
        schema: meta.text("schema"),
        profile: meta.text("profile"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<(f64, i64, i64), &str>) {
        match (metric("m", line), expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!((found.value, found.step, found.at.0), expected, "{line}");
            }
            (Err(why), Err(said)) => assert!(why.contains(said), "{line}: {why}"),
            (found, _) => panic!("{line}: {found:?}"),
        }
    }

    #[test] // the step of five words is the third; MLflow 3.17.2 itself answers 0 there
    fn a_line_of_a_metric_has_two_three_or_five_words() {
        check("1700000000000 0.5", Ok((0.5, 0, 1_700_000_000_000_000)));
        check("1 -inf 7", Ok((f64::NEG_INFINITY, 7, 1000)));
        check("1 1e-05 -3 data digest", Ok((1e-5, -3, 1000)));
        check("1 2 3 4", Err("4 words, expected 2, 3 or 5"));
        check("x 2 3", Err("the moment is `x`"));
        check("1 two 3", Err("the value is `two`"));
        check("1 2 3.5", Err("the step is `3.5`"));
        check("9223372036854775807 2 3", Err("the moment is"));
        check("", Err("1 words"));
    }
}
