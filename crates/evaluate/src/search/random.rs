//! Points by chance: each coordinate by itself, evenly over its range.

use gristmill_core::{Random, Seed};

use super::{Interval, Point, Range, Scale, Space};

pub(super) fn draw(space: &Space, seed: Seed) -> Point {
    let mut random = seed.random();
    space.draw(&mut |_, range| coordinate(range, &mut random))
}

pub(super) fn coordinate(range: &Range, random: &mut Random) -> f64 {
    match range {
        Range::Choice(all) => random.below(all.len()) as f64,
        Range::Number(interval) => interval.at(random.unit()),
        Range::Whole(interval) => {
            // Every whole number has a stretch of its own, those at the ends too.
            let wide = Interval { low: interval.low - 0.5, high: interval.high + 0.5, ..*interval };
            let wide = if wide.low > 0.0 { wide } else { Interval { low: interval.low, ..wide } };
            wide.at(random.unit())
        }
    }
}

impl Interval {
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
