//! What the server asks about the loops of models, answered by the home.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gristmill::monitor::FindingsAsked;
use gristmill::{Error, Kind, SystemClock};
use gristmill_server::{MonitorError, Monitors, Note, NoticeTarget, Notices, Secret};
use serde_json::Value;

use super::Door;
use crate::context::Context;
use crate::listen;

/// What was said already: it is not said again.
pub struct Said {
    words: Mutex<BTreeSet<String>>,
    json: bool,
    quiet: bool,
}

impl Said {
    pub fn new(context: &Context) -> Self {
        Self { words: Mutex::default(), json: context.json, quiet: context.quiet }
    }

    fn once(&self, words: &str) {
        let mut said = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if !said.insert(words.to_owned()) {
            return;
        }
        if self.json {
            // Whoever closed the pipe does not want to know.
            let _ = listen::say(&serde_json::json!({"event": "note", "text": words}).to_string());
        } else if !self.quiet {
            eprintln!("note: {words}");
        }
    }
}

impl Notices for Door {
    fn targets(&self) -> Result<Vec<NoticeTarget>, String> {
        let notices = self.premises.notices().map_err(|error| error.message)?;
        let target = |notice: gristmill::monitor::NoticeTo| NoticeTarget {
            model: notice.model,
            url: notice.url,
            secret: notice.secret,
            since: notice.since,
        };
        Ok(notices.into_iter().map(target).collect())
    }

    fn secret(&self, name: &str) -> Result<Secret, String> {
        self.premises.secret(name).map_err(|error| error.message)
    }

    fn say(&self, words: &str) {
        self.said.once(words);
    }
}

impl Monitors for Door {
    fn standing(&self, model: &str, after: Option<u64>, limit: u32) -> Result<Value, MonitorError> {
        let asked = match after {
            Some(after) => FindingsAsked::After(after, limit),
            None => FindingsAsked::Last(limit),
        };
        let found = self.premises.standing(model, asked, &SystemClock).map_err(failed)?;
        serde_json::to_value(found).map_err(|error| MonitorError::Failed(error.to_string()))
    }

    fn decline(&self, model: &str, version: u32, note: Note) -> Result<(), MonitorError> {
        self.premises.decline(model, version, note).map_err(failed)
    }

    fn metrics(&self) -> String {
        // A home that cannot be read has been told of by whoever needs it more.
        self.premises.loop_metrics().unwrap_or_default()
    }
}

fn failed(error: Error) -> MonitorError {
    match error.kind {
        Kind::Input => MonitorError::Wrong(match error.hint {
            Some(hint) => format!("{}; {hint}", error.message),
            None => error.message,
        }),
        _ => MonitorError::Failed(error.message),
    }
}
