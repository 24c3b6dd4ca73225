//! What a webhook is told: which thing, what became of it, when, and the thing's own words.

use std::collections::BTreeMap;

use gristmill_core::Timestamp;
use gristmill_track::tags::IS_PROMPT;
use gristmill_track::{Model, ModelEvent, ModelVersion, TrafficPlan, WebhookEvent};
use serde_json::{Value, json};

const PROMPT_TYPE: &str = "_mlflow_prompt_type";
const PROMPT_TEXT: &str = "mlflow.prompt.text";

/// Something that happened, as webhooks are told of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) event: WebhookEvent,
    data: Value,
}

/// Whether these are the tags of a prompt.
pub(crate) fn is_prompt(tags: &BTreeMap<String, String>) -> bool {
    tags.get(IS_PROMPT).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

impl Told {
    /// A model, or a prompt, was made.
    pub(crate) fn model_created(model: &Model) -> Self {
        let event = match is_prompt(&model.tags) {
            true => WebhookEvent::PromptCreated,
            false => WebhookEvent::ModelCreated,
        };
        let (name, description) = (&model.name, &model.description);
        let tags = open_tags(&model.tags);
        Self { event, data: json!({"name": name, "tags": tags, "description": description}) }
    }

    /// A version was registered.
    pub(crate) fn version_created(version: &ModelVersion) -> Self {
        let description = Some(&version.description).filter(|text| !text.is_empty());
        let tags = open_tags(&version.tags);
        let number = version.version.to_string();
        if is_prompt(&version.tags) {
            let template = version.tags.get(PROMPT_TEXT);
            let data = json!({"name": version.model, "version": number, "template": template,
                "tags": tags, "description": description});
            return Self { event: WebhookEvent::PromptVersionCreated, data };
        }
        let data = json!({"name": version.model, "version": number,
            "source": version.source.as_deref().unwrap_or(&version.path),
            "run_id": version.run, "tags": tags, "description": description});
        Self { event: WebhookEvent::VersionCreated, data }
    }

    /// A tag of a model was set, or taken away when it has no value. Webhooks are told of it only
    /// where the model is a prompt.
    pub(crate) fn model_tag(model: &Model, key: &str, value: Option<&str>) -> Option<Self> {
        let name = &model.name;
        let told = match value {
            Some(value) => Self {
                event: WebhookEvent::PromptTagSet,
                data: json!({"name": name, "key": key, "value": value}),
            },
            None => Self {
                event: WebhookEvent::PromptTagDeleted,
                data: json!({"name": name, "key": key}),
            },
        };
        is_prompt(&model.tags).then_some(told)
    }

    /// A tag of a version was set, or taken away when it has no value.
    pub(crate) fn version_tag(model: &Model, version: u32, key: &str, value: Option<&str>) -> Self {
        let (name, version) = (&model.name, version.to_string());
        let events = match is_prompt(&model.tags) {
            true => [WebhookEvent::PromptVersionTagSet, WebhookEvent::PromptVersionTagDeleted],
            false => [WebhookEvent::VersionTagSet, WebhookEvent::VersionTagDeleted],
        };
        let [set, deleted] = events;
        match value {
            Some(value) => Self {
                event: set,
                data: json!({"name": name, "version": version, "key": key, "value": value}),
            },
            None => {
                Self { event: deleted, data: json!({"name": name, "version": version, "key": key}) }
            }
        }
    }

    /// An alias names a version, or none any more.
    pub(crate) fn alias(model: &Model, alias: &str, version: Option<u32>) -> Self {
        let name = &model.name;
        let events = match is_prompt(&model.tags) {
            true => [WebhookEvent::PromptAliasCreated, WebhookEvent::PromptAliasDeleted],
            false => [WebhookEvent::AliasCreated, WebhookEvent::AliasDeleted],
        };
        let [created, deleted] = events;
        match version {
            Some(version) => Self {
                event: created,
                data: json!({"name": name, "alias": alias, "version": version.to_string()}),
            },
            None => Self { event: deleted, data: json!({"name": name, "alias": alias}) },
        }
    }

    /// Requests to a model are divided anew.
    pub(crate) fn traffic(model: &str, plan: &TrafficPlan) -> Self {
        Self { event: WebhookEvent::TrafficSet, data: json!({"name": model, "plan": plan}) }
    }

    /// The loop of a model took a step.
    pub(crate) fn step(model: &str, line: &ModelEvent) -> Self {
        Self { event: WebhookEvent::MonitorStep, data: step(model, line) }
    }

    /// The event with made-up words, to try a webhook out.
    pub(crate) fn example(event: WebhookEvent) -> Self {
        let (name, version) = ("example", "1");
        let tags = json!({"example_key": "example_value"});
        let (key, value) = ("example_key", "example_value");
        let data = match event.entity() {
            "registered_model" | "prompt" => {
                json!({"name": name, "tags": tags, "description": "An example"})
            }
            "model_version" => json!({"name": name, "version": version, "source": "models:/m-1",
                "run_id": null, "tags": tags, "description": "An example"}),
            "prompt_version" => json!({"name": name, "version": version,
                "template": "Hello {{name}}!", "tags": tags, "description": "An example"}),
            "model_version_tag" | "prompt_version_tag" => {
                json!({"name": name, "version": version, "key": key, "value": value})
            }
            "prompt_tag" => json!({"name": name, "key": key, "value": value}),
            "model_traffic" => json!({"name": name,
                "plan": {"canary": {"to": version, "percent": 5}, "ab_test": null, "shadow": null}}),
            "model_monitor" => json!({"event": "alarm", "model": name, "number": 1, "version": 1,
                "alias": null, "previous": null, "run": null, "at": "2026-01-31T12:00:00.000000+00:00",
                "who": "monitor", "why": "50 % of the columns have moved", "detail": null}),
            _ => json!({"name": name, "alias": "example_alias", "version": version}),
        };
        Self { event, data }
    }

    /// The body of the message about what happened at `at`.
    pub(super) fn body(&self, at: Timestamp) -> String {
        let (entity, action) = (self.event.entity(), self.event.action());
        json!({"entity": entity, "action": action, "timestamp": moment(at), "data": self.data})
            .to_string()
    }
}

/// A line of a model's history that says what step its loop took.
pub(super) fn step(model: &str, line: &ModelEvent) -> Value {
    let ModelEvent { number, what, version, alias, previous, run, note, detail, .. } = line;
    json!({"event": what, "model": model, "number": number, "version": version, "alias": alias,
        "previous": previous, "run": run, "at": moment(note.at), "who": note.who, "why": note.why,
        "detail": detail})
}

/// The tags without those by which a prompt is kept.
fn open_tags(tags: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let kept = [IS_PROMPT, PROMPT_TYPE, PROMPT_TEXT];
    let open = tags.iter().filter(|(key, _)| !kept.contains(&key.as_str()));
    open.map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn moment(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
        // Beyond the years that a calendar has: the number says it too.
        Err(_) => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(tags: &[(&str, &str)]) -> Model {
        Model {
            name: "churn".into(),
            created: Timestamp(0),
            updated: Timestamp(0),
            description: "who leaves".into(),
            tags: tags.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            aliases: BTreeMap::new(),
            newest: None,
        }
    }

    #[test]
    fn a_body_says_what_became_of_which_thing_and_when() {
        let told = Told::alias(&model(&[]), "champion", Some(3));
        let body: Value = serde_json::from_str(&told.body(Timestamp(1_500_000))).unwrap();
        let data = json!({"name": "churn", "alias": "champion", "version": "3"});
        let expected = json!({"entity": "model_version_alias", "action": "created",
            "timestamp": "1970-01-01T00:00:01.500000+00:00", "data": data});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_prompt_is_told_of_as_one_and_keeps_its_own_tags() {
        let prompt = model(&[(IS_PROMPT, "True"), ("team", "red")]);
        let told = Told::model_created(&prompt);
        assert_eq!(told.event, WebhookEvent::PromptCreated);
        assert_eq!(told.data["tags"], json!({"team": "red"}));
        let deleted = Told::version_tag(&prompt, 1, "a", None).event;
        assert_eq!(deleted, WebhookEvent::PromptVersionTagDeleted);
        assert!(Told::model_tag(&prompt, "a", Some("1")).is_some());
        assert_eq!(Told::model_tag(&model(&[]), "a", Some("1")), None);
    }
}
