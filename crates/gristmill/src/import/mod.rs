//! Moving over from MLflow: a store of its own, a folder `mlruns` or a file `mlflow.db`, taken over
//! whole into the store of a home.
//!
//! The source is only read. Everything is looked at by itself: what makes no sense there, or has
//! no place here, is told by its name and the rest goes on. What is there already is compared and
//! never overwritten, so the same import may be begun again after whatever ended it.

mod compare;
mod copy;
mod experiments;
mod files;
mod logged_models;
mod models;
mod places;
mod report;
mod runs;
mod source;
mod taker;

use std::path::PathBuf;

use gristmill_core::Clock;

use self::source::Source;
use self::taker::Taker;
use crate::{Home, Result};

pub use gristmill_track::{LeftOut, NotTaken};
pub use report::{Copied, ImportReport, ImportStatus, Tally};

/// What is taken over, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// A folder of MLflow's file store, or the SQLite file of its SQL store; `sqlite:///FILE` and
    /// `file://FOLDER` name them too.
    pub source: PathBuf,
    /// Folders from which artifacts may be taken beside those of the source; in each of them lie
    /// `EXPERIMENT/RUN/artifacts`, as in the `mlartifacts` of a server.
    pub artifacts: Vec<PathBuf>,
    /// Only say what would come.
    pub dry_run: bool,
}

/// Takes an MLflow store over into the home's; `tell` hears how it goes on. What was left out is no
/// error: the report names it.
///
/// # Errors
/// When the source is no store of MLflow's or cannot be read, or the home cannot be written.
pub fn import_mlflow(
    home: &Home,
    options: &ImportOptions,
    clock: &dyn Clock,
    tell: &dyn Fn(&str),
) -> Result<ImportReport> {
    let source = Source::open(&options.source)?;
    let mut taker = Taker::new(home, &source, options, clock.now(), tell)?;
    taker.experiments(&source)?;
    taker.runs(&source)?;
    taker.logged_models(&source)?;
    taker.models(&source)?;
    taker.finish(&source)
}
