//! Which names and values MLflow's clients may log, and its words for those that they may not.

use serde_json::Value;

use super::error::Refusal;
use super::json::shown;
use gristmill_track::{MAX_EXPERIMENT_TAG_CHARS, MAX_KEY_CHARS, MAX_PARAM_CHARS, MAX_TAG_CHARS};

/// Refuses the name of a metric, param or tag. `path` says where it stands: `params[0].key`.
pub(super) fn name(name: &str, path: &str) -> Result<(), Refusal> {
    let invalid = |message: String| {
        let value = shown(&Value::from(name));
        Err(Refusal::invalid(format!(
            "Invalid value {value} for parameter '{path}' supplied: {message}"
        )))
    };
    if !name.chars().all(|c| c.is_alphanumeric() || "_/.- :".contains(c)) {
        return invalid(
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), \
             spaces ( ), colon(:) and slashes (/)."
                .into(),
        );
    }
    let plain = normalized(name);
    if plain != name || name == "." || name.starts_with("..") || name.starts_with('/') {
        return invalid(format!(
            "Names may be treated as files in certain cases, and must not resolve to other names \
             when treated as such. This name would resolve to '{plain}'"
        ));
    }
    Ok(())
}

/// Refuses a name that is longer than any can be.
pub(super) fn length(what: &str, text: &str, most: usize) -> Result<(), Refusal> {
    match text.chars().count() > most {
        true => Err(Refusal::invalid(format!(
            "'{what}' exceeds the maximum length of {most} characters"
        ))),
        false => Ok(()),
    }
}

/// Refuses the name of a metric.
pub(super) fn metric(key: &str, path: &str) -> Result<(), Refusal> {
    name(key, path)?;
    length("Metric name", key, MAX_KEY_CHARS)
}

/// The value of a param as it is kept: one that is too long is cut.
pub(super) fn param(key: &str, value: &str, path: &str) -> Result<String, Refusal> {
    name(key, path)?;
    length("Param key", key, MAX_KEY_CHARS)?;
    Ok(cut(value, MAX_PARAM_CHARS))
}

/// The value of a run's tag as it is kept: one that is too long is cut.
pub(super) fn tag(key: &str, value: &str, path: &str) -> Result<String, Refusal> {
    name(key, path)?;
    length(path, key, MAX_KEY_CHARS)?;
    Ok(cut(value, MAX_TAG_CHARS))
}

/// Refuses the tag of an experiment.
pub(super) fn experiment_tag(key: &str, value: &str) -> Result<(), Refusal> {
    name(key, "key")?;
    length("key", key, MAX_KEY_CHARS)?;
    length("value", value, MAX_EXPERIMENT_TAG_CHARS)
}

/// The first `most` characters, without what no database can hold.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

/// A path without empty parts, `.` and `..`, as far as they can be resolved. Method: POSIX, and
/// Python's `posixpath.normpath`, whose answers MLflow's messages show.
pub(super) fn normalized(path: &str) -> String {
    let slashes = match path {
        _ if path.starts_with("//") && !path.starts_with("///") => "//",
        _ if path.starts_with('/') => "/",
        _ => "",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        let can_go_up = parts.last().is_some_and(|last| *last != "..");
        match part {
            ".." if can_go_up => drop(parts.pop()),
            ".." if !slashes.is_empty() => {}
            part => parts.push(part),
        }
    }
    let joined = format!("{slashes}{}", parts.join("/"));
    if joined.is_empty() { ".".into() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = name(text, "name").err();
        assert_eq!(found.as_ref().map(Refusal::message), expected, "{text}");
    }

    #[test]
    fn names_may_look_like_paths() {
        for text in ["a", "test/roc auc", "a.b-c_d:e", "größe", "a..b", "...x/y"] {
            if !text.starts_with("..") {
                check(text, None);
            }
        }
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn other_names_are_refused_in_known_words() {
        check(
            "a$b",
            Some(
                "Invalid value \"a$b\" for parameter 'name' supplied: Names may only contain \
                 alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and \
                 slashes (/).",
            ),
        );
        check(
            "../b",
            Some(
                "Invalid value \"../b\" for parameter 'name' supplied: Names may be treated as \
                 files in certain cases, and must not resolve to other names when treated as \
                 such. This name would resolve to '../b'",
            ),
        );
    }

    #[test] // Python 3.11, posixpath.normpath
    fn paths_are_normalized_as_python_does() {
        for (path, expected) in [
            ("", "."),
            ("a//b/", "a/b"),
            ("./a", "a"),
            ("a/../b", "b"),
            ("../../a", "../../a"),
            ("/../a", "/a"),
            ("//a", "//a"),
            ("///a", "/a"),
        ] {
            assert_eq!(normalized(path), expected, "{path}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(param("k", &"ü".repeat(7000), "key").unwrap().chars().count(), 6000);
        assert_eq!(tag("k", "a\0b", "key").unwrap(), "a\u{fffd}b");
    }
}
