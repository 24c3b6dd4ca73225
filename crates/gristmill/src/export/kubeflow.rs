//! A pipeline of Kubeflow Pipelines: its intermediate form, PipelineSpec 2.1.0, in YAML.
//!
//! What Kubernetes alone knows, volumes and secrets, stands in a second document, the platform
//! spec, as the SDK writes it. Form: github.com/kubeflow/pipelines, api/v2alpha1 and
//! kubernetes_platform.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gristmill_flow::{Retries, TaskSpec, Variable};
use serde_json::{Map, Value, json};

use super::{Exported, Step, Subject};
use crate::yaml::yaml;
use crate::{DATABASE_URL, Result};

/// Where things stand in the containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeflowPlace {
    /// The image that has the program, the pipeline file and all that its commands call.
    pub image: String,
    /// The pipeline file in the image.
    pub file: String,
    /// The folder of the home.
    pub home: String,
    /// The persistent volume claim that is mounted there.
    pub claim: Option<String>,
    /// The Kubernetes secret whose keys are the names of the file's secrets.
    pub secret: Option<String>,
}

/// The inputs that every task takes, and where from.
const INPUTS: [&str; 2] = ["file", "home"];
/// The run, as Kubeflow names it when it is there.
const RUN: &str = "{{$.pipeline_job_uuid}}";
/// The tasks of the file; beside it stands the one that finishes the run.
const TASKS: &str = "tasks";

/// The file at `file` as a pipeline of Kubeflow: a container for each task, and one that finishes
/// the run whatever became of them.
///
/// # Errors
/// As [`check`](crate::check()).
pub fn kubeflow(file: &Path, settings: &[String], place: &KubeflowPlace) -> Result<Exported> {
    let subject = Subject::read(file, settings)?;
    let mut notes = Vec::new();
    let names = names(&subject);
    let platform = platform(&subject, &names, place, &mut notes);
    let mut text = format!(
        "# The pipeline `{}`, made by `gristmill export kubeflow`: export it again rather than edit \
         it.\n# Each task calls `gristmill task` with the id of the run, so that all of them meet in \
         one run of\n# Gristmill. The home must be on a volume that all of them mount; where they are on \
         several nodes,\n# GRISTMILL_DATABASE_URL must name a Postgres database.\n",
        subject.name()
    );
    text.push_str(&yaml(&pipeline(&subject, &names, place)));
    if let Some(platform) = platform {
        text.push_str("---\n");
        text.push_str(&yaml(&platform));
    }
    Ok(Exported { text, notes })
}

/// The names of tasks as Kubeflow allows them, by ours: lower case, letters, digits and dashes.
fn names(subject: &Subject) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let last = subject.last();
    for task in subject.steps.iter().map(|step| step.name.as_str()).chain([last.as_str()]) {
        let mut name = dashed(task);
        while name == TASKS || names.values().any(|taken| *taken == name) {
            name.push_str("-2");
        }
        names.insert(task.to_owned(), name);
    }
    names
}

fn dashed(name: &str) -> String {
    let lower = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    match lower.trim_matches('-') {
        "" => "task".into(),
        kept => kept.to_owned(),
    }
}

fn pipeline(subject: &Subject, names: &BTreeMap<String, String>, place: &KubeflowPlace) -> Value {
    let last = subject.last();
    let (mut components, mut executors, mut tasks) = (Map::new(), Map::new(), Map::new());
    for step in &subject.steps {
        let name = names.get(&step.name).cloned().unwrap_or_default();
        components.insert(format!("comp-{name}"), component(&name));
        let words = [step.name.clone()];
        executors
            .insert(format!("exec-{name}"), executor(subject, step.spec.as_ref(), &words, place));
        tasks.insert(name.clone(), task(step, &name, names));
    }
    let finish = names.get(&last).cloned().unwrap_or_default();
    components.insert(format!("comp-{finish}"), component(&finish));
    executors
        .insert(format!("exec-{finish}"), executor(subject, None, &["--finish".into()], place));
    components.insert(format!("comp-{TASKS}"), inner(tasks));
    json!({
        "components": components,
        "deploymentSpec": {"executors": executors},
        "pipelineInfo": {"name": dashed(subject.name())},
        "root": {
            "dag": {"tasks": {
                TASKS: {
                    "componentRef": {"name": format!("comp-{TASKS}")},
                    "inputs": {"parameters": passed_on("")},
                    "taskInfo": {"name": TASKS},
                },
                finish.clone(): {
                    "cachingOptions": {},
                    "componentRef": {"name": format!("comp-{finish}")},
                    "dependentTasks": [TASKS],
                    "inputs": {"parameters": inputs("")},
                    "taskInfo": {"name": finish},
                    "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
                },
            }},
            "inputDefinitions": {"parameters": {
                "file": parameter(&place.file),
                "home": parameter(&place.home),
            }},
        },
        "schemaVersion": "2.1.0",
        "sdkVersion": "gristmill",
    })
}

