//! Which names, keys and values can be stored. The limits are MLflow's, so that its clients meet
//! no surprise; the forbidden characters are those that no database or command line can carry.

use crate::{DatasetInput, Result, TrackError};

/// The longest key of a param, metric or tag, in characters.
pub const MAX_KEY_CHARS: usize = 250;
/// The longest value of a param, in characters.
pub const MAX_PARAM_CHARS: usize = 6000;
/// The longest value of a tag, in characters.
pub const MAX_TAG_CHARS: usize = 8000;
/// The longest value of a model's or a version's tag, in characters.
pub const MAX_MODEL_TAG_CHARS: usize = 100_000;
/// The longest value of an experiment's tag, in characters.
pub const MAX_EXPERIMENT_TAG_CHARS: usize = 20_000;
/// The longest name of an experiment, a run, a model, a task or an artifact's path, in characters.
pub const MAX_NAME_CHARS: usize = 500;
/// The longest alias of a model, in characters.
pub const MAX_ALIAS_CHARS: usize = 255;

/// The longest text of a deployed pipeline file, in bytes: as long as a pipeline file may be.
pub const MAX_SNAPSHOT_BYTES: usize = 4_000_000;

/// Refuses a key that is empty, too long or holds control characters.
pub(crate) fn key(what: &str, text: &str) -> Result<()> {
    words(what, text, MAX_KEY_CHARS)
}

/// Refuses a name that is empty, too long or holds control characters.
pub(crate) fn name(what: &str, text: &str) -> Result<()> {
    words(what, text, MAX_NAME_CHARS)
}

/// Refuses a value that is too long or holds the character NUL, which Postgres cannot store.
pub(crate) fn value(what: &str, key: &str, text: &str, max: usize) -> Result<()> {
    let what = || format!("the value of {what} `{key}`");
    if text.contains('\0') {
        return Err(TrackError::invalid(what(), "text with a NUL character", "text without one"));
    }
    let chars = text.chars().count();
    if chars > max {
        let found = format!("{chars} characters long");
        return Err(TrackError::invalid(what(), found, format!("at most {max}")));
    }
    Ok(())
}

/// Refuses a tag that cannot be stored.
pub(crate) fn tag(name: &str, text: &str) -> Result<()> {
    key("a tag's key", name)?;
    value("tag", name, text, MAX_TAG_CHARS)
}

/// Refuses a tag of a model or a version that cannot be stored.
pub(crate) fn model_tag(name: &str, text: &str) -> Result<()> {
    key("a tag's key", name)?;
    value("tag", name, text, MAX_MODEL_TAG_CHARS)
}

/// Refuses an experiment's tag that cannot be stored.
pub(crate) fn experiment_tag(name: &str, text: &str) -> Result<()> {
    key("a tag's key", name)?;
    value("tag", name, text, MAX_EXPERIMENT_TAG_CHARS)
}

/// Refuses a dataset, as a run used it, that cannot be stored.
pub(crate) fn dataset(input: &DatasetInput) -> Result<()> {
    let dataset = &input.dataset;
    for (key, text) in [("name", &dataset.name), ("digest", &dataset.digest)] {
        value("dataset", key, text, MAX_NAME_CHARS)?;
    }
    value("dataset", "source type", &dataset.source_type, MAX_TAG_CHARS)?;
    input.tags.iter().try_for_each(|(key, text)| value("tag", key, text, MAX_TAG_CHARS))
}

/// Refuses a model's name that the spellings `name/version` and `name@alias` could not hold.
pub(crate) fn model_name(text: &str) -> Result<()> {
    name("a model's name", text)?;
    if text.contains(['/', ':', '@']) || text.trim() != text || matches!(text, "." | "..") {
        let expected = "a name without `/`, `:`, `@` and outer spaces, and neither `.` nor `..`";
        return Err(TrackError::invalid("a model's name", format!("`{text}`"), expected));
    }
    Ok(())
}

/// Refuses an alias that could be mistaken for a version (`3`, `v3`) or for the newest one (`latest`).
pub(crate) fn alias(text: &str) -> Result<()> {
    words("an alias", text, MAX_ALIAS_CHARS)?;
    let plain = text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    let digits = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    if !plain || number || text.eq_ignore_ascii_case("latest") {
        let expected = "letters, digits, `_`, `-` and `.`, and neither a version nor `latest`";
        return Err(TrackError::invalid("an alias", format!("`{text}`"), expected));
    }
    Ok(())
}

/// Free text as it can be stored: NUL, which Postgres cannot hold, becomes the replacement character.
pub(crate) fn free_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn words(what: &str, text: &str, max: usize) -> Result<()> {
    if text.trim().is_empty() {
        return Err(TrackError::invalid(what, "empty", "a name"));
    }
    if text.chars().any(char::is_control) {
        let found = format!("`{}`", text.escape_debug());
        return Err(TrackError::invalid(what, found, "a name without control characters"));
    }
    let chars = text.chars().count();
    if chars > max {
        let found = format!("{chars} characters long");
        return Err(TrackError::invalid(what, found, format!("at most {max}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(good: &[&str], bad: &[&str], test: fn(&str) -> Result<()>) {
        good.iter().for_each(|text| assert_eq!(test(text), Ok(()), "{text}"));
        bad.iter().for_each(|text| assert!(test(text).is_err(), "`{text}` was accepted"));
    }

    #[test]
    fn an_alias_is_never_a_version() {
        let bad = ["", "3", "v3", "V12", "latest", "Latest", "a b", "a/b", "a@b"];
        check(&["champion", "v", "v3b", "prod-1.2", "führend"], &bad, alias);
    }

    #[test]
    fn a_model_name_fits_the_spellings_of_the_command_line() {
        check(
            &["churn", "House prices", "模型"],
            &["", " ", "a/b", "a@b", "a:b", " a", ".", ".."],
            model_name,
        );
    }

    #[test]
    fn a_key_has_no_control_characters_and_a_limit() {
        let long = "k".repeat(MAX_KEY_CHARS + 1);
        let good = ["test.roc_auc", "features[0].impute", "größe"];
        check(&good, &["", "a\0b", "a\nb", long.as_str()], |text| key("a key", text));
    }
}
