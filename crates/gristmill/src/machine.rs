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
    let text = |path: &str| fs_err::read_to_string(path).ok();
    let machine = text("/proc/meminfo").and_then(|text| total(&text));
    let container = text("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(container).min()
}

/// The line `MemTotal:       24576000 kB` of /proc/meminfo, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn the_total_is_read_in_bytes() {
        assert_eq!(total("MemTotal:       24 kB\nMemFree: 1 kB\n"), Some(24 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }
}
