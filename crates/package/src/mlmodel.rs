//! `MLmodel`: the YAML by which MLflow's clients see what a folder is.
//! Format: <https://mlflow.org/docs/latest/ml/model>.

use serde_json::{Value, json};

use gristmill_core::{Field, PhysicalType, Schema};

use crate::Digest;
use crate::manifest::Manifest;

/// The text, with an id that stands for `content`.
pub(crate) fn text(manifest: &Manifest, content: Digest) -> String {
    let engine = quoted(&manifest.engine_version);
    let inputs = quoted(&columns(&manifest.input));
    let outputs = quoted(&columns(&manifest.output));
    format!(
        "flavors:\n  gristmill:\n    data: .\n    version: {engine}\nmodel_uuid: {}\n\
         signature:\n  inputs: {inputs}\n  outputs: {outputs}\n  params: null\n",
        content.uuid()
    )
}

fn columns(schema: &Schema) -> String {
    ascii(&schema.fields().iter().map(column).collect::<Value>().to_string())
}

fn column(field: &Field) -> Value {
    let kind = match field.physical {
        PhysicalType::Boolean => "boolean",
        PhysicalType::Int64 => "long",
        PhysicalType::Float64 => "double",
        PhysicalType::Utf8 => "string",
        PhysicalType::Date | PhysicalType::Timestamp => "datetime",
        PhysicalType::Binary => "binary",
    };
    json!({ "name": field.name, "required": !field.nullable, "type": kind })
}

/// JSON whose strings are written in ASCII: YAML 1.1 has characters that no scalar may hold.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if (' '..='~').contains(&c) {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// A YAML scalar in single quotes, in which only the quote itself needs care.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_characters_stay_on_one_plain_line() {
        let name = "it's \"ä\u{85}\u{7f}\n😀";
        let schema = Schema::new(vec![Field::number(name).nullable(true)]).unwrap();
        let text = quoted(&columns(&schema));
        assert!(text.chars().all(|c| (' '..='~').contains(&c)), "{text}");
        let json: Value =
            serde_json::from_str(&text[1..text.len() - 1].replace("''", "'")).unwrap();
        assert_eq!(json, json!([{ "name": name, "required": false, "type": "double" }]));
    }
}
