//! References that know the hour and the day: nights are held against nights.

use std::collections::BTreeMap;

use gristmill_core::{Error, Result, Table, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;
use crate::Reference;

const HOUR: i64 = 3_600_000_000;
/// 1970-01-01 was a Thursday, three days after a Monday.
const MONDAY: i64 = 3 * 24 * HOUR;

/// What repeats itself. Hours and days are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// The 24 hours of a day.
    HourOfDay,
    /// The 7 days of a week.
    DayOfWeek,
    /// The 168 hours of a week.
    HourOfWeek,
}

impl Season {
    /// The slot that a moment belongs to: hours from midnight, days from Monday.
    ///
    /// ```
    /// # use gristmill_core::Timestamp;
    /// # use gristmill_monitor::Season;
    /// let thursday_at_one = Timestamp(3_600_000_000);
    /// assert_eq!(Season::DayOfWeek.slot(thursday_at_one), 3);
    /// assert_eq!(Season::HourOfWeek.slot(thursday_at_one), 3 * 24 + 1);
    /// ```
    pub fn slot(self, at: Timestamp) -> usize {
        let hours = |since: i64| at.0.saturating_add(since).div_euclid(HOUR);
        let slot = match self {
            Self::HourOfDay => hours(0).rem_euclid(24),
            Self::DayOfWeek => hours(MONDAY).div_euclid(24).rem_euclid(7),
            Self::HourOfWeek => hours(MONDAY).rem_euclid(168),
        };
        usize::try_from(slot).unwrap_or(0)
    }

    /// How many slots there are.
    pub fn slots(self) -> usize {
        match self {
            Self::HourOfDay => 24,
            Self::DayOfWeek => 7,
            Self::HourOfWeek => 168,
        }
    }
}

/// A reference with what each slot of a season looked like. It takes as much memory as one window for
/// each slot.
#[derive(Clone, Debug)]
pub struct SeasonalReference {
    season: Season,
    all: Reference,
    slots: BTreeMap<usize, Window>,
}

impl SeasonalReference {
    /// A reference without any row of a season; `all` says where values are counted.
    pub fn new(season: Season, all: Reference) -> Self {
        Self { season, all, slots: BTreeMap::new() }
    }

    /// Learns from rows of the moments `at`.
    ///
    /// # Errors
    /// As [`Window::update`], and [`Error::Data`] when there is not one moment for each row.
    pub fn update(&mut self, rows: &Table, at: &[Timestamp]) -> Result<()> {
        for (slot, rows) in by_slot(self.season, rows, at)? {
            let window = self.slots.entry(slot).or_insert_with(|| Window::new(&self.all));
            window.update(&self.all, &rows)?;
        }
        Ok(())
    }

    /// Where values are counted, and all rows together.
    pub fn all(&self) -> &Reference {
        &self.all
    }

    /// How many of the moments lie in each slot, to be handed to [`SeasonalReference::for_slots`].
    pub fn slots_of(&self, at: &[Timestamp]) -> Vec<u64> {
        let mut slots = vec![0; self.season.slots()];
        at.iter().for_each(|at| slots[self.season.slot(*at)] += 1);
        slots
    }

    /// Returns what rows would have looked like in the reference, had they come at the same hours and
    /// days: `slots[i]` says how many rows to compare lie in slot i.
    ///
    /// The shares of the slots are mixed as the rows are; the counts are those of the largest sample that
    /// no slot has to be stretched for.
    ///
    /// # Errors
    /// [`Error::Data`] when there are rows in a slot that the reference has none of.
    pub fn for_slots(&self, slots: &[u64]) -> Result<Reference> {
        let total: u64 = slots.iter().sum();
        let wanted: Vec<(&Window, f64)> = slots
            .iter()
            .enumerate()
            .filter(|(_, rows)| **rows > 0)
            .map(|(slot, &rows)| match self.slots.get(&slot).filter(|w| w.rows > 0) {
                Some(window) => Ok((window, rows as f64 / total as f64)),
                None => Err(Error::data_hint(
                    format!("the reference has no row of slot {slot} of {}", self.season.slots()),
                    "give a reference of at least one whole season",
                )),
            })
            .collect::<Result<_>>()?;
        let size = wanted.iter().map(|(window, share)| window.rows as f64 / share);
        let size = size.fold(f64::INFINITY, f64::min);
        if !size.is_finite() {
            return Ok(self.all.clone());
        }
        let mixed = |of: &dyn Fn(&Window) -> u64| -> u64 {
            let sum: f64 =
                wanted.iter().map(|(w, share)| share * of(w) as f64 / w.rows as f64).sum();
            (sum * size).round() as u64
        };
        let mut mix = self.all.clone();
        for (at, column) in mix.columns.iter_mut().enumerate() {
            for place in 0..column.counts.len() {
                column.counts[place] = mixed(&|w| w.columns[at].counts[place]);
            }
            column.missing = mixed(&|w| w.columns[at].missing);
            let moments = wanted
                .iter()
                .filter_map(|(w, share)| w.columns[at].moments.mean().map(|mean| (mean, *share)));
            let (sum, shares) =
                moments.fold((0.0, 0.0), |(s, t), (m, share)| (s + m * share, t + share));
            column.mean = (shares > 0.0).then(|| sum / shares);
        }
        mix.rows = size.round() as u64;
        Ok(mix)
    }
}

/// The rows of each slot.
fn by_slot(season: Season, rows: &Table, at: &[Timestamp]) -> Result<BTreeMap<usize, Table>> {
    if at.len() != rows.rows() {
        return Err(Error::data(format!(
            "{} moments were given for {} rows",
            at.len(),
            rows.rows()
        )));
    }
    let mut of_slot: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for (row, at) in (0_u32..).zip(at) {
        of_slot.entry(season.slot(*at)).or_default().push(row);
    }
    of_slot.into_iter().map(|(slot, at)| Ok((slot, rows.take(&at)?))).collect()
}
