//! Progress on stderr: on a terminal a bar over the tasks of the run and one for the running task,
//! plain lines elsewhere.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use gristmill::TaskLine;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws how a run goes on.
pub struct Progress {
    bars: Option<Bars>,
    quiet: bool,
    notes: Mutex<Vec<String>>,
    /// How many tenths of each running task were said to be done, and the first word of that.
    tenths: Mutex<HashMap<String, (u64, String)>>,
}

/// What a terminal shows: how many tasks are done, and how far the running one has come.
struct Bars {
    all: MultiProgress,
    tasks: ProgressBar,
    task: ProgressBar,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let tasks = all.add(ProgressBar::new(0));
        tasks.set_style(style("{bar:24.cyan/dim} {pos}/{len} tasks  {elapsed}"));
        let task = all.add(ProgressBar::new_spinner());
        task.set_style(style(SPINNER));
        task.enable_steady_tick(Duration::from_millis(80));
        Self { all, tasks, task }
    }
}

const SPINNER: &str = "{spinner} {msg}";
const BAR: &str = "{spinner} {msg:<12} {bar:24.green/dim} {pos}/{len}  {eta} left";

/// A template that indicatif knows; its default style otherwise.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(Bars::new);
        Self { bars, quiet, notes: Mutex::default(), tenths: Mutex::default() }
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.task.finish_and_clear();
            bars.tasks.finish_and_clear();
        }
    }

    /// What is said of a task that goes on, where there are no bars: once for each tenth of it, and
    /// when it turns to something else, which the first word tells.
    fn say(&self, task: &str, done: u64, total: Option<u64>, said: &str) {
        if said.is_empty() {
            return;
        }
        let tenth = match total {
            Some(total) => done.saturating_mul(10) / total.max(1),
            None => done / 10,
        };
        let mut tenths = self.tenths.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = (tenth, said.split(' ').next().unwrap_or_default().to_owned());
        if tenths.insert(task.to_owned(), now.clone()) != Some(now) {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            self.line(&format!("  {task:<12} {done}{of}: {said}"));
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // A terminal that cannot be written to has nobody to read the line.
            Some(bars) => drop(bars.all.println(text)),
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
    fn planned(&self, tasks: usize) {
        if let Some(bars) = &self.bars {
            bars.tasks.set_length(tasks as u64);
        }
    }

    fn started(&self, task: &str) {
        if let Some(bars) = &self.bars {
            bars.task.set_style(style(SPINNER));
            bars.task.set_message(task.to_string());
        }
    }

    fn advanced(&self, task: &str, done: u64, total: Option<u64>, said: &str) {
        let Some(bars) = &self.bars else { return self.say(task, done, total, said) };
        let message = if said.is_empty() { task.into() } else { format!("{task}: {said}") };
        bars.task.set_message(message);
        if let Some(total) = total {
            bars.task.set_style(style(BAR));
            bars.task.set_length(total);
            bars.task.set_position(done);
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
        if let Some(bars) = &self.bars {
            bars.tasks.inc(1);
            bars.task.set_style(style(SPINNER));
        }
        self.line(&format!("  {:<12} {how}", task.name));
    }
}
