//! Progress on stderr: a spinner for the running task on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use gristmill::TaskLine;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws how a run goes on.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    notes: Mutex<Vec<String>>,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(80));
            bar
        });
        Self { bar, quiet, notes: Mutex::default() }
    }

    /// Takes the spinner away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None if !self.quiet => eprintln!("{text}"),
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl gristmill::Progress for Progress {
    fn started(&self, task: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(task.to_string());
        }
    }

    fn note(&self, message: &str) {
        let mut seen = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !seen.iter().any(|m| m == message) {
            seen.push(message.into());
            self.line(&format!("note: {message}"));
        }
    }

    fn finished(&self, task: &TaskLine) {
        let how = match (task.status.as_str(), task.cached) {
            ("succeeded", true) => "cached".to_string(),
            ("succeeded", false) => format!("{:.2} s", task.seconds),
            (status, _) => status.to_string(),
        };
        self.line(&format!("  {:<10} {how}", task.name));
    }
}
