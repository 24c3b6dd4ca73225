//! Whether a child has ended, without reaping it.

use std::io;
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// The end of a child, to be waited for.
pub(super) struct Exit {
    child: Pid,
    #[cfg(target_os = "linux")]
    pidfd: Option<OwnedFd>,
}

impl Exit {
    /// How often to look where the end cannot be waited for.
    pub(super) const PAUSE: Duration = Duration::from_millis(5);

    pub(super) fn of(child: Pid) -> Self {
        Self {
            child,
            // Kernels before 5.3 have none, and some sandboxes forbid it.
            #[cfg(target_os = "linux")]
            pidfd: rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()).ok(),
        }
    }

    /// What becomes readable when the child has ended, where the system has such a thing.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        #[cfg(target_os = "linux")]
        return self.pidfd.as_ref().map(AsFd::as_fd);
        #[cfg(not(target_os = "linux"))]
        return None;
    }

    /// Whether the child has ended. It stays to be reaped, so that its number stays its own.
    pub(super) fn has_come(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.child), options) {
            Ok(status) => Ok(status.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
