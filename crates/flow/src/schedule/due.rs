//! Which planned moments have to be run now.

use std::fmt;

use jiff::Timestamp;

use super::{CatchUp, Schedule};

/// The most moments that are due in one go; the rest is due in the next.
const MAX_DUE: usize = 10_000;
/// How old a moment may be that is not missed yet.
const FRESH: i64 = 60_000_000;

/// What has to be run now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The planned moments in their order, in microseconds since 1970-01-01T00:00Z.
    pub moments: Vec<i64>,
    /// Whether there are more than were given: ask again with the last of them as `last`.
    pub more: bool,
    /// What a person should know about the clock.
    pub note: Option<ClockNote>,
}

/// The clock shows less than it did before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockNote {
    /// What it shows now, in microseconds.
    pub now: i64,
    /// The moment up to which everything was done before; nothing is due until it is over.
    pub done: i64,
}

impl fmt::Display for ClockNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, done) = (written(self.now), written(self.done));
        write!(f, "the clock shows {now}, and runs up to {done} are done: the next one comes later")
    }
}

fn written(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |t| t.to_string())
}

/// The moments of `schedule` that have to be run at `now`, all in microseconds.
///
/// `last` is the newest planned moment that was ever run, `deployed` the moment from which on the
/// schedule counts: nothing at or before either is due. So a clock that goes back repeats
/// nothing, and nothing is lost when it comes forward again; until then [`Due::note`] says why
/// nothing runs. To begin anew after a clock was far ahead, deploy anew and forget `last`.
///
/// [`CatchUp::All`] gives no more than 10,000 moments in one go and sets [`Due::more`];
/// [`CatchUp::None`] asks to be called at least once a minute.
pub fn due(
    schedule: &Schedule,
    last: Option<i64>,
    deployed: i64,
    now: i64,
    catch_up: CatchUp,
) -> Due {
    let done = last.map_or(deployed, |last| last.max(deployed));
    if now < done {
        let note = Some(ClockNote { now, done });
        return Due { note, ..Due::default() };
    }
    let moments: Vec<i64> = match catch_up {
        CatchUp::All => schedule.between(done, now).take(MAX_DUE).collect(),
        CatchUp::Latest => newest(schedule, done, now).into_iter().collect(),
        CatchUp::None => schedule.between(done.max(now.saturating_sub(FRESH)), now).collect(),
    };
    let more = moments.len() == MAX_DUE && catch_up == CatchUp::All;
    Due { more: more && rest(schedule, &moments, now), moments, note: None }
}

fn rest(schedule: &Schedule, moments: &[i64], now: i64) -> bool {
    moments.last().is_some_and(|last| schedule.between(*last, now).next().is_some())
}

/// The newest moment in `(after, now]`. Looks at the last hour, then at ever longer times, so
/// that a minutely schedule of a year's length is not walked through.
fn newest(schedule: &Schedule, after: i64, now: i64) -> Option<i64> {
    const HOUR: i64 = 3_600_000_000;
    let mut window = HOUR;
    loop {
        let start = after.max(now.saturating_sub(window));
        if let Some(newest) = schedule.between(start, now).last() {
            return Some(newest);
        }
        if start == after {
            return None;
        }
        window = window.saturating_mul(24);
    }
}