fn parameter(default: &str) -> Value {
    json!({"defaultValue": default, "isOptional": true, "parameterType": "STRING"})
}

/// The tasks of the file as a DAG of their own, whose end the last task waits for.
fn inner(tasks: Map<String, Value>) -> Value {
    let text = json!({"parameterType": "STRING"});
    let definitions: Map<String, Value> =
        INPUTS.iter().map(|name| (format!("{CHANNEL}{name}"), text.clone())).collect();
    json!({"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": definitions}})
}

/// What the SDK puts before the name of an input that a DAG within takes from its parent.
const CHANNEL: &str = "pipelinechannel--";

fn passed_on(channel: &str) -> Value {
    let from = |name: &str| json!({"componentInputParameter": format!("{channel}{name}")});
    INPUTS.iter().map(|name| (format!("{CHANNEL}{name}"), from(name))).collect()
}

fn inputs(channel: &str) -> Value {
    let from = |name: &str| json!({"componentInputParameter": format!("{channel}{name}")});
    let mut all: Map<String, Value> =
        INPUTS.iter().map(|name| ((*name).to_owned(), from(name))).collect();
    all.insert("run".into(), json!({"runtimeValue": {"constant": RUN}}));
    Value::Object(all)
}

fn component(name: &str) -> Value {
    let text = json!({"parameterType": "STRING"});
    json!({
        "executorLabel": format!("exec-{name}"),
        "inputDefinitions": {"parameters": {"file": text, "home": text, "run": text}},
    })
}

fn task(step: &Step, name: &str, names: &BTreeMap<String, String>) -> Value {
    let mut task = json!({
        "cachingOptions": {},
        "componentRef": {"name": format!("comp-{name}")},
        "inputs": {"parameters": inputs(CHANNEL)},
        "taskInfo": {"name": name},
    });
    if !step.waits.is_empty() {
        let mut waits: Vec<&String> = step.waits.iter().filter_map(|w| names.get(w)).collect();
        waits.sort();
        task["dependentTasks"] = json!(waits);
    }
    if step.by_status {
        task["triggerPolicy"] = json!({"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"});
    }
    if let Some(retries) = step.spec.as_ref().map(TaskSpec::retries).filter(|r| r.times > 0) {
        task["retryPolicy"] = retry_policy(&retries);
    }
    task
}

fn retry_policy(retries: &Retries) -> Value {
    json!({
        "backoffDuration": seconds(retries.backoff),
        "backoffFactor": retries.factor,
        "backoffMaxDuration": seconds(retries.longest),
        "maxRetryCount": retries.times,
    })
}

/// A length of time as protocol buffers write it in JSON.
fn seconds(span: Duration) -> String {
    format!("{}s", span.as_secs_f64())
}

/// A container that calls `gristmill task` with these words behind the run.
fn executor(
    subject: &Subject,
    spec: Option<&TaskSpec>,
    words: &[String],
    place: &KubeflowPlace,
) -> Value {
    let input = |name: &str| format!("{{{{$.inputs.parameters['{name}']}}}}");
    let mut call = vec!["--home".into(), input("home"), "task".into(), input("run")];
    call.extend_from_slice(words);
    call.extend(["--file".into(), input("file")]);
    call.extend(subject.set_words());
    // A container that is skipped has nothing to complain of; tasks behind it are skipped too.
    call.extend(["--skip-exit-code".into(), "0".into()]);
    let mut container = json!({"args": call, "command": ["gristmill"], "image": place.image});
    if let Some(spec) = spec {
        let env = variables(spec);
        if !env.is_empty() {
            container["env"] = Value::Array(env);
        }
        let resources = resources(spec);
        if !resources.is_empty() {
            container["resources"] = Value::Object(resources);
        }
    }
    json!({"container": container})
}

/// The variables that are plain texts. Gristmill sets them for the command in any case; here they
/// are seen in Kubeflow too.
fn variables(spec: &TaskSpec) -> Vec<Value> {
    let plain = spec.env.iter().filter_map(|(name, value)| match value {
        Variable::Text(text) if !text.contains("{{") => Some(json!({"name": name, "value": text})),
        _ => None,
    });
    plain.collect()
}

