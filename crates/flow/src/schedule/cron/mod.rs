//! Cron expressions on the calendar, without a time zone.
//!
//! The fields and their meaning follow Paul Vixie's cron as Debian ships it (crontab(5)), with the
//! additions `L`, `LW`, `5L` and `5#3` that most schedulers know by now.

mod field;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};

use super::ScheduleError;
use field::{DAY, Field, HOUR, MINUTE, MONTH, WEEKDAY};

/// The calendar repeats itself after so many years.
const CALENDAR_YEARS: i16 = 400;

/// Nicknames of whole expressions.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A cron expression: sets of numbers as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    weekdays: Weekdays,
    pairing: Pairing,
}

/// How the day of the month and that of the week go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    /// One of the fields begins with `*`: a day must please both.
    Both,
    /// Neither does: a day need please one of them only.
    Either,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Days {
    numbers: u64,
    last: bool,
    last_working_day: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Weekdays {
    numbers: u64,
    /// The weekdays of which the last one of a month is meant.
    last: u64,
    /// The weekdays of which the first, second, ... fifth one of a month is meant.
    nth: [u64; 5],
}

impl Cron {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let lower = text.trim().to_lowercase();
        let text = match NICKNAMES.iter().find(|(name, _)| *name == lower) {
            Some((_, fields)) => fields,
            None => text.trim(),
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(wrong_fields(text, fields.len()));
        };
        let star = day.starts_with('*') || weekday.starts_with('*');
        let cron = Self {
            minutes: numbers(MINUTE, minute)?,
            hours: numbers(HOUR, hour)?,
            days: Days::parse(day)?,
            months: numbers(MONTH, month)?,
            weekdays: Weekdays::parse(weekday)?,
            pairing: if star { Pairing::Both } else { Pairing::Either },
        };
        match cron.day_at_or_after(Date::constant(2000, 1, 1)) {
            Some(_) => Ok(cron),
            None => Err(ScheduleError::new(
                "cron",
                format!("`{text}`"),
                format!(
                    "a day that comes; none has month `{month}`, day `{day}` and weekday `{weekday}`"
                ),
            )),
        }
    }

    /// Whether it runs in every hour of its days, so that it counts hours rather than naming
    /// times of the day.
    pub(super) fn every_hour(&self) -> bool {
        self.hours.count_ones() == 24
    }

    /// The first minute that it names, from the minute of `from` on.
    pub(super) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        if self.names_day(from.date())
            && let Some((hour, minute)) = self.time_at_or_after(from.hour(), from.minute())
        {
            return Some(from.date().at(hour, minute, 0, 0));
        }
        let day = self.day_at_or_after(from.date().tomorrow().ok()?)?;
        let (hour, minute) = self.time_at_or_after(0, 0)?;
        Some(day.at(hour, minute, 0, 0))
    }

    fn time_at_or_after(&self, hour: i8, minute: i8) -> Option<(i8, i8)> {
        let first = bit_at_or_after(self.hours, hour)?;
        let minute = if first == hour { minute } else { 0 };
        match bit_at_or_after(self.minutes, minute) {
            Some(minute) => Some((first, minute)),
            None => {
                Some((bit_at_or_after(self.hours, first + 1)?, bit_at_or_after(self.minutes, 0)?))
            }
        }
    }

    fn day_at_or_after(&self, from: Date) -> Option<Date> {
        let last_year = from.year().saturating_add(CALENDAR_YEARS);
        let mut day = from;
        while day.year() <= last_year {
            if !has(self.months, day.month()) {
                day = day.first_of_month().checked_add(1.month()).ok()?;
            } else if self.names_day(day) {
                return Some(day);
            } else {
                day = day.tomorrow().ok()?;
            }
        }
        None
    }

    fn names_day(&self, day: Date) -> bool {
        let (by_month, by_week) = (self.days.name(day), self.weekdays.name(day));
        let named = match self.pairing {
            Pairing::Both => by_month && by_week,
            Pairing::Either => by_month || by_week,
        };
        named && has(self.months, day.month())
    }
}

