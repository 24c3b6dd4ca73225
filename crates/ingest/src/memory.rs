//! How much memory reading and querying may take.

use std::path::Path;
use std::sync::OnceLock;

use crate::{IngestError, Result};

static LIMIT: OnceLock<u64> = OnceLock::new();

/// Bounds what reading a source and a query over it may take, in bytes; call it once, before
/// anything is read. A query that needs more goes on on disk; rows that do not fit are refused.
pub fn limit_memory(bytes: u64) {
    // A second bound would come too late for what has been read under the first.
    LIMIT.get_or_init(|| bytes);
}

/// The bound, if one was set.
pub fn memory_limit() -> Option<u64> {
    LIMIT.get().copied()
}

/// Refuses rows of a file that take `bytes` in memory when that is beyond the bound.
pub(crate) fn allow(path: &Path, bytes: u64) -> Result<()> {
    match memory_limit() {
        Some(limit) if bytes > limit => Err(IngestError::content(
            path,
            format!("takes {} in memory, more than the {} of --memory", size(bytes), size(limit)),
            "raise --memory, or read fewer rows or columns",
        )),
        _ => Ok(()),
    }
}

/// Bytes as people write them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn sizes_are_written_with_the_unit_that_fits() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_500), "1.5 KB");
        assert_eq!(size(2_000_000_000), "2.0 GB");
    }
}
