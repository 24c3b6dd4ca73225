//! A sample as the steps of its distribution: each different value with how many there were.

use gristmill_core::{Error, Result};

/// Different values in rising order, each with how many there were: all that the order of a sample
/// says, in as much memory as there are different values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    values: Vec<f64>,
    /// How many values there were up to each, itself included.
    up_to: Vec<u64>,
}

impl Steps {
    /// The steps of a sample. NaN, which is missing, and infinities are left out.
    ///
    /// ```
    /// # use gristmill_monitor::statistics::Steps;
    /// let ages = Steps::of(&[40.0, 30.0, f64::NAN, 40.0]);
    /// assert_eq!((ages.count(), ages.values()), (3, &[30.0, 40.0][..]));
    /// ```
    pub fn of(sample: &[f64]) -> Self {
        let mut sorted: Vec<f64> =
            sample.iter().filter(|v| v.is_finite()).map(|v| v + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut steps = Self::default();
        for equal in sorted.chunk_by(|a, b| a == b) {
            let before = steps.count();
            steps.values.push(equal[0]);
            steps.up_to.push(before + equal.len() as u64);
        }
        steps
    }

    /// Steps that were counted elsewhere. Values that none were counted of are left out.
    ///
    /// # Errors
    /// [`Error::Data`] when the lengths differ, the values do not rise or are not finite, or the counts
    /// sum to more than a 64-bit integer holds.
    pub fn counted(values: &[f64], counts: &[u64]) -> Result<Self> {
        let rising = values.windows(2).all(|w| w[0] < w[1]);
        if values.len() != counts.len() || !rising || values.iter().any(|v| !v.is_finite()) {
            return Err(Error::data("counted values must be finite and rise"));
        }
        let mut steps = Self::default();
        let mut total = 0_u64;
        for (&value, &count) in values.iter().zip(counts).filter(|(_, count)| **count > 0) {
            total = total
                .checked_add(count)
                .ok_or_else(|| Error::data("there are more values than can be counted"))?;
            steps.values.push(value);
            steps.up_to.push(total);
        }
        Ok(steps)
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// The different values, rising.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The population deviation; nothing when there was no value.
    pub fn deviation(&self) -> Option<f64> {
        let total = self.count() as f64;
        let counts = || self.counts().map(|c| c as f64);
        let mean = self.values.iter().zip(counts()).map(|(v, c)| v * (c / total)).sum::<f64>();
        let squares =
            self.values.iter().zip(counts()).map(|(v, c)| (v - mean).powi(2) * (c / total));
        (total > 0.0).then(|| squares.sum::<f64>().sqrt())
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        let before = std::iter::once(&0).chain(&self.up_to);
        self.up_to.iter().zip(before).map(|(up_to, before)| up_to - before)
    }

    /// Calls `visit` with each value of either, rising, and the counts up to it in both.
    pub(super) fn along(&self, other: &Self, mut visit: impl FnMut(f64, u64, u64)) {
        let (mut i, mut j) = (0, 0);
        while i < self.values.len() || j < other.values.len() {
            let mine = self.values.get(i).copied().unwrap_or(f64::INFINITY);
            let theirs = other.values.get(j).copied().unwrap_or(f64::INFINITY);
            let value = mine.min(theirs);
            i += usize::from(mine == value);
            j += usize::from(theirs == value);
            visit(value, Self::before(&self.up_to, i), Self::before(&other.up_to, j));
        }
    }

    fn before(up_to: &[u64], at: usize) -> u64 {
        at.checked_sub(1).map_or(0, |last| up_to[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: mean 2.5, population deviation √1.25
    fn counted_steps_are_those_of_the_sample() {
        let sample = Steps::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(Steps::counted(&[1.0, 2.0, 2.5, 3.0, 4.0], &[1, 1, 0, 1, 1]).unwrap(), sample);
        assert!((sample.deviation().unwrap() - 1.25_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn nothing_has_no_steps() {
        for steps in [Steps::of(&[]), Steps::of(&[f64::NAN, f64::INFINITY])] {
            assert_eq!((steps.count(), steps.deviation()), (0, None));
        }
    }

    #[test]
    fn steps_that_do_not_rise_are_refused() {
        assert!(Steps::counted(&[1.0, 1.0], &[1, 1]).is_err());
        assert!(Steps::counted(&[f64::NAN], &[1]).is_err());
        assert!(Steps::counted(&[1.0], &[1, 1]).is_err());
        assert!(Steps::counted(&[1.0, 2.0], &[u64::MAX, 1]).is_err());
    }
}
