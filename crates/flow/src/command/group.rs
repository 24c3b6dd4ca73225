//! Groups of processes: signals to all of one, and whether any of it lives.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// Sends a signal to every process of a group; that there is none any more is no error.
pub(super) fn signal(group: Pid, signal: Signal) -> io::Result<()> {
    match kill_process_group(group, signal) {
        // Not permitted: what is left has changed its user, so that it is not ours to end.
        Ok(()) | Err(Errno::SRCH | Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Asks every process of a group to end; one that is stopped is woken to hear it.
pub(super) fn ask_to_end(group: Pid) -> io::Result<()> {
    signal(group, Signal::TERM)?;
    signal(group, Signal::CONT)
}

/// Whether any process of a group lives. Those that have ended and wait for a parent to notice,
/// as in a container whose first process never does, are dead.
pub(super) fn is_alive(group: Pid) -> bool {
    match test_kill_process_group(group) {
        Ok(()) => has_members(group),
        Err(_) => false,
    }
}

#[cfg(target_os = "linux")]
fn has_members(group: Pid) -> bool {
    super::proc::has_living_members(group)
}

#[cfg(not(target_os = "linux"))]
fn has_members(_group: Pid) -> bool {
    true
}

/// Makes a process and all that it starts die before us when memory runs out. To be told no is
/// no harm: the system chooses by itself then.
#[cfg(target_os = "linux")]
pub(super) fn offer_to_oom_killer(process: Pid) {
    const RATHER_THIS: &[u8] = b"500";
    let file = format!("/proc/{}/oom_score_adj", process.as_raw_nonzero());
    if let Ok(mut file) = fs_err::OpenOptions::new().write(true).open(file) {
        let _ = io::Write::write_all(&mut file, RATHER_THIS);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn offer_to_oom_killer(_process: Pid) {}