impl Days {
    fn parse(text: &str) -> Result<Self, ScheduleError> {
        let mut days = Self::default();
        for item in text.split(',') {
            match item.to_uppercase().as_str() {
                "L" => days.last = true,
                "LW" => days.last_working_day = true,
                _ => days.numbers |= plain(DAY, item)?,
            }
        }
        Ok(days)
    }

    fn name(&self, day: Date) -> bool {
        has(self.numbers, day.day())
            || self.last && day.day() == day.days_in_month()
            || self.last_working_day && day.day() == last_working_day(day)
    }
}

impl Weekdays {
    fn parse(text: &str) -> Result<Self, ScheduleError> {
        let mut weekdays = Self::default();
        for item in text.split(',') {
            if let Some((weekday, nth)) = item.split_once('#') {
                match nth.parse::<usize>() {
                    Ok(nth @ 1..=5) => weekdays.nth[nth - 1] |= bit(WEEKDAY.number(weekday)?),
                    _ => return Err(WEEKDAY.refuse(item, "1 to 5 behind `#`")),
                }
            } else if let Some(weekday) = item.strip_suffix(['l', 'L']) {
                if weekday.is_empty() {
                    let error = WEEKDAY.refuse(item, "a weekday before `L`");
                    return Err(error.with_hint("write `5L` for the last Friday of a month"));
                }
                weekdays.last |= bit(WEEKDAY.number(weekday)?);
            } else {
                weekdays.numbers |= plain(WEEKDAY, item)?;
            }
        }
        weekdays.numbers |= weekdays.numbers >> 7;
        Ok(weekdays)
    }

    fn name(&self, day: Date) -> bool {
        let weekday = day.weekday().to_sunday_zero_offset();
        let nth = usize::from(day.day().unsigned_abs().saturating_sub(1)) / 7;
        has(self.numbers, weekday)
            || has(self.last, weekday) && day.day() + 7 > day.days_in_month()
            || self.nth.get(nth).is_some_and(|nth| has(*nth, weekday))
    }
}

fn numbers(field: Field, text: &str) -> Result<u64, ScheduleError> {
    text.split(',').try_fold(0, |bits, item| Ok(bits | plain(field, item)?))
}

fn plain(field: Field, item: &str) -> Result<u64, ScheduleError> {
    match item {
        "?" => Err(field.refuse(item, "a number, a range or `*`").with_hint("write `*` for `?`")),
        _ => field.item(item),
    }
}

fn last_working_day(day: Date) -> i8 {
    let last = day.last_of_month();
    last.day()
        - match last.weekday() {
            Weekday::Saturday => 1,
            Weekday::Sunday => 2,
            _ => 0,
        }
}

/// Sunday is 7 as well as 0.
fn bit(weekday: u32) -> u64 {
    1 << (weekday % 7)
}

fn has(bits: u64, number: i8) -> bool {
    bits >> number & 1 == 1
}

fn bit_at_or_after(bits: u64, from: i8) -> Option<i8> {
    let rest = bits >> from << from;
    (rest != 0).then(|| rest.trailing_zeros() as i8)
}

fn wrong_fields(text: &str, found: usize) -> ScheduleError {
    let words = match (text, found) {
        ("", _) => "nothing".to_owned(),
        (_, 1) => format!("`{text}`"),
        _ => format!("`{text}`, which has {found} fields"),
    };
    let expected = "5 fields: minute, hour, day of the month, month, day of the week";
    let hint = match found {
        1 if text.eq_ignore_ascii_case("@reboot") => Some("`gristmill run` runs a pipeline once"),
        6 | 7 => Some("leave the field for seconds away; `every: 30s` runs twice a minute"),
        _ => Some("`0 3 * * *` is three o'clock every night"),
    };
    ScheduleError::new("cron", words, expected).maybe_hint(hint.map(str::to_owned))
}

#[cfg(test)]
mod tests;
