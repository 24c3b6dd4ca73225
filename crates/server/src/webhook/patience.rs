//! How long an address is asked to take a step that it does not take.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

/// The longest pause after a try that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// No step is given up after fewer tries. With pauses of 1, 2, 4 and so on to 256 seconds they take some nine minutes.
const TRIES: u32 = 10;
/// A step that may still be taken is given up no earlier than so long after it, in microseconds: a day.
const LONGEST: i64 = 24 * 3_600 * 1_000_000;

/// Why an address did not take a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hitch {
    /// It was not sent at all, which is nothing that the address could help.
    Unsent(String),
    /// Nobody answers, or not now.
    Untaken(String),
    /// It refuses the step for good.
    Refused(String),
}

impl Hitch {
    /// What an answer means that is none of success: with 408, 425, 429 and from 500 on it may be another the next
    /// time, with all others, 404, 410 and redirects among them, it will not.
    pub(super) fn answered(status: StatusCode) -> Self {
        let said = format!("it answers {status}");
        match status.as_u16() {
            408 | 425 | 429 | 500.. => Self::Untaken(said),
            _ => Self::Refused(said),
        }
    }
}

impl fmt::Display for Hitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(said) | Self::Untaken(said) | Self::Refused(said) => f.write_str(said),
        }
    }
}

/// How often the step that an address is asked to take was tried, and how long the next rest is.
#[derive(Debug)]
pub(super) struct Patience {
    first: Duration,
    pause: Duration,
    tries: u32,
}

impl Patience {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, pause: first, tries: 0 }
    }

    /// Counts a try that failed; whether it was the last one of a step of this age, in microseconds.
    pub(super) fn ends_with(&mut self, hitch: &Hitch, age: i64) -> bool {
        let is_over = match hitch {
            // Whoever mends it is told what has waited.
            Hitch::Unsent(_) => return false,
            Hitch::Untaken(_) => age >= LONGEST,
            Hitch::Refused(_) => true,
        };
        self.tries = self.tries.saturating_add(1);
        is_over && self.tries >= TRIES
    }

    /// How often the step was tried.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// How long to rest now; the next time it is twice as long.
    pub(super) fn rest(&mut self) -> Duration {
        let rest = self.pause;
        self.pause = rest.saturating_mul(2).min(LONGEST_PAUSE);
        rest
    }

    /// Another step has its turn.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::new(self.first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many tries, of at most a hundred, a step of this age is given up.
    #[track_caller]
    fn check(hitch: &Hitch, age: i64, expected: Option<u32>) {
        let mut patience = Patience::new(Duration::from_secs(1));
        let last = (1..=100).find(|_| patience.ends_with(hitch, age));
        assert_eq!(last, expected, "{hitch:?}");
    }

    fn answered(status: u16) -> Hitch {
        Hitch::answered(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn what_is_refused_for_good_is_tried_ten_times() {
        for status in [302, 400, 401, 403, 404, 410, 413, 422] {
            check(&answered(status), 0, Some(10));
        }
    }

    #[test]
    fn what_may_still_be_taken_is_given_up_after_a_day() {
        for hitch in
            [answered(408), answered(429), answered(503), Hitch::Untaken("no answer".into())]
        {
            check(&hitch, LONGEST - 1, None);
            check(&hitch, LONGEST, Some(10));
        }
    }

    #[test]
    fn what_was_never_sent_waits() {
        check(&Hitch::Unsent("no secret".into()), i64::MAX, None);
    }

    #[test] // by hand: 1 + 2 + 4 + ... + 256
    fn ten_tries_take_some_nine_minutes_and_no_rest_more_than_five() {
        let mut patience = Patience::new(Duration::from_secs(1));
        let rests: Duration = (0..9).map(|_| patience.rest()).sum();
        assert_eq!((rests.as_secs(), patience.rest().as_secs()), (511, 300));
        patience.begin_anew();
        assert_eq!(patience.rest().as_secs(), 1);
    }
}
