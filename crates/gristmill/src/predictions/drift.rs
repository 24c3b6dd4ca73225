//! Whether what models are asked still looks like what they learned from, window by window, in memory that does
//! not grow.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use gristmill_monitor::{DriftReport, DriftSettings, Reference, WindowSize, Windows};
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
    reference: Arc<Reference>,
    windows: Windows,
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
            Ok(Some(report)) => {
                let verdicts = &self.tally.verdicts;
                verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(key, report);
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
        let reference = Reference::of(served.profile());
        let reference = Arc::new(reference.select(served.schema(), &settings.columns)?);
        // A window that is too small to be judged would never say anything.
        let size = WindowSize::rows(self.rows.max(settings.min_rows));
        let windows = Windows::new(size, Arc::clone(&reference))?;
        Ok(Counted { settings, reference, windows })
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
    fn count(&mut self, seen: &Seen) -> Result<Option<DriftReport>> {
        let full = self.windows.update_frame(&seen.rows, seen.at)?;
        let judge = |window| self.settings.judge(&self.reference, window);
        Ok(full.last().map(|full| judge(&full.window)).transpose()?)
    }
}
