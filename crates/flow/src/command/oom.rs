//! Whether the system killed a process because memory ran out.
//!
//! The kernel counts such kills for the whole machine (`oom_kill` in `/proc/vmstat`) and for the
//! group of processes that shares our limit (`memory.events`), but says of no process that it
//! was one. A SIGKILL that nobody sent, while a count rose, is one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::moment::now;

/// How long a count stays good enough to compare with: reading it for each of thousands of short
/// commands would cost more than some of them.
const FRESH: Duration = Duration::from_secs(1);

/// What is known about the end of a process by SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// The count rose.
    RanOut,
    /// Nobody counts here.
    Unknown,
    /// The count did not rise.
    Sufficed,
}

/// The counts before a process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before(Counts);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    machine: Option<u64>,
    group: Option<u64>,
}

static LATEST: Mutex<Option<(Instant, Counts)>> = Mutex::new(None);

impl Before {
    pub(super) fn now() -> Self {
        let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.filter(|(at, _)| at.elapsed() < FRESH);
        let (_, counts) = fresh.unwrap_or_else(|| (now(), counts()));
        if fresh.is_none() {
            *latest = Some((now(), counts));
        }
        Self(counts)
    }

    /// What is known of a process that was killed since.
    pub(super) fn since(&self) -> Memory {
        let after = counts();
        *LATEST.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), after));
        compare(self.0, after)
    }
}

fn compare(before: Counts, after: Counts) -> Memory {
    let rose = |before: Option<u64>, after: Option<u64>| Some(after? > before?);
    match (rose(before.machine, after.machine), rose(before.group, after.group)) {
        (Some(true), _) | (_, Some(true)) => Memory::RanOut,
        (None, None) => Memory::Unknown,
        _ => Memory::Sufficed,
    }
}

fn counts() -> Counts {
    let file = |path: &str| fs_err::read_to_string(path).ok();
    let group = file("/proc/self/cgroup").and_then(|own| {
        let path = own.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
        file(&format!("/sys/fs/cgroup{path}/memory.events"))
    });
    Counts {
        machine: file("/proc/vmstat").and_then(|text| count(&text)),
        group: group.and_then(|text| count(&text)),
    }
}

/// The number behind `oom_kill` in lines of names and numbers.
fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_among_its_neighbours() {
        assert_eq!(count("oom 1\noom_kill 3\noom_group_kill 0\n"), Some(3));
        assert_eq!(count("nr_free_pages 1\n"), None);
    }

    #[test]
    fn a_count_that_rose_is_a_kill() {
        let counts = |machine, group| Counts { machine, group };
        let check = |before, after, expected| assert_eq!(compare(before, after), expected);
        check(counts(Some(1), None), counts(Some(2), None), Memory::RanOut);
        check(counts(Some(1), Some(0)), counts(Some(1), Some(1)), Memory::RanOut);
        check(counts(Some(1), None), counts(Some(1), None), Memory::Sufficed);
        check(counts(None, None), counts(None, None), Memory::Unknown);
    }
}
