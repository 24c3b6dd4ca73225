//! What else than a schedule makes a deployed pipeline run.

use std::fmt;

use gristmill_flow::{ScheduleSpec, ScheduleSpecs};
use gristmill_ingest::ObjectPattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::PipelineFile;

/// The longest text that a trigger may have: it is a part of a key in the store.
const MAX_CHARS: usize = 200;

/// One occasion for a deployed pipeline to run: `{file: "incoming/*.csv"}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerSpec {
    /// A file that is new or has changed, once it has stopped growing: a path or a glob, relative
    /// to the folder of the pipeline file. Or an object of a store that is new or has another
    /// content: `s3://bucket/incoming/*.csv`. What is there when the pipeline is deployed does not
    /// count.
    File(String),
    /// A run of this pipeline that succeeded.
    Pipeline(String),
    /// `POST /api/v1/hooks/NAME` to `gristmill up`.
    Webhook(String),
    /// An event of this name, raised by `gristmill events raise NAME`.
    Event(String),
}

impl fmt::Display for TriggerSpec {
    /// The trigger as the store and messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {path}"),
            Self::Pipeline(name) => write!(f, "pipeline {name}"),
            Self::Webhook(name) => write!(f, "webhook {name}"),
            Self::Event(name) => write!(f, "event {name}"),
        }
    }
}

impl TriggerSpec {
    /// What is wrong with a trigger of the pipeline `pipeline`: a message and a remedy.
    pub(crate) fn mistake(&self, pipeline: &str) -> Option<(String, String)> {
        match self {
            Self::File(path) => file_mistake(path),
            Self::Pipeline(name) if name == pipeline => Some((
                "a pipeline that its own success starts would never end".into(),
                "name another pipeline, or give this one a `schedule`".into(),
            )),
            Self::Pipeline(name) | Self::Webhook(name) | Self::Event(name) => name_mistake(name),
        }
    }
}

fn name_mistake(name: &str) -> Option<(String, String)> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let sound = !name.is_empty() && name.len() <= MAX_CHARS && name.chars().all(fits);
    (!sound).then(|| {
        let hint = format!("use letters, digits, `-`, `_` and `.`, {MAX_CHARS} at most");
        (format!("a trigger names `{name}`"), hint)
    })
}

fn file_mistake(path: &str) -> Option<(String, String)> {
    let wrong = |found: String, hint: &str| Some((found, hint.to_string()));
    if path.is_empty() || path.chars().count() > MAX_CHARS || path.chars().any(char::is_control) {
        return wrong(
            format!("a trigger watches `{path}`"),
            "name a path or a glob of at most 200 characters, such as `incoming/*.csv`",
        );
    }
    if let Some((scheme, _)) = path.split_once("://") {
        return address_mistake(scheme, path);
    }
    match glob::Pattern::new(path) {
        Ok(_) => None,
        Err(error) => wrong(
            format!("`{path}` is no glob: {}", error.msg),
            "write `*`, `?`, `**` and `[a-z]`, such as `incoming/*.csv`",
        ),
    }
}

/// What is wrong with the address of objects: only stores that answer as S3 does can be listed.
fn address_mistake(scheme: &str, path: &str) -> Option<(String, String)> {
    let hint = match scheme {
        "s3" => {
            let error = ObjectPattern::parse(path).err()?;
            return Some((error.to_string(), error.hint().unwrap_or_default()));
        }
        "s3a" | "s3n" => "write `s3://`",
        "gs" | "gcs" => {
            "let whoever writes the object call a `webhook`; or use the store as S3: `s3://`, with \
             AWS_ENDPOINT_URL=https://storage.googleapis.com and an HMAC key"
        }
        "az" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" | "azure" => {
            "let whoever writes the object call a `webhook`, as Event Grid can"
        }
        _ => "name a path or a glob, or let whoever writes it call a `webhook`",
    };
    let found = format!("`{path}` cannot be watched: only files and objects at `s3://` are");
    Some((found, hint.into()))
}

