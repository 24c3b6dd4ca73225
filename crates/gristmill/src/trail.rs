//! What a run says to other programs while it goes on: events as JSON lines, and lineage in the
//! words of OpenLineage, to a file or an HTTP address.

mod http;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gristmill_core::{Clock, Timestamp};
use gristmill_flow::{
    Emit, EmitError, Event, Lineage, LineageDataset, LineageEvent, LineageFile, LineageState,
    RunReport, TaskReport, TaskStatus,
};
use gristmill_track::RunId;
use serde_json::{Value, json};

use crate::clock::SystemClock;
use crate::report::Progress;
use crate::{Error, Result};
use http::{Bounds, Server};

/// The namespace of our jobs, unless OPENLINEAGE_NAMESPACE names another, as its clients have it.
const NAMESPACE: &str = "gristmill";
/// The variable with the token that a server asks for, as OpenLineage's own clients have it.
const API_KEY: &str = "OPENLINEAGE_API_KEY";

/// Where a run tells what happens in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tell {
    /// A file that gets a JSON object for each event, one a line.
    pub events: Option<PathBuf>,
    /// A file or an address that gets OpenLineage events.
    pub lineage: Option<String>,
}

/// The listeners of one run.
pub(crate) struct Trail<'a> {
    pipeline: String,
    run: String,
    events: Option<Mutex<fs_err::File>>,
    lineage: Option<(Lineage, Box<dyn Emit>)>,
    progress: &'a dyn Progress,
}

impl<'a> Trail<'a> {
    /// Opens what `tell` names.
    ///
    /// # Errors
    /// When a file cannot be opened, or an address is none that we can speak to.
    pub fn open(
        tell: &Tell,
        pipeline: &str,
        run: RunId,
        progress: &'a dyn Progress,
    ) -> Result<Self> {
        let append =
            |path: &PathBuf| fs_err::OpenOptions::new().create(true).append(true).open(path);
        let run = run.to_string();
        let emitter = tell.lineage.as_deref().map(emitter).transpose()?;
        let namespace = std::env::var("OPENLINEAGE_NAMESPACE").unwrap_or_else(|_| NAMESPACE.into());
        let lineage = emitter.map(|emit| (Lineage::new(namespace, pipeline, &run), emit));
        let events = tell.events.as_ref().map(append).transpose()?.map(Mutex::new);
        Ok(Self { pipeline: pipeline.into(), run, events, lineage, progress })
    }

    /// The run begins, or goes on.
    pub fn run_started(&self, tasks: usize) {
        let now = SystemClock.now();
        self.write("run_started", now, json!({"tasks": tasks}));
        self.emit(|lineage| lineage.run(LineageState::Start, now.0));
    }

    /// The run has come to its end, one way or another.
    pub fn run_ended(&self, report: &RunReport) {
        let now = SystemClock.now();
        let failure =
            report.failure().map(|(task, error)| format!("task `{}`: {error}", task.name));
        let failure = report.fault.as_ref().map(ToString::to_string).or(failure);
        let (status, state) = match &failure {
            Some(_) => ("failed", LineageState::Fail),
            None if report.cancelled() => ("cancelled", LineageState::Abort),
            None => ("succeeded", LineageState::Complete),
        };
        self.write("run_ended", now, json!({"status": status, "error": failure}));
        self.emit(|lineage| {
            let event = lineage.run(state, now.0);
            failure.iter().fold(event, |event, message| event.because(message))
        });
    }

