//! Points by chance: each coordinate by itself, evenly over its range.

use gristmill_core::Random;

use super::{Interval, Point, Range, Scale, Space};

pub(super) fn draw(space: &Space, random: &mut Random) -> Point {
    space.draw(&mut |_, range| coordinate(range, random))
}

pub(super) fn coordinate(range: &Range, random: &mut Random) -> f64 {
    match range {
        Range::Choice(all) => random.below(all.len()) as f64,
        Range::Number(interval) | Range::Whole(interval) => interval.wide().at(random.unit()),
    }
}

impl Interval {
    /// The interval in which each of its numbers, where they can be counted, has a stretch of its own,
    /// those at the ends too.
    pub(super) fn wide(&self) -> Self {
        let half = 0.5 * self.step.unwrap_or_default();
        let low = self.low - half;
        let has_logarithm = self.scale == Scale::Linear || low > 0.0;
        Self { low: if has_logarithm { low } else { self.low }, high: self.high + half, ..*self }
    }

    /// The number at this share of the way from the least to the greatest.
    pub(super) fn at(&self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.low + share * (self.high - self.low),
            Scale::Log => (self.low.ln() + share * (self.high.ln() - self.low.ln())).exp(),
        }
    }

    /// How far along the way a number is, from 0 to 1.
    pub(super) fn share(&self, at: f64) -> f64 {
        let (low, high, at) = match self.scale {
            Scale::Linear => (self.low, self.high, at),
            Scale::Log => (self.low.ln(), self.high.ln(), at.max(f64::MIN_POSITIVE).ln()),
        };
        if high > low { ((at - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}
