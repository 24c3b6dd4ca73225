//! Runs as processes of their own, so that the end of one takes nobody else down.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use gristmill_core::{Clock, Timestamp};
use gristmill_track::{RunId, RunStatus};
use serde_json::Value;

use crate::clock::SystemClock;
use crate::job::{Job, known, record_end, rfc3339};
use crate::keeper::Keeper;
use crate::recorder::is_at_work;
use crate::runs::seconds_between;
use crate::{ARTIFACTS, DATABASE_URL, Error, Home, Result};

/// How long a process may take to end when it is asked to, in microseconds.
const GRACE: i64 = 10_000_000;
/// The most that is read of what a process said.
const MAX_SAID: usize = 64 * 1024;

/// How a process for a run is started: `BINARY run FILE ...`.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The `gristmill` binary.
    pub binary: PathBuf,
    /// Further arguments of each run, such as `--threads 2`.
    pub arguments: Vec<String>,
}

/// The processes that this one has started.
pub(crate) struct Crew {
    launch: Launch,
    home: Home,
    at_work: Vec<Hand>,
}

struct Hand {
    job: Job,
    process: Child,
    began: Timestamp,
    /// Since when it is asked to end, if it is.
    asked: Option<Timestamp>,
}

/// A process that has ended.
pub(crate) struct Ended {
    pub job: Job,
    /// Its exit code; nothing when a signal ended it.
    code: Option<i32>,
    /// The error that it told, if it told one.
    error: Option<String>,
    pub seconds: f64,
}

/// What became of the run of a process that has ended.
pub(crate) enum Outcome {
    /// The run has ended, with an error or without.
    Done(RunStatus, Option<String>),
    /// The run was cut short, and may be gone on with.
    CutShort,
    /// Another process is at work on it.
    Elsewhere,
}

impl Crew {
    /// # Errors
    /// When the current folder is gone.
    pub fn new(launch: Launch, home: &Home) -> Result<Self> {
        Ok(Self { launch, home: home.absolute()?, at_work: Vec::new() })
    }

    pub fn len(&self) -> usize {
        self.at_work.len()
    }

    pub fn has(&self, run: RunId) -> bool {
        self.at_work.iter().any(|hand| hand.job.run == run)
    }

    /// Starts a process that begins this run, or goes on with it, from the snapshot that its ticket
    /// names as it stands in this home.
    ///
    /// # Errors
    /// When no process can be started, or its papers cannot be written.
    pub fn start(&mut self, job: Job, keeper: &Keeper) -> Result<()> {
        let paper = |ending| Job::paper(&self.home, job.run, ending);
        if let Some(folder) = paper("json").parent() {
            fs_err::create_dir_all(folder)?;
        }
        let payload = serde_json::to_vec(&job.payload(keeper)?)
            .map_err(|e| Error::bug(format!("a payload cannot be written down: {e}")))?;
        fs_err::write(paper("payload.json"), payload)?;
        let mut command = Command::new(&self.launch.binary);
        command.arg("run").arg(&job.ticket.file);
        command.arg("--as").arg(job.run.to_string()).arg("--folder").arg(&job.ticket.folder);
        for (key, value) in job.all_tags() {
            command.arg("--tag").arg(format!("{key}={value}"));
        }
        for set in &job.ticket.set {
            command.arg("--set").arg(set);
        }
        command.arg("--json").arg("--quiet").arg("--home").arg(self.home.root());
        // The run belongs where its due is, whatever this process was told by its environment.
        match self.home.database() {
            Some(url) => command.env(DATABASE_URL, url),
            None => command.env_remove(DATABASE_URL),
        };
        match self.home.artifacts() {
            Some(address) => command.env(ARTIFACTS, address),
            None => command.env_remove(ARTIFACTS),
        };
        command.args(&self.launch.arguments);
        command
            .env("GRISTMILL_SCHEDULED", rfc3339(job.scheduled))
            .env("GRISTMILL_TRIGGER", &job.trigger)
            .env("GRISTMILL_PAYLOAD", paper("payload.json"))
            // What guards `up` is none of a run's business.
            .env_remove("GRISTMILL_TOKEN")
            .stdin(Stdio::null())
            .stdout(fs_err::File::create(paper("json"))?.into_parts().0)
            .stderr(fs_err::File::create(paper("log"))?.into_parts().0);
        if job.ticket.folder.is_dir() {
            command.current_dir(&job.ticket.folder);
        }
        apart(&mut command);
        let process = command.spawn().map_err(|e| {
            let binary = self.launch.binary.display();
            Error::input(format!("`{binary}` cannot be started: {e}"))
        })?;
        let (began, asked) = (SystemClock.now(), None);
        self.at_work.push(Hand { job, process, began, asked });
        Ok(())
    }

