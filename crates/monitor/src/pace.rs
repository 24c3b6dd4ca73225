//! How often a model may be trained anew, however often something asks for it: a rest after each retraining,
//! and a budget for any stretch of time.

use gristmill_core::Timestamp;
use serde::{Deserialize, Serialize};

/// How often a model may be trained anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// For so many microseconds after the end of one retraining none begins.
    pub cooldown: u64,
    /// So many may begin ...
    pub times: u32,
    /// ... in any stretch of so many microseconds.
    pub per: u64,
}

/// The retrainings of late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrainings {
    /// When each began, the first first.
    pub begun: Vec<Timestamp>,
    /// When the last one ended.
    pub ended: Option<Timestamp>,
}

/// Why no retraining may begin yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The last one ended too short a while ago.
    Cooldown {
        /// When it is over.
        until: Timestamp,
    },
    /// As many have begun as there may be.
    Budget {
        /// When the first of them counts no more.
        until: Timestamp,
    },
}

impl Rest {
    /// When it is over.
    pub fn until(self) -> Timestamp {
        let (Self::Cooldown { until } | Self::Budget { until }) = self;
        until
    }
}

impl Retrainings {
    /// Returns why none may begin at `now`; nothing when one may.
    ///
    /// ```
    /// # use gristmill_core::Timestamp;
    /// # use gristmill_monitor::{Pace, Rest, Retrainings};
    /// let pace = Pace { cooldown: 5, times: 2, per: 100 };
    /// let mut late = Retrainings::default();
    /// late.begin(Timestamp(0), pace);
    /// late.ended = Some(Timestamp(10));
    /// let until = Timestamp(15);
    /// assert_eq!(late.rest(pace, Timestamp(14)), Some(Rest::Cooldown { until }));
    /// assert_eq!(late.rest(pace, until), None);
    /// ```
    pub fn rest(&self, pace: Pace, now: Timestamp) -> Option<Rest> {
        let rested = self.ended.map(|ended| later(ended, pace.cooldown));
        if let Some(until) = rested.filter(|until| now < *until) {
            return Some(Rest::Cooldown { until });
        }
        let mut counted = self.begun.iter().map(|begun| later(*begun, pace.per));
        let counted: Vec<Timestamp> = counted.by_ref().filter(|until| now < *until).collect();
        let most = pace.times as usize;
        let over = counted.len().checked_sub(most)?;
        counted.get(over).map(|until| Rest::Budget { until: *until })
    }

    /// Notes that one begins, and forgets those that count no more.
    pub fn begin(&mut self, now: Timestamp, pace: Pace) {
        self.begun.retain(|begun| now < later(*begun, pace.per));
        self.begun.push(now);
    }

    /// Moves what lies after `now` back to it: the clock was set back, and a moment that has not come yet would
    /// otherwise hold retrainings up until it has.
    pub fn rebase(&mut self, now: Timestamp) {
        self.begun.iter_mut().for_each(|begun| *begun = (*begun).min(now));
        self.ended = self.ended.map(|ended| ended.min(now));
    }
}

fn later(moment: Timestamp, by: u64) -> Timestamp {
    Timestamp(moment.0.saturating_add_unsigned(by))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace { cooldown: 5, times: 2, per: 100 };

    fn late(begun: &[i64], ended: Option<i64>) -> Retrainings {
        let begun = begun.iter().copied().map(Timestamp).collect();
        Retrainings { begun, ended: ended.map(Timestamp) }
    }

    #[track_caller]
    fn check(late: &Retrainings, now: i64, expected: Option<Rest>) {
        assert_eq!(late.rest(PACE, Timestamp(now)), expected);
    }

    #[test]
    fn nothing_holds_up_the_first() {
        check(&late(&[], None), 0, None);
    }

    #[test] // by hand: two began within 100, the first of them counts until 110
    fn a_spent_budget_is_waited_for() {
        let spent = late(&[10, 50], Some(60));
        check(&spent, 64, Some(Rest::Cooldown { until: Timestamp(65) }));
        check(&spent, 65, Some(Rest::Budget { until: Timestamp(110) }));
        check(&spent, 109, Some(Rest::Budget { until: Timestamp(110) }));
        check(&spent, 110, None);
    }

    #[test] // by hand: three began, so two must be over before another may begin
    fn a_budget_that_was_made_smaller_counts_too() {
        check(&late(&[10, 50, 70], None), 80, Some(Rest::Budget { until: Timestamp(150) }));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up_for_long() {
        let mut ahead = late(&[1_000_000], Some(1_000_010));
        ahead.rebase(Timestamp(7));
        assert_eq!(ahead, late(&[7], Some(7)));
    }

    proptest! {
        #[test]
        fn no_storm_is_answered_faster_than_allowed(asked in prop::collection::vec((0_i64..40, 0_i64..9), 1..200)) {
            let (mut late, mut now, mut begun) = (Retrainings::default(), 0, Vec::new());
            for (pause, takes) in asked {
                now += pause;
                if late.rest(PACE, Timestamp(now)).is_none() {
                    late.begin(Timestamp(now), PACE);
                    begun.push((now, now + takes));
                    late.ended = Some(Timestamp(now + takes));
                    now += takes;
                }
            }
            for pair in begun.windows(2) {
                prop_assert!(pair[1].0 >= pair[0].1 + 5, "{pair:?} are too close");
            }
            for three in begun.windows(3) {
                prop_assert!(three[2].0 >= three[0].0 + 100, "{three:?} are too many");
            }
        }
    }
}
