//! The prediction log: what was asked and answered, in files of each model, day and version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gristmill_core::Timestamp;

use super::LogSettings;
use super::batch::Batch;
use super::lookout::Tally;
use super::part::Part;
use super::place;
use super::terms::Terms;
use crate::serve::{ServeEvent, TellServing};
use crate::{Error, Home, Result};

/// How long a row waits to be written, in microseconds; what is lost by `kill -9` is no older.
const WAITS: i64 = 5_000_000;

/// What was asked and answered, on its way to its files.
pub(super) struct Log {
    folder: PathBuf,
    /// What the command line says; without it the file of each model does.
    settings: Option<LogSettings>,
    /// The file that grows now, by model and version.
    parts: BTreeMap<(String, String), Part>,
    /// How many files were begun.
    begun: u64,
    /// Whether the last attempt at writing succeeded.
    well: bool,
    tally: Arc<Tally>,
    tell: TellServing,
}

impl Log {
    /// A log in a home. Nothing is made before there is something to write.
    pub fn new(
        home: &Home,
        settings: Option<LogSettings>,
        tally: Arc<Tally>,
        tell: TellServing,
    ) -> Self {
        let folder = place::folder(home);
        Self { folder, settings, parts: BTreeMap::new(), begun: 0, well: true, tally, tell }
    }

    /// Takes the rows of requests.
    pub fn keep(&mut self, batch: &Batch, now: Timestamp) {
        let key = (batch.served.name().to_owned(), batch.served.version().to_owned());
        let fits = |part: &Part| part.day == place::day(batch.began()) && part.takes(batch);
        if self.parts.get(&key).is_some_and(|part| !fits(part)) {
            self.finish(&key, now);
        }
        let rows = batch.rows.rows() as u64;
        match self.add(&key, batch, now) {
            Ok(()) => {
                self.tally.unwritten.fetch_add(rows, Ordering::Relaxed);
                if self.parts.get(&key).is_some_and(|part| part.is_full(now)) {
                    self.finish(&key, now);
                }
            }
            Err(error) => {
                self.tally.lost.fetch_add(rows, Ordering::Relaxed);
                self.failed(&error);
            }
        }
    }

    fn add(&mut self, key: &(String, String), batch: &Batch, now: Timestamp) -> Result<()> {
        if let Some(part) = self.parts.get_mut(key) {
            return Ok(part.add(batch, now)?);
        }
        let day = place::day(batch.began());
        let folder = place::of_day(&self.folder.join(place::file_name(&key.0)), day);
        self.begun += 1;
        let (version, process) = (place::file_name(&key.1), std::process::id());
        let name = format!("{version}-{}-{process}-{}.parquet", batch.began().0, self.begun);
        let of_file = Terms::of_served(&batch.served).and_then(|terms| terms.log.as_ref());
        let settings = self
            .settings
            .as_ref()
            .or(of_file)
            .ok_or_else(|| Error::bug("a request was to be kept that nobody asked to keep"))?;
        let mut part = Part::new(folder.join(name), day, batch, &settings.redact)?;
        part.add(batch, now)?;
        self.parts.insert(key.clone(), part);
        Ok(())
    }

    /// Writes what has waited for long enough.
    pub fn turn(&mut self, now: Timestamp) {
        let waits = |part: &Part| {
            part.is_full(now)
                || part.waits_since.is_some_and(|since| now.0.saturating_sub(since.0) >= WAITS)
        };
        let due: Vec<_> =
            self.parts.iter().filter(|(_, part)| waits(part)).map(|(key, _)| key.clone()).collect();
        for key in due {
            match self.parts.get(&key).is_some_and(|part| part.is_full(now)) {
                true => self.finish(&key, now),
                false => self.write(&key, now),
            }
        }
    }

    /// Writes all that there is.
    pub fn end(mut self, now: Timestamp) {
        let keys: Vec<_> = self.parts.keys().cloned().collect();
        keys.iter().for_each(|key| self.finish(key, now));
    }

    /// Ends a file. What cannot be written by now is lost: nothing is kept without bound.
    fn finish(&mut self, key: &(String, String), now: Timestamp) {
        self.write(key, now);
        let left = self.parts.remove(key).map_or(0, |part| part.unwritten()) as u64;
        self.tally.unwritten.fetch_sub(left, Ordering::Relaxed);
        self.tally.lost.fetch_add(left, Ordering::Relaxed);
    }

    /// Writes a file anew with the rows that it has now. When that fails they stay, and it is tried again.
    fn write(&mut self, key: &(String, String), now: Timestamp) {
        let Some(part) = self.parts.get_mut(key).filter(|part| part.unwritten() > 0) else {
            return;
        };
        match written(part) {
            Ok(()) => {
                let new = part.wrote() as u64;
                self.tally.unwritten.fetch_sub(new, Ordering::Relaxed);
                self.tally.written.fetch_add(new, Ordering::Relaxed);
                self.well = true;
            }
            Err(error) => {
                part.waits_since = Some(now);
                self.failed(&error);
            }
        }
    }

    /// Tells of a failure, once until it is well again.
    fn failed(&mut self, error: &crate::Error) {
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        if self.well {
            (self.tell)(&ServeEvent::Unlogged { why: error.message.clone() });
        }
        self.well = false;
    }
}

fn written(part: &Part) -> Result<()> {
    let table = part.table()?;
    fs_err::create_dir_all(part.path.parent().unwrap_or(Path::new("")))?;
    Ok(gristmill_ingest::write(&table, &part.path)?)
}
