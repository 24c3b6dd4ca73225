//! How far a search has come: what a person who waits for it would like to know.

use std::fmt;

use gristmill_core::Timestamp;

use crate::runs::seconds_between;

/// How far a search has come in this process.
#[derive(Debug)]
pub(super) struct Progress {
    began: Timestamp,
    /// When no further trial begins.
    until: Option<Timestamp>,
    /// How many trials there will be, where that is known.
    expected: Option<u64>,
    done: u64,
    /// How many of them this process did.
    worked: u64,
    /// The least loss, with what it was.
    best: Option<(f64, String)>,
}

impl Progress {
    /// A search that begins at `began` and is bounded by a moment, by a number of trials, or by both.
    pub fn new(began: Timestamp, until: Option<Timestamp>, expected: Option<u64>) -> Self {
        Self { began, until, expected, done: 0, worked: 0, best: None }
    }

    pub fn done(&self) -> u64 {
        self.done
    }

    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// Another trial is done.
    pub fn trial(&mut self, whose: Whose) {
        self.done += 1;
        self.worked += u64::from(whose == Whose::Ours);
    }

    /// A trial came to this loss; `words` say what it was.
    pub fn score(&mut self, loss: f64, words: impl FnOnce() -> String) {
        if self.best.as_ref().is_none_or(|(least, _)| loss < *least) {
            self.best = Some((loss, words()));
        }
    }

    /// The best so far and the time left.
    pub fn said(&self, now: Timestamp) -> String {
        let best = self.best.as_ref().map_or("no score yet", |(_, words)| words);
        let left = self.seconds_left(now).map(|left| format!(", {left:.0} s left"));
        format!("{best}{}", left.unwrap_or_default())
    }

    /// By the clock where time decides, else by what the trials so far took.
    fn seconds_left(&self, now: Timestamp) -> Option<f64> {
        if let Some(until) = self.until {
            return Some(seconds_between(now, until).max(0.0));
        }
        let left = self.expected?.saturating_sub(self.done) as f64;
        (self.worked > 0).then(|| seconds_between(self.began, now) / self.worked as f64 * left)
    }
}

/// Who did a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    /// Another process, or an earlier one.
    Others,
}

/// How a search shared out what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sharing {
    pub threads: usize,
    /// The most folds that were worked on at one time.
    pub side_by_side: usize,
    pub fitted: usize,
    pub shared: usize,
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threads, side_by_side, fitted, shared } = self;
        write!(
            f,
            "{} for everything: up to {} side by side, whose models share them; {}, {shared} taken \
             from those",
            plural(*threads, "thread"),
            plural(*side_by_side, "fold"),
            plural(*fitted, "fitted step"),
        )
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn check(mut progress: Progress, trials: &[(Whose, f64)], expected: &str) {
        for (whose, loss) in trials {
            progress.trial(*whose);
            progress.score(*loss, || format!("best auc {:.2} by a tree", -loss));
        }
        assert_eq!(progress.said(Timestamp(10 * SECOND)), expected);
    }

    #[test] // by hand: 2 trials in 10 s, 6 to go
    fn time_left_is_what_the_other_trials_would_take() {
        let progress = Progress::new(Timestamp(0), None, Some(9));
        let trials = [(Whose::Others, -0.7), (Whose::Ours, -0.9), (Whose::Ours, -0.8)];
        check(progress, &trials, "best auc 0.90 by a tree, 30 s left");
    }

    #[test]
    fn where_time_decides_the_clock_says_what_is_left() {
        let progress = |until| Progress::new(Timestamp(0), Some(Timestamp(until)), Some(9));
        check(progress(25 * SECOND), &[], "no score yet, 15 s left");
        check(progress(5 * SECOND), &[], "no score yet, 0 s left");
    }

    #[test]
    fn nothing_is_said_of_a_time_that_nobody_knows() {
        let of = |expected| Progress::new(Timestamp(0), None, expected);
        check(of(None), &[(Whose::Ours, 1.0)], "best auc -1.00 by a tree");
        check(of(Some(3)), &[(Whose::Others, 1.0)], "best auc -1.00 by a tree");
    }
}
