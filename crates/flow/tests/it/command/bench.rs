//! A folder in which commands run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gristmill_flow::{
    Cache, Cancel, CommandTask, Plan, RunReport, Surroundings, Task, TaskReport, TaskSpec,
    UsualSecrets, Warden, task_logs,
};
use serde_json::Value;

use crate::tasks::cache;

pub struct Bench {
    all: tempfile::TempDir,
    pub work: PathBuf,
    pub cache: Cache,
    warden: Option<Warden>,
}

pub fn bench() -> Bench {
    let all = tempfile::tempdir().unwrap();
    let work = all.path().join("work");
    fs_err::create_dir(&work).unwrap();
    fs_err::create_dir(all.path().join("secrets")).unwrap();
    let cache = cache(all.path());
    Bench { all, work, cache, warden: None }
}

impl Bench {
    pub fn with_warden(self, warden: Warden) -> Self {
        Self { warden: Some(warden), ..self }
    }

    pub fn secret(&self, name: &str, content: &str) {
        fs_err::write(self.all.path().join("secrets").join(name), content).unwrap();
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.work.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.work.join(name)).unwrap()
    }

    pub fn task(&self, name: &str, spec: Value) -> CommandTask {
        let spec: TaskSpec = serde_json::from_value(spec).unwrap();
        let surroundings = Surroundings {
            folder: self.work.clone(),
            logs: self.logs(),
            run_id: "run-1".into(),
            secrets: Arc::new(UsualSecrets::with_folder(&self.all.path().join("secrets"))),
            warden: self.warden.clone(),
        };
        CommandTask::new(name, spec, Arc::new(surroundings)).unwrap()
    }

    pub fn logs(&self) -> PathBuf {
        self.all.path().join("logs")
    }

    /// What a task printed, over all attempts.
    pub fn log(&self, task: &str) -> String {
        let mut bytes = Vec::new();
        task_logs(&self.logs(), task).unwrap().iter().for_each(|l| l.copy_to(&mut bytes).unwrap());
        String::from_utf8(bytes).unwrap()
    }

    pub fn run_all(&self, tasks: Vec<Box<dyn Task>>, cancel: &Cancel) -> RunReport {
        Plan::new(tasks).unwrap().run(&self.cache, &(), cancel)
    }

    pub fn run(&self, name: &str, spec: Value) -> TaskReport {
        let tasks: Vec<Box<dyn Task>> = vec![Box::new(self.task(name, spec))];
        self.run_all(tasks, &Cancel::new()).tasks.pop().unwrap()
    }

    /// The words of a task that fails: message, then hint.
    #[track_caller]
    pub fn failure(&self, spec: Value) -> (String, String) {
        let error = self.run("job", spec).error.expect("it was to fail");
        (error.message, error.hint.unwrap_or_default())
    }

    /// Waits until a file is there, and gives what it holds.
    pub fn wait_for(&self, name: &str) -> String {
        wait_for(&self.work.join(name))
    }
}

pub fn wait_for(file: &Path) -> String {
    for _ in 0..500 {
        match fs_err::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    panic!("{} does not appear", file.display());
}

/// How long something takes.
#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// Whether a process has not ended. One that waits for its parent to notice has.
pub fn lives(pid: &str) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'))
}
