//! ISO 8601 days and moments as numbers, and back.
//! Method: the proleptic Gregorian calendar counted in eras of 400 years that begin in March, as in
//! Hinnant, *chrono-Compatible Low-Level Date Algorithms*, 2013.

/// Microseconds in a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

const MICROS_PER_SECOND: i64 = 1_000_000;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// Days since 1970 of a text `YYYY-MM-DD` that is a day of the calendar.
pub(crate) fn day(text: &[u8]) -> Option<i32> {
    (text.len() == 10).then(|| leading_day(text)).flatten()
}

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM[:SS[.fraction]]`, with `T` for the space if liked, and
/// whether a zone (`Z`, `+HH:MM`, `+HHMM`, `+HH`) follows. Digits beyond the microsecond are cut.
pub(crate) fn moment(text: &[u8]) -> Option<(i64, bool)> {
    let day = leading_day(text)?;
    if !matches!(text.get(10)?, b' ' | b'T' | b't') {
        return None;
    }
    let (micros, rest) = time_of_day(text.get(11..)?)?;
    let (offset, zoned) = zone(rest)?;
    Some((i64::from(day) * MICROS_PER_DAY + micros - offset, zoned))
}

/// A day as `YYYY-MM-DD`.
pub(crate) fn write_day(day: i32) -> String {
    let (year, month, day) = civil(i64::from(day));
    format!("{year:04}-{month:02}-{day:02}")
}

/// A moment as `YYYY-MM-DDTHH:MM:SS`, with microseconds where there are any.
pub(crate) fn write_moment(micros: i64) -> String {
    let (year, month, day) = civil(micros.div_euclid(MICROS_PER_DAY));
    let time = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (time / MICROS_PER_SECOND, time % MICROS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction == 0 { text } else { format!("{text}.{fraction:06}") }
}

fn leading_day(text: &[u8]) -> Option<i32> {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = text.get(..10)? else { return None };
    let (year, month, day) = (digits(y)?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    i32::try_from(days(year, month, day)).ok()
}

fn time_of_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    let (second, fraction, rest) = match rest {
        [b':', s1, s2, rest @ ..] => {
            let (fraction, rest) = fraction(rest)?;
            (digits(&[*s1, *s2])?, fraction, rest)
        }
        rest => (0, 0, rest),
    };
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    Some(((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + fraction, rest))
}

fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', rest)) = text.split_first() else { return Some((0, text)) };
    let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let mut micros = 0;
    for at in 0..6 {
        let digit = rest.get(at).filter(|_| at < length).map_or(0, |b| b - b'0');
        micros = micros * 10 + i64::from(digit);
    }
    Some((micros, &rest[length..]))
}

/// The zone's distance from UTC in microseconds, and whether one was named.
fn zone(text: &[u8]) -> Option<(i64, bool)> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, hour, minute): (i64, &[u8], &[u8]) = match text {
        [] => return Some((0, false)),
        b"Z" | b"z" => return Some((0, true)),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let sign = if *sign == b'-' { -1 } else { 1 };
            match rest {
                [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (sign, &[*h1, *h2], &[*m1, *m2]),
                [h1, h2] => (sign, &[*h1, *h2], b"00"),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    (hour < 24 && minute < 60)
        .then(|| (sign * (hour * 3600 + minute * 60) * MICROS_PER_SECOND, true))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, b| b.is_ascii_digit().then(|| value * 10 + i64::from(b - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // against jiff's calendar
    fn every_day_of_eight_centuries_comes_back() {
        let first = jiff::civil::date(1600, 1, 1);
        let mut date = first;
        let mut expected = days(1600, 1, 1) as i32;
        while date.year() < 2400 {
            let text = date.to_string();
            assert_eq!(day(text.as_bytes()), Some(expected));
            assert_eq!(write_day(expected), text);
            date = date.tomorrow().unwrap();
            expected += 1;
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Option<(i64, bool)>) {
        assert_eq!(moment(text.as_bytes()), expected, "{text}");
    }

    #[test] // by hand
    fn moments_with_and_without_zone() {
        check("1970-01-01 00:01", Some((60_000_000, false)));
        check("1970-01-01T00:00:00.5", Some((500_000, false)));
        check("1970-01-01 00:00:00.123456789Z", Some((123_456, true)));
        check("1970-01-01 05:30:00 +05:30", Some((0, true)));
        check("1969-12-31T19:00:00-0500", Some((0, true)));
    }

    #[test]
    fn moments_that_do_not_exist_are_refused() {
        for text in [
            "1970-01-01 24:00:00",
            "1970-01-01 00:60:00",
            "1970-13-01 00:00:00",
            "1970-01-01 00",
            "1970-01-01T00:00:00.",
            "1970-01-01T00:00:00X",
            "1970-01-01T00:00:00+1",
            "1970-01-01",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn moments_are_written_as_they_are_read() {
        for text in ["2012-10-02T09:00:00", "1969-12-31T23:59:59.999999", "0001-01-01T00:00:00"] {
            assert_eq!(write_moment(moment(text.as_bytes()).unwrap().0), text);
        }
    }
}
