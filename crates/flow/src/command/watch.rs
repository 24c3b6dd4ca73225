//! What a warden's process does.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::group;
use super::moment::now;
use super::warden::{FAREWELL, LOCK, READY, TOKEN};

/// How long processes have from SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// How long to go on after SIGKILL: what is killed is gone at once, unless it hangs in the
/// kernel.
const AFTER_KILL: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
/// So many looks in a row must find nothing: what is just being started shows itself late.
const QUIET_LOOKS: u32 = 3;

/// Watches over the commands of the process that started this one by
/// [`Warden::start`](super::Warden::start), and returns when both are done.
///
/// # Errors
/// When this process was not started so, or another warden holds the lock.
pub fn warden_main() -> io::Result<()> {
    let variable = |name: &str| {
        let message = format!("a warden is started by a run only: `{name}` is not set");
        std::env::var(name).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, message))
    };
    let (token, lock) = (variable(TOKEN)?, variable(LOCK)?);
    // Ctrl-C and the end of a terminal reach those of its session. It fails for a process that
    // leads a group already, which such signals do not reach either.
    let _ = rustix::process::setsid();
    let _held = hold(Path::new(&lock))?;
    {
        let mut out = io::stdout();
        out.write_all(READY.as_bytes())?;
        out.flush()?;
    }
    let mut groups = BTreeMap::new();
    if listen(&mut io::stdin().lock(), &mut groups) == Parting::Farewell {
        return Ok(());
    }
    Pursuit { groups: groups.into_values().collect(), token: &token, caught: Vec::new() }.end_all();
    Ok(())
}

/// The lock file, locked as long as this is held.
fn hold(path: &Path) -> io::Result<fs_err::File> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let file = fs_err::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(error) => Err(error.into()),
    }
}

/// How the run's process went.
#[derive(Debug, PartialEq, Eq)]
enum Parting {
    Farewell,
    Death,
}

/// Keeps the list of groups until the run's process is gone.
fn listen(input: &mut dyn BufRead, groups: &mut BTreeMap<i32, Pid>) -> Parting {
    let mut line = String::new();
    loop {
        line.clear();
        // An input that cannot be read has no one at its other end.
        if !matches!(input.read_line(&mut line), Ok(1..)) {
            return Parting::Death;
        }
        let said = line.trim_end();
        if said == FAREWELL {
            return Parting::Farewell;
        }
        let group = |number: &str| {
            let raw = number.parse().ok().filter(|raw| *raw > 1)?;
            Some((raw, Pid::from_raw(raw)?))
        };
        if let Some(group) = said.strip_prefix('+').and_then(group) {
            groups.extend([group]);
        } else if let Some((raw, _)) = said.strip_prefix('-').and_then(group) {
            groups.remove(&raw);
        }
    }
}

/// The end of all that a dead run left.
struct Pursuit<'a> {
    groups: Vec<Pid>,
    token: &'a str,
    caught: Vec<Caught>,
}

impl Pursuit<'_> {
    fn end_all(&mut self) {
        for group in &self.groups {
            let _ = group::ask_to_end(*group);
        }
        let gone = self.pursue(GRACE, Signal::TERM);
        if !gone {
            for group in &self.groups {
                let _ = group::signal(*group, Signal::KILL);
            }
            self.caught.iter().for_each(|caught| caught.signal(Signal::KILL));
            self.pursue(AFTER_KILL, Signal::KILL);
        }
    }

    /// Sends the signal to whatever else shows up; true once nothing lives any more.
    fn pursue(&mut self, patience: Duration, signal: Signal) -> bool {
        let deadline = now() + patience;
        let mut quiet = 0;
        while now() < deadline {
            let living = self.look(signal) || self.groups.iter().any(|g| group::is_alive(*g));
            quiet = if living { 0 } else { quiet + 1 };
            if quiet >= QUIET_LOOKS {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }

    /// Signals the processes with the token that were not there before; true when any lives.
    fn look(&mut self, signal: Signal) -> bool {
        self.caught.retain(Caught::is_alive);
        for process in with_token(self.token) {
            if self.caught.iter().all(|caught| caught.process != process)
                && let Some(caught) = Caught::new(process, self.token)
            {
                caught.signal(signal);
                self.caught.push(caught);
            }
        }
        !self.caught.is_empty()
    }
}

#[cfg(target_os = "linux")]
fn with_token(token: &str) -> Vec<Pid> {
    let ours = rustix::process::getpid();
    let others = super::proc::processes().into_iter().filter(|process| *process != ours);
    others.filter(|process| has_token(*process, token)).collect()
}

#[cfg(target_os = "linux")]
fn has_token(process: Pid, token: &str) -> bool {
    super::proc::has_variable(process, super::environment::WARDEN, token)
}

#[cfg(not(target_os = "linux"))]
fn with_token(_token: &str) -> Vec<Pid> {
    Vec::new()
}

/// A process with the token, held so that its number cannot be mistaken for another's.
struct Caught {
    process: Pid,
    #[cfg(target_os = "linux")]
    pidfd: std::os::fd::OwnedFd,
}

#[cfg(target_os = "linux")]
impl Caught {
    /// Nothing when it is gone already: the token is asked for again once the process is held.
    fn new(process: Pid, token: &str) -> Option<Self> {
        use rustix::process::{PidfdFlags, pidfd_open};
        let pidfd = pidfd_open(process, PidfdFlags::empty()).ok()?;
        has_token(process, token).then_some(Self { process, pidfd })
    }

    fn signal(&self, signal: Signal) {
        use rustix::process::pidfd_send_signal;
        // It may have ended meanwhile.
        let _ = pidfd_send_signal(&self.pidfd, signal);
        let _ = pidfd_send_signal(&self.pidfd, Signal::CONT);
    }

    fn is_alive(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        !matches!(poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&at_once)), Ok(1..))
    }
}

#[cfg(not(target_os = "linux"))]
impl Caught {
    fn new(_process: Pid, _token: &str) -> Option<Self> {
        None
    }

    fn signal(&self, _signal: Signal) {}

    fn is_alive(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, parting: Parting, expected: &[i32]) {
        let mut groups = BTreeMap::new();
        assert_eq!(listen(&mut input.as_bytes(), &mut groups), parting);
        assert_eq!(groups.into_keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn groups_come_and_go_until_the_end() {
        check("+12\n+13\n-12\n", Parting::Death, &[13]);
        check("+12\n.\n", Parting::Farewell, &[12]);
        check("", Parting::Death, &[]);
        check("+1\n+0\n+-5\n+x\nnonsense\n+12", Parting::Death, &[12]);
    }

    #[test]
    fn a_warden_that_nobody_started_refuses() {
        assert!(warden_main().unwrap_err().to_string().contains("is started by a run only"));
    }
}
