//! A task as a pipeline file spells it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ByteSize, TimeSpan};
use crate::{Demand, Retries};

/// A command as a task of the pipeline.
///
/// `{{item}}`, `{{item.field}}` and `{{TASK.field}}` (what a needed task gave) may stand in `run`,
/// `env`, `outputs` and, without those of tasks, in `inputs`. Two braces that are to stay are
/// written `\{{`.
///
/// ```
/// # use gristmill_flow::TaskSpec;
/// let spec: TaskSpec = serde_json::from_str(
///     r#"{"run": "python fetch.py", "outputs": ["rows.csv"], "retries": 3, "timeout": "10m"}"#,
/// )?;
/// assert_eq!(spec.retries().times, 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSpec {
    /// The command: a text for `/bin/sh -c`, or a list of a program and its arguments, which
    /// runs without a shell. What a template puts into a text reaches the shell as one word,
    /// whatever characters it has; in a list it is put in as it is.
    pub run: Run,
    /// The tasks and stages that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What it reads: files, folders and globs, relative to the working folder. A kept result
    /// counts only as long as their content is the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The files and folders that it makes, relative to the working folder. They are kept, and
    /// put back when the result is taken from the cache. Without them the command runs every
    /// time. What lay there before and the command left as it was counts as made by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Variables of the command's environment, besides those that Gristmill was started with:
    /// a text each, or `{secret: NAME}`. A secret is replaced by `***` in the log, in messages and
    /// in what the command gives; only as it is, not in another encoding.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Variable>,
    /// The working folder, relative to the folder of the pipeline file, which it is by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// How often it is tried again after a failure: a number, or a block that also says how long
    /// to rest in between.
    #[serde(default, skip_serializing_if = "RetrySpec::is_none")]
    pub retries: RetrySpec,
    /// How long one try may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeSpan>,
    /// How long it may go on after it was asked to stop (SIGTERM), before it is ended (SIGKILL).
    #[serde(default = "grace", skip_serializing_if = "is_grace")]
    pub grace: TimeSpan,
    /// The condition under which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Runs the command once for each item, side by side: a list, or `{task: NAME, output:
    /// FIELD}` for a list that a task gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreach: Option<Foreach>,
    /// The pool in which it takes a place while it runs, or how many places in which pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// How many cores it takes while it runs. Numerical libraries are told so by the usual
    /// variables (OMP_NUM_THREADS and its like), unless these are set.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub cpu: u32,
    /// How much memory it takes while it runs. It is not begun before so much is free; it is not
    /// kept from taking more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// Of tasks that could begin, those of a higher priority do so first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// `never` for outputs that must be made anew every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheRule>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Run {
    /// A text for `/bin/sh -c`.
    Shell(String),
    /// A program and its arguments.
    Direct(Vec<String>),
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Variable {
    /// This text.
    Text(String),
    /// A secret.
    Secret(SecretName),
}

/// A secret by its name, never by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// The environment variable or file that holds it.
    pub secret: String,
}

/// How often a task is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RetrySpec {
    /// So many times.
    Times(u32),
    /// So many times, with rests that grow.
    Block(RetryBlock),
}

/// How often a task is tried again, and how long it rests before each try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBlock {
    /// How many tries there are after the first.
    pub times: u32,
    /// The rest before the first retry.
    #[serde(default = "backoff")]
    pub backoff: TimeSpan,
    /// How much longer each rest is than the one before it.
    #[serde(default = "factor")]
    #[schemars(range(min = 1.0))]
    pub factor: f64,
    /// The longest rest.
    #[serde(default = "longest")]
    pub longest: TimeSpan,
}

/// The items over which a task is spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Foreach {
    /// These.
    Items(Vec<Value>),
    /// Those that a task gave.
    Given(Given),
}

/// A list among what a task gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The task.
    pub task: String,
    /// The list's field; dots lead into blocks.
    pub output: String,
}

/// Places in pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Pool {
    /// One place in this pool.
    One(String),
    /// So many places in each.
    Several(BTreeMap<String, u32>),
}

/// Whether outputs may be taken from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheRule {
    /// They are made anew every time.
    Never,
}

impl TaskSpec {
    /// How often it is tried again, as the engine counts.
    pub fn retries(&self) -> Retries {
        let block = match &self.retries {
            RetrySpec::Times(times) => &RetryBlock::times(*times),
            RetrySpec::Block(block) => block,
        };
        Retries {
            times: block.times,
            backoff: block.backoff.duration(),
            factor: block.factor,
            longest: block.longest.duration(),
        }
    }

    /// What it takes of the machine, as the engine counts.
    pub fn demand(&self) -> Demand {
        let pools = match &self.pool {
            None => BTreeMap::new(),
            Some(Pool::One(name)) => BTreeMap::from([(name.clone(), 1)]),
            Some(Pool::Several(pools)) => pools.clone(),
        };
        Demand { cpu: self.cpu, memory: self.memory.map_or(0, ByteSize::bytes), pools }
    }
}

impl RetrySpec {
    fn is_none(&self) -> bool {
        matches!(self, Self::Times(0))
    }
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self::Times(0)
    }
}

impl RetryBlock {
    fn times(times: u32) -> Self {
        Self { times, backoff: backoff(), factor: factor(), longest: longest() }
    }
}

fn grace() -> TimeSpan {
    TimeSpan::from_secs(10)
}

fn is_grace(span: &TimeSpan) -> bool {
    *span == grace()
}

fn backoff() -> TimeSpan {
    TimeSpan::from_secs(1)
}

fn factor() -> f64 {
    2.0
}

fn longest() -> TimeSpan {
    TimeSpan::from_secs(300)
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> TaskSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_command_is_enough_and_all_else_has_a_default() {
        let short = spec(json!({"run": "true"}));
        assert_eq!(short.demand(), Demand::default());
        assert_eq!(short.grace, TimeSpan::from_secs(10));
        assert_eq!(serde_json::to_value(&short).unwrap(), json!({"run": "true"}));
    }

    #[test]
    fn every_setting_is_written_as_it_was_read() {
        let whole = json!({
            "run": ["python", "x.py", "{{item}}"], "needs": ["a"], "inputs": ["*.csv"],
            "outputs": ["out/{{item}}"], "env": {"A": "b", "T": {"secret": "TOKEN"}},
            "folder": "work", "timeout": "10m", "grace": "1s", "when": "a.rows > 1",
            "retries": {"times": 3, "backoff": "2s", "factor": 3.0, "longest": "1m"},
            "foreach": {"task": "a", "output": "paths"}, "pool": {"gpu": 2}, "cpu": 4,
            "memory": "4GB", "priority": -1, "cache": "never",
        });
        assert_eq!(serde_json::to_value(spec(whole.clone())).unwrap(), whole);
    }

    #[test]
    fn retries_rest_one_second_at_first_and_five_minutes_at_most() {
        let retries = spec(json!({"run": "true", "retries": 3})).retries();
        let expected = Retries {
            times: 3,
            backoff: Duration::from_secs(1),
            factor: 2.0,
            longest: Duration::from_secs(300),
        };
        assert_eq!(retries, expected);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let error = serde_json::from_value::<TaskSpec>(json!({"run": "true", "retry": 3}));
        assert!(error.unwrap_err().to_string().contains("unknown field `retry`"));
    }
}
