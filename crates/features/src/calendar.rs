//! Moments on the Gregorian calendar, in UTC.
//! Method: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, 2013.

use gristmill_core::graph::{Calendar, Graph, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The year.
    Year,
    /// The quarter, 1 to 4.
    Quarter,
    /// The month, 1 to 12.
    Month,
    /// The week of ISO 8601, 1 to 53: weeks begin on Monday, and the first has the year's first
    /// Thursday.
    Week,
    /// The day of the month, 1 to 31.
    Day,
    /// The day of the year, 1 to 366.
    DayOfYear,
    /// The day of the week, Monday 0 to Sunday 6.
    Weekday,
    /// The hour, 0 to 23.
    Hour,
    /// The minute, 0 to 59.
    Minute,
    /// The second, 0 to 59.
    Second,
    /// How many days the month has, 28 to 31.
    DaysInMonth,
    /// 1 on Saturday and Sunday.
    IsWeekend,
    /// 1 on the first day of a month.
    IsMonthStart,
    /// 1 on the last day of a month.
    IsMonthEnd,
    /// 1 on the first day of a quarter.
    IsQuarterStart,
    /// 1 on the last day of a quarter.
    IsQuarterEnd,
    /// 1 on the first day of a year.
    IsYearStart,
    /// 1 on the last day of a year.
    IsYearEnd,
    /// Seconds since 1970-01-01, with their fraction.
    Timestamp,
}

impl Part {
    /// How a pipeline file spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Week => "week",
            Self::Day => "day",
            Self::DayOfYear => "day_of_year",
            Self::Weekday => "weekday",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::DaysInMonth => "days_in_month",
            Self::IsWeekend => "is_weekend",
            Self::IsMonthStart => "is_month_start",
            Self::IsMonthEnd => "is_month_end",
            Self::IsQuarterStart => "is_quarter_start",
            Self::IsQuarterEnd => "is_quarter_end",
            Self::IsYearStart => "is_year_start",
            Self::IsYearEnd => "is_year_end",
            Self::Timestamp => "timestamp",
        }
    }

    /// Whether it comes back to its start.
    pub const fn is_cyclic(self) -> bool {
        matches!(
            self,
            Self::Quarter
                | Self::Month
                | Self::Week
                | Self::Day
                | Self::DayOfYear
                | Self::Weekday
                | Self::Hour
                | Self::Minute
                | Self::Second
        )
    }
}

impl Part {
    /// As [`Moment::number`], for the moments of a calendar in a graph.
    pub(crate) fn express(self, g: &Graph, calendar: &Calendar<'_>) -> Value {
        let is = |value: Value, number: i64| g.equal(value, g.integer(number));
        let of_time = |unit: i64, most: i64| {
            g.remainder(g.divide(calendar.seconds(), g.integer(unit)), g.integer(most))
        };
        let ends_month = || g.equal(calendar.day, calendar.days_in_month());
        let of_quarter = |place| is(g.remainder(calendar.month, g.integer(3)), place);
        let value = match self {
            Self::Year => calendar.year,
            Self::Quarter => calendar.quarter(),
            Self::Month => calendar.month,
            Self::Week => calendar.week(),
            Self::Day => calendar.day,
            Self::DayOfYear => calendar.day_of_year(),
            Self::Weekday => calendar.weekday(),
            Self::Hour => of_time(3_600, 24),
            Self::Minute => of_time(60, 60),
            Self::Second => of_time(1, 60),
            Self::DaysInMonth => calendar.days_in_month(),
            Self::IsWeekend => g.at_most(g.integer(5), calendar.weekday()),
            Self::IsMonthStart => is(calendar.day, 1),
            Self::IsMonthEnd => ends_month(),
            Self::IsQuarterStart => g.both(is(calendar.day, 1), of_quarter(1)),
            Self::IsQuarterEnd => g.both(ends_month(), of_quarter(0)),
            Self::IsYearStart => g.both(is(calendar.day, 1), is(calendar.month, 1)),
            Self::IsYearEnd => g.both(ends_month(), is(calendar.month, 12)),
            Self::Timestamp => return calendar.epoch(),
        };
        g.to_numbers(value)
    }

    /// As [`Moment::turn`].
    pub(crate) fn express_turn(self, g: &Graph, calendar: &Calendar<'_>) -> Value {
        let (first, count) = match self {
            Self::Quarter => (1.0, g.integer(4)),
            Self::Month => (1.0, g.integer(12)),
            Self::Week => (1.0, calendar.weeks_in_year()),
            Self::Day => (1.0, calendar.days_in_month()),
            Self::DayOfYear => (1.0, calendar.days_in_year()),
            Self::Weekday => (0.0, g.integer(7)),
            Self::Hour => (0.0, g.integer(24)),
            Self::Minute | Self::Second => (0.0, g.integer(60)),
            _ => return g.number(f64::NAN),
        };
        let passed = g.subtract(self.express(g, calendar), g.number(first));
        g.divide(passed, g.to_numbers(count))
    }
}

/// A moment taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    micros: i64,
    /// Days since 1970-01-01.
    days: i64,
    year: i64,
    month: i64,
    day: i64,
}

