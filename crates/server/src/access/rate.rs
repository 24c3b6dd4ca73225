//! How often one caller may ask. Method: a bucket of tokens for each caller, which fills up evenly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use gristmill_core::Timestamp;

/// How many callers are counted apart.
const MOST: usize = 10_000;

/// How often one caller may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests a second, over time.
    pub per_second: f64,
    /// Requests at once, after a while of silence.
    pub burst: f64,
}

impl Default for Rate {
    /// 1,000 a second, and 5,000 at once.
    fn default() -> Self {
        Self { per_second: 1_000.0, burst: 5_000.0 }
    }
}

/// Counts callers by name.
pub(crate) struct Rates {
    rate: Rate,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Whether `name` may ask once more now.
    pub(super) fn take(&self, name: &str, now: Timestamp) -> bool {
        // A count that another thread left in the middle is off by one at most.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(name) {
            let rate = self.rate;
            buckets.retain(|_, bucket| bucket.filled(rate, now) < rate.burst);
        }
        let full = || Bucket { left: self.rate.burst, at: now };
        let bucket = buckets.entry(name.to_string()).or_insert_with(full);
        bucket.left = bucket.filled(self.rate, now);
        bucket.at = now;
        let may = bucket.left >= 1.0;
        if may {
            bucket.left -= 1.0;
        }
        may
    }
}

impl Bucket {
    fn filled(&self, rate: Rate, now: Timestamp) -> f64 {
        let seconds = (now.0 - self.at.0).max(0) as f64 / 1e6;
        (self.left + seconds * rate.per_second).min(rate.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: 2 at once, then one each half second
    fn a_caller_waits_when_the_bucket_is_empty() {
        let rates = Rates::new(Rate { per_second: 2.0, burst: 2.0 });
        let take = |name, millis: i64| rates.take(name, Timestamp(millis * 1_000));
        assert!(take("a", 0) && take("a", 0) && !take("a", 0));
        assert!(take("b", 0), "another caller has a bucket of its own");
        assert!(!take("a", 400) && take("a", 500) && !take("a", 501));
        assert!(take("a", 10_000) && take("a", 10_000) && !take("a", 10_000));
    }

    #[test]
    fn callers_who_are_silent_are_forgotten() {
        let rates = Rates::new(Rate { per_second: 1.0, burst: 1.0 });
        for number in 0..MOST + 10 {
            assert!(rates.take(&number.to_string(), Timestamp(number as i64 * 1_000_000)));
        }
        assert!(rates.buckets.lock().unwrap().len() < MOST);
    }
}
