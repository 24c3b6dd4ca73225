//! A store of MLflow's as a source: a folder or a database, asked in the same words.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::path::{Path, PathBuf};

use gristmill_track::{
    AdoptedModel, Experiment, ForeignModel, LeftOut, LoggedModel, Metric, MlflowDatabase, NotTaken,
    Run,
};
use tokio::runtime::{Builder, Runtime};

use super::files::FileStore;
use crate::{Error, Result};

/// A store of MLflow's.
pub(super) enum Source {
    /// Folders and small files.
    Files(FileStore),
    /// The SQLite file of an SQL store.
    Database(Reading),
}

/// A database, and what waits for it.
pub(super) struct Reading {
    database: MlflowDatabase,
    runtime: Runtime,
    path: PathBuf,
}

impl Reading {
    fn wait<T>(&self, work: impl Future<Output = gristmill_track::Result<T>>) -> Result<T> {
        Ok(self.runtime.block_on(work)?)
    }
}

/// A run of a source, and the folder in which it stands if it has one.
pub(super) struct SourceRun {
    pub run: Run,
    pub folder: Option<PathBuf>,
}

/// A logged model of a source, and the folder in which it stands if it has one.
pub(super) struct SourceModel {
    pub found: ForeignModel<LoggedModel>,
    pub folder: Option<PathBuf>,
}

/// Takes what comes one by one, with what was left out on the way to it.
pub(super) type Each<'a, T> = &'a mut dyn FnMut(T, &mut Vec<LeftOut>) -> Result<()>;

impl Source {
    /// The store at `path`, a file or a folder, or in the words of `--backend-store-uri`.
    pub fn open(path: &Path) -> Result<Self> {
        let path = plain(path)?;
        let found = fs_err::metadata(&path).map_err(|error| {
            Error::from(error)
                .with_place(path.display().to_string())
                .with_hint("name the folder `mlruns` or the file `mlflow.db` of an MLflow store")
        })?;
        let path = fs_err::canonicalize(path)?;
        if found.is_dir() {
            return FileStore::open(&path).map(Self::Files);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let database = runtime.block_on(MlflowDatabase::open(&path))?;
        Ok(Self::Database(Reading { database, runtime, path }))
    }

    /// The folder or the file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Files(files) => files.root(),
            Self::Database(reading) => &reading.path,
        }
    }

    pub fn experiments(&self, left_out: &mut Vec<LeftOut>) -> Result<Vec<Experiment>> {
        match self {
            Self::Files(files) => Ok(files.experiments(left_out)),
            Self::Database(r) => r.wait(r.database.experiments(left_out)),
        }
    }

    /// Every run, with all but its metrics where those stand in files.
    pub fn each_run(&self, left_out: &mut Vec<LeftOut>, each: Each<'_, SourceRun>) -> Result<()> {
        let reading = match self {
            Self::Files(files) => return files.each_run(left_out, each),
            Self::Database(reading) => reading,
        };
        let mut after = String::new();
        while let Some((runs, last)) =
            reading.wait(reading.database.runs_after(&after, left_out))?
        {
            for run in runs {
                let run = reading.wait(reading.database.run_data(run, left_out))?;
                each(SourceRun { run, folder: None }, left_out)?;
            }
            after = last;
        }
        Ok(())
    }

    /// All values of metrics of a run, in pieces and in the order in which they were logged.
    pub fn metrics(
        &self,
        run: &SourceRun,
        left_out: &mut Vec<LeftOut>,
        each: &mut dyn FnMut(Vec<Metric>) -> Result<()>,
    ) -> Result<()> {
        let reading = match self {
            Self::Files(files) => return files.metrics(run, left_out, each),
            Self::Database(reading) => reading,
        };
        let (id, mut after) = (run.run.info.id, 0);
        while let Some((metrics, last)) =
            reading.wait(reading.database.metrics_after(id, after, left_out))?
        {
            each(metrics)?;
            after = last;
        }
        Ok(())
    }

    /// What the metrics of a run come to.
    pub fn metric_summary(
        &self,
        run: &SourceRun,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<MetricSummary> {
        match self {
            Self::Files(files) => {
                let mut summary = MetricSummary::default();
                let mut values = Distinct::default();
                files.metrics(run, left_out, &mut |metrics| {
                    summary.total += metrics.len() as u64;
                    for metric in &metrics {
                        summary.latest.see(metric);
                        values.see(metric, &mut summary.counts);
                    }
                    Ok(())
                })?;
                values.end(&mut summary.counts);
                Ok(summary)
            }
            Self::Database(r) => {
                let counts = r.wait(r.database.metric_counts(run.run.info.id))?;
                let total = counts.values().sum();
                let counts = counts.into_iter().map(|(key, count)| (key, Some(count)));
                let latest = Latest(run.run.metrics.clone());
                Ok(MetricSummary { latest, total, counts: counts.collect() })
            }
        }
    }

    pub fn each_logged_model(
        &self,
        left_out: &mut Vec<LeftOut>,
        each: Each<'_, SourceModel>,
    ) -> Result<()> {
        let reading = match self {
            Self::Files(files) => return files.each_logged_model(left_out, each),
            Self::Database(reading) => reading,
        };
        let mut after = String::new();
        while let Some((models, last)) =
            reading.wait(reading.database.logged_models_after(&after, left_out))?
        {
            for found in models {
                each(SourceModel { found, folder: None }, left_out)?;
            }
            after = last;
        }
        Ok(())
    }

    /// Every registered model with its versions.
    pub fn each_model(
        &self,
        left_out: &mut Vec<LeftOut>,
        each: Each<'_, AdoptedModel>,
    ) -> Result<()> {
        let reading = match self {
            Self::Files(files) => return files.each_model(left_out, each),
            Self::Database(reading) => reading,
        };
        for name in reading.wait(reading.database.model_names(left_out))? {
            let model = reading.database.registered_model(&name, left_out);
            if let Some(model) = reading.wait(model)? {
                each(model, left_out)?;
            }
        }
        Ok(())
    }

    /// What it keeps that has no place here.
    pub fn not_taken(&self) -> Result<Vec<NotTaken>> {
        match self {
            Self::Files(files) => Ok(files.not_taken()),
            Self::Database(r) => r.wait(r.database.not_taken()),
        }
    }

    /// Whether it was written to while it was read, so that what was read may be wrong.
    pub fn was_changed(&self) -> Result<bool> {
        match self {
            Self::Files(_) => Ok(false),
            Self::Database(r) => Ok(r.database.was_changed()?),
        }
    }
}

