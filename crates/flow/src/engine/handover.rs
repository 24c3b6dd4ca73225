//! What tasks hand to each other: folders of files, facts, and values in memory.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::cache::{Draft, Entry};
use super::{Cancel, Clock, Event, Fault, Observer, TaskError};
use crate::nearest::list;

/// A value that a task keeps in memory for later tasks of the same run.
pub(super) type Shared = Arc<dyn Any + Send + Sync>;

/// What a task gives besides the files in its folder.
#[derive(Clone)]
pub struct Output {
    /// A few figures and names, kept with the result and shown in reports.
    pub facts: Value,
    pub(super) value: Option<Shared>,
}

impl Output {
    /// Nothing but these facts.
    pub fn facts(facts: Value) -> Self {
        Self { facts, value: None }
    }

    /// Nothing at all, besides what lies in the folder.
    pub fn none() -> Self {
        Self::facts(Value::Null)
    }

    /// The same output with a value that later tasks of this run take from memory. It must be
    /// what loading the folder would give.
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(self, value: T) -> Self {
        Self { value: Some(Arc::new(value)), ..self }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { facts, value } = self;
        f.debug_struct("Output").field("facts", facts).field("value", &value.is_some()).finish()
    }
}

/// The values in memory of one run, by task and type.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<(String, TypeId), Shared>>);

impl Memory {
    pub(super) fn keep(&self, task: &str, value: Shared) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert((task.to_owned(), value.as_ref().type_id()), value);
    }

    fn get<T: Any + Send + Sync>(&self, task: &str) -> Option<Arc<T>> {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values.get(&(task.to_owned(), TypeId::of::<T>()))?;
        Arc::clone(value).downcast().ok()
    }
}

/// What the needed tasks gave.
pub struct Inputs<'a> {
    pub(super) entries: BTreeMap<&'a str, Arc<Entry>>,
    pub(super) memory: &'a Memory,
}

impl Inputs<'_> {
    /// The folder with the files that a needed task gave. It is to be read, never written.
    ///
    /// # Errors
    /// A [`Fault::Bug`] when `task` is none of those that the task declared to need.
    pub fn folder(&self, task: &str) -> Result<&Path, TaskError> {
        self.entry(task).map(|entry| entry.files_dir())
    }

    /// The facts that a needed task gave.
    ///
    /// # Errors
    /// As [`Inputs::folder`].
    pub fn facts(&self, task: &str) -> Result<&Value, TaskError> {
        self.entry(task).map(|entry| entry.facts())
    }

    /// The value that a needed task left in memory, if it ran in this run and left one of this
    /// type.
    pub fn value<T: Any + Send + Sync>(&self, task: &str) -> Option<Arc<T>> {
        if self.entries.contains_key(task) { self.memory.get(task) } else { None }
    }

    /// The value that a needed task left in memory, or else what `load` reads from its folder;
    /// read once in a run, however many tasks ask.
    ///
    /// # Errors
    /// As [`Inputs::folder`], and those of `load`.
    pub fn value_or_load<T: Any + Send + Sync>(
        &self,
        task: &str,
        load: impl FnOnce(&Path) -> Result<T, TaskError>,
    ) -> Result<Arc<T>, TaskError> {
        let folder = self.folder(task)?;
        if let Some(value) = self.memory.get(task) {
            return Ok(value);
        }
        let value = Arc::new(load(folder)?);
        self.memory.keep(task, Arc::clone(&value) as Shared);
        Ok(value)
    }

    fn entry(&self, task: &str) -> Result<&Entry, TaskError> {
        self.entries.get(task).map(Arc::as_ref).ok_or_else(|| {
            let known = list(self.entries.keys().copied(), "and");
            let message = format!("`{task}` is read but not needed; declared are {known}");
            TaskError::new(Fault::Bug, message)
        })
    }
}

/// What a task is given besides its inputs.
pub struct TaskContext<'a> {
    pub(super) task: &'a str,
    pub(super) draft: &'a Draft<'a>,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a Cancel,
    pub(super) clock: &'a dyn Clock,
    pub(super) attempt: u32,
    pub(super) notes: &'a Mutex<Vec<String>>,
}

impl TaskContext<'_> {
    /// The empty folder into which the task writes its files, plain files and folders of them.
    /// It is made when it is first asked for.
    /// What lies in it when the task succeeds is its output.
    pub fn output_dir(&self) -> &Path {
        self.draft.files()
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        self.task
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Says something that a person should know and that is no error. It is kept with the
    /// result and said again when that is taken from the cache.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        self.observer.event(Event::Note { task: self.task, text: &text });
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Says how far the work has come.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.progress_with(done, total, "");
    }

    /// As [`TaskContext::progress`], with what else a person who waits would like to know.
    pub fn progress_with(&self, done: u64, total: Option<u64>, said: &str) {
        self.observer.event(Event::Progress { task: self.task, done, total, said });
    }

    /// The wish to stop, to hand on to loops and libraries.
    pub fn cancel(&self) -> &Cancel {
        self.cancel
    }

    /// The clock, for deadlines and never for results.
    pub fn clock(&self) -> &dyn Clock {
        self.clock
    }
}
