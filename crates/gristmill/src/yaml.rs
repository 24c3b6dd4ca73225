//! JSON values as YAML that people read: blocks, keys in order, quotes where they are needed.

use serde_json::Value;

/// The value as a YAML document without its marks.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// The value on one line: `{columns: numeric, strategy: median}`.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let value = inline(value);
                format!("{}: {value}", scalar(key))
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        leaf => plain(leaf),
    }
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                text.push_str(&format!("{indent}{}:", scalar(key)));
                below(value, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                // The dash takes the place of the first line's indent.
                text.push_str(&format!("{indent}- {}", inner.trim_start_matches(' ')));
            }
        }
        leaf => text.push_str(&format!("{indent}{}\n", plain(leaf))),
    }
}

fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Value::Array(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Object(_) => {
            text.push('\n');
            block(value, depth, text);
        }
        Value::Array(_) => {
            text.push('\n');
            block(value, depth - 1, text);
        }
        leaf => text.push_str(&format!(" {}\n", plain(leaf))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text without quotes where no reader takes it for something else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let tame = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
    if first && text.chars().all(tame) && !WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    if text.chars().any(|c| c.is_control()) {
        return Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_read_as_it_was() {
        let value = json!({
            "a": {"b": [{"x": 1, "y": "yes"}, "it's", "2.0", "line\nline"], "none": {}, "no": []},
            "k'1": "{{$.x}}", "deep": [["p"], {"q": {"r": true}}], "w": 2.5,
        });
        let text = yaml(&value);
        let read = gristmill_flow::Document::parse(&text, "x.yaml").unwrap();
        assert_eq!(read.root().to_json(), value, "{text}");
        let text = inline(&value);
        let read = gristmill_flow::Document::parse(&text, "x.yaml").unwrap();
        assert_eq!(read.root().to_json(), value, "{text}");
    }
}
