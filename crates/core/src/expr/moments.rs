//! Moments: parts of a date, cutting at a unit, reading and writing.
//!
//! Moments are microseconds since 1970-01-01 without a time zone, in the proleptic Gregorian
//! calendar. Days become dates by counting from 1 March of year 0, so that the day which not every
//! year has comes last.

use serde::{Deserialize, Serialize};

use crate::MISSING_TIME;

pub(super) const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
const DAYS_IN_400_YEARS: i64 = 146_097;

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    /// Day of the week, Sunday being 0.
    Dow,
    /// Day of the year, from 1.
    Doy,
    /// Seconds since 1970-01-01, with their fraction.
    Epoch,
}

const PARTS: &[(&str, Part)] = &[
    ("YEAR", Part::Year),
    ("QUARTER", Part::Quarter),
    ("MONTH", Part::Month),
    ("WEEK", Part::Week),
    ("DAY", Part::Day),
    ("HOUR", Part::Hour),
    ("MINUTE", Part::Minute),
    ("SECOND", Part::Second),
    ("DOW", Part::Dow),
    ("DOY", Part::Doy),
    ("EPOCH", Part::Epoch),
];

impl Part {
    /// The part called `name` in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        PARTS.iter().find(|(known, _)| *known == name).map(|entry| entry.1)
    }

    pub fn name(self) -> &'static str {
        PARTS.iter().find(|entry| entry.1 == self).map_or("?", |entry| entry.0)
    }

    /// Whether a moment can be cut at it.
    pub const fn truncates(self) -> bool {
        !matches!(self, Self::Dow | Self::Doy | Self::Epoch)
    }

    /// The names of all parts, or of those that a moment can be cut at.
    pub fn names(keep: impl Fn(Self) -> bool) -> String {
        let names: Vec<_> =
            PARTS.iter().filter(|e| keep(e.1)).map(|e| e.0.to_ascii_lowercase()).collect();
        names.join(", ")
    }

    /// This part of `micros`; NaN when it is missing. Seconds are whole, as DataFusion's are.
    pub fn of(self, micros: i64) -> f64 {
        if micros == MISSING_TIME {
            return f64::NAN;
        }
        let days = micros.div_euclid(DAY);
        let within = micros.rem_euclid(DAY);
        let date = Date::of(days);
        let value = match self {
            Self::Year => date.year,
            Self::Quarter => (date.month - 1) / 3 + 1,
            Self::Month => date.month,
            Self::Week => iso_week(days),
            Self::Day => date.day,
            Self::Hour => within / HOUR,
            Self::Minute => within % HOUR / MINUTE,
            Self::Second => within % MINUTE / SECOND,
            Self::Dow => weekday(days),
            Self::Doy => days - Date { year: date.year, month: 1, day: 1 }.days() + 1,
            Self::Epoch => return micros as f64 / SECOND as f64,
        };
        value as f64
    }

    /// The start of the unit in which `micros` lies; weeks start on Monday. A start before the
    /// first moment that can be told is missing.
    pub fn cut(self, micros: i64) -> i64 {
        if micros == MISSING_TIME {
            return MISSING_TIME;
        }
        let days = micros.div_euclid(DAY);
        let date = Date::of(days);
        let first_of = |month| Date { month, day: 1, ..date }.days();
        let floor = |unit: i64| micros.checked_sub(micros.rem_euclid(unit));
        let cut = match self {
            Self::Hour => floor(HOUR),
            Self::Minute => floor(MINUTE),
            Self::Second => floor(SECOND),
            Self::Day | Self::Dow | Self::Doy | Self::Epoch => floor(DAY),
            Self::Week => (days - (weekday(days) + 6) % 7).checked_mul(DAY),
            Self::Month => first_of(date.month).checked_mul(DAY),
            Self::Quarter => first_of((date.month - 1) / 3 * 3 + 1).checked_mul(DAY),
            Self::Year => first_of(1).checked_mul(DAY),
        };
        cut.unwrap_or(MISSING_TIME)
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The date of a day counted from 1970-01-01.
    fn of(days: i64) -> Self {
        let days = days + DAYS_TO_1970;
        let (era, day_of_era) =
            (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
        // Leap days passed so far shift the count of years of 365 days.
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // From March on, 5 months have 153 days.
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    /// Days from 1970-01-01.
    fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let shifted = (self.month + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * DAYS_IN_400_YEARS + day_of_era - DAYS_TO_1970
    }
}

/// Sunday is 0; 1970-01-01 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// The week of ISO 8601: the one with the year's first Thursday is week 1.
fn iso_week(days: i64) -> i64 {
    let thursday = days + 3 - (weekday(days) + 6) % 7;
    let year = Date::of(thursday).year;
    (thursday - Date { year, month: 1, day: 1 }.days()) / 7 + 1
}

/// The moment that `text` spells: `2024-05-01`, with `T` or a space before `12:30`, `12:30:59` or
/// `12:30:59.123456`, and perhaps `Z` at the end. Nothing when it spells none.
pub(super) fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let date = Date {
        year: digits(parts.next()?, 4)?,
        month: digits(parts.next()?, 2)?,
        day: digits(parts.next()?, 2)?,
    };
    let days = date.days();
    if parts.next().is_some() || !(1..=12).contains(&date.month) || Date::of(days) != date {
        return None;
    }
    days.checked_mul(DAY)?.checked_add(time.map_or(Some(0), read_time)?)
}

fn read_time(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds, 2)?, 0),
            Some((whole, fraction)) => (digits(whole, 2)?, read_fraction(fraction)?),
        },
    };
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    valid.then_some(hour * HOUR + minute * MINUTE + second * SECOND + fraction)
}

