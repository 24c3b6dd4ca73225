//! Whether what models are asked still looks like what they learned from, window by window, in memory that does
//! not grow.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use gristmill_monitor::{DriftReport, DriftSettings, FullWindow, Reference, WindowSize, Windows};
use gristmill_package::Digest;
use gristmill_serve::{Seen, Served};

use super::lookout::Tally;
use crate::drift::settings_of;
use crate::keeper::Keeper;
use crate::serve::{ServeEvent, TellServing};
use crate::{Home, Kind, Result};

/// Counts what models are asked, and judges each window that is full.
pub(super) struct LiveDrift {
    keeper: Keeper,
    rows: u64,
    /// By model and version.
    watched: BTreeMap<(String, String), Watched>,
    tally: Arc<Tally>,
    tell: TellServing,
}

/// A version that is watched.
struct Watched {
    /// Of which package it is: a name and a version may come to mean another.
    digest: Digest,
    /// What is counted; nothing where that cannot be done, which has been told.
    counted: Option<Counted>,
}

struct Counted {
    settings: DriftSettings,
    columns: Stream,
    /// The answers, where the package says what they were.
    answers: Option<Stream>,
}

/// Rows on their way into windows.
struct Stream {
    reference: Arc<Reference>,
    windows: Windows,
}

/// What was found of a window that is full.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Of the columns of the requests.
    pub columns: DriftReport,
    /// Of the answers; they do not count for whether it has drifted.
    pub answers: Option<DriftReport>,
}

impl LiveDrift {
    /// Windows of so many rows.
    ///
    /// # Errors
    /// When the home cannot be used.
    pub fn new(home: &Home, rows: u64, tally: Arc<Tally>, tell: TellServing) -> Result<Self> {
        let keeper = Keeper::open(home)?;
        Ok(Self { keeper, rows, watched: BTreeMap::new(), tally, tell })
    }

    /// Counts the rows of a request.
    pub fn count(&mut self, seen: &Seen) {
        let served = &seen.served;
        let key = (served.name().to_owned(), served.version().to_owned());
        let digest = served.info().digest;
        if self.watched.get(&key).is_none_or(|watched| watched.digest != digest) {
            let counted = self.begin(served);
            let counted = self.told(served, counted);
            self.watched.insert(key.clone(), Watched { digest, counted });
        }
        let counted = self.watched.get_mut(&key).and_then(|watched| watched.counted.as_mut());
        let Some(counted) = counted else { return };
        match counted.count(seen) {
            Ok(None) => {}
            Ok(Some(verdict)) => {
                let verdicts = &self.tally.verdicts;
                verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(key, verdict);
            }
            Err(error) => {
                self.told::<()>(served, Err(error));
                if let Some(watched) = self.watched.get_mut(&key) {
                    watched.counted = None;
                }
            }
        }
    }

    /// What worked out; what did not is told.
    fn told<T>(&self, served: &Served, done: Result<T>) -> Option<T> {
        done.map_err(|error| {
            let (model, version) = (served.name().into(), served.version().into());
            (self.tell)(&ServeEvent::Unwatched { model, version, why: error.message });
        })
        .ok()
    }

    fn begin(&self, served: &Served) -> Result<Counted> {
        let settings = self.settings(served)?;
        settings.check()?;
        let columns = Reference::of(served.profile()).select(served.schema(), &settings.columns)?;
        let answers = served.profile().answers.as_ref().map(Reference::of_answers);
        // A window that is too small to be judged would never say anything.
        let size = WindowSize::rows(self.rows.max(settings.min_rows));
        let answers = answers.map(|answers| Stream::new(answers, size)).transpose()?;
        Ok(Counted { columns: Stream::new(columns, size)?, answers, settings })
    }

    /// What the pipeline file of the version says, where it is one of the registry's.
    fn settings(&self, served: &Served) -> Result<DriftSettings> {
        let Ok(number) = served.version().parse() else { return Ok(DriftSettings::default()) };
        match self.keeper.wait(|s| s.version(served.name(), number)) {
            Ok(version) if version.digest == served.info().digest.to_string() => {
                settings_of(&self.keeper, &version)
            }
            Ok(_) => Ok(DriftSettings::default()),
            Err(error) if error.kind == Kind::Input => Ok(DriftSettings::default()),
            Err(error) => Err(error),
        }
    }
}

impl Counted {
    /// The verdict on the last window that these rows filled, if they filled any.
    fn count(&mut self, seen: &Seen) -> Result<Option<Verdict>> {
        let full = self.columns.windows.update_frame(&seen.rows, seen.at)?;
        let columns = self.columns.judged(&full, &self.settings)?;
        let answers = match &mut self.answers {
            None => None,
            Some(answers) => {
                let full = answers.windows.update(&seen.answers.prediction.to_table()?, seen.at)?;
                answers.judged(&full, &self.settings)?
            }
        };
        Ok(columns.map(|columns| Verdict { columns, answers }))
    }
}

impl Stream {
    fn new(reference: Reference, size: WindowSize) -> Result<Self> {
        let reference = Arc::new(reference);
        let windows = Windows::new(size, Arc::clone(&reference))?;
        Ok(Self { reference, windows })
    }

    fn judged(&self, full: &[FullWindow], settings: &DriftSettings) -> Result<Option<DriftReport>> {
        let judge = |full: &FullWindow| settings.judge(&self.reference, &full.window);
        Ok(full.last().map(judge).transpose()?)
    }
}
