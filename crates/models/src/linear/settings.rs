//! Checks that settings of several estimators share.

use gristmill_core::{Error, Result};

/// Refuses a number that is not above 0.
pub(crate) fn check_positive(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::setting(name, value, "a number above 0"))
}

/// Refuses a number below 0.
pub(crate) fn check_not_negative(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::setting(name, value, "a number from 0 on"))
}

/// Refuses a number below 0 or above 1.
pub(crate) fn check_share(name: &str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::setting(name, value, "a number from 0 to 1"))
}

/// Refuses a solver without any step.
pub(crate) fn check_steps(max_iter: usize) -> Result<()> {
    if max_iter > 0 {
        return Ok(());
    }
    Err(Error::setting("max_iter", 0, "at least 1"))
}
