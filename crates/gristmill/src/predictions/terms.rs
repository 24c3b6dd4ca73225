//! What the pipeline file of a version says of how it is watched: known when the version is loaded, so that its
//! first request is kept as its last.

use std::time::Duration;

use gristmill_core::{Schema, nearest};
use gristmill_monitor::{DriftSettings, WindowSize};
use gristmill_serve::Served;
use gristmill_track::{ModelVersion, RunId};

use super::LogSettings;
use crate::estimate::Estimable;
use crate::keeper::Keeper;
use crate::monitor::{
    LogSection, MonitorSection, PerformanceSection, ReferenceSpec, WindowSpec, given_section,
};
use crate::{Error, Result};

/// What is known of a version of the registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// Its number.
    pub version: u32,
    /// The run that made it.
    pub run: Option<RunId>,
    /// What its file says, where it says anything.
    pub section: Option<MonitorSection>,
    /// What is kept of its requests where the command line does not say it.
    pub log: Option<LogSettings>,
    /// Why it is not watched as its file says.
    pub trouble: Option<String>,
}

impl Terms {
    /// What is known of a version that takes these columns. What cannot be known is said in `trouble`; the version
    /// answers all the same.
    pub fn of(keeper: &Keeper, version: &ModelVersion, input: &Schema) -> Self {
        let mut terms = Self { version: version.version, run: version.run, ..Self::default() };
        match given_section(keeper, version) {
            Ok(section) => terms.section = section,
            Err(error) => terms.trouble = Some(error.message),
        }
        let wanted = terms.section.as_ref().and_then(MonitorSection::log);
        match wanted.map(|log| settings(log, input)).transpose() {
            Ok(log) => terms.log = log,
            Err(error) => terms.trouble = Some(error.message),
        }
        terms
    }

    /// Those of a model that answers; nothing where it is none of the registry's.
    pub fn of_served(served: &Served) -> Option<&Self> {
        served.companion()
    }

    /// How much is judged at a time, where its file says it.
    pub fn window(&self) -> Option<WindowSize> {
        Some(match self.section.as_ref()?.window? {
            WindowSpec::Rows(rows) => WindowSize::rows(rows),
            WindowSpec::Time(time) => WindowSize::time(micros(time.duration())),
        })
    }

    /// What counts as drift.
    pub fn drift(&self) -> DriftSettings {
        self.section.as_ref().map(|section| section.drift.clone()).unwrap_or_default()
    }

    /// How long rows are gathered that later ones are held against, in microseconds; nothing where those are that it
    /// learned from.
    pub fn reference(&self) -> Option<u64> {
        match self.section.as_ref()?.reference? {
            ReferenceSpec::Training => None,
            ReferenceSpec::Window(time) => Some(micros(time.duration())),
        }
    }

    /// The figure that answers must reach.
    pub fn performance(&self) -> Option<&PerformanceSection> {
        self.section.as_ref()?.performance.as_ref()
    }

    /// Whether there is anything to say of how good its answers are, or of what is not heeded.
    pub fn is_heeded_here(&self) -> bool {
        self.performance().is_some() || self.trouble.is_some()
    }

    /// The metric that is estimated, and what it must reach.
    pub fn estimated(&self) -> Option<(Estimable, &PerformanceSection)> {
        let asked = self.performance().filter(|asked| asked.estimate)?;
        Some((Estimable::named(&asked.metric)?, asked))
    }
}

/// A window of so many rows, and at least so many: one that is too small to be judged would never say anything.
pub(super) fn at_least(size: WindowSize, rows: u64) -> WindowSize {
    match size {
        WindowSize::Rows { length, .. } => WindowSize::rows(length.max(rows)),
        time => time,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What is kept, unless a column is to be left out that the model does not have: a name with a slip in it would
/// let values out that nobody was to see.
fn settings(log: LogSection, input: &Schema) -> Result<LogSettings> {
    let names = input.names();
    match log.redact.iter().find(|name| !names.contains(name)) {
        None => Ok(LogSettings { rate: log.rate, redact: log.redact.into_iter().collect() }),
        Some(unknown) => {
            let near = nearest(unknown, &names).map_or_else(
                || "take it out of `log.redact` of the file".to_string(),
                |near| format!("did you mean `{near}`?"),
            );
            Err(Error::input(format!(
                "nothing is kept of its requests, since it has no column `{unknown}` to leave out; {near}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::{Field, Schema};

    use super::*;

    #[track_caller]
    fn check(redact: &[&str], kept: bool) {
        let input = Schema::new(vec![Field::number("tenure"), Field::number("charges")]).unwrap();
        let redact = redact.iter().map(ToString::to_string).collect();
        let found = settings(LogSection { rate: 0.5, redact }, &input);
        assert_eq!(found.is_ok(), kept, "{found:?}");
    }

    #[test]
    fn a_column_that_is_to_be_left_out_and_is_not_there_lets_nothing_be_kept() {
        check(&[], true);
        check(&["tenure"], true);
        check(&["tenur"], false);
    }

    #[test]
    fn a_window_of_rows_is_not_too_small_to_be_judged() {
        assert_eq!(at_least(WindowSize::rows(10), 100), WindowSize::rows(100));
        assert_eq!(at_least(WindowSize::rows(500), 100), WindowSize::rows(500));
        assert_eq!(at_least(WindowSize::time(10), 100), WindowSize::time(10));
    }
}
