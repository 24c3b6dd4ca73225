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
    /// A reference without any row of a season; `all` says where values are counted. Of texts it knows the lengths
    /// alone, and of images how bright they are.
    pub fn new(season: Season, all: Reference) -> Self {
        Self { season, all: all.without_vectors(), slots: BTreeMap::new() }
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

#[cfg(test)]
mod tests {
    use gristmill_core::Profile;
    use gristmill_testkit::table;

    use super::*;
    use crate::DriftSettings;

    /// A value for every five minutes of some days: about 10 by day and about 50 by night.
    fn days(from: i64, to: i64) -> (Table, Vec<Timestamp>) {
        let moments: Vec<i64> = (from * 288..to * 288).map(|i| i * 300_000_000).collect();
        let value = |at: &i64| {
            let hour = at.div_euclid(HOUR).rem_euclid(24);
            let base = if (6..22).contains(&hour) { 10.0 } else { 50.0 };
            base + (at / 300_000_000 % 7) as f64
        };
        let rows = table().numbers("load", moments.iter().map(value)).build();
        (rows, moments.into_iter().map(Timestamp).collect())
    }

    fn learned(season: Season) -> SeasonalReference {
        let (rows, at) = days(0, 30);
        let all = Reference::of(&Profile::learn(&rows).unwrap());
        let mut reference = SeasonalReference::new(season, all);
        reference.update(&rows, &at).unwrap();
        reference
    }

    /// Whether the rows of some hours of a day count as drifted.
    fn drifted(hours: std::ops::Range<i64>, seasonal: bool) -> bool {
        let reference = learned(Season::HourOfDay);
        let (rows, at) = days(40, 44);
        let wanted = |at: &Timestamp| hours.contains(&at.0.div_euclid(HOUR).rem_euclid(24));
        let kept: Vec<u32> =
            (0..).zip(&at).filter(|(_, at)| wanted(at)).map(|(row, _)| row).collect();
        let at: Vec<Timestamp> = at.into_iter().filter(wanted).collect();
        let mut window = Window::new(reference.all());
        window.update(reference.all(), &rows.take(&kept).unwrap()).unwrap();
        let against = match seasonal {
            true => reference.for_slots(&reference.slots_of(&at)).unwrap(),
            false => reference.all().clone(),
        };
        DriftSettings::default().judge(&against, &window).unwrap().drifted
    }

    #[test]
    fn nights_are_drift_from_days_and_none_from_nights() {
        assert!(drifted(0..5, false) && !drifted(0..5, true));
        assert!(!drifted(0..24, false) && !drifted(0..24, true));
        assert!(!drifted(3..12, true));
    }

    #[test] // by hand: 2026-11-30T16:39:00Z was a Monday
    fn moments_have_their_hour_and_their_day() {
        let monday = Timestamp(1_796_056_740_000_000);
        let slots =
            [Season::HourOfDay, Season::DayOfWeek, Season::HourOfWeek].map(|s| s.slot(monday));
        assert_eq!(slots, [16, 0, 16]);
        assert_eq!(Season::DayOfWeek.slot(Timestamp(-1)), 2);
        assert_eq!(Season::HourOfWeek.slot(Timestamp(-1)), 3 * 24 - 1);
        assert!(Season::HourOfWeek.slot(Timestamp(i64::MAX)) < 168);
    }

    #[test]
    fn no_slot_is_stretched_and_all_slots_together_are_all_rows() {
        let reference = learned(Season::DayOfWeek);
        let (_, at) = days(0, 28);
        let whole = reference.for_slots(&reference.slots_of(&at)).unwrap();
        // 30 days have four of each day of the week at least.
        assert_eq!(whole.rows, 28 * 288);
        let monday = reference.for_slots(&[288, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((monday.rows, monday.columns[0].count()), (4 * 288, 4 * 288));
    }

    #[test]
    fn a_slot_without_a_reference_is_refused() {
        let (rows, at) = days(0, 1);
        let all = Reference::of(&Profile::learn(&rows).unwrap());
        let mut reference = SeasonalReference::new(Season::DayOfWeek, all.clone());
        assert!(reference.update(&rows, &at[1..]).is_err());
        reference.update(&rows, &at).unwrap();
        assert!(reference.for_slots(&[1, 0, 0, 0, 0, 0, 0]).is_err());
        assert_eq!(reference.for_slots(&[0; 7]).unwrap(), all);
    }
}