impl Moment {
    /// The moment this many microseconds after 1970-01-01T00:00:00Z.
    pub(crate) fn new(micros: i64) -> Self {
        let days = micros.div_euclid(MICROS_PER_DAY);
        let (year, month, day) = civil(days);
        Self { micros, days, year, month, day }
    }

    /// The part as a number.
    pub(crate) fn number(&self, part: Part) -> f64 {
        let seconds = || self.micros.rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND;
        let truth = i64::from;
        let number = match part {
            Part::Year => self.year,
            Part::Quarter => (self.month - 1) / 3 + 1,
            Part::Month => self.month,
            Part::Week => self.week(),
            Part::Day => self.day,
            Part::DayOfYear => self.day_of_year(),
            Part::Weekday => weekday(self.days),
            Part::Hour => seconds() / 3600,
            Part::Minute => seconds() / 60 % 60,
            Part::Second => seconds() % 60,
            Part::DaysInMonth => days_in_month(self.year, self.month),
            Part::IsWeekend => truth(weekday(self.days) >= 5),
            Part::IsMonthStart => truth(self.day == 1),
            Part::IsMonthEnd => truth(self.ends_month()),
            Part::IsQuarterStart => truth(self.day == 1 && self.month % 3 == 1),
            Part::IsQuarterEnd => truth(self.ends_month() && self.month % 3 == 0),
            Part::IsYearStart => truth(self.day == 1 && self.month == 1),
            Part::IsYearEnd => truth(self.ends_month() && self.month == 12),
            Part::Timestamp => return self.micros as f64 / MICROS_PER_SECOND as f64,
        };
        number as f64
    }

    /// How far around its circle a cyclic part has come, from 0 to below 1.
    pub(crate) fn turn(&self, part: Part) -> f64 {
        let (first, count) = match part {
            Part::Quarter => (1, 4),
            Part::Month => (1, 12),
            Part::Week => (1, weeks_in_year(self.iso_year())),
            Part::Day => (1, days_in_month(self.year, self.month)),
            Part::DayOfYear => (1, days_in_year(self.year)),
            Part::Weekday => (0, 7),
            Part::Hour => (0, 24),
            Part::Minute | Part::Second => (0, 60),
            _ => return f64::NAN,
        };
        (self.number(part) - f64::from(first)) / count as f64
    }

    fn ends_month(&self) -> bool {
        self.day == days_in_month(self.year, self.month)
    }

    fn day_of_year(&self) -> i64 {
        self.days - days_from_civil(self.year, 1, 1) + 1
    }

    /// The year to which the week belongs: that of its Thursday.
    fn iso_year(&self) -> i64 {
        civil(self.days - weekday(self.days) + 3).0
    }

    fn week(&self) -> i64 {
        let thursday = self.days - weekday(self.days) + 3;
        (thursday - days_from_civil(self.iso_year(), 1, 1)) / 7 + 1
    }
}

/// Monday 0 to Sunday 6; 1970-01-01 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Year, month and day of the day this many days after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last; eras are 400 years long.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to this day.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in_year(year: i64) -> i64 {
    days_from_civil(year + 1, 1, 1) - days_from_civil(year, 1, 1)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1)
}

/// How many weeks of ISO 8601 a year has: 53 when it begins or ends on a Thursday.
fn weeks_in_year(year: i64) -> i64 {
    let thursday = |days| weekday(days) == 3;
    let long = thursday(days_from_civil(year, 1, 1)) || thursday(days_from_civil(year, 12, 31));
    52 + i64::from(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(days: i64, expected: [f64; 6]) {
        let moment = Moment::new(days * MICROS_PER_DAY);
        let parts =
            [Part::Year, Part::Month, Part::Day, Part::Weekday, Part::Week, Part::DayOfYear];
        assert_eq!(parts.map(|p| moment.number(p)), expected);
    }

    #[test] // pandas 3.1.1: Timestamp(...).isocalendar(), dayofyear
    fn days_have_their_place_in_the_calendar() {
        check(0, [1970.0, 1.0, 1.0, 3.0, 1.0, 1.0]);
        check(-1, [1969.0, 12.0, 31.0, 2.0, 1.0, 365.0]);
        check(11_016, [2000.0, 2.0, 29.0, 1.0, 9.0, 60.0]);
        check(18_627, [2020.0, 12.0, 31.0, 3.0, 53.0, 366.0]);
        check(18_628, [2021.0, 1.0, 1.0, 4.0, 53.0, 1.0]);
    }

    #[test]
    fn every_day_of_a_thousand_years_follows_the_one_before() {
        for days in -200_000..200_000 {
            let (year, month, day) = civil(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in_month(year, month)).contains(&day));
        }
    }

    #[test]
    fn the_ends_of_time_have_parts_too() {
        for micros in [i64::MIN + 1, i64::MAX] {
            let moment = Moment::new(micros);
            assert!((1.0..=53.0).contains(&moment.number(Part::Week)));
            assert!((0.0..1.0).contains(&moment.turn(Part::DayOfYear)));
        }
    }

    #[test]
    fn seconds_before_1970_count_forward() {
        let moment = Moment::new(-MICROS_PER_SECOND);
        assert_eq!(
            [Part::Hour, Part::Minute, Part::Second].map(|p| moment.number(p)),
            [23.0, 59.0, 59.0]
        );
    }
}
