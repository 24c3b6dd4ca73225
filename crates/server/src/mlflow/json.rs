//! JSON as MLflow's clients write and read it: Python's, in which NaN and the infinities are numbers.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::{ErrorCode, Refusal};

/// An answer in JSON.
pub(crate) struct Json(Result<Vec<u8>, Refusal>);

impl Json {
    /// What `value` looks like.
    pub fn of(value: &impl Serialize) -> Self {
        Self(serde_json::to_vec(value).map_err(|error| {
            Refusal::new(ErrorCode::InternalError, format!("the answer is no JSON: {error}"))
        }))
    }

    /// The answer of whatever has nothing to say.
    pub fn empty() -> Self {
        Self(Ok(b"{}".to_vec()))
    }
}

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }
}

/// A list under a name, and the token of its next page if there is one; an empty list is left out.
pub(super) fn with_next<T: Serialize>(
    name: &'static str,
    items: Vec<T>,
    next: Option<String>,
) -> impl Serialize {
    let items = (!items.is_empty()).then_some(items);
    let list = items.map(|items| (name, Part::Items(items)));
    let token = next.map(|token| ("next_page_token", Part::Token(token)));
    Parts(list.into_iter().chain(token).collect())
}

/// The fields of an answer, in their order.
struct Parts<T>(Vec<(&'static str, Part<T>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Part<T> {
    Items(Vec<T>),
    Token(String),
}

impl<T: Serialize> Serialize for Parts<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, part)| (name, part)))
    }
}

/// A number that may be none: it is written as MLflow writes it, `"NaN"`, `"Infinity"`, `"-Infinity"`.
#[derive(Clone, Copy)]
pub(super) struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_finite() => serializer.serialize_f64(number),
            number if number.is_nan() => serializer.serialize_str("NaN"),
            number if number > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

/// The object that a body holds. One that is no JSON at all is taken for an empty one, as MLflow
/// does, so that whoever sent it hears which parameter is missing; old clients encode theirs twice.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match parse(body) {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        Value::String(text) => match parse(text.as_bytes()) {
            Value::Object(fields) => Ok(fields),
            other => Err(no_object(&other)),
        },
        other => Err(no_object(&other)),
    }
}

fn no_object(found: &Value) -> Refusal {
    let sort = sort_of(found);
    Refusal::invalid(format!("Bad Request. The body must be a JSON object, found a `{sort}`."))
}

fn parse(body: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(body) {
        return value;
    }
    std::str::from_utf8(body)
        .ok()
        .and_then(quote_constants)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// The text with quotes around `NaN`, `Infinity` and `-Infinity` wherever they stand bare; nothing
/// when there are none.
fn quote_constants(text: &str) -> Option<String> {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut rest, mut changed) = (text, false);
    while !rest.is_empty() {
        let constant = ["NaN", "-Infinity", "Infinity"].into_iter().find(|c| rest.starts_with(c));
        let length = match constant {
            Some(constant) => {
                changed = true;
                quoted.push('"');
                quoted.push_str(constant);
                quoted.push('"');
                constant.len()
            }
            None => {
                let length = plain_length(rest);
                quoted.push_str(rest.get(..length)?);
                length
            }
        };
        rest = rest.get(length..)?;
    }
    changed.then_some(quoted)
}

/// How much of `rest` is a string, or else what stands before the next letter that may begin a constant.
fn plain_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    if bytes.first() == Some(&b'"') {
        let mut at = 1;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 2,
                b'"' => return at + 1,
                _ => at += 1,
            }
        }
        return rest.len();
    }
    let next = bytes.iter().skip(1).position(|byte| matches!(byte, b'"' | b'N' | b'I' | b'-'));
    next.map_or(rest.len(), |next| next + 1)
}

/// Python's word for what a value is, as MLflow's messages have it.
pub(super) fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A value as MLflow's messages show it: without spaces, and with nothing but ASCII in it.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Value) {
        assert_eq!(object(body.as_bytes()).map(Value::Object), Ok(expected), "{body}");
    }

    #[test]
    fn pythons_numbers_are_read() {
        check(
            r#"{"a":NaN,"b":[-Infinity, Infinity],"NaN":"Infinity \" NaN","c":-1}"#,
            serde_json::json!({
                "a": "NaN", "b": ["-Infinity", "Infinity"], "NaN": "Infinity \" NaN", "c": -1
            }),
        );
    }

    #[test]
    fn what_is_no_json_is_taken_for_nothing() {
        for body in ["", "{bad", "{\"a\":}", "null", "NaNNaN", "\"\\"] {
            check(body, serde_json::json!({}));
        }
        let deep = "[".repeat(100_000);
        check(&deep, serde_json::json!({}));
    }

    #[test]
    fn an_object_may_be_encoded_twice() {
        check("\"{\\\"a\\\":1}\"", serde_json::json!({"a": 1}));
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for body in ["[]", "5", "true", "\"[]\""] {
            assert!(object(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn messages_hold_nothing_but_ascii() {
        assert_eq!(shown(&serde_json::json!("ü🦀")), "\"\\u00fc\\ud83e\\udd80\"");
    }
}
