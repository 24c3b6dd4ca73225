//! What a task asks of the engine beside its turn: another try, and room on the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Digest;

/// How often a task that failed is tried again, and how long it rests before each try.
///
/// The rest before the n-th retry is `backoff · factor^(n−1)`, at most `longest`, of which
/// jitter takes away up to half, so that tasks that failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retries {
    /// How many tries there are after the first.
    pub times: u32,
    /// The rest before the first retry.
    pub backoff: Duration,
    /// How much longer each rest is than the one before it; at least 1.
    pub factor: f64,
    /// The longest rest.
    pub longest: Duration,
}

impl Retries {
    /// No second try.
    pub const NONE: Self =
        Self { times: 0, backoff: Duration::ZERO, factor: 1.0, longest: Duration::from_secs(300) };

    /// How long to rest after the attempt with this number, counted from 1, has failed; nothing
    /// when it was the last. Equal `seed` and attempt, equal rest.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gristmill_flow::Retries;
    /// let retries = Retries { times: 3, backoff: Duration::from_secs(2), factor: 2.0, ..Retries::NONE };
    /// let second = retries.rest(2, "fetch").unwrap();
    /// assert!(second <= Duration::from_secs(4) && second >= Duration::from_secs(2));
    /// assert_eq!(retries.rest(4, "fetch"), None);
    /// ```
    pub fn rest(&self, attempt: u32, seed: &str) -> Option<Duration> {
        if attempt > self.times {
            return None;
        }
        let grown = self.backoff.as_secs_f64()
            * self.factor.max(1.0).powi(attempt.saturating_sub(1).min(1_000) as i32);
        let full = grown.min(self.longest.as_secs_f64());
        let share = Digest::of(format!("{attempt} {seed}").as_bytes()).share();
        Some(Duration::from_secs_f64(full * (1.0 - 0.5 * share)))
    }
}

/// What a task takes of the machine while it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Demand {
    /// Cores.
    pub cpu: u32,
    /// Bytes of memory; 0 when nobody said.
    pub memory: u64,
    /// Places in pools, by the pool's name.
    pub pools: BTreeMap<String, u32>,
}

impl Default for Demand {
    /// One core.
    fn default() -> Self {
        Self { cpu: 1, memory: 0, pools: BTreeMap::new() }
    }
}

/// What the machine has for the tasks of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Cores.
    pub cpu: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Places in each pool. A pool that is not among them has one.
    pub pools: BTreeMap<String, u32>,
}

impl Capacity {
    /// So many cores, and all the memory that is asked for.
    pub fn cores(cpu: u32) -> Self {
        Self { cpu: cpu.max(1), memory: u64::MAX, pools: BTreeMap::new() }
    }

    /// How much of a pool there is.
    pub(super) fn pool(&self, name: &str) -> u32 {
        self.pools.get(name).copied().unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(retries: Retries, attempt: u32, least: f64, most: f64) {
        for seed in 0..100 {
            let rest = retries.rest(attempt, &seed.to_string()).unwrap().as_secs_f64();
            assert!((least..=most).contains(&rest), "{rest}");
        }
    }

    fn doubling() -> Retries {
        Retries {
            times: 2_000,
            backoff: Duration::from_secs(1),
            factor: 2.0,
            longest: Duration::from_secs(60),
        }
    }

    #[test] // by hand: 1, 2, 4 seconds, of which up to half is taken away
    fn rests_grow_up_to_the_longest() {
        check(doubling(), 1, 0.5, 1.0);
        check(doubling(), 3, 2.0, 4.0);
        check(doubling(), 2_000, 30.0, 60.0);
    }

    #[test]
    fn equal_seeds_rest_equally_and_others_do_not() {
        assert_eq!(doubling().rest(1, "a"), doubling().rest(1, "a"));
        assert_ne!(doubling().rest(1, "a"), doubling().rest(1, "b"));
    }

    #[test]
    fn nothing_is_tried_after_the_last_time() {
        assert_eq!(Retries::NONE.rest(1, "a"), None);
        assert_eq!(Retries { times: 1, ..doubling() }.rest(2, "a"), None);
    }
}
