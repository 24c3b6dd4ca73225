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

/// The value in blocks, in which whatever fits on a line stands on one; `depth` deep in others.
pub(crate) fn folded(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let entries = entries.iter().map(|(key, value)| {
                let line = format!("{indent}{}: {}\n", scalar(key), inline(value));
                match fits(&line) || !is_block(value) {
                    true => line,
                    false => format!("{indent}{}:\n{}", scalar(key), folded(value, depth + 1)),
                }
            });
            entries.collect()
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| {
                let one = matches!(item, Value::Object(entries) if entries.len() == 1);
                let line = format!("{indent}- {}\n", inline(item));
                match is_block(item) && (one || !fits(&line)) {
                    // The dash takes the place of the first line's indent.
                    true => {
                        format!("{indent}- {}", folded(item, depth + 1).trim_start_matches(' '))
                    }
                    false => line,
                }
            });
            items.collect()
        }
        leaf => format!("{indent}{}\n", inline(leaf)),
    }
}

fn fits(line: &str) -> bool {
    const WIDTH: usize = 100;
    line.chars().count() <= WIDTH
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
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
        let long = json!({"long": vec!["word"; 40], "steps": [{"a": {"x": vec![1; 60]}}, [value]]});
        for (text, value) in
            [(inline(&value), &value), (folded(&value, 0), &value), (folded(&long, 0), &long)]
        {
            let read = gristmill_flow::Document::parse(&text, "x.yaml").unwrap();
            assert_eq!(read.root().to_json(), *value, "{text}");
        }
    }

    #[test]
    fn what_fits_on_a_line_stands_on_one() {
        let models = json!([{"ridge": {"alpha": 1.0}}, {"lasso": {}}, {"named": "x".repeat(70)}]);
        let expected = format!(
            "  voting:\n    models:\n      - ridge: {{alpha: 1.0}}\n      - lasso: {{}}\n      - named: {}\n",
            "x".repeat(70)
        );
        assert_eq!(folded(&json!({"voting": {"models": models}}), 1), expected);
    }
}