    /// Something happened to a task.
    pub fn task(&self, event: &Event<'_>) {
        let now = SystemClock.now();
        match event {
            Event::Started { task, reason } => {
                self.write("task_started", now, json!({"task": task, "reason": reason}));
                self.emit(|lineage| lineage.task(task, LineageState::Start, now.0));
            }
            Event::Progress { task, done, total, said } => {
                let mut fields = json!({"task": task, "done": done, "total": total});
                if !said.is_empty() {
                    fields["said"] = json!(said);
                }
                self.write("task_progress", now, fields);
            }
            Event::Note { task, text } => {
                self.write("task_note", now, json!({"task": task, "text": text}));
            }
            Event::Retrying { task, attempt, rest, error } => {
                let (rest, error) = (rest.as_secs_f64(), error.to_string());
                let fields =
                    json!({"task": task, "attempt": attempt, "rest": rest, "error": error});
                self.write("task_retrying", now, fields);
            }
            Event::Spread { task, parts } => {
                self.write("task_spread", now, json!({"task": task, "parts": parts}));
            }
            Event::Finished { report } => {
                self.write("task_ended", now, ended(report));
                self.emit_ended(report, now);
            }
            _ => {}
        }
    }

    fn emit_ended(&self, report: &TaskReport, now: Timestamp) {
        if report.status == TaskStatus::Skipped {
            return;
        }
        let inputs: Vec<LineageDataset> = report
            .key_parts
            .iter()
            .flat_map(|parts| &parts.inputs)
            .map(|(name, digest)| LineageDataset {
                version: Some(digest.to_string()),
                ..LineageDataset::at(name)
            })
            .collect();
        let outputs: Vec<LineageDataset> = report
            .folder
            .iter()
            .map(|folder| LineageDataset {
                version: report.output.map(|output| output.to_string()),
                ..LineageDataset::at(&folder.to_string_lossy())
            })
            .collect();
        self.emit(|lineage| {
            let event = lineage.task(&report.name, report.status.into(), now.0);
            let event = event.reading(&inputs).writing(&outputs);
            report.error.iter().fold(event, |event, error| event.because(error.to_string()))
        });
    }

    /// Appends an event as one line, in one write.
    fn write(&self, event: &str, at: Timestamp, fields: Value) {
        let Some(file) = &self.events else { return };
        let at = jiff::Timestamp::from_microsecond(at.0).map(|at| at.to_string());
        let mut line = json!({
            "event": event,
            "at": at.unwrap_or_default(),
            "run_id": self.run,
            "pipeline": self.pipeline,
        });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
        }
        let text = format!("{line}\n");
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(text.as_bytes()) {
            self.progress.note(&format!("events are missing: {error}"));
        }
    }

    /// Passes an event on. A run does not fail because nobody listens to it.
    fn emit(&self, event: impl FnOnce(&Lineage) -> LineageEvent) {
        if let Some((lineage, emit)) = &self.lineage
            && let Err(error) = emit.emit(&event(lineage))
        {
            self.progress.note(&error.to_string());
        }
    }
}

impl Drop for Trail<'_> {
    /// However a run ends, what is still on its way is waited for.
    fn drop(&mut self) {
        if let Some((_, emit)) = &self.lineage
            && let Err(error) = emit.finish()
        {
            self.progress.note(&error.to_string());
        }
    }
}

fn ended(report: &TaskReport) -> Value {
    json!({
        "task": report.name,
        "status": report.status,
        "cached": report.cached,
        "attempts": report.attempts,
        "seconds": report.seconds,
        "reason": report.reason,
        "error": report.error.as_ref().map(ToString::to_string),
    })
}

/// What takes events at a file or an address.
fn emitter(target: &str) -> Result<Box<dyn Emit>> {
    match target.split_once("://") {
        Some(_) => {
            let token = std::env::var(API_KEY).ok();
            let token = token.as_deref().map(str::trim).filter(|token| !token.is_empty());
            Ok(Box::new(Server::open(target, token, Bounds::default())?))
        }
        None => {
            let hint = "name a file, or an address such as http://127.0.0.1:5000";
            let refuse = |e: EmitError| Error::input(e.to_string()).with_hint(hint);
            Ok(Box::new(LineageFile::open(Path::new(target)).map_err(refuse)?))
        }
    }
}
