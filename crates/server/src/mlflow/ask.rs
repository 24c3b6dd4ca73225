//! What was asked: the fields of a body or of a query, read one by one with MLflow's words for
//! what is missing or of the wrong sort.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use gristmill_core::Timestamp;
use gristmill_track::{ExperimentId, RunId};
use serde_json::{Map, Value};

use super::error::{ErrorCode, Refusal};
use super::json::{object, shown, sort_of};
use crate::house::House;
use crate::limits::{self, BodyError};

/// The fields that were sent, in the query of a `GET` or the body of anything else.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    fields: Map<String, Value>,
    /// The bytes of the body.
    pub length: usize,
}

impl FromRequest<Arc<House>> for Ask {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<House>) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        if looks && !query.is_empty() {
            return Ok(Self { fields: from_query(query), length: 0 });
        }
        if matches!(*request.method(), Method::POST | Method::PUT) {
            require_json(&request)?;
        }
        let body = limits::read(request.into_body(), limits::JSON_BYTES).await?;
        Ok(Self { fields: object(&body)?, length: body.len() })
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLong => ErrorCode::TooLong,
            BodyError::TooSlow | BodyError::Broken => ErrorCode::BadRequest,
        };
        Self::new(code, format!("Bad Request. {error}."))
    }
}

impl Ask {
    /// The fields at hand.
    pub fn fields(&self) -> Fields<'_> {
        Fields { map: &self.fields, path: "" }
    }

    /// The run that is asked about, by the newer or the older name of its field.
    pub fn run(&self) -> Result<RunId, Refusal> {
        let fields = self.fields();
        let id = match fields.text("run_id")? {
            None | Some("") => fields.text("run_uuid")?.unwrap_or_default(),
            Some(id) => id,
        };
        if id.is_empty() {
            return Err(missing("run_id"));
        }
        run_id(id)
    }

    /// The experiment that is asked about.
    pub fn experiment(&self) -> Result<ExperimentId, Refusal> {
        experiment_id(self.fields().required_text("experiment_id")?)
    }
}

/// The run of this id; whatever is no id is that of no run.
pub(super) fn run_id(text: &str) -> Result<RunId, Refusal> {
    text.parse().map_err(|_| Refusal::missing(format!("Run with id={text} not found")))
}

/// The experiment of this number.
pub(super) fn experiment_id(text: &str) -> Result<ExperimentId, Refusal> {
    match text.trim().parse::<i64>() {
        Err(_) => Err(Refusal::invalid(format!(
            "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
        ))),
        Ok(number) => number
            .to_string()
            .parse()
            .map_err(|_| Refusal::missing(format!("No Experiment with id={number} exists"))),
    }
}

/// A moment that is written in milliseconds.
pub(super) fn moment(name: &str, millis: i64) -> Result<Timestamp, Refusal> {
    millis.checked_mul(1000).map(Timestamp).ok_or_else(|| {
        let message = "a moment in milliseconds since 1970 is expected";
        Refusal::invalid(format!(
            "Invalid value {millis} for parameter '{name}' supplied: {message}"
        ))
    })
}

/// Fields of an object that was sent.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// Where the object stands: `metrics[3].`, or nothing for the whole.
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of an object within the one that was sent; `path` ends with a dot.
    pub fn within(value: &'a Value, path: &'a str) -> Result<Self, Refusal> {
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            other => Err(wrong(path.trim_end_matches('.'), other)),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    fn wrong(&self, name: &str, found: &Value) -> Refusal {
        wrong(&self.name(name), found)
    }

    /// A text that must be there and not be empty.
    pub fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        match self.text(name)? {
            None | Some("") => Err(missing(&self.name(name))),
            Some(text) => Ok(text),
        }
    }

    /// A text, if it is there.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            // A query may name a field twice; the first counts.
            Some(Value::Array(items)) => match items.first() {
                Some(Value::String(text)) => Ok(Some(text)),
                _ => Err(self.wrong(name, &Value::Array(items.clone()))),
            },
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// A whole number, if it is there; a text of digits is one too.
    pub fn whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = match value {
            Value::Number(number) => number.as_i64().or_else(|| whole_of(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        found.map(Some).ok_or_else(|| self.wrong(name, value))
    }

    /// A whole number that must be there.
    pub fn required_whole(&self, name: &str) -> Result<i64, Refusal> {
        self.whole(name)?.ok_or_else(|| missing(&self.name(name)))
    }

    /// A number that must be there; NaN and the infinities are numbers.
    pub fn required_number(&self, name: &str) -> Result<f64, Refusal> {
        let Some(value) = self.get(name) else { return Err(missing(&self.name(name))) };
        let found = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                "" => return Err(missing(&self.name(name))),
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text => text.parse().ok().filter(|number: &f64| number.is_finite()),
            },
            _ => None,
        };
        found.ok_or_else(|| self.wrong(name, value))
    }

    /// A list of texts; one that is not there is empty. A query gives one text for a list of one.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(self.wrong(name, value)) };
        let texts = items.iter().map(|item| item.as_str().map(str::to_string));
        texts.collect::<Option<_>>().ok_or_else(|| self.wrong(name, value))
    }

    /// The text under `name` as a list of one, for fields that a query names once.
    pub fn texts_or_one(&self, name: &str) -> Result<Vec<String>, Refusal> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            _ => self.texts(name),
        }
    }

    /// A list of objects; one that is not there is empty.
    pub fn items(&self, name: &str) -> Result<&'a [Value], Refusal> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// An object within this one, if it is there.
    pub fn object(&self, name: &str) -> Option<&'a Value> {
        self.get(name)
    }

    /// Whether something is so, if it is said; a text of either word says it too.
    pub fn truth(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.wrong(name, other)),
        }
    }

    /// Whether the field is there, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