    /// The processes that have ended since this was last asked.
    pub fn reap(&mut self) -> Vec<Ended> {
        let (mut ended, mut rest) = (Vec::new(), Vec::new());
        for mut hand in std::mem::take(&mut self.at_work) {
            match hand.process.try_wait() {
                Ok(None) => rest.push(hand),
                // A process that cannot be waited for is not ours any more.
                Ok(Some(status)) => ended.push(self.end(hand, status.code())),
                Err(_) => ended.push(self.end(hand, None)),
            }
        }
        self.at_work = rest;
        ended
    }

    fn end(&self, hand: Hand, code: Option<i32>) -> Ended {
        let seconds = seconds_between(hand.began, SystemClock.now()).max(0.0);
        let error = if code == Some(0) { None } else { self.told(hand.job.run) };
        let leftover: &[&str] = match code {
            Some(0) => &["json", "payload.json", "log"],
            _ => &["json", "payload.json"],
        };
        for ending in leftover {
            // A paper that stays behind harms nobody.
            let _ = fs_err::remove_file(Job::paper(&self.home, hand.job.run, ending));
        }
        Ended { job: hand.job, code, error, seconds }
    }

    /// The error in the JSON that a process printed; else the end of what it said.
    fn told(&self, run: RunId) -> Option<String> {
        let text = |ending| {
            let bytes = fs_err::read(Job::paper(&self.home, run, ending)).ok()?;
            let start = bytes.len().saturating_sub(MAX_SAID);
            Some(String::from_utf8_lossy(bytes.get(start..)?).trim().to_string())
        };
        let json = text("json").and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
        let place = json.as_ref().and_then(|json| json["error"]["at"].as_str());
        match (message, place) {
            (Some(message), Some(place)) => Some(format!("{message} ({place})")),
            (Some(message), None) => Some(message.into()),
            (None, _) => text("log").filter(|text| !text.is_empty()),
        }
    }

    /// Asks the processes of these runs to end, and ends those that do not within [`GRACE`].
    pub fn end_overdue(&mut self, overdue: &BTreeSet<RunId>, now: Timestamp) {
        let late = self.at_work.iter_mut().filter(|hand| overdue.contains(&hand.job.run));
        for hand in late {
            match hand.asked {
                None => {
                    hand.asked = Some(now);
                    ask_to_end(&hand.process);
                }
                // One that has ended meanwhile is reaped in the next turn.
                Some(asked) if now.0.saturating_sub(asked.0) > GRACE => drop(hand.process.kill()),
                Some(_) => {}
            }
        }
    }

    /// Asks every process to end in order.
    pub fn stop(&self) {
        self.at_work.iter().for_each(|hand| ask_to_end(&hand.process));
    }
}

/// What became of a run whose process has ended; a run that could not even begin is recorded as one
/// that failed.
pub(crate) fn outcome(keeper: &Keeper, home: &Home, ended: &Ended) -> Result<Outcome> {
    let run = ended.job.run;
    if is_at_work(home, keeper, run)? {
        return Ok(Outcome::Elsewhere);
    }
    let Some(found) = known(keeper, run)? else {
        let Some(code) = ended.code else { return Ok(Outcome::CutShort) };
        let usual = || format!("its process ended with code {code} before it began");
        let why = ended.error.clone().unwrap_or_else(usual);
        record_end(keeper, &ended.job, RunStatus::Failed, &why)?;
        return Ok(Outcome::Done(RunStatus::Failed, Some(why)));
    };
    Ok(match found.info.status {
        RunStatus::Running | RunStatus::Interrupted => Outcome::CutShort,
        // What it met on the way does not count any more.
        RunStatus::Succeeded => Outcome::Done(RunStatus::Succeeded, None),
        status => Outcome::Done(status, found.info.error),
    })
}

/// Ctrl-C in the terminal of `up` is for `up`, which then asks its processes itself.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn apart(_command: &mut Command) {}

#[cfg(unix)]
fn ask_to_end(process: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
    // A process that has ended meanwhile needs no asking.
    let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
}

/// Without such a request in the system, runs go on to their end by themselves.
#[cfg(not(unix))]
fn ask_to_end(_process: &Child) {}
