//! One field of a cron expression as a set of numbers.

use crate::nearest::nearest;
use crate::schedule::ScheduleError;

pub(super) const MINUTE: Field = Field { name: "minute", low: 0, high: 59, names: &[] };
pub(super) const HOUR: Field = Field { name: "hour", low: 0, high: 23, names: &[] };
pub(super) const DAY: Field = Field { name: "day of the month", low: 1, high: 31, names: &[] };
pub(super) const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// Sunday is 0 and 7.
pub(super) const WEEKDAY: Field = Field {
    name: "day of the week",
    low: 0,
    high: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    low: u32,
    high: u32,
    /// Names of the numbers from `low` on, in lower case.
    names: &'static [&'static str],
}

impl Field {
    /// The numbers that one item of a field's list stands for, as bits: `*`, `4`, `mon`, `1-5`,
    /// `*/15`, `0-30/10`.
    pub(super) fn item(&self, item: &str) -> Result<u64, ScheduleError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(item, step)?)),
            None => (item, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((low, high)) => self.range(item, low, high)?,
            None => {
                let only = self.number(range)?;
                if step.is_some() {
                    let written = format!("`{range}-{}/{}`", self.high, step.unwrap_or(1));
                    let error = self.refuse(item, "a range before `/`");
                    return Err(error.with_hint(format!("write {written}")));
                }
                (only, only)
            }
        };
        let step = step.unwrap_or(1) as usize;
        Ok((low..=high).step_by(step).fold(0, |bits, number| bits | 1 << number))
    }

    /// The number that a text is or names.
    pub(super) fn number(&self, text: &str) -> Result<u32, ScheduleError> {
        let lower = text.to_lowercase();
        if let Some(at) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.low + at as u32);
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits && (self.low..=self.high).contains(&number) => Ok(number),
            _ => {
                let start: String = lower.chars().take(3).collect();
                let meant = nearest(&lower, self.names.iter().copied())
                    .or_else(|| self.names.iter().copied().find(|name| *name == start));
                let hint = meant.map(|name| format!("did you mean `{name}`?"));
                Err(self.refuse(text, &self.numbers()).maybe_hint(hint))
            }
        }
    }

    pub(super) fn refuse(&self, found: &str, expected: &str) -> ScheduleError {
        let found = match found {
            "" => format!("nothing as {}", self.name),
            found => format!("the {} `{found}`", self.name),
        };
        ScheduleError::new("cron", found, expected)
    }

    fn range(&self, item: &str, low: &str, high: &str) -> Result<(u32, u32), ScheduleError> {
        let (low, mut high) = (self.number(low)?, self.number(high)?);
        // A week that ends with `sun` ends with 7.
        if self.high == WEEKDAY.high && high == 0 && low > 0 {
            high = WEEKDAY.high;
        }
        if low > high {
            return Err(self.refuse(item, "a range from the smaller to the larger"));
        }
        Ok((low, high))
    }

    fn step(&self, item: &str, step: &str) -> Result<u32, ScheduleError> {
        let digits = step.bytes().all(|b| b.is_ascii_digit());
        match step.parse::<u32>() {
            Ok(step) if digits && (1..=self.high).contains(&step) => Ok(step),
            _ => Err(self.refuse(item, &format!("a step from 1 to {} behind `/`", self.high))),
        }
    }

    fn numbers(&self) -> String {
        let Self { low, high, .. } = self;
        match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!("{low} to {high}, or {first} to {last}"),
            _ => format!("{low} to {high}"),
        }
    }
}
