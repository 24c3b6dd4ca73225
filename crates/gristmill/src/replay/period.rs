//! Stretches of time by the calendar, in UTC.

use std::ops::Range;

use gristmill_core::Timestamp;
use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::{Error, Result};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// A month of the calendar.
    Month,
}

impl Every {
    /// Where the period begins that a moment lies in.
    fn start(self, at: Timestamp) -> Result<DateTime> {
        let moment = jiff::Timestamp::from_microsecond(at.0).map_err(|e| strange(at, &e))?;
        let day = Offset::UTC.to_datetime(moment).date();
        let start = match self {
            Self::Day => day,
            Self::Month => day.first_of_month(),
            Self::Week => {
                let behind = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(Span::new().days(behind)).map_err(|e| strange(at, &e))?
            }
        };
        Ok(start.at(0, 0, 0, 0))
    }

    fn span(self) -> Span {
        match self {
            Self::Day => Span::new().days(1),
            Self::Week => Span::new().days(7),
            Self::Month => Span::new().months(1),
        }
    }

    /// The periods from that of one moment to that of another.
    ///
    /// # Errors
    /// For moments beyond the calendar.
    pub(super) fn periods(
        self,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<Range<Timestamp>>> {
        let mut periods = Vec::new();
        let mut start = self.start(first)?;
        loop {
            let end = start.checked_add(self.span()).map_err(|e| strange(last, &e))?;
            let period = micros(start)?..micros(end)?;
            if period.start > last {
                return Ok(periods);
            }
            periods.push(period);
            start = end;
        }
    }
}

fn micros(at: DateTime) -> Result<Timestamp> {
    let moment = Offset::UTC.to_timestamp(at);
    let moment = moment.map_err(|e| Error::input(format!("{at} is no moment: {e}")))?;
    Ok(Timestamp(moment.as_microsecond()))
}

fn strange(at: Timestamp, error: &jiff::Error) -> Error {
    Error::input(format!("{} microseconds lie beyond the calendar: {error}", at.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[track_caller]
    fn check(every: Every, first: &str, last: &str, starts: &[&str]) {
        let periods = every.periods(at(first), at(last)).unwrap();
        let found: Vec<Timestamp> = periods.iter().map(|period| period.start).collect();
        assert_eq!(found, starts.iter().map(|start| at(start)).collect::<Vec<_>>());
        assert!(periods.windows(2).all(|two| two[0].end == two[1].start));
    }

    #[test] // by hand
    fn months_are_those_of_the_calendar() {
        let starts = ["2016-01-01T00:00:00Z", "2016-02-01T00:00:00Z", "2016-03-01T00:00:00Z"];
        check(Every::Month, "2016-01-31T23:59:59Z", "2016-03-01T00:00:00Z", &starts);
    }

    #[test] // by hand: 2016-02-29 is a Monday
    fn weeks_begin_on_monday() {
        let starts = ["2016-02-22T00:00:00Z", "2016-02-29T00:00:00Z"];
        check(Every::Week, "2016-02-28T12:00:00Z", "2016-03-01T00:00:00Z", &starts);
    }

    #[test]
    fn moments_of_one_day_lie_in_one_period() {
        check(
            Every::Day,
            "2016-02-29T00:00:00Z",
            "2016-02-29T23:00:00Z",
            &["2016-02-29T00:00:00Z"],
        );
    }
}
