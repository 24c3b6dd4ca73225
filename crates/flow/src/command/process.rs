//! A process and all that it starts, from its first byte to the end of its last descendant.
//!
//! The process leads a group of its own, so that whatever it starts can be ended with it. Its
//! output comes through one pipe, in the order in which it was written. The thread at hand waits
//! for the pipe, for the end of the process (by a pidfd, where the system has them) and for its
//! own impatience at once. When the leader has ended, what is left of the group is ended too, and
//! nobody waits for the pipe: a process that escaped from the group may hold it for ever.

use std::io::{self, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Warden;
use super::exit::Exit;
use super::group;
use super::moment::now;
use crate::Cancel;

/// How often somebody's wish to stop is asked for.
const TICK: Duration = Duration::from_millis(50);
/// How long the remains of a group have from SIGTERM to SIGKILL, at most.
const REMAINS: Duration = Duration::from_secs(2);
/// How much is read from the pipe at once: as much as it holds.
const CHUNK: usize = 64 << 10;
/// How many times as much is read of what still comes when the process has ended: what escaped
/// may print for ever.
const CHUNKS_AFTER_END: usize = 16;

/// What is to be run, and for how long.
pub(super) struct Order<'a> {
    pub(super) command: Command,
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) cancel: &'a Cancel,
    pub(super) warden: Option<&'a Warden>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, or by somebody else.
    Itself(ExitStatus),
    /// By us, since it took too long.
    TimedOut,
    /// By us, since somebody wished to stop.
    Cancelled,
}

/// Runs a process to its end, and hands what it prints to `show`.
///
/// # Errors
/// When it cannot be started or watched; nothing is left of it then.
pub(super) fn run(order: Order<'_>, show: &mut dyn FnMut(&[u8])) -> io::Result<Ended> {
    let Order { mut command, timeout, grace, cancel, warden } = order;
    let (reader, writer) = io::pipe()?;
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    if let Some(warden) = warden {
        command.env(super::environment::WARDEN, warden.token());
    }
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let child = command.spawn()?;
    // With it go our ends of the pipe that write.
    drop(command);
    let mut running = Running::watch(child, reader, warden);
    let stopped = running.wait(timeout, grace, cancel, show)?;
    let status = running.end(grace, show)?;
    Ok(stopped.unwrap_or(Ended::Itself(status)))
}

/// A process that was started. Dropped before its end, it is killed.
struct Running<'a> {
    child: Child,
    group: Pid,
    exit: Exit,
    /// Nothing once all that could write are gone.
    pipe: Option<PipeReader>,
    buffer: Box<[u8]>,
    warden: Option<&'a Warden>,
    reaped: bool,
}

impl<'a> Running<'a> {
    fn watch(child: Child, pipe: PipeReader, warden: Option<&'a Warden>) -> Self {
        let group = Pid::from_child(&child);
        if let Some(warden) = warden {
            warden.adopt(group);
        }
        group::offer_to_oom_killer(group);
        let buffer = vec![0; CHUNK].into_boxed_slice();
        let exit = Exit::of(group);
        Self { child, group, exit, pipe: Some(pipe), buffer, warden, reaped: false }
    }

    /// Waits until the leader has ended, and tells whether and why we ended it.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        grace: Duration,
        cancel: &Cancel,
        show: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Option<Ended>> {
        let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
        let mut stopped = None;
        let mut kill_at = None;
        while !self.look(next_pause(deadline, kill_at), show)? {
            let reason = match deadline {
                _ if cancel.is_cancelled() => Some(Ended::Cancelled),
                Some(deadline) if deadline <= now() => Some(Ended::TimedOut),
                _ => None,
            };
            if stopped.is_none() && reason.is_some() {
                stopped = reason;
                kill_at = now().checked_add(grace);
                group::ask_to_end(self.group)?;
            }
            if kill_at.is_some_and(|at| at <= now()) {
                kill_at = None;
                group::signal(self.group, Signal::KILL)?;
            }
        }
        Ok(stopped)
    }

    /// Waits for something to happen, reads what was printed, and tells whether the leader has
    /// ended.
    fn look(&mut self, pause: Duration, show: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let readable = {
            let pipe = self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
            let exit =
                self.exit.descriptor().map(|exit| PollFd::from_borrowed_fd(exit, PollFlags::IN));
            let (has_pipe, has_exit) = (pipe.is_some(), exit.is_some());
            let mut watched: Vec<PollFd<'_>> = pipe.into_iter().chain(exit).collect();
            let pause = if has_exit { pause } else { pause.min(Exit::PAUSE) };
            wait_for(&mut watched, pause)?;
            has_pipe && watched.first().is_some_and(|fd| !fd.revents().is_empty())
        };
        if readable {
            self.read(show)?;
        }
        self.exit.has_come()
    }

