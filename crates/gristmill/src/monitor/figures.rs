//! Loops as Prometheus reads them.
//!
//! What is counted is counted in the history, so that no restart forgets it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gristmill_track::{ModelEvent, WhatHappened};

use super::standing::state_of;
use super::turn::WHO;
use crate::keeper::Keeper;
use crate::{Kind, Result};

/// How many lines of a history are read at a time.
const LINES: u32 = 1_000;

/// How the retrainings of a model ended.
#[derive(Default)]
pub(super) struct Count {
    /// The last line that was counted.
    seen: u64,
    /// Whether a retraining had begun by then whose outcome is not known yet.
    is_open: bool,
    ended: BTreeMap<&'static str, u64>,
}

/// Where the loops of these models stand, and how their retrainings ended.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn figures(
    keeper: &Keeper,
    models: &[String],
    counts: &mut BTreeMap<String, Count>,
) -> Result<String> {
    counts.retain(|model, _| models.contains(model));
    let (mut phases, mut ended) = (String::new(), String::new());
    for model in models {
        match state_of(keeper, model) {
            Ok(state) => {
                let phase = state.unwrap_or_default().phase.key();
                let labels = format!("model=\"{}\",phase=\"{phase}\"", escaped(model));
                let _ = writeln!(phases, "gristmill_loop_phase{{{labels}}} 1");
            }
            // It is not registered yet.
            Err(error) if error.kind == Kind::Input => continue,
            Err(error) => return Err(error),
        }
        let count = counts.entry(model.clone()).or_default();
        count.go_on(keeper, model)?;
        for outcome in OUTCOMES {
            let number = count.ended.get(outcome).copied().unwrap_or_default();
            let labels = format!("model=\"{}\",outcome=\"{outcome}\"", escaped(model));
            let _ = writeln!(ended, "gristmill_retrainings_total{{{labels}}} {number}");
        }
    }
    if phases.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "# HELP gristmill_loop_phase What the loop that watches a model is about.\n\
         # TYPE gristmill_loop_phase gauge\n{phases}\
         # HELP gristmill_retrainings_total How retrainings ended.\n\
         # TYPE gristmill_retrainings_total counter\n{ended}"
    ))
}

/// The new version took the alias; a person is asked first; it was kept from it; there is no new version.
const OUTCOMES: [&str; 4] = ["promoted", "approval_asked", "refused", "ended"];

fn outcome(line: &ModelEvent) -> Option<&'static str> {
    match line.what {
        _ if line.note.who != WHO => None,
        WhatHappened::AliasSet => Some("promoted"),
        WhatHappened::ApprovalAsked => Some("approval_asked"),
        WhatHappened::Refused => Some("refused"),
        WhatHappened::RetrainingEnded => Some("ended"),
        _ => None,
    }
}

impl Count {
    /// Counts a line. A retraining has one outcome: what comes without or after it a person did, who may be called
    /// as the loop is.
    fn heed(&mut self, line: &ModelEvent) {
        if line.what == WhatHappened::Retraining {
            self.is_open = true;
        }
        let Some(outcome) = outcome(line) else { return };
        let is_its = self.is_open || line.what == WhatHappened::RetrainingEnded;
        if is_its {
            *self.ended.entry(outcome).or_default() += 1;
        }
        self.is_open = false;
    }

    fn go_on(&mut self, keeper: &Keeper, model: &str) -> Result<()> {
        loop {
            let lines = keeper.wait(|s| s.history_after(model, self.seen, LINES))?;
            let Some(last) = lines.last() else { return Ok(()) };
            self.seen = last.number;
            lines.iter().for_each(|line| self.heed(line));
        }
    }
}

/// A value as the text format has it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
