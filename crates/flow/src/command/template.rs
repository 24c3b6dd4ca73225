//! Values in texts: `{{item}}`, `{{item.field}}`, `{{TASK.field.sub}}`.
//!
//! Two braces always open a template; `\{{` writes them as they are. There are no expressions
//! and no loops: what needs them belongs into the command.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nearest::{list, nearest};
use crate::{Fault, TaskError};

/// The name by which templates speak of the item of a `foreach`.
pub(super) const ITEM: &str = "item";

/// A text with places for values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// This text.
    Text(String),
    /// What this refers to.
    Value(Reference),
}

/// A way to a value: a name that is known, and fields below it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reference {
    /// `item`, or the name of a task.
    pub(super) root: String,
    fields: Vec<String>,
}

impl Template {
    /// # Errors
    /// What stands between two braces and is no template, in words for the user.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            if let Some(before) = before.strip_suffix('\\') {
                plain.push_str(before);
                plain.push_str("{{");
                rest = after;
                continue;
            }
            plain.push_str(before);
            let (inside, after) = after.split_once("}}").ok_or_else(|| no_template(after))?;
            let reference = Reference::parse(inside).ok_or_else(|| no_template(inside))?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(reference));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// What it refers to.
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(reference) => Some(reference),
            Piece::Text(_) => None,
        })
    }

    /// The text with all values put in as they are.
    ///
    /// # Errors
    /// When a value is not there.
    pub(super) fn fill(&self, scope: &Scope<'_>) -> Result<String, TaskError> {
        let texts = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Value(reference) => scope.text(reference),
        });
        texts.collect()
    }
}

fn no_template(inside: &str) -> String {
    let shown: String = inside.chars().take(40).collect();
    format!(
        "`{{{{{shown}` is no template, expected one such as `{{{{item}}}}`, `{{{{item.name}}}}` or \
         `{{{{task.field}}}}`; two braces that are to stay are written `\\{{{{`"
    )
}

impl Reference {
    fn parse(text: &str) -> Option<Self> {
        let mut steps = text.trim().split('.').map(str::to_owned);
        let root = steps.next()?;
        let fields: Vec<String> = steps.collect();
        let sound = |step: &String| {
            !step.is_empty() && step.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        };
        (sound(&root) && fields.iter().all(sound)).then_some(Self { root, fields })
    }

    fn shown(&self) -> String {
        let steps: Vec<&str> =
            std::iter::once(&self.root).chain(&self.fields).map(String::as_str).collect();
        format!("`{{{{{}}}}}`", steps.join("."))
    }

    /// Why it can refer to nothing, when only these names are known; the hint comes second.
    pub(super) fn unknown<'a>(
        &self,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<(String, String)> {
        if known.clone().any(|name| name == self.root) {
            return None;
        }
        let names = list(known.clone(), "and");
        let message =
            format!("{} refers to `{}`, which is not known here", self.shown(), self.root);
        let hint = match nearest(&self.root, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.root == ITEM => "an item needs a `foreach`".into(),
            None if names.is_empty() => format!("put `{}` into `needs`", self.root),
            None => format!("known are {names}; another task has to stand in `needs`"),
        };
        Some((message, hint))
    }
}

/// The values that templates can name.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope<'a> {
    /// By name: `item`, and the needed tasks with their facts.
    values: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Scope<'a> {
    pub(super) fn with(mut self, name: &'a str, value: &'a Value) -> Self {
        self.values.insert(name, value);
        self
    }

    /// A value as text: texts as they are, all else as JSON.
    pub(super) fn text(&self, reference: &Reference) -> Result<String, TaskError> {
        match self.look_up(reference)? {
            Value::String(text) => Ok(text.clone()),
            Value::Null => {
                let message = format!("{} has no value (it is null)", reference.shown());
                Err(TaskError::new(Fault::Input, message))
            }
            other => Ok(other.to_string()),
        }
    }

    fn look_up(&self, reference: &Reference) -> Result<&'a Value, TaskError> {
        let found = self.values.get(reference.root.as_str()).copied();
        let Some(value) = found else {
            let unknown = reference.unknown(self.values.keys().copied());
            let (message, hint) = unknown.unwrap_or_default();
            return Err(TaskError::new(Fault::Input, message).with_hint(hint));
        };
        descend(value, &reference.root, reference.fields.iter().map(String::as_str)).map_err(
            |(message, hint)| {
                TaskError::new(Fault::Input, format!("{}: {message}", reference.shown()))
                    .with_hint(hint)
            },
        )
    }
}

/// The value at the end of this way; otherwise where the way ends, and what would lead on.
pub(super) fn descend<'a, 'f>(
    value: &'a Value,
    root: &str,
    fields: impl Iterator<Item = &'f str>,
) -> Result<&'a Value, (String, String)> {
    let (mut value, mut way) = (value, root.to_owned());
    for field in fields {
        let next = match value {
            Value::Object(object) => object.get(field),
            Value::Array(items) => field.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        };
        value = next.ok_or_else(|| (format!("`{way}` has no `{field}`"), fields_of(value)))?;
        way = format!("{way}.{field}");
    }
    Ok(value)
}

fn fields_of(value: &Value) -> String {
    match value {
        Value::Object(object) if !object.is_empty() => {
            format!("it has {}", list(object.keys().map(String::as_str), "and"))
        }
        Value::Array(items) => format!("it is a list of {}, counted from 0", items.len()),
        Value::Null | Value::Object(_) => {
            "it gave nothing; a command gives fields by writing a JSON object to GRISTMILL_OUTPUT"
                .into()
        }
        _ => "it is a single value".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fill(text: &str) -> Result<String, String> {
        let item = json!({"name": "a b", "size": 3, "none": null, "list": [1, "x"]});
        let facts = json!({"rows": 7, "deep": {"er": true}});
        let scope = Scope::default().with(ITEM, &item).with("load", &facts);
        let filled = Template::parse(text)?.fill(&scope);
        filled.map_err(|e| format!("{} ({})", e.message, e.hint.unwrap_or_default()))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(fill(text).unwrap(), expected);
    }

    #[test]
    fn values_are_put_in_as_text_or_json() {
        check("plain } text {", "plain } text {");
        check("{{item.name}}.csv", "a b.csv");
        check("{{ item.size }}-{{load.deep.er}}", "3-true");
        check("{{load.deep}}", r#"{"er":true}"#);
        check("{{item.list.1}}", "x");
        check("\\{{.Names}} {{load.rows}}", "{{.Names}} 7");
    }

    #[test]
    fn what_is_no_template_is_refused_with_the_way_to_write_it() {
        for text in ["{{.Names}}", "{{", "{{}}", "{{a b}}", "{{a", "{{a..b}}"] {
            let error = fill(text).unwrap_err();
            assert!(error.contains("is no template") && error.contains(r"`\{{`"), "{error}");
        }
    }

    #[test]
    fn unknown_names_come_with_the_known_ones() {
        assert_eq!(
            fill("{{fetch.x}}").unwrap_err(),
            "`{{fetch.x}}` refers to `fetch`, which is not known here \
             (known are `item` and `load`; another task has to stand in `needs`)"
        );
        assert_eq!(
            fill("{{loat.x}}").unwrap_err(),
            "`{{loat.x}}` refers to `loat`, which is not known here (did you mean `load`?)"
        );
        assert_eq!(
            fill("{{load.row}}").unwrap_err(),
            "`{{load.row}}`: `load` has no `row` (it has `deep` and `rows`)"
        );
        assert_eq!(
            fill("{{item.none}}").unwrap_err(),
            "`{{item.none}}` has no value (it is null) ()"
        );
    }
}