    /// Reads what is in the pipe, once; tells whether there was anything.
    fn read(&mut self, show: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        match pipe.read(&mut self.buffer) {
            Ok(0) => {
                self.pipe = None;
                Ok(false)
            }
            Ok(read) => {
                show(self.buffer.get(..read).unwrap_or_default());
                Ok(true)
            }
            Err(e)
                if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what is in the pipe and what comes while that is done, within bounds.
    fn drain(&mut self, show: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for _ in 0..CHUNKS_AFTER_END {
            if !self.read(show)? {
                break;
            }
        }
        Ok(())
    }

    /// Reaps the leader, which has ended, and ends what is left of its group.
    fn end(&mut self, grace: Duration, show: &mut dyn FnMut(&[u8])) -> io::Result<ExitStatus> {
        // As long as the leader is not reaped, the number of the group cannot be another's.
        group::ask_to_end(self.group)?;
        if let Some(warden) = self.warden {
            warden.release(self.group);
        }
        let status = self.child.wait()?;
        self.reaped = true;
        self.end_remains(grace.min(REMAINS), show)?;
        self.drain(show)?;
        Ok(status)
    }

    fn end_remains(&mut self, grace: Duration, show: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        const PAUSE: Duration = Duration::from_millis(5);
        /// A killed process is gone at once, unless it hangs in the kernel.
        const AFTER_KILL: Duration = Duration::from_millis(500);
        let mut deadline = now() + grace;
        let mut killed = false;
        while group::is_alive(self.group) {
            if deadline <= now() {
                if std::mem::replace(&mut killed, true) {
                    break;
                }
                group::signal(self.group, Signal::KILL)?;
                deadline = now() + AFTER_KILL;
            }
            // The remains must not get stuck at a full pipe.
            self.drain(show)?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill_process_group(self.group, Signal::KILL);
            if let Some(warden) = self.warden {
                warden.release(self.group);
            }
            let _ = self.child.wait();
        }
    }
}

/// Until when to wait for something to happen.
fn next_pause(deadline: Option<Instant>, kill_at: Option<Instant>) -> Duration {
    let next = deadline.into_iter().chain(kill_at).map(|at| at.saturating_duration_since(now()));
    next.filter(|pause| !pause.is_zero()).fold(TICK, Duration::min)
}

fn wait_for(watched: &mut [PollFd<'_>], pause: Duration) -> io::Result<()> {
    // Rounded up, since a wait of zero would turn in circles.
    let pause = pause + Duration::from_micros(500);
    let pause = Timespec { tv_sec: pause.as_secs() as _, tv_nsec: pause.subsec_nanos().into() };
    match poll(watched, Some(&pause)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10,000 commands, two at a time, beside `xargs -P2` on as many: prints both times.
    #[test]
    #[ignore = "a measurement"]
    fn many_commands_cost_little_more_than_by_xargs() {
        const MANY: usize = 10_000;
        let (shell, program): (&[&str], &[&str]) = (&["/bin/sh", "-c", "true"], &["/bin/true"]);
        for words in [shell, program] {
            for _ in 0..3 {
                let (ours, theirs) = (ours(words, MANY), by_xargs(words, MANY));
                println!("{words:?}: {ours:?} to {theirs:?}, {:.2}", ours.div_duration_f64(theirs));
            }
        }
    }

    fn ours(words: &[&str], many: usize) -> Duration {
        let start = now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..many / 2).for_each(|_| one(words)));
            }
        });
        start.elapsed()
    }

    fn one(words: &[&str]) {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        let grace = Duration::from_secs(1);
        let cancel = &Cancel::new();
        let order = Order { command, timeout: None, grace, cancel, warden: None };
        let ended = run(order, &mut |_| {}).unwrap();
        assert!(matches!(ended, Ended::Itself(status) if status.success()));
    }

    fn by_xargs(words: &[&str], many: usize) -> Duration {
        let start = now();
        let mut numbers =
            Command::new("seq").arg(many.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let mut xargs = Command::new("xargs");
        xargs.args(["-P2", "-n1"]).args(words).stdin(numbers.stdout.take().unwrap());
        assert!(xargs.status().unwrap().success());
        numbers.wait().unwrap();
        start.elapsed()
    }
}