/// What the pod asks for, in the words of Kubernetes and in the older numbers beside them.
fn resources(spec: &TaskSpec) -> Map<String, Value> {
    let mut resources = Map::new();
    if spec.cpu > 1 {
        resources.insert("cpuRequest".into(), json!(f64::from(spec.cpu)));
        resources.insert("resourceCpuRequest".into(), json!(spec.cpu.to_string()));
    }
    if let Some(memory) = spec.memory {
        let bytes = memory.bytes();
        resources.insert("memoryRequest".into(), json!(bytes as f64 / 1e9));
        resources.insert("resourceMemoryRequest".into(), json!(quantity(bytes)));
    }
    resources
}

/// Bytes as Kubernetes writes them.
fn quantity(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("Gi", 1 << 30),
        ("G", 1_000_000_000),
        ("Mi", 1 << 20),
        ("M", 1_000_000),
        ("Ki", 1 << 10),
        ("k", 1_000),
    ];
    let whole = UNITS.iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    match whole {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => bytes.to_string(),
    }
}

/// Volumes and secrets of the pods, when there are any.
fn platform(
    subject: &Subject,
    names: &BTreeMap<String, String>,
    place: &KubeflowPlace,
    notes: &mut Vec<String>,
) -> Option<Value> {
    if place.claim.is_none() {
        notes.push(format!(
            "no volume is mounted at {}: name one with `--claim`, or the tasks cannot meet",
            place.home
        ));
    }
    let mut executors = Map::new();
    for (task, name) in names {
        let spec = subject.steps.iter().find(|s| s.name == *task).and_then(|s| s.spec.as_ref());
        let secrets = spec.map(secrets).unwrap_or_default();
        if place.secret.is_none() && !secrets.is_empty() {
            let listed = secrets.join("`, `");
            notes.push(format!(
                "`{task}` needs the secret `{listed}`: name a Kubernetes secret that has it as a \
                 key with `--secret`"
            ));
        }
        let pod = pod(place, &secrets);
        if !pod.is_empty() {
            executors.insert(format!("exec-{name}"), Value::Object(pod));
        }
    }
    (!executors.is_empty())
        .then(|| json!({"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}))
}

/// What one pod is given: the home, the database where its address is a secret, and its secrets.
fn pod(place: &KubeflowPlace, secrets: &[String]) -> Map<String, Value> {
    let mut pod = Map::new();
    if let Some(claim) = &place.claim {
        let mount = json!({
            "constant": claim,
            "mountPath": place.home,
            "pvcNameParameter": {"runtimeValue": {"constant": claim}},
        });
        pod.insert("pvcMount".into(), json!([mount]));
    }
    if let Some(secret) = &place.secret {
        let mut given = vec![from_secret(secret, &[DATABASE_URL.to_owned()], true)];
        if !secrets.is_empty() {
            given.push(from_secret(secret, secrets, false));
        }
        pod.insert("secretAsEnv".into(), Value::Array(given));
    }
    pod
}

/// Keys of a Kubernetes secret as variables of the same names.
fn from_secret(secret: &str, keys: &[String], optional: bool) -> Value {
    let keys: Vec<Value> =
        keys.iter().map(|key| json!({"envVar": key, "secretKey": key})).collect();
    json!({
        "keyToEnv": keys,
        "optional": optional,
        "secretName": secret,
        "secretNameParameter": {"runtimeValue": {"constant": secret}},
    })
}

/// The secrets of a task by their names.
fn secrets(spec: &TaskSpec) -> Vec<String> {
    let names = spec.env.values().filter_map(|value| match value {
        Variable::Secret(secret) => Some(secret.secret.clone()),
        Variable::Text(_) => None,
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn bytes_are_written_as_kubernetes_reads_them() {
        for (bytes, text) in [
            (4_000_000_000, "4G"),
            (1 << 30, "1Gi"),
            (512 << 20, "512Mi"),
            (1_500_000, "1500k"),
            (7, "7"),
        ] {
            assert_eq!(quantity(bytes), text);
        }
    }

    #[test]
    fn lengths_of_time_are_those_of_protocol_buffers() {
        assert_eq!(seconds(Duration::from_secs(2)), "2s");
        assert_eq!(seconds(Duration::from_millis(1_500)), "1.5s");
    }
}
