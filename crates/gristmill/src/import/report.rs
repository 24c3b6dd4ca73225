//! What an import came to.

use gristmill_track::{LeftOut, NotTaken};
use serde::Serialize;

/// How many things are named one by one; the rest is counted.
const NAMED: usize = 1000;

/// Whether all that the source has is here now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// All that has a place here is here.
    #[default]
    Complete,
    /// Something was left out, or is here with other content.
    Incomplete,
}

/// What became of the things of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Taken over now.
    pub taken: u64,
    /// Here already, and equal.
    pub there: u64,
    /// Here already with other content, and left as they are.
    pub differing: u64,
}

/// How many files were copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What an import came to, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Whether all is here now.
    pub status: ImportStatus,
    /// What was imported.
    pub source: String,
    /// Nothing was written: these are the numbers that an import would have.
    pub dry_run: bool,
    /// Experiments.
    pub experiments: Tally,
    /// Runs.
    pub runs: Tally,
    /// Values of metrics that were taken over now.
    pub metrics: u64,
    /// Files of runs and logged models that were taken over now.
    pub artifacts: Copied,
    /// Logged models.
    pub logged_models: Tally,
    /// Registered models.
    pub models: Tally,
    /// Versions of the registered models that were taken over now.
    pub versions: u64,
    /// What is here already with other content, and the first difference.
    pub differing: Vec<LeftOut>,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
    /// How many differing and left out things and notes there are beside those that are named.
    pub untold: u64,
    /// What the source has and no place is for.
    pub not_taken: Vec<NotTaken>,
    /// What else the owner should know.
    pub notes: Vec<String>,
}

impl ImportReport {
    /// Something was left out.
    pub(super) fn leave_out(&mut self, left_out: LeftOut) {
        Self::add(&mut self.left_out, &mut self.untold, left_out);
        self.status = ImportStatus::Incomplete;
    }

    /// Something is here with other content.
    pub(super) fn differs(&mut self, left_out: LeftOut) {
        Self::add(&mut self.differing, &mut self.untold, left_out);
        self.status = ImportStatus::Incomplete;
    }

    /// The owner should know this.
    pub(super) fn note(&mut self, note: String) {
        match self.notes.len() < NAMED {
            true => self.notes.push(note),
            false => self.untold += 1,
        }
    }

    /// These files were copied.
    pub(super) fn copied(&mut self, copied: Copied) {
        self.artifacts.files += copied.files;
        self.artifacts.bytes += copied.bytes;
    }

    /// These files, by path and size, would be.
    pub(super) fn would_copy<'a>(&mut self, files: impl Iterator<Item = (&'a String, &'a u64)>) {
        for (_, bytes) in files {
            self.copied(Copied { files: 1, bytes: *bytes });
        }
    }

    fn add(list: &mut Vec<LeftOut>, untold: &mut u64, left_out: LeftOut) {
        match list.len() < NAMED {
            true => list.push(left_out),
            false => *untold += 1,
        }
    }
}
