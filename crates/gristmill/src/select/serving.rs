//! What a model costs where it answers, measured there: its package is loaded by a process of its own
//! and asked one row at a time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock};

use gristmill_core::{Catalog, Clock, FittedPipeline, Profile, Table};
use gristmill_evaluate::search::Weighed;
use gristmill_flow::Digest;
use serde::{Deserialize, Serialize};

use super::settings::Budget;
use crate::catalog::catalog;
use crate::clock::SystemClock;
use crate::{Error, Result, machine};

/// Answers that are not counted: the first ones find nothing in the processor's caches.
const WARM: usize = 100;
/// How many answers are counted, at least and at most, and for how long.
const LEAST: usize = 100;
const MOST: usize = 2_000;
const MICROS: i64 = 500_000;

const PACKAGE: &str = "package";
const ROWS: &str = "rows.arrow";

/// The figures of a trial.
pub(crate) const P99: &str = "serving.p99_ms";
pub(crate) const SIZE: &str = "serving.size_mb";
pub(crate) const MEMORY: &str = "serving.memory_mb";

/// What it takes to answer with one model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answering {
    /// Milliseconds that 99 of 100 answers for one row took no longer than.
    pub p99_ms: f64,
    /// Megabytes (10⁶ bytes) of memory of the process.
    pub memory_mb: f64,
}

/// Loads the package in `folder`, as the scales left it there, and answers its rows one by one.
///
/// # Errors
/// When the package or the rows cannot be read, or a row has no answer.
pub fn measure(folder: &Path) -> Result<Answering> {
    let package = gristmill_package::load(&folder.join(PACKAGE), &catalog())?;
    let rows = gristmill_ingest::load_table(&folder.join(ROWS))?;
    let rows: Vec<Table> = (0..rows.rows()).map(|at| rows.slice(at, 1)).collect();
    let mut waits = Vec::with_capacity(MOST);
    let ask = |row: &Table| -> Result<i64> {
        let start = SystemClock.now().0;
        package.pipeline.predict(row)?;
        Ok(SystemClock.now().0 - start)
    };
    for row in rows.iter().cycle().take(WARM) {
        ask(row)?;
    }
    let mut spent = 0;
    for row in rows.iter().cycle().take(MOST) {
        let wait = ask(row)?;
        spent += wait;
        waits.push(wait);
        if spent > MICROS && waits.len() >= LEAST {
            break;
        }
    }
    let memory = machine::resident().unwrap_or_default();
    Ok(Answering { p99_ms: of_99(waits) / 1e3, memory_mb: memory as f64 / 1e6 })
}

/// The value that 99 of 100 do not exceed; 0 of none.
fn of_99(mut values: Vec<i64>) -> f64 {
    values.sort_unstable();
    let at = (values.len() * 99).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or_default() as f64
}

/// Weighs models against a budget.
pub(super) struct Scales<'a> {
    pub budget: Budget,
    pub catalog: &'a Catalog,
    /// The `gristmill` binary, which answers in a process of its own.
    pub binary: &'a Path,
    /// Where packages are put for that time.
    pub folder: PathBuf,
    /// Rows like those that it will be asked about.
    pub table: &'a Table,
    pub profile: OnceLock<Profile>,
}

/// Held by whoever computes, and alone by whoever measures.
static QUIET: RwLock<()> = RwLock::new(());

/// Runs `work` beside others that compute, and never beside one that measures.
pub(super) fn beside<T>(work: impl FnOnce() -> T) -> T {
    let _others = QUIET.read().unwrap_or_else(PoisonError::into_inner);
    work()
}

