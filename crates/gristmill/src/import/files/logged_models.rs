//! Logged models in a file store: `EXPERIMENT/models/m-...`.

use std::path::Path;

use gristmill_track::{
    Experiment, ForeignModel, LeftOut, LoggedModel, LoggedModelStatus, MAX_MODEL_TAG_CHARS,
    MAX_PARAM_CHARS, Measured, RunId, TrackError,
};

use super::meta::{Meta, short};
use super::read::{self, Entry};
use super::runs::measured as value;
use super::values::Values;
use super::{FileStore, MODELS, lifecycle, pairs};
use crate::Result;
use crate::import::source::{Each, SourceModel};

/// The most that may have been measured on one.
const MEASURED: usize = 20_000;

impl FileStore {
    /// Every logged model of every experiment.
    pub fn each_logged_model(
        &self,
        left_out: &mut Vec<LeftOut>,
        each: Each<'_, SourceModel>,
    ) -> Result<()> {
        for (experiment, folder) in &self.experiments {
            let models = folder.join(MODELS);
            if !read::is_folder(&models) {
                continue;
            }
            for Entry { name, is_folder, .. } in read::entries(&models, left_out) {
                let folder = models.join(&name);
                if !is_folder {
                    continue;
                }
                match read_model(experiment, &folder, &name, left_out) {
                    Ok(found) => each(SourceModel { found, folder: Some(folder) }, left_out)?,
                    Err(why) => left_out.push(read::at(&folder, why)),
                }
            }
        }
        Ok(())
    }
}

fn read_model(
    experiment: &Experiment,
    folder: &Path,
    id: &str,
    left_out: &mut Vec<LeftOut>,
) -> Result<ForeignModel<LoggedModel>, String> {
    let meta = Meta::of(folder)?;
    if meta.text("model_id").is_some_and(|written| written != id) {
        return Err("`meta.yaml` is that of another model".into());
    }
    let run = meta.text("source_run_id").filter(|run| !run.is_empty());
    let run = run.map(|run| run.parse::<RunId>()).transpose();
    let status = meta.whole("status")?.unwrap_or_default();
    let what = format!("logged model {id}");
    let created = meta.moment("creation_timestamp")?.unwrap_or_default();
    let model = LoggedModel {
        id: id.into(),
        experiment: experiment.id,
        name: meta.required("name")?,
        model_type: meta.text("model_type").filter(|kind| !kind.is_empty()),
        run: run.map_err(|error| error.to_string())?,
        status: LoggedModelStatus::from_mlflow(status)
            .ok_or_else(|| format!("`status` in `meta.yaml` is {status}, expected 0 to 3"))?,
        status_message: meta.text("status_message"),
        lifecycle: lifecycle(&meta)?,
        created,
        updated: meta.moment("last_updated_timestamp")?.unwrap_or(created),
        tags: pairs(&folder.join("tags"), MAX_MODEL_TAG_CHARS, &what, left_out),
        params: pairs(&folder.join("params"), MAX_PARAM_CHARS, &what, left_out),
        metrics: metrics(&folder.join("metrics"), left_out),
    };
    Ok(ForeignModel { model, place: meta.text("artifact_location") })
}

fn metrics(folder: &Path, left_out: &mut Vec<LeftOut>) -> Vec<Measured> {
    let mut found = Vec::new();
    if !read::is_folder(folder) {
        return found;
    }
    let walked = read::walk(folder, left_out, &mut |key, path, _, left_out| {
        match Values::open(path) {
            Ok(mut values) => {
                while found.len() < MEASURED
                    && let Some(more) = values.next(|line| measured(key, line))
                {
                    found.extend(more);
                }
                left_out.extend(values.complaint().map(|why| read::at(path, why)));
            }
            Err(why) => left_out.push(read::at(path, why)),
        }
        Ok(())
    });
    if found.len() > MEASURED || walked.is_err() {
        found.truncate(MEASURED);
        let why = format!("it holds more than {MEASURED} values, of which the first were taken");
        left_out.push(read::at(folder, why));
    }
    found
}

/// A value as a line holds it: moment, value, step, run, and the name and the digest of a dataset.
fn measured(key: &str, line: &str) -> Result<Measured, String> {
    let parts: Vec<&str> = line.split(' ').collect();
    let (at, number, step, run, dataset) = match parts.as_slice() {
        [at, value, step, run] => (at, value, step, run, None),
        [at, value, step, run, name, digest] => (at, value, step, run, Some((*name, *digest))),
        _ => return Err(format!("{} words, expected 4 or 6: `{}`", parts.len(), short(line))),
    };
    Ok(Measured {
        run: run.parse().map_err(|error: TrackError| error.to_string())?,
        metric: value(key, at, number, step)?,
        dataset: dataset.map(|(name, digest)| (name.to_string(), digest.to_string())),
    })
}