/// Whether the pattern of a `file` trigger means objects of a store.
pub(crate) fn is_object(pattern: &str) -> bool {
    pattern.starts_with("s3://")
}

/// A schedule as the store and messages name it. Two that differ in rhythm or zone keep separate
/// accounts; its place in a list, `catch_up`, `from` and `until` may change without a fresh start.
pub(crate) fn schedule_name(spec: &ScheduleSpec) -> String {
    let zone = spec.timezone.as_deref().unwrap_or("UTC");
    match (&spec.cron, &spec.every) {
        (Some(cron), _) => format!("schedule {cron} {zone}"),
        (None, every) => format!("schedule every {}", every.as_deref().unwrap_or_default()),
    }
}

/// Schedules that cannot be kept and triggers that cannot be watched: path, message, remedy.
pub(crate) fn occasion_mistakes(file: &PipelineFile) -> Vec<(String, String, Option<String>)> {
    let mut mistakes = schedule_mistakes(file);
    for (at, trigger) in file.triggers.iter().enumerate() {
        let text = trigger.to_string();
        let path = format!("triggers.{at}.{}", text.split(' ').next().unwrap_or_default());
        if let Some((found, hint)) = trigger.mistake(&file.name) {
            mistakes.push((path, found, Some(hint)));
        } else if file.triggers.iter().take(at).any(|earlier| earlier == trigger) {
            let found = format!("the trigger `{text}` stands twice");
            mistakes.push((path, found, Some("keep one of them".into())));
        }
    }
    mistakes
}

fn schedule_mistakes(file: &PipelineFile) -> Vec<(String, String, Option<String>)> {
    let (mut mistakes, mut names) = (Vec::new(), Vec::new());
    let alone = matches!(file.schedule, Some(ScheduleSpecs::One(_)));
    for (at, spec) in file.schedule.iter().flat_map(|specs| specs.as_slice()).enumerate() {
        let path = if alone { "schedule".into() } else { format!("schedule.{at}") };
        let name = schedule_name(spec);
        if let Err(error) = spec.check() {
            let below = error.setting != "schedule";
            let path = if below { format!("{path}.{}", error.setting) } else { path };
            mistakes.push((path, error.to_string(), error.hint));
        } else if name.chars().count() > MAX_CHARS {
            let found = format!("the schedule is written in more than {MAX_CHARS} characters");
            mistakes.push((path, found, Some("make several schedules of it".into())));
        } else if names.contains(&name) {
            let found = "two schedules have the same rhythm".into();
            mistakes.push((path, found, Some("keep one of them".into())));
        }
        names.push(name);
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigger_is_one_key_with_its_text() {
        let read = serde_json::from_str::<TriggerSpec>;
        assert_eq!(read(r#"{"webhook": "sale"}"#).unwrap(), TriggerSpec::Webhook("sale".into()));
        assert_eq!(read(r#"{"event": "drift"}"#).unwrap().to_string(), "event drift");
        for wrong in [r#""webhook""#, r#"{"hook": "a"}"#, r#"{"file": "a", "event": "b"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_watched_is_refused() {
        let mistake = |spec: TriggerSpec| spec.mistake("churn").map(|(found, _)| found);
        assert_eq!(mistake(TriggerSpec::File("incoming/*.csv".into())), None);
        assert_eq!(mistake(TriggerSpec::Pipeline("sales".into())), None);
        assert_eq!(mistake(TriggerSpec::File("s3://bucket/in/*.csv".into())), None);
        for wrong in ["", "a\nb", "***", "[a", "s3://bucket", "s3a://bucket/*", "gs://bucket/*"] {
            assert!(mistake(TriggerSpec::File(wrong.into())).is_some(), "{wrong}");
        }
        for wrong in ["", "a b", "../x", "churn"] {
            assert!(mistake(TriggerSpec::Pipeline(wrong.into())).is_some(), "{wrong}");
        }
    }
}