/// Digits after the point as microseconds; what is finer is cut.
fn read_fraction(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{text:0<6}").get(..6)?.parse().ok()
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let valid = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| text.parse().ok())?
}

/// `micros` as ISO 8601 spells it, with as much of a fraction as there is: what [`read`] reads.
pub(super) fn write(micros: i64) -> String {
    let date = Date::of(micros.div_euclid(DAY));
    let within = micros.rem_euclid(DAY);
    let (hour, minute) = (within / HOUR, within % HOUR / MINUTE);
    let (second, fraction) = (within % MINUTE / SECOND, within % SECOND);
    let Date { year, month, day } = date;
    let whole = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match fraction {
        0 => whole,
        millis if millis % 1_000 == 0 => format!("{whole}.{:03}", millis / 1_000),
        micros => format!("{whole}.{micros:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, part: Part, expected: f64) {
        assert_eq!(part.of(read(text).unwrap()), expected);
    }

    #[test] // by hand
    fn parts_of_a_day() {
        check("2024-05-01T12:30:59.25", Part::Year, 2024.0);
        check("2024-05-01T12:30:59.25", Part::Quarter, 2.0);
        check("2024-05-01T12:30:59.25", Part::Second, 59.0);
        check("2024-05-01", Part::Dow, 3.0);
        check("2024-12-31", Part::Doy, 366.0);
        check("1969-12-31T23:00:00", Part::Hour, 23.0);
    }

    #[test] // by hand, from the rule of ISO 8601
    fn a_week_belongs_to_the_year_of_its_thursday() {
        check("2021-01-03", Part::Week, 53.0);
        check("2021-01-04", Part::Week, 1.0);
        check("2024-12-30", Part::Week, 1.0);
        check("2024-12-29", Part::Week, 52.0);
    }

    #[test]
    fn dates_and_days_are_inverse() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            assert_eq!(Date::of(days).days(), days);
        }
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in ["", "2023-02-29", "2024-13-01", "2024-05-01T24:00", "24-5-1", "2024-05-01T"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_moments_of_all_have_no_start_of_their_year() {
        assert_eq!(Part::Year.cut(i64::MIN + 1), MISSING_TIME);
        assert!(Part::Epoch.of(i64::MAX).is_finite() && Part::Year.of(i64::MIN + 1).is_finite());
    }
}
