//! Where the calendar's minutes lie on the time line of a zone that turns its clocks.
//!
//! A cron that runs in every hour (`*` as hour, `*/15 * * * *`) counts hours. It goes by real
//! time: in autumn it runs in both of the hours that bear the same name, in spring it leaves out
//! the hour that there is not.
//!
//! Any other cron names times of the day (`30 2 * * *`, `0 */6 * * *`, `*/15 2-4 * * *`). Each of
//! them happens once on each of its days: in autumn when it comes for the first time; in spring,
//! when the clock jumps over it, at the first moment after the jump. Times that are jumped over
//! together, or that fall on a time that is named anyway, are one moment.
//!
//! Vixie's cron draws the line elsewhere: a job with a `*` at the beginning of its minute or hour
//! counts hours there, so that `*/15 2 * * *` runs eight times on the day in autumn and not at all
//! on that in spring, when `30 */2 * * *` passes over half past two as well.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, ToSpan};

use super::cron::Cron;

/// The first moment after `after` at which `cron` is due in `zone`.
pub(super) fn next(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    if cron.every_hour() {
        next_by_hours(cron, zone, after)
    } else {
        next_by_clock(cron, zone, after)
    }
}

/// Minutes of the calendar and their moments come in the same order, so that the first minute
/// whose moment is late enough is the next.
fn next_by_clock(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let mut minute = next_minute(zone.to_offset(after).to_datetime(after))?;
    loop {
        minute = cron.at_or_after(minute)?;
        let moment = moment_of(zone, minute)?;
        if moment > after {
            return Some(moment);
        }
        minute = next_minute(minute)?;
    }
}

/// Where a minute of the calendar lies: the first of two, or the end of the gap that it is in.
fn moment_of(zone: &TimeZone, minute: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(minute).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(minute).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(minute).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            let beyond = before.to_timestamp(minute).ok()? + SignedDuration::from_nanos(1);
            zone.preceding(beyond).next().map(|transition| transition.timestamp())
        }
    }
}

/// Goes from one turn of the clocks to the next: between them, calendar and time line run alike.
fn next_by_hours(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let offset = zone.to_offset(after);
    let mut found = moment_by(offset, cron, next_minute(offset.to_datetime(after))?);
    for turn in zone.following(after) {
        match found {
            Some(moment) if moment < turn.timestamp() => break,
            None => break,
            Some(_) => {
                let local = turn.offset().to_datetime(turn.timestamp());
                found = moment_by(turn.offset(), cron, this_or_next_minute(local)?);
            }
        }
    }
    found
}

fn moment_by(offset: Offset, cron: &Cron, from: DateTime) -> Option<Timestamp> {
    offset.to_timestamp(cron.at_or_after(from)?).ok()
}

fn next_minute(time: DateTime) -> Option<DateTime> {
    let minute = time.date().at(time.hour(), time.minute(), 0, 0);
    minute.checked_add(1.minute()).ok()
}

fn this_or_next_minute(time: DateTime) -> Option<DateTime> {
    let whole = time.second() == 0 && time.subsec_nanosecond() == 0;
    if whole { Some(time) } else { next_minute(time) }
}

#[cfg(test)]
mod tests;