/// Of each metric the latest of the values seen: the greatest step, then the latest moment, then the
/// greatest value, as MLflow has it.
#[derive(Default)]
pub(super) struct Latest(pub BTreeMap<String, Metric>);

impl Latest {
    pub fn see(&mut self, metric: &Metric) {
        let rank = |metric: &Metric| (metric.step, metric.at, metric.value);
        match self.0.get(&metric.key) {
            Some(best) if rank(metric).partial_cmp(&rank(best)).is_none_or(|o| o.is_le()) => {}
            _ => drop(self.0.insert(metric.key.clone(), metric.clone())),
        }
    }
}

/// What the metrics of a run come to.
#[derive(Default)]
pub(super) struct MetricSummary {
    pub latest: Latest,
    /// How many values there are, equal ones too.
    pub total: u64,
    /// How many different values each has; nothing where there are too many to tell.
    pub counts: BTreeMap<String, Option<u64>>,
}

/// The different values of the metric that is being read, one metric after the other.
#[derive(Default)]
struct Distinct {
    key: String,
    seen: HashSet<(i64, i64, u64)>,
    is_too_many: bool,
}

impl Distinct {
    /// How many are told from each other.
    const MOST: usize = 1_000_000;

    fn see(&mut self, metric: &Metric, counts: &mut BTreeMap<String, Option<u64>>) {
        if metric.key != self.key {
            self.end(counts);
            self.key.clone_from(&metric.key);
        }
        // What is equal to the store must be equal here: both zeros, and all that is no number.
        let value = match metric.value {
            value if value.is_nan() => f64::NAN,
            value => value + 0.0,
        };
        if self.seen.len() < Self::MOST {
            self.seen.insert((metric.step, metric.at.0, value.to_bits()));
        } else {
            self.is_too_many = true;
        }
    }

    fn end(&mut self, counts: &mut BTreeMap<String, Option<u64>>) {
        let count = (!self.is_too_many).then_some(self.seen.len() as u64);
        if !self.seen.is_empty() {
            counts.insert(std::mem::take(&mut self.key), count);
        }
        *self = Self::default();
    }
}

/// The path that a URI of a local store names, or the path itself.
fn plain(path: &Path) -> Result<PathBuf> {
    let Some((scheme, rest)) = path.to_str().and_then(|text| text.split_once("://")) else {
        return Ok(path.into());
    };
    match scheme {
        // One slash more than the scheme has: what follows is relative, unless it begins with another.
        "sqlite" => Ok(rest.strip_prefix('/').unwrap_or(rest).into()),
        "file" => Ok(rest.into()),
        _ => Err(Error::input(format!("`{scheme}://...` is no store that can be imported"))
            .with_hint("name a folder `mlruns` or a file `mlflow.db` on this machine")),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::Timestamp;

    use super::*;

    #[track_caller]
    fn check(values: &[(f64, i64, i64)], expected: (f64, i64, i64)) {
        let mut latest = Latest::default();
        for (value, step, at) in values {
            let (key, at) = ("m".into(), Timestamp(*at));
            latest.see(&Metric { key, value: *value, step: *step, at });
        }
        let found = &latest.0["m"];
        assert_eq!((found.value, found.step, found.at.0), expected);
    }

    #[test] // MLflow 3.17.2, file_store.py: max by (step, timestamp, value)
    fn the_latest_value_is_that_of_the_greatest_step_then_moment_then_value() {
        check(&[(1.0, 5, 9), (2.0, 4, 99)], (1.0, 5, 9));
        check(&[(1.0, 5, 9), (2.0, 5, 10)], (2.0, 5, 10));
        check(&[(3.0, 5, 9), (2.0, 5, 9)], (3.0, 5, 9));
        check(&[(3.0, 5, 9), (f64::NAN, 5, 9)], (3.0, 5, 9));
    }

    #[test]
    fn a_store_is_named_by_a_path_or_by_its_uri() {
        assert_eq!(plain(Path::new("a/mlruns")).unwrap(), Path::new("a/mlruns"));
        assert_eq!(plain(Path::new("sqlite:///mlflow.db")).unwrap(), Path::new("mlflow.db"));
        assert_eq!(plain(Path::new("sqlite:////d/mlflow.db")).unwrap(), Path::new("/d/mlflow.db"));
        assert!(plain(Path::new("postgresql://u@h/d")).is_err());
    }
}
