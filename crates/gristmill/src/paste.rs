//! Steps as text that can be pasted into a pipeline file.

use serde_json::Value;

use crate::select::Steps;

/// The sections `features` and `model` with these steps, one step a line.
pub(crate) fn steps(steps: &Steps) -> String {
    let mut text = String::new();
    if !steps.features.is_empty() {
        text.push_str("features:\n");
    }
    for step in &steps.features {
        text.push_str(&format!("  - {}\n", entry(&serde_json::json!(step))));
    }
    text.push_str(&format!("model:\n  {}\n", entry(&serde_json::json!(steps.model))));
    text
}

/// What has a single name: the name in the open, its settings in braces.
fn entry(value: &Value) -> String {
    match value.as_object().map(|fields| fields.iter().collect::<Vec<_>>()).as_deref() {
        Some([(name, Value::Null)]) => format!("{}: {{}}", word(name)),
        Some([(name, settings)]) => format!("{}: {}", word(name), flow(settings)),
        _ => flow(value),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}: {}", word(name), flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => word(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A text without quotes where no reader of YAML takes it for something else; in quotes it is written
/// as in JSON, which YAML reads too.
fn word(text: &str) -> String {
    const OTHERS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let tame = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match first && text.chars().all(tame) && !OTHERS.contains(&text.to_lowercase().as_str()) {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(found: Value, expected: &str) {
        let found: Steps = serde_json::from_value(found).unwrap();
        let text = steps(&found);
        assert_eq!(text, expected);
        let read = gristmill_flow::Document::parse(&text, "pasted.yaml").unwrap();
        let mut read = read.root().to_json();
        if found.features.is_empty() {
            read["features"] = json!([]);
        }
        assert_eq!(serde_json::from_value::<Steps>(read).unwrap(), found, "{text}");
    }

    #[test]
    fn steps_are_read_as_they_were() {
        let features = json!([
            {"impute": {"columns": "numeric", "strategy": "median"}},
            {"derive": {"monthly share": "a / (a + b) -- \"c\": #d\n", "no": "yes"}},
            {"one_hot": {"columns": ["contract", "2nd", "über"], "min_frequency": 1e-7}},
        ]);
        let model =
            json!({"ridge": {"alpha": 0.027770875047135494, "fit": true, "k": null, "n": -3}});
        check(
            json!({"features": features, "model": model}),
            "\
features:
  - impute: {columns: numeric, strategy: median}
  - derive: {\"monthly share\": \"a / (a + b) -- \\\"c\\\": #d\\n\", \"no\": \"yes\"}
  - one_hot: {columns: [contract, \"2nd\", \"über\"], min_frequency: 1e-7}
model:
  ridge: {alpha: 0.027770875047135494, fit: true, k: null, \"n\": -3}
",
        );
    }

    #[test]
    fn a_model_alone_has_no_features() {
        check(json!({"features": [], "model": {"naive_bayes": {}}}), "model:\n  naive_bayes: {}\n");
    }
}
