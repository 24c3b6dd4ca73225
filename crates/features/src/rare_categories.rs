//! Which categories are rare, for the encoders that group them.

use gristmill_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often something must be seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a count or a share of the rows, such as 20 or 0.01")]
pub enum Frequency {
    /// In this many rows.
    Count(u64),
    /// In this share of the rows, between 0 and 1.
    Share(f64),
}

impl Frequency {
    /// In how many of `rows` rows that is.
    pub(crate) fn of(self, rows: u64) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Share(share) => share * rows as f64,
        }
    }
}

/// Refuses limits that make no sense.
pub(crate) fn check_limits(
    min_frequency: Option<Frequency>,
    max_categories: Option<usize>,
) -> Result<()> {
    if let Some(Frequency::Share(share)) = min_frequency
        && !(share > 0.0 && share < 1.0)
    {
        return Err(Error::setting(
            "min_frequency",
            share,
            "a share between 0 and 1, or a whole number of rows",
        ));
    }
    match max_categories {
        Some(max @ ..2) => {
            Err(Error::setting("max_categories", max, "2 or more, or null for no limit"))
        }
        _ => Ok(()),
    }
}

/// Which categories, seen so often, are grouped: those below `least`, then the least frequent until
/// what is left and the group itself are at most `max`; of equally frequent ones the later stay.
pub(crate) fn infrequent(seen: &[u64], least: f64, max: Option<usize>) -> Vec<bool> {
    let mut rare: Vec<bool> = seen.iter().map(|&count| (count as f64) < least).collect();
    let grouped = rare.iter().filter(|&&r| r).count();
    let width = seen.len() - grouped + usize::from(grouped > 0);
    if let Some(max) = max.filter(|&max| width > max) {
        let mut by_count: Vec<usize> = (0..seen.len()).collect();
        by_count.sort_by_key(|&i| seen[i]);
        let kept = max.saturating_sub(1).min(by_count.len());
        for &i in &by_count[..by_count.len() - kept] {
            rare[i] = true;
        }
    }
    rare
}
