//! When a pipeline runs by itself.
//!
//! Plain calculation: no clock is read here, moments are microseconds since 1970-01-01T00:00Z
//! that the caller brings. Only the rules of time zones are read, from the system where it has
//! them and else from the binary.

mod cron;
mod due;
mod error;
mod spec;
mod zone;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use cron::Cron;
pub use due::{ClockNote, Due, due};
pub use error::ScheduleError;
pub use spec::{CatchUp, ScheduleSpec, ScheduleSpecs};

/// Planned moments without end, or up to the schedule's `until`; see [`ScheduleSpec`].
///
/// ```
/// # use gristmill_flow::{ScheduleError, ScheduleSpec};
/// let spec = ScheduleSpec { every: Some("15m".into()), ..ScheduleSpec::default() };
/// let quarter = 15 * 60 * 1_000_000;
/// assert_eq!(spec.check()?.after(quarter), Some(2 * quarter));
/// # Ok::<(), ScheduleError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    rhythm: Rhythm,
    /// The first moment that counts.
    from: i64,
    /// The first moment that no longer does.
    until: i64,
    catch_up: CatchUp,
}

#[derive(Clone, Debug, PartialEq)]
enum Rhythm {
    Cron { cron: Cron, zone: TimeZone },
    Every { micros: i64 },
}

impl Schedule {
    /// The first planned moment strictly after `moment`, in microseconds; nothing when there is
    /// none any more.
    pub fn after(&self, moment: i64) -> Option<i64> {
        let start = moment.max(self.from.saturating_sub(1));
        let next = match &self.rhythm {
            Rhythm::Every { micros } => {
                start.div_euclid(*micros).checked_add(1)?.checked_mul(*micros)?
            }
            Rhythm::Cron { cron, zone } => {
                zone::next(cron, zone, timestamp(start))?.as_microsecond()
            }
        };
        // A moment beyond the calendar's end is held at that end, and is not after itself.
        (next < self.until && next > start).then_some(next)
    }

    /// The planned moments after `from`, up to and including `to`.
    pub fn between(&self, from: i64, to: i64) -> impl Iterator<Item = i64> {
        std::iter::successors(self.after(from), |last| self.after(*last))
            .take_while(move |moment| *moment <= to)
    }

    /// What becomes of moments that were missed.
    pub fn catch_up(&self) -> CatchUp {
        self.catch_up
    }
}

/// The calendar ends with the year 9999, and so does every schedule.
fn timestamp(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

#[cfg(test)]
mod tests;
