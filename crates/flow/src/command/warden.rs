//! A small process that ends the commands of a run whose own process is killed.
//!
//! It is told of each group of processes, and hears by the end of its input that the run's
//! process is gone, however it went. A process that is started in the moment of that death was
//! not announced: it is known by a variable with the run's token, which every command inherits,
//! also one that has left its group.

use std::fmt;
use std::fs::TryLockError;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::Pid;

use super::environment::WARDEN;
use super::moment::now;
use crate::Digest;

/// The variable that tells a warden its run's token.
pub(super) const TOKEN: &str = "GRISTMILL_WARDEN_TOKEN";
/// The variable that tells a warden which file to lock.
pub(super) const LOCK: &str = "GRISTMILL_WARDEN_LOCK";
/// What a warden says once it watches.
pub(super) const READY: &str = "gristmill warden ready\n";
/// What a warden is told at an orderly end.
pub(super) const FAREWELL: &str = ".";
/// How long a warden may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends the commands of a run if the run's process is killed.
///
/// Dropped, it lets its process go: what a command started in another session on purpose, and
/// nobody waits for, lives on after an orderly end.
#[derive(Clone)]
pub struct Warden(Arc<Post>);

struct Post {
    token: String,
    line: Option<ChildStdin>,
    process: Child,
}

impl Warden {
    /// Starts a warden. `command` runs this program so that it does nothing but call
    /// [`warden_main`](super::warden_main); the warden holds the file `lock` locked while it
    /// lives.
    ///
    /// # Errors
    /// When it cannot be started, or another one holds the lock.
    pub fn start(mut command: Command, lock: &Path) -> io::Result<Self> {
        let token = token();
        let lock = std::path::absolute(lock)?;
        // Were it a child of another run's command, it would be ended before it could do its work.
        command.env_remove(WARDEN).env(TOKEN, &token).env(LOCK, &lock);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn()?;
        let (line, answer) = (process.stdin.take(), process.stdout.take());
        let ready = answer.is_some_and(|mut answer| is_ready(&mut answer));
        let mut post = Post { token, line, process };
        if !ready {
            post.dismiss();
            let message =
                format!("the warden of this run did not start; is {} in use?", lock.display());
            return Err(io::Error::other(message));
        }
        if let Some(line) = &post.line {
            // A warden that somebody has stopped must not stop the run.
            fcntl_setfl(line, OFlags::NONBLOCK)?;
        }
        Ok(Self(Arc::new(post)))
    }

    /// What the variable of its run's commands holds.
    pub(super) fn token(&self) -> &str {
        &self.0.token
    }

    /// Tells of a group that is to be ended with the run.
    pub(super) fn adopt(&self, group: Pid) {
        self.tell('+', group);
    }

    /// Tells of a group that has ended.
    pub(super) fn release(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, sign: char, group: Pid) {
        let Some(mut line) = self.0.line.as_ref() else { return };
        // Without a warden, or with one that does not listen, the commands run as well; and what
        // it did not hear it sees by the token.
        let _ = line.write_all(format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

impl fmt::Debug for Warden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Warden").field(&self.0.process.id()).finish()
    }
}

impl Post {
    /// Ends the warden's process, whatever it does.
    fn dismiss(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if let Some(mut line) = self.line.take() {
            let _ = line.write_all(format!("{FAREWELL}\n").as_bytes());
        }
        let _ = self.process.wait();
    }
}

/// A text that no other run has: the hasher's keys are drawn by the system.
fn token() -> String {
    let parts = [(); 2].map(|()| RandomState::new().hash_one(std::process::id()));
    let digest = Digest::of(format!("{parts:?} {}", std::process::id()).as_bytes());
    digest.to_string().chars().take(32).collect()
}

/// Waits for the word, and passes over whatever else the program says before it.
fn is_ready(answer: &mut ChildStdout) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let deadline = now() + PATIENCE;
    let mut said = Vec::new();
    let mut byte = [0];
    while !said.ends_with(READY.as_bytes()) {
        let pause = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        match poll(&mut [PollFd::new(answer, PollFlags::IN)], Some(&pause)) {
            Ok(0) | Err(rustix::io::Errno::INTR) if now() < deadline => continue,
            Ok(1..) => {}
            _ => return false,
        }
        match answer.read(&mut byte) {
            Ok(1) => said.extend_from_slice(&byte),
            _ => return false,
        }
    }
    true
}

/// Waits until the warden that holds `lock` is done with the commands of a run that was killed;
/// false when it is not done within `patience`. A run that goes on with the work of another
/// asks this first, so that no command of the old run is at work beside its own.
///
/// # Errors
/// When the file cannot be opened or locked. One that is not there is free.
pub fn wait_for_old_warden(lock: &Path, patience: Duration) -> io::Result<bool> {
    let file = match fs_err::OpenOptions::new().write(true).open(lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file?,
    };
    let deadline = now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}
