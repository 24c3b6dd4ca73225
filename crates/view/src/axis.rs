//! An axis: what it measures, over which range, and where a value lies on the drawing.

use serde::{Deserialize, Serialize};

use crate::ticks::{self, LIMIT, Ticks};
use crate::{calendar, number, percent};

/// What an axis shows: a label, a kind of value and, where not taken from the data, its ends.
///
/// Values beyond a given end are drawn at that end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// What kind of value it is.
    pub measure: Measure,
    /// Where the axis begins; by default at the least value.
    pub from: Option<f64>,
    /// Where the axis ends; by default at the greatest value.
    pub to: Option<f64>,
}

/// What kind of value an axis shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Numbers, equally spaced.
    #[default]
    Number,
    /// Numbers above 0, spaced by their logarithm; others are gaps.
    Log,
    /// Shares of 1, written in per cent.
    Share,
    /// Microseconds since 1970-01-01 in UTC, written as dates.
    Time,
}

impl Axis {
    /// An axis of numbers.
    pub fn number(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// An axis of numbers above 0, spaced by their logarithm.
    pub fn log(label: impl Into<String>) -> Self {
        Self { measure: Measure::Log, ..Self::number(label) }
    }

    /// An axis of shares from 0 to 1, written in per cent.
    pub fn share(label: impl Into<String>) -> Self {
        Self { measure: Measure::Share, ..Self::number(label) }.between(0.0, 1.0)
    }

    /// An axis of moments in microseconds since 1970-01-01.
    pub fn time(label: impl Into<String>) -> Self {
        Self { measure: Measure::Time, ..Self::number(label) }
    }

    /// The same axis with given ends.
    pub fn between(self, from: f64, to: f64) -> Self {
        Self { from: Some(from), to: Some(to), ..self }
    }

    /// Whether the axis has a place for `value`.
    pub(crate) fn shows(&self, value: f64) -> bool {
        value.is_finite() && (self.measure != Measure::Log || value > 0.0)
    }

    /// `value` in words.
    pub(crate) fn words(&self, value: f64) -> String {
        match self.measure {
            Measure::Number | Measure::Log => number(value),
            Measure::Share => percent(value),
            Measure::Time => calendar::moment(value),
        }
    }

    /// The axis over `values`, with about `wanted` ticks; `ends` says whether it goes on to the
    /// next tick. Without any value it shows 0 to 1.
    pub(crate) fn fit(
        &self,
        values: impl Iterator<Item = f64>,
        mut wanted: usize,
        ends: Ends,
    ) -> Fitted {
        let end =
            |given: Option<f64>| given.filter(|&v| self.shows(v)).map(|v| v.clamp(-LIMIT, LIMIT));
        let (from, to) = match (end(self.from), end(self.to)) {
            (Some(from), Some(to)) if from >= to => (None, None),
            ends => ends,
        };
        let within = |v: f64| v.clamp(from.unwrap_or(-LIMIT), to.unwrap_or(LIMIT));
        let all = values.filter(|&v| self.shows(v)).map(within).chain(from).chain(to);
        let (mut low, mut high) = ticks::range(all).unwrap_or(self.fallback());
        if self.measure == Measure::Log {
            (low, high) = above_zero(low, high);
        }
        if ends == Ends::Round && matches!(self.measure, Measure::Number | Measure::Share) {
            (low, high, wanted) = ticks::nice(low, high, wanted);
        }
        // A given end is kept to the digit; a constant just at it leaves the room on its side.
        low = from.unwrap_or(low);
        high = to.unwrap_or(high);
        let ticks = match self.measure {
            Measure::Number => ticks::linear(low, high, wanted),
            Measure::Log => ticks::log(low, high, wanted),
            Measure::Share => ticks::shares(low, high, wanted),
            Measure::Time => calendar::ticks(low, high, wanted),
        };
        Fitted { label: self.label.clone(), measure: self.measure, low, high, ticks }
    }

    fn fallback(&self) -> (f64, f64) {
        match self.measure {
            Measure::Number | Measure::Share => (0.0, 1.0),
            Measure::Log => (1.0, 10.0),
            Measure::Time => (0.0, 86_400e6),
        }
    }
}

/// A range with both ends above 0: a constant was given room on either side.
fn above_zero(low: f64, high: f64) -> (f64, f64) {
    if low > 0.0 { (low, high) } else { ((high * 0.1).max(f64::MIN_POSITIVE), high) }
}

/// Where an axis ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// At the outermost values.
    Tight,
    /// At the ticks beyond them.
    Round,
}

/// An axis whose range and ticks are settled.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    pub(crate) label: String,
    measure: Measure,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Ticks,
}

impl Fitted {
    /// The same without words: another one says them.
    pub(crate) fn wordless(&self) -> Self {
        let ticks =
            Ticks { at: self.ticks.at.clone(), words: vec![String::new(); self.ticks.at.len()] };
        Self { label: String::new(), ticks, ..self.clone() }
    }

    /// The axis laid out from one pixel to another.
    pub(crate) fn onto(&self, start: f64, end: f64) -> Scale {
        let log = self.measure == Measure::Log;
        let ends = |v: f64| if log { v.ln() } else { v };
        Scale { low: ends(self.low), high: ends(self.high), start, end, log }
    }
}

/// Where values lie on the drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    pub(crate) start: f64,
    pub(crate) end: f64,
    log: bool,
}

impl Scale {
    /// The pixel of a value that the axis shows; the nearest end for one beyond.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).ln() } else { value };
        // Halves, so that the width of a range of huge numbers stays finite.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_between_the_ends() {
        let fitted = Axis::number("x").fit([0.0, 10.0].into_iter(), 5, Ends::Tight);
        let scale = fitted.onto(100.0, 200.0);
        assert_eq!([0.0, 2.5, 10.0, 11.0].map(|v| scale.at(v)), [100.0, 125.0, 200.0, 200.0]);
    }

    #[test]
    fn a_log_axis_shows_nothing_below_zero() {
        let axis = Axis::log("alpha");
        let fitted = axis.fit([-1.0, 0.0, 0.01, 100.0].into_iter(), 5, Ends::Tight);
        assert_eq!((fitted.low, fitted.high), (0.01, 100.0));
        assert!((fitted.onto(0.0, 4.0).at(1.0) - 2.0).abs() < 1e-12);
        assert!(!axis.shows(0.0));
    }

    #[test]
    fn given_ends_win_unless_they_are_turned_around() {
        let axis = Axis::number("x").between(0.0, 1.0);
        assert_eq!(axis.fit([5.0].into_iter(), 5, Ends::Round).high, 1.0);
        let turned =
            Axis::number("x").between(9.0, 1.0).fit([2.0, 3.0].into_iter(), 5, Ends::Tight);
        assert!(turned.low < turned.high);
    }

    #[test]
    fn no_values_of_any_measure_still_give_an_axis() {
        for measure in [Measure::Number, Measure::Log, Measure::Share, Measure::Time] {
            let axis = Axis { measure, ..Axis::default() };
            let fitted = axis.fit([f64::NAN, f64::INFINITY].into_iter(), 5, Ends::Round);
            assert!(fitted.low < fitted.high && fitted.onto(0.0, 1.0).at(fitted.low) == 0.0);
        }
    }
}
