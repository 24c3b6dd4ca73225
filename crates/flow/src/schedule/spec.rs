//! A schedule as a pipeline file spells it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cron::Cron;
use super::{Rhythm, Schedule, ScheduleError};
use crate::nearest::nearest;

/// When a pipeline runs by itself: `{cron: "0 3 * * *", timezone: Europe/Vienna}` or
/// `{every: 15m}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSpec {
    /// Minute, hour, day of the month, month and day of the week, as cron takes them.
    ///
    /// `*`, lists `1,15`, ranges `1-5`, steps `*/15` and `0-30/10`, names `jan`, `mon`; days of
    /// the week from 0, Sunday, to 7, again Sunday. `L` is the last day of a month, `LW` its last
    /// from Monday to Friday, `5L` its last Friday, `5#3` its third. Where neither of the two
    /// days begins with `*`, one of them suffices. `@hourly`, `@daily`, `@weekly`, `@monthly` and
    /// `@yearly` are understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// A length of time in place of `cron`: a whole number and its unit, such as 90s, 15m, 24h,
    /// 7d or 2w.
    ///
    /// Counted from 1970-01-01T00:00Z, so that a restart changes nothing; `24h` is midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    /// The time zone of `cron` by its name, such as Europe/Vienna; UTC when absent.
    ///
    /// When the clocks are turned: a time of the day that comes twice counts the first time, one
    /// that is jumped over counts right after the jump. A cron that runs in every hour goes by
    /// real time instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What becomes of moments that were missed, as while nothing was running.
    pub catch_up: CatchUp,
    /// The first moment that counts: `2026-01-01`, `2026-01-01T06:00` in the zone, or
    /// `2026-01-01T06:00Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first moment that no longer counts, written as `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What becomes of moments that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// The newest of them runs, the others do not.
    #[default]
    Latest,
    /// Each of them runs, the oldest first.
    All,
    /// None of them runs; only a moment that is not older than a minute does.
    None,
}

/// One schedule or several. Each of several keeps its own account of what it last ran.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ScheduleSpecs {
    /// One schedule.
    One(ScheduleSpec),
    /// A list of schedules.
    Many(Vec<ScheduleSpec>),
}

impl ScheduleSpecs {
    /// The schedules in the order of the file.
    pub fn as_slice(&self) -> &[ScheduleSpec] {
        match self {
            Self::One(spec) => std::slice::from_ref(spec),
            Self::Many(specs) => specs,
        }
    }
}

impl ScheduleSpec {
    /// The schedule that it describes.
    ///
    /// # Errors
    /// Neither or both of `cron` and `every`; fields of `cron` that make no sense, and days that
    /// no year has; unknown time zones; intervals of nothing; a `from` that is not before `until`.
    pub fn check(&self) -> Result<Schedule, ScheduleError> {
        let zone = self.zone()?;
        let rhythm = match (&self.cron, &self.every) {
            (Some(cron), None) => Rhythm::Cron { cron: Cron::parse(cron)?, zone: zone.clone() },
            (None, Some(every)) => {
                if let Some(zone) = &self.timezone {
                    let expected = "no time zone beside `every`, which counts real time";
                    return Err(ScheduleError::new("timezone", format!("`{zone}`"), expected));
                }
                Rhythm::Every { micros: micros(every)? }
            }
            (Some(_), Some(_)) => {
                return Err(ScheduleError::new(
                    "schedule",
                    "both `cron` and `every`",
                    "one of them",
                ));
            }
            (None, None) => {
                let error = ScheduleError::new("schedule", "neither", "`cron` or `every`");
                return Err(error.with_hint("`cron: 0 3 * * *` is three o'clock every night"));
            }
        };
        let from = moment("from", self.from.as_deref(), &zone)?.unwrap_or(i64::MIN);
        let until = moment("until", self.until.as_deref(), &zone)?.unwrap_or(i64::MAX);
        if from >= until {
            let found = format!("`{}`", self.until.as_deref().unwrap_or_default());
            return Err(ScheduleError::new("until", found, "a moment after `from`"));
        }
        Ok(Schedule { rhythm, from, until, catch_up: self.catch_up })
    }

    fn zone(&self) -> Result<TimeZone, ScheduleError> {
        let Some(name) = &self.timezone else { return Ok(TimeZone::UTC) };
        TimeZone::get(name).map_err(|_| {
            let known: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
            let hint = nearest(name, known.iter().map(String::as_str))
                .map(|meant| format!("did you mean `{meant}`?"));
            let expected = "a time zone such as `Europe/Vienna` or `UTC`";
            ScheduleError::new("timezone", format!("`{name}`"), expected).maybe_hint(hint)
        })
    }
}

/// A length of time in microseconds.
fn micros(text: &str) -> Result<i64, ScheduleError> {
    const LONGEST: i64 = 400 * 366 * 86_400;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let seconds = match &text[digits..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => 0,
    };
    let number = text[..digits].parse::<i64>().unwrap_or(0);
    match number.checked_mul(seconds) {
        Some(seconds @ 1..=LONGEST) => Ok(seconds * 1_000_000),
        _ => Err(ScheduleError::new(
            "every",
            format!("`{text}`"),
            "a whole number above 0 with its unit, such as 90s, 15m, 24h, 7d or 2w",
        )),
    }
}

/// A moment with its offset, or a time or date of the zone's calendar.
fn moment(
    setting: &'static str,
    text: Option<&str>,
    zone: &TimeZone,
) -> Result<Option<i64>, ScheduleError> {
    let Some(text) = text else { return Ok(None) };
    let exact = text.parse::<Timestamp>();
    let local = || text.parse::<DateTime>().and_then(|t| zone.to_timestamp(t));
    match exact.or_else(|_| local()) {
        Ok(moment) => Ok(Some(moment.as_microsecond())),
        Err(_) => Err(ScheduleError::new(
            setting,
            format!("`{text}`"),
            "a moment such as 2026-01-01, 2026-01-01T06:00 or 2026-01-01T06:00Z",
        )),
    }
}
