//! The figures that [`super::Rolling`] knows, over windows of places.

use std::ops::Range;

use super::aggregates::{Extremes, Line, Stats, fold_windows};
use super::medians::medians;
use super::rolling::{Current, Facts, RollingFunction, Window};
use super::sequence::Sorted;

impl Sorted {
    /// The places that each place looks at, all of its group.
    pub(super) fn windows(&self, window: Window, current: Current) -> Vec<Range<u32>> {
        let end = |place: usize| match current {
            Current::Included => place as u32 + 1,
            Current::Excluded => place as u32,
        };
        match window {
            Window::Rows(rows) => {
                let rows = u32::try_from(rows).unwrap_or(u32::MAX);
                let start = |place: usize| end(place).saturating_sub(rows);
                let places = self.starts.iter().enumerate();
                places.map(|(at, &group)| start(at).max(group)..end(at)).collect()
            }
            Window::Time(duration) => {
                let mut start = 0;
                let places = self.starts.iter().enumerate();
                places
                    .map(|(at, &group)| {
                        start = start.max(group as usize);
                        while start < at && self.distance(start, at) >= duration.seconds() {
                            start += 1;
                        }
                        (start as u32).min(end(at))..end(at)
                    })
                    .collect()
            }
        }
    }
}

/// Each of the functions over each of the windows.
pub(super) fn figures(
    facts: &Facts,
    values: &[f64],
    sorted: &Sorted,
    windows: &[Range<u32>],
) -> Vec<Vec<f64>> {
    use RollingFunction as F;
    let stats = fold_windows(values.iter().map(|&v| Stats::of(v)).collect(), windows);
    let extremes = facts
        .functions
        .iter()
        .any(|f| matches!(f, F::Min | F::Max))
        .then(|| fold_windows(values.iter().map(|&v| Extremes::of(v)).collect(), windows));
    let extremes = extremes.unwrap_or_default();
    let least = facts.min_periods as f64;
    let known = |figures: Vec<f64>| {
        let enough = |(figure, stats): (f64, &Stats)| {
            if stats.count < least { f64::NAN } else { figure }
        };
        figures.into_iter().zip(&stats).map(enough).collect()
    };
    let figure = |function: &F| match function {
        F::Count => stats.iter().map(|s| s.count).collect(),
        F::Mean => known(stats.iter().map(|s| s.mean()).collect()),
        F::Sum => known(stats.iter().map(|s| s.sum).collect()),
        F::Std => known(stats.iter().map(|s| s.deviation()).collect()),
        F::Min => known(extremes.iter().map(|e| e.min).collect()),
        F::Max => known(extremes.iter().map(|e| e.max).collect()),
        F::Median => known(medians(values, windows)),
        F::Slope => known(slopes(values, sorted, windows)),
    };
    facts.functions.iter().map(figure).collect()
}

fn slopes(values: &[f64], sorted: &Sorted, windows: &[Range<u32>]) -> Vec<f64> {
    let points = values.iter().enumerate().map(|(at, &value)| Line::of(sorted.axis(at), value));
    let lines = fold_windows(points.collect(), windows);
    lines.iter().map(|line| line.slope() * sorted.axis_unit()).collect()
}
