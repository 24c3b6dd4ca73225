//! Tasks for tests, that count how often they run.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use gristmill_flow::{
    Cache, Caching, Cancel, Condition, Demand, Digest, FileDigests, Input, Inputs, Output, Plan,
    Previous, Retries, RunReport, Task, TaskContext, TaskError,
};
use serde_json::{Value, json};

type Work = Box<dyn Fn(&Inputs<'_>, &TaskContext<'_>) -> Result<Output, TaskError> + Send + Sync>;

pub struct Step {
    name: String,
    needs: Vec<String>,
    version: String,
    parameters: Value,
    reads: Vec<PathBuf>,
    caching: Caching,
    work: Work,
    runs: Arc<AtomicUsize>,
    retries: Retries,
    demand: Demand,
    priority: i32,
    when: Option<Condition>,
    parts: Option<Parts>,
}

type Parts = Box<dyn Fn(&Inputs<'_>) -> Vec<Step> + Send + Sync>;

/// A task that writes its parameters and the facts of what it needs into the file `out`.
pub fn step(name: &str) -> Step {
    Step {
        name: name.to_owned(),
        needs: Vec::new(),
        version: "1".into(),
        parameters: json!({}),
        reads: Vec::new(),
        caching: Caching::Reuse,
        work: Box::new(|_, context| {
            fs_err::write(context.output_dir().join("out"), context.task())?;
            Ok(Output::none())
        }),
        runs: Arc::default(),
        retries: Retries::NONE,
        demand: Demand::default(),
        priority: 0,
        when: None,
        parts: None,
    }
}

impl Step {
    pub fn needs(mut self, needs: &[&str]) -> Self {
        self.needs = needs.iter().map(|n| (*n).to_owned()).collect();
        self
    }

    pub fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }

    pub fn parameters(mut self, parameters: Value) -> Self {
        self.parameters = parameters;
        self
    }

    pub fn reads(mut self, path: &Path) -> Self {
        self.reads.push(path.to_owned());
        self
    }

    pub fn every_time(mut self) -> Self {
        self.caching = Caching::Never;
        self
    }

    /// Tries again so often, a millisecond later.
    pub fn retried(mut self, times: u32) -> Self {
        self.retries = Retries { times, backoff: Duration::from_millis(1), ..Retries::NONE };
        self
    }

    pub fn demands(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    pub fn when(mut self, condition: &str) -> Self {
        self.when = Some(Condition::parse(condition).unwrap());
        self
    }

    pub fn parts(
        mut self,
        parts: impl Fn(&Inputs<'_>) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        self.parts = Some(Box::new(parts));
        self
    }

    pub fn counted(mut self, runs: &Arc<AtomicUsize>) -> Self {
        self.runs = Arc::clone(runs);
        self
    }

    pub fn does(
        mut self,
        work: impl Fn(&Inputs<'_>, &TaskContext<'_>) -> Result<Output, TaskError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.work = Box::new(work);
        self
    }
}

impl Task for Step {
    fn name(&self) -> &str {
        &self.name
    }

    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn parameters(&self) -> Value {
        self.parameters.clone()
    }

    fn inputs(&self, files: &FileDigests) -> Result<Vec<Input>, TaskError> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        self.reads.iter().map(|path| files.input(&name(path), path)).collect()
    }

    fn caching(&self) -> Caching {
        self.caching
    }

    fn retries(&self) -> Retries {
        self.retries
    }

    fn when(&self) -> Option<&Condition> {
        self.when.as_ref()
    }

    fn common_fields(&self) -> &[&str] {
        if self.name == "evaluate" { &["metrics"] } else { &[] }
    }

    fn demand(&self) -> Demand {
        self.demand.clone()
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    fn spread(&self, inputs: &Inputs<'_>) -> Result<Option<Vec<Box<dyn Task>>>, TaskError> {
        let boxed = |step: Step| Box::new(step) as Box<dyn Task>;
        Ok(self.parts.as_ref().map(|parts| parts(inputs).into_iter().map(boxed).collect()))
    }

    fn run(&self, inputs: &Inputs<'_>, context: &TaskContext<'_>) -> Result<Output, TaskError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        (self.work)(inputs, context)
    }
}

/// A clock that moves a tenth of a second each time it is asked.
pub fn clock() -> Arc<dyn gristmill_flow::Clock> {
    let ticks = AtomicI64::new(1_700_000_000_000_000);
    Arc::new(move || ticks.fetch_add(100_000, Ordering::SeqCst))
}

pub fn cache(folder: &Path) -> Cache {
    Cache::open(&folder.join("cache"), clock()).unwrap()
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan::new(steps.into_iter().map(|step| Box::new(step) as Box<dyn Task>).collect()).unwrap()
}

pub fn run(plan: &Plan, cache: &Cache) -> RunReport {
    plan.run(cache, &(), &Cancel::new())
}

/// `name status` of each task, `cached` where it was.
pub fn summary(report: &RunReport) -> Vec<String> {
    let line = |t: &gristmill_flow::TaskReport| {
        format!("{} {}", t.name, if t.cached { "cached" } else { t.status.as_str() })
    };
    report.tasks.iter().map(line).collect()
}

/// What a run leaves for the next to compare with.
pub fn previous(report: &RunReport) -> Previous {
    let text = |parts| serde_json::to_string(parts).unwrap();
    let parts = report.tasks.iter().filter_map(|t| Some((t.name.clone(), t.key_parts.as_ref()?)));
    parts.map(|(name, parts)| (name, text(parts))).collect()
}

pub fn output(report: &RunReport, task: &str) -> Digest {
    report.task(task).unwrap().output.unwrap()
}
