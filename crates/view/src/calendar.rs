//! Days and hours along an axis; moments are microseconds since 1970-01-01 in UTC.
//! The calendar arithmetic follows Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".

use crate::ticks::Ticks;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Moments that an axis shows: the years 1 to 9999, within which every sum below is exact.
const FIRST: f64 = -62_135_596_800e6;
const LAST: f64 = 253_402_300_799e6;

/// What lies between two ticks.
#[derive(Clone, Copy)]
enum Step {
    Micros(i64),
    Months(i64),
}

/// From one second to five centuries.
const STEPS: [Step; 30] = [
    Step::Micros(SECOND),
    Step::Micros(5 * SECOND),
    Step::Micros(15 * SECOND),
    Step::Micros(30 * SECOND),
    Step::Micros(60 * SECOND),
    Step::Micros(300 * SECOND),
    Step::Micros(900 * SECOND),
    Step::Micros(1800 * SECOND),
    Step::Micros(3600 * SECOND),
    Step::Micros(3 * 3600 * SECOND),
    Step::Micros(6 * 3600 * SECOND),
    Step::Micros(12 * 3600 * SECOND),
    Step::Micros(DAY),
    Step::Micros(2 * DAY),
    Step::Micros(5 * DAY),
    Step::Micros(10 * DAY),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(240),
    Step::Months(600),
    Step::Months(1200),
    Step::Months(2400),
    Step::Months(6000),
    Step::Months(12_000),
];

impl Step {
    /// About how long it is.
    fn micros(self) -> i64 {
        match self {
            Self::Micros(micros) => micros,
            Self::Months(months) => months * 2_629_746 * SECOND,
        }
    }
}

/// Round moments within the range, at most about `wanted` of them.
pub(crate) fn ticks(low: f64, high: f64, wanted: usize) -> Ticks {
    let (low, high) = (low.clamp(FIRST, LAST) as i64, high.clamp(FIRST, LAST) as i64);
    let fits = |step: &Step| (high - low) / step.micros() <= wanted.max(1) as i64;
    let step = STEPS.into_iter().find(fits).unwrap_or(Step::Months(12_000));
    let at = match step {
        Step::Micros(micros) => multiples(low, high, micros),
        Step::Months(months) => months_between(low, high, months),
    };
    let mut last_day = None;
    let mut words: Vec<String> =
        at.iter().map(|&moment| word(moment, step, &mut last_day)).collect();
    say_year(&mut words, &at);
    Ticks { at: at.into_iter().map(|m| m as f64).collect(), words }
}

/// Sees to it that some word holds the year.
fn say_year(words: &mut [String], at: &[i64]) {
    let is_year = |word: &String| word.bytes().all(|b| b.is_ascii_digit());
    if words.iter().any(is_year) {
        return;
    }
    if let (Some(word), Some(moment)) = (words.first_mut(), at.first()) {
        word.push_str(&format!(" {}", date(moment.div_euclid(DAY)).0));
    }
}

/// A moment as `2024-03-05`, with the time of day unless it is midnight.
pub(crate) fn moment(micros: f64) -> String {
    if !(FIRST..=LAST).contains(&micros) {
        return crate::number(micros);
    }
    let micros = micros as i64;
    let (year, month, day) = date(micros.div_euclid(DAY));
    let seconds = micros.rem_euclid(DAY) / SECOND;
    match seconds {
        0 => format!("{year:04}-{month:02}-{day:02}"),
        s if s % 60 == 0 => format!("{year:04}-{month:02}-{day:02} {}", clock(s)),
        s => format!("{year:04}-{month:02}-{day:02} {}:{:02}", clock(s), s % 60),
    }
}

fn multiples(low: i64, high: i64, step: i64) -> Vec<i64> {
    let first = low.div_euclid(step) + i64::from(low.rem_euclid(step) != 0);
    (first..=high.div_euclid(step)).map(|i| i * step).collect()
}

fn months_between(low: i64, high: i64, step: i64) -> Vec<i64> {
    let (year, month, _) = date(low.div_euclid(DAY));
    let first = (year * 12 + month - 1).div_euclid(step);
    let moments = (first..).map(|i| {
        let months = i * step;
        days(months.div_euclid(12), months.rem_euclid(12) + 1) * DAY
    });
    moments.skip_while(|m| *m < low).take_while(|m| *m <= high).collect()
}

/// The word of a tick: what has changed since the one before.
fn word(moment: i64, step: Step, last_day: &mut Option<i64>) -> String {
    let day_number = moment.div_euclid(DAY);
    let (year, month, day) = date(day_number);
    let name = MONTHS[(month - 1) as usize];
    let new_day = last_day.replace(day_number) != Some(day_number);
    match step {
        Step::Months(months) if months >= 12 || month == 1 => year.to_string(),
        Step::Months(_) => name.to_string(),
        Step::Micros(micros) if micros >= DAY || new_day => format!("{day} {name}"),
        Step::Micros(micros) => {
            let seconds = moment.rem_euclid(DAY) / SECOND;
            if micros >= 60 * SECOND {
                clock(seconds)
            } else {
                format!("{}:{:02}", clock(seconds), seconds % 60)
            }
        }
    }
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The number of days since 1970-01-01 at which a month begins.
fn days(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let of_year = (153 * shifted_month + 2) / 5;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds since 1970, by `date -u -d 2024-03-05T14:05 +%s`.
    const AFTERNOON: f64 = 1_709_647_500e6;

    #[test]
    fn a_moment_is_written_as_short_as_it_can_be() {
        assert_eq!(moment(AFTERNOON), "2024-03-05 14:05");
        assert_eq!(moment(0.0), "1970-01-01");
        assert_eq!(moment(-1e6), "1969-12-31 23:59:59");
        assert_eq!(moment(f64::NAN), "–");
    }

    #[test]
    fn days_and_dates_agree_for_ten_centuries() {
        for year in 1500..2500 {
            for month in 1..=12 {
                assert_eq!(date(days(year, month)), (year, month, 1));
            }
        }
    }

    #[test]
    fn ticks_are_round_in_their_unit() {
        assert_eq!(ticks(AFTERNOON, AFTERNOON + 3e9, 5).words, ["5 Mar 2024", "14:30", "14:45"]);
        assert_eq!(ticks(0.0, 400.0 * 86_400e6, 5).words, ["1970", "Apr", "Jul", "Oct", "1971"]);
        assert_eq!(ticks(0.0, 40.0 * 365.0 * 86_400e6, 5).words, ["1970", "1980", "1990", "2000"]);
    }

    #[test]
    fn no_range_is_too_short_or_too_long() {
        assert!(ticks(0.0, 10.0, 5).at.len() <= 1);
        assert!(ticks(-1e300, 1e300, 5).at.len() <= 12);
    }
}
