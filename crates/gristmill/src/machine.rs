//! What the machine has for tasks that run side by side.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use gristmill_flow::Capacity;

/// The cores that this process computes with, the memory of the machine or of the container that
/// it is in, and these pools.
pub(crate) fn capacity(pools: &BTreeMap<String, NonZeroU32>) -> Capacity {
    let cores = u32::try_from(rayon::current_num_threads()).unwrap_or(u32::MAX);
    let pools = pools.iter().map(|(name, places)| (name.clone(), places.get())).collect();
    Capacity { memory: memory().unwrap_or(u64::MAX), pools, ..Capacity::cores(cores) }
}

/// Bytes of memory, where the system tells.
fn memory() -> Option<u64> {
    let machine = text("/proc/meminfo").and_then(|text| kilobytes(&text, "MemTotal:"));
    machine.into_iter().chain(container().map(|(most, _)| most)).min()
}

/// Bytes of memory that can still be had: by the machine, by the container that the process is in,
/// and by the bound that it was given.
pub(crate) fn available() -> Option<u64> {
    let machine = text("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let container = container().map(|(most, used)| most.saturating_sub(used));
    let bound = gristmill_ingest::memory_limit();
    let bound = bound.map(|most| most.saturating_sub(resident().unwrap_or_default()));
    machine.into_iter().chain(container).chain(bound).min()
}

/// Bytes of memory that the process has.
pub(crate) fn resident() -> Option<u64> {
    text("/proc/self/status").and_then(|text| kilobytes(&text, "VmRSS:"))
}

/// How many bytes of rows a search may keep for trials to come.
pub(crate) fn share_for_rows() -> usize {
    const USUAL: u64 = 1 << 30;
    let quarter = available().map_or(USUAL, |available| available / 4);
    usize::try_from(quarter).unwrap_or(usize::MAX)
}

/// The bound of the container in bytes, and how much of it is used by more than copies of files:
/// cgroup v2, else v1.
fn container() -> Option<(u64, u64)> {
    let number = |path: &str| text(path).and_then(|text| text.trim().parse::<u64>().ok());
    let used = |now: u64, stat: &str, name: &str| {
        let copies = text(stat).and_then(|text| counted(&text, name)).unwrap_or_default();
        now.saturating_sub(copies)
    };
    let two = number("/sys/fs/cgroup/memory.max").zip(number("/sys/fs/cgroup/memory.current"));
    let two =
        two.map(|(most, now)| (most, used(now, "/sys/fs/cgroup/memory.stat", "inactive_file")));
    two.or_else(|| {
        let most = number("/sys/fs/cgroup/memory/memory.limit_in_bytes")?;
        let now = number("/sys/fs/cgroup/memory/memory.usage_in_bytes")?;
        Some((most, used(now, "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file")))
    })
}

/// The line `inactive_file 4096` of such a text.
fn counted(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

fn text(path: &str) -> Option<String> {
    fs_err::read_to_string(path).ok()
}

/// The line `MemTotal:       24576000 kB` of such a text, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn the_total_is_read_in_bytes() {
        let text = "MemTotal:       24 kB\nMemFree: 1 kB\n";
        assert_eq!(kilobytes(text, "MemTotal:"), Some(24 * 1024));
        assert_eq!(kilobytes("MemFree: 1 kB\n", "MemTotal:"), None);
    }
}
