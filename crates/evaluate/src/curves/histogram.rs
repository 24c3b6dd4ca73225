//! Histograms: of any numbers, and of scores by class.

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many numbers lie in each of some equally wide bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bins {
    /// Where the first bin begins, the smallest number.
    pub from: f64,
    /// Where the last bin ends, the largest number.
    pub to: f64,
    /// The numbers in each bin; one on a border is in the upper bin, the largest in the last.
    pub counts: Vec<u64>,
}

/// How scores are spread among the rows of a class and among the others, over the same bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreHistogram {
    /// Rows of the class.
    pub of_class: Bins,
    /// Other rows.
    pub others: Bins,
}

impl Bins {
    /// The histogram of `values` from their smallest to their largest.
    ///
    /// # Errors
    /// [`Error::Data`] without values or when one is not finite; [`Error::Setting`] without bins or
    /// for more than 10,000.
    ///
    /// ```
    /// # use gristmill_evaluate::curves::Bins;
    /// assert_eq!(Bins::new(&[0.0, 1.0, 1.5, 3.0], 3)?.counts, [1, 2, 1]);
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(values: &[f64], bins: usize) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::data("there are no rows to draw a histogram of"));
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::data("a number for the histogram is missing or infinite"));
        }
        let from = values.iter().copied().fold(f64::INFINITY, f64::min);
        let to = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::between(values.iter().copied(), from, to, bins)
    }

    fn between(values: impl Iterator<Item = f64>, from: f64, to: f64, bins: usize) -> Result<Self> {
        const MOST: usize = 10_000;
        if bins == 0 || bins > MOST {
            return Err(Error::setting("bins", bins, format!("between 1 and {MOST}, such as 30")));
        }
        let mut counts = vec![0; bins];
        // Half of each, because the whole may be wider than the largest number.
        let width = (to / 2.0 - from / 2.0) / bins as f64;
        for value in values {
            let at = if width > 0.0 { (value / 2.0 - from / 2.0) / width } else { 0.0 };
            counts[(at as usize).min(bins - 1)] += 1;
        }
        Ok(Self { from, to, counts })
    }
}

impl ScoreHistogram {
    /// The histograms of probabilities between 0 and 1 in `bins` bins.
    ///
    /// # Errors
    /// [`Error::Data`] for a probability that is not between 0 and 1; [`Error::Setting`] without
    /// bins; [`Error::Bug`] when the lengths differ.
    ///
    /// ```
    /// # use gristmill_evaluate::curves::ScoreHistogram;
    /// let histogram = ScoreHistogram::new(&[true, false, true], &[0.9, 0.2, 0.4], 2)?;
    /// assert_eq!((histogram.of_class.counts, histogram.others.counts), (vec![1, 1], vec![1, 0]));
    /// # Ok::<(), gristmill_core::Error>(())
    /// ```
    pub fn new(truth: &[bool], probabilities: &[f64], bins: usize) -> Result<Self> {
        if truth.len() != probabilities.len() {
            let (found, rows) = (probabilities.len(), truth.len());
            return Err(Error::Bug(format!("{found} probabilities for {rows} rows")));
        }
        if let Some(p) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(Error::data(format!("{p} is no probability")));
        }
        let side = |wanted: bool| {
            let rows = truth.iter().zip(probabilities).filter(move |(t, _)| **t == wanted);
            Bins::between(rows.map(|(_, p)| *p), 0.0, 1.0, bins)
        };
        Ok(Self { of_class: side(true)?, others: side(false)? })
    }
}
