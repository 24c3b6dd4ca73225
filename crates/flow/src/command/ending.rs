//! How a command ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

use super::TimeSpan;
use super::oom::{Before, Memory};
use super::process::Ended;
use crate::{Fault, TaskError};

/// A shell gives this and the number of the signal for a command that a signal ended.
const SHELL_SIGNAL: i32 = 128;

/// The error of a command that did not end well; none for one that did.
pub(super) fn error(ended: Ended, timeout: Option<TimeSpan>, before: &Before) -> Option<TaskError> {
    match ended {
        Ended::Itself(status) if status.success() => None,
        Ended::Itself(status) => Some(of_status(status, before)),
        Ended::TimedOut => {
            let span = timeout.unwrap_or_default();
            let error = TaskError::new(Fault::Failed, format!("timed out after {span}"));
            Some(error.with_hint("raise its `timeout`, or see what it waited for"))
        }
        Ended::Cancelled => Some(TaskError::cancelled()),
    }
}

fn of_status(status: ExitStatus, before: &Before) -> TaskError {
    let (message, signal) = match (status.signal(), status.code()) {
        (Some(signal), _) => (format!("was ended by {}", named(signal)), Some(signal)),
        (None, Some(code)) if name(code - SHELL_SIGNAL).is_some() => {
            let signal = code - SHELL_SIGNAL;
            let words = format!("ended with exit code {code}: its shell saw {}", named(signal));
            (words, Some(signal))
        }
        (None, Some(code)) => (format!("ended with exit code {code}"), None),
        (None, None) => (format!("ended in an unknown way ({status})"), None),
    };
    if signal != Some(Signal::KILL.as_raw()) {
        let hint = status.code().and_then(hint).map(str::to_owned);
        return TaskError { hint, ..TaskError::new(Fault::Failed, message) };
    }
    let killer = match before.since() {
        Memory::RanOut => ", by the system's out-of-memory killer",
        Memory::Unknown => ", perhaps by the system's out-of-memory killer",
        Memory::Sufficed => return TaskError::new(Fault::Failed, message),
    };
    TaskError::new(Fault::Machine, format!("{message}{killer}")).with_hint(
        "give it less to hold in memory at once, or declare its `memory` so that less runs \
             beside it",
    )
}

/// What shells mean by some codes.
fn hint(code: i32) -> Option<&'static str> {
    match code {
        126 => Some("the shell may not run that file; `chmod +x` makes it a program"),
        127 => Some("the shell found no such command; is it installed, and in `PATH`?"),
        _ => None,
    }
}

/// `signal 9 (SIGKILL)`.
fn named(signal: i32) -> String {
    match name(signal) {
        Some(name) => format!("signal {signal} ({name})"),
        None => format!("signal {signal}"),
    }
}

fn name(signal: i32) -> Option<&'static str> {
    const NAMES: [(Signal, &str); 17] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
    ];
    NAMES.iter().find(|(known, _)| known.as_raw() == signal).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: i32, expected: &str) {
        let before = Before::now();
        let ended = Ended::Itself(ExitStatus::from_raw(raw));
        let words = error(ended, None, &before).map(|e| e.message).unwrap_or_default();
        // A kill elsewhere on the machine at just this time would be named as well.
        assert!(words.starts_with(expected) && words.is_empty() == expected.is_empty(), "{words}");
    }

    #[test] // raw as `wait` gives it: a signal, or a code in the second byte
    fn codes_and_signals_have_their_words() {
        check(0, "");
        check(3 << 8, "ended with exit code 3");
        check(9, "was ended by signal 9 (SIGKILL)");
        check(15, "was ended by signal 15 (SIGTERM)");
        check(35, "was ended by signal 35");
        check(139 << 8, "ended with exit code 139: its shell saw signal 11 (SIGSEGV)");
        check(127 << 8, "ended with exit code 127");
        check(255 << 8, "ended with exit code 255");
    }

    #[test]
    fn what_we_ended_says_why() {
        let words = |ended| {
            let timeout = Some(TimeSpan::from_secs(600));
            error(ended, timeout, &Before::now()).unwrap()
        };
        assert_eq!(words(Ended::TimedOut).message, "timed out after 10m");
        assert_eq!(words(Ended::Cancelled).fault, Fault::Cancelled);
    }
}
