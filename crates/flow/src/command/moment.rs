//! The one place in which the time of the machine is asked for.

use std::time::Instant;

/// The time by which the processes of this machine live. The clock of a run may be a fake one,
/// or be set back while a command runs: neither makes a hanging command end.
#[expect(clippy::disallowed_methods, reason = "processes live by the machine's own time")]
pub(super) fn now() -> Instant {
    Instant::now()
}