fn whole_of(number: f64) -> Option<i64> {
    // Beyond 2^53 a number stands for many whole ones.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= LIMIT).then_some(number as i64)
}

const SEE: &str = "See the API docs for more information about request parameters.";

/// A parameter that must be there is not.
pub(super) fn missing(name: &str) -> Refusal {
    Refusal::invalid(format!("Missing value for required parameter '{name}'. {SEE}"))
}

/// A parameter is of another sort than it must be.
pub(super) fn wrong(name: &str, found: &Value) -> Refusal {
    let sort = sort_of(found);
    let value = shown(found);
    Refusal::invalid(format!(
        "Invalid value {value} for parameter '{name}' supplied:  Hint: Value was of type '{sort}'. \
         {SEE}"
    ))
}

fn require_json(request: &Request) -> Result<(), Refusal> {
    let Some(kind) = request.headers().get(header::CONTENT_TYPE) else {
        return Err(Refusal::invalid("Bad Request. Content-Type header is missing."));
    };
    match kind.to_str().ok().and_then(|kind| kind.split(';').next()).map(str::trim) {
        Some("application/json") => Ok(()),
        _ => {
            Err(Refusal::invalid("Bad Request. Content-Type must be one of ['application/json']."))
        }
    }
}

/// The fields of a query: a text each, or a list of them where the query names it more than once.
pub(crate) fn from_query(query: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::String(decoded(&value.replace('+', " ")));
        match fields.entry(decoded(name)) {
            serde_json::map::Entry::Vacant(place) => drop(place.insert(value)),
            serde_json::map::Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(items) => items.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    fields
}

/// The text with a percent sign for every byte that has a meaning in addresses.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The text behind its percent signs; what makes no sense stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex.filter(|_| byte == b'%') {
            Some(decoded) => {
                plain.push(decoded);
                at += 3;
            }
            None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(fields: Value) -> Ask {
        let Value::Object(fields) = fields else { panic!("no object") };
        Ask { fields, length: 0 }
    }

    #[test]
    fn numbers_come_in_many_forms() {
        let ask = ask(json!({
            "a": 5, "b": "5", "c": 5.0, "d": "NaN", "e": "-Infinity", "f": "1e-3", "g": true,
            "h": 5.5, "i": "x", "j": null
        }));
        let fields = ask.fields();
        for name in ["a", "b", "c"] {
            assert_eq!(fields.whole(name), Ok(Some(5)));
        }
        assert!(fields.required_number("d").unwrap().is_nan());
        assert_eq!(fields.required_number("e"), Ok(f64::NEG_INFINITY));
        assert_eq!(fields.required_number("f"), Ok(0.001));
        assert_eq!(fields.whole("j"), Ok(None));
        for name in ["g", "h", "i"] {
            assert!(fields.whole(name).is_err(), "{name}");
        }
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn what_is_wrong_is_said_in_known_words() {
        let ask = ask(json!({"name": 5, "empty": ""}));
        let message = |refusal: Refusal| refusal.message().to_string();
        assert_eq!(
            message(ask.fields().required_text("name").unwrap_err()),
            "Invalid value 5 for parameter 'name' supplied:  Hint: Value was of type 'int'. \
             See the API docs for more information about request parameters."
        );
        for name in ["empty", "none"] {
            assert_eq!(
                message(ask.fields().required_text(name).unwrap_err()),
                format!(
                    "Missing value for required parameter '{name}'. See the API docs for more \
                     information about request parameters."
                )
            );
        }
    }

    #[test]
    fn a_query_is_read() {
        let fields = from_query("a=1&b=x%20y+z&a=2&%C3%BC=%zz&c");
        let expected = json!({"a": ["1", "2"], "b": "x y z", "ü": "%zz", "c": ""});
        assert_eq!(Value::Object(fields), expected);
    }
}
