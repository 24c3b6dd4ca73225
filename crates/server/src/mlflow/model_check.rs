//! Which names, versions, aliases and tags of models MLflow's clients may use, and its words for
//! those that they may not.

use std::collections::BTreeMap;

use gristmill_track::{MAX_ALIAS_CHARS, MAX_KEY_CHARS, MAX_MODEL_TAG_CHARS};
use serde_json::Value;

use super::ask::Fields;
use super::check::{self, length, normalized};
use super::error::Refusal;
use super::json::shown;

/// Refuses a model's name; `parameter` says where it stands.
pub(super) fn model_name(name: &str, parameter: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        let message = format!("Missing value for required parameter '{parameter}'.");
        return Err(Refusal::invalid(message));
    }
    if name.contains(['/', ':']) {
        return Err(Refusal::invalid(format!(
            "Invalid model name '{name}'. Names cannot contain '/' or ':'."
        )));
    }
    let plain = normalized(name);
    if plain != name || name == "." || name.starts_with("..") {
        let value = shown(&Value::from(name));
        return Err(Refusal::invalid(format!(
            "Invalid value {value} for parameter 'name' supplied: Names may be treated as files in \
             certain cases, and must not resolve to other names when treated as such. This name \
             would resolve to '{plain}'"
        )));
    }
    Ok(())
}

/// The number of a version; one that no version can have is that of no version of `model`.
pub(super) fn version(text: &str, model: &str) -> Result<u32, Refusal> {
    let number: i64 = text.trim().parse().map_err(|_| {
        Refusal::invalid(format!("Parameter 'version' must be an integer, got '{text}'."))
    })?;
    u32::try_from(number).map_err(|_| no_version(model, number))
}

/// There is no such version.
pub(super) fn no_version(model: &str, version: impl std::fmt::Display) -> Refusal {
    Refusal::missing(format!("Model Version (name={model}, version={version}) not found"))
}

/// Refuses an alias that cannot be one.
pub(super) fn alias(alias: &str) -> Result<(), Refusal> {
    if !alias.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return Err(Refusal::invalid(format!(
            "Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), \
             and dashes (-)."
        )));
    }
    length("Registered model alias name", alias, MAX_ALIAS_CHARS)
}

/// Refuses an alias that stands for something already.
pub(super) fn new_alias(text: &str) -> Result<(), Refusal> {
    alias(text)?;
    if text.eq_ignore_ascii_case("latest") {
        let message = "'latest' alias name (case insensitive) is reserved.";
        return Err(Refusal::invalid(message));
    }
    let digits = text.strip_prefix(['v', 'V']).unwrap_or_default();
    if !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(Refusal::invalid(format!("Version alias name '{text}' is reserved.")));
    }
    Ok(())
}

/// Refuses a tag of a model or a version.
pub(super) fn tag(key: &str, value: &str) -> Result<(), Refusal> {
    check::name(key, "key")?;
    length("key", key, MAX_KEY_CHARS)?;
    length("value", value, MAX_MODEL_TAG_CHARS)
}

/// The tags that were sent; of one that was sent twice the last value counts.
pub(super) fn tags(fields: Fields<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    for item in fields.items("tags")? {
        let pair = Fields::within(item, "tags.")?;
        let key = pair.text("key")?.unwrap_or_default();
        let value = pair.text("value")?.unwrap_or_default();
        tag(key, value)?;
        tags.insert(key.to_string(), value.to_string());
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Result<(), Refusal>, expected: Option<&str>) {
        assert_eq!(found.err().as_ref().map(Refusal::message), expected);
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn a_name_that_is_none_is_refused_in_known_words() {
        check(model_name("churn 2", "name"), None);
        check(
            model_name(" ", "new_name"),
            Some("Missing value for required parameter 'new_name'."),
        );
        let expected = "Invalid model name 'a/b'. Names cannot contain '/' or ':'.";
        check(model_name("a/b", "name"), Some(expected));
        check(
            model_name("..", "name"),
            Some(
                "Invalid value \"..\" for parameter 'name' supplied: Names may be treated as \
                 files in certain cases, and must not resolve to other names when treated as \
                 such. This name would resolve to '..'",
            ),
        );
    }

    #[test]
    fn an_alias_is_never_a_version() {
        check(new_alias("champion-2"), None);
        check(new_alias("Latest"), Some("'latest' alias name (case insensitive) is reserved."));
        check(new_alias("V12"), Some("Version alias name 'V12' is reserved."));
        let expected = "Invalid alias name: 'a b'. Names may only contain alphanumerics, \
                        underscores (_), and dashes (-).";
        check(new_alias("a b"), Some(expected));
    }

    #[test]
    fn a_version_is_a_number() {
        assert_eq!(version(" 7 ", "churn"), Ok(7));
        let message = |text| version(text, "churn").unwrap_err().message().to_string();
        assert_eq!(message("x"), "Parameter 'version' must be an integer, got 'x'.");
        assert_eq!(message("-1"), "Model Version (name=churn, version=-1) not found");
        assert_eq!(
            message("99999999999"),
            "Model Version (name=churn, version=99999999999) not found"
        );
    }
}