impl Scales<'_> {
    /// What `fitted` takes, and why it is refused if that is too much.
    pub fn weigh(&self, name: &str, fitted: &FittedPipeline) -> Result<Weighed> {
        let folder = Folder::make(self.folder.join(name))?;
        let profile = match self.profile.get() {
            Some(profile) => profile,
            None => {
                let learned = Profile::learn(self.table)?;
                self.profile.get_or_init(|| learned)
            }
        };
        let rows = self.table.take(&spread(self.table.rows()))?;
        let package = folder.0.join(PACKAGE);
        let info = gristmill_package::save(&package, fitted, self.catalog, profile, &rows)?;
        gristmill_ingest::save_table(&rows, &folder.0.join(ROWS))?;
        let bytes: u64 = info.files.iter().map(|file| file.bytes).sum();
        let answering = {
            let _alone = QUIET.write().unwrap_or_else(PoisonError::into_inner);
            self.ask(&folder.0)?
        };
        let size = bytes as f64 / 1e6;
        let found = [
            (P99, "99 of 100 answers within", answering.p99_ms, self.budget.p99_ms, "ms"),
            (SIZE, "its package", size, self.budget.size_mb, "MB"),
            (MEMORY, "memory", answering.memory_mb, self.budget.memory_mb, "MB"),
        ];
        let over = found.iter().filter_map(|(_, what, value, most, unit)| {
            let most = most.filter(|most| value > most)?;
            Some(format!("{what} {value:.3} {unit} of {most} {unit}"))
        });
        let over: Vec<String> = over.collect();
        Ok(Weighed {
            figures: found.iter().map(|(name, _, value, ..)| ((*name).into(), *value)).collect(),
            refused: (!over.is_empty()).then(|| over.join(", ")),
        })
    }

    fn ask(&self, folder: &Path) -> Result<Answering> {
        let mut command = Command::new(self.binary);
        command.arg("weigh").arg(folder).stdin(Stdio::null());
        let output = command.output().map_err(|e| {
            Error::input(format!("`{}` cannot be started: {e}", self.binary.display()))
        })?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(Error::input(format!("the model does not answer: {}", said.trim())));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|e| Error::bug(format!("what `weigh` printed: {e}")))
    }
}

/// How far beyond the budget a trial is: the greatest of its figures over what is allowed.
pub(super) fn excess(
    budget: &Budget,
    figures: &std::collections::BTreeMap<String, f64>,
) -> Option<f64> {
    let allowed = [(P99, budget.p99_ms), (SIZE, budget.size_mb), (MEMORY, budget.memory_mb)];
    let over = allowed.iter().filter_map(|(name, most)| Some(figures.get(*name)? / (*most)?));
    over.max_by(f64::total_cmp)
}

/// Rows spread over a table, a few dozen.
fn spread(rows: usize) -> Vec<u32> {
    const ROWS: usize = 32;
    let count = ROWS.min(rows);
    (0..count).map(|at| (at * rows / count) as u32).collect()
}

/// A folder that goes when it is no longer needed.
struct Folder(PathBuf);

impl Folder {
    fn make(path: PathBuf) -> Result<Self> {
        fs_err::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays goes with the folder of the task.
        let _ = fs_err::remove_dir_all(&self.0);
    }
}

/// A name for the folder of some steps.
pub(super) fn name_of(steps: &serde_json::Value) -> String {
    Digest::of_json("gristmill weigh", steps).to_string().chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn of_a_hundred_waits_one_may_be_longer() {
        assert_eq!(of_99((1..=100).rev().collect()), 99.0);
        assert_eq!(of_99(vec![5]), 5.0);
        assert_eq!(of_99((1..=200).collect()), 198.0);
        assert_eq!(of_99(Vec::new()), 0.0);
    }

    #[test] // by hand: 3 of 2 ms is worse than 6 of 5 MB
    fn the_worst_figure_says_how_far_beyond() {
        let budget = Budget { p99_ms: Some(2.0), size_mb: Some(5.0), memory_mb: None };
        let figures = [(P99.to_owned(), 3.0), (SIZE.to_owned(), 6.0), (MEMORY.to_owned(), 99.0)];
        assert_eq!(excess(&budget, &figures.into()), Some(1.5));
        assert_eq!(excess(&budget, &Default::default()), None);
    }
}
