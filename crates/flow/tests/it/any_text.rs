//! No text, however broken, brings the reader or the checker down.

use std::sync::LazyLock;

use gristmill_flow::{Document, render, validate};
use proptest::prelude::*;
use serde_json::{Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "a": {"anyOf": [{"$ref": "#/$defs/selector"}, {"type": "null"}]},
            "b": {"oneOf": [
                {"type": "object", "properties": {"c": {"type": "integer"}}, "required": ["c"], "additionalProperties": false},
                {"const": "d"},
            ]},
        },
        "required": ["name"],
        "additionalProperties": false,
        "$defs": {"selector": {"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"$ref": "#/$defs/selector"}},
            {"type": "object", "properties": {"c": {"$ref": "#/$defs/selector"}}, "required": ["c"]},
        ]}},
    })
});

fn read(text: &str) {
    let Ok(mut document) = Document::parse(text, "any.yaml").map_err(|m| render(&m)) else {
        return;
    };
    render(&validate(document.root(), &SCHEMA));
    let _ = document.set("a.b.0", text);
    match document.resolve() {
        Ok(document) => drop(render(&validate(document.root(), &SCHEMA))),
        Err(mistakes) => drop(render(&mistakes)),
    }
}

/// Pieces of YAML in any order: closer to the grammar than random characters come.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "name", ": ", ":", "- ", "\n", "\n  ", "\n    ", "\t", "[", "]", "{", "}",
        ", ", "'", "\"", "&x ", "*x", "!!str ", "! ", "# c", "|", ">-", "---", "...", "? ", "<<",
        "${a}", "${", "$${", "params", "1", "1.5", "true", "~", "é", "😀", "\r", "\u{feff}", "%",
        "@", "include", "\\", "\u{85}", "\u{2028}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_characters_are_read_or_refused(text in "(?s).{0,80}") {
        read(&text);
    }

    #[test]
    fn any_pieces_of_yaml_are_read_or_refused(text in pieces()) {
        read(&text);
    }

    #[test]
    fn a_place_is_within_its_line(text in pieces()) {
        if let Err(mistakes) = Document::parse(&text, "any.yaml") {
            for mistake in mistakes.iter().filter(|m| m.line > 0) {
                let width = mistake.snippet.chars().count();
                prop_assert!(mistake.column <= width + 2, "{:?}", mistake);
            }
        }
    }
}
