//! What models are asked and answer, as an OpenAPI document (version 3.1) with a typed schema for each.

mod schemas;

use serde_json::{Map, Value, json};

use self::schemas::{answer, fixed, invocation, plain, row};
use crate::Served;

/// The document of these models.
pub fn document<'a>(models: impl IntoIterator<Item = &'a Served>, version: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), fixed());
    add_common(&mut paths);
    let models: Vec<&Served> = models.into_iter().collect();
    for served in &models {
        add_model(served, &mut paths, &mut schemas);
    }
    if let [only] = models.as_slice() {
        let name = format!("{}.invocation", only.name());
        paths.insert("/invocations".into(), invocations(only.name(), &name));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Models served by Gristmill", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// What is asked of the server, whatever models there are.
fn add_common(paths: &mut Map<String, Value>) {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let yes = |name: &str| object(json!({name: {"type": "boolean"}}));
    let server = object(json!({"name": {"type": "string"}, "version": {"type": "string"}}));
    paths.insert("/v2".into(), get("What the server is called", server, &[]));
    paths.insert("/v2/health/live".into(), get("Whether it lives", yes("live"), &[]));
    let not_ready = ("503", "There is nothing to ask", JSON, yes("ready"));
    paths.insert("/v2/health/ready".into(), get("Whether it is ready", yes("ready"), &[not_ready]));
    let text = json!({"type": "string"});
    let ping = json!({"get": {
        "summary": "Whether there is something to ask",
        "responses": {
            "200": response("There is", TEXT, &text),
            "404": response("There is not", TEXT, &text),
        },
    }});
    paths.insert("/ping".into(), ping);
    let metrics = json!({"get": {
        "summary": "How models are asked, as Prometheus reads it",
        "responses": with_failures(json!({"200": response("All figures", TEXT, &text)}), &[]),
    }});
    paths.insert("/metrics".into(), metrics);
    paths.insert("/openapi.json".into(), get("This document", json!({"type": "object"}), &[]));
}

fn add_model(served: &Served, paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    let name = served.name();
    let own = |what: &str| format!("{name}.{what}");
    schemas.insert(own("row"), row(served));
    schemas.insert(own("answer"), answer(served));
    schemas.insert(own("plain"), plain(served));
    schemas.insert(own("invocation"), invocation(&own("row")));
    let (segment, version) = (encoded(name), encoded(served.version()));
    paths.insert(format!("/models/{segment}/invocations"), invocations(name, &own("invocation")));
    for base in
        [format!("/v2/models/{segment}"), format!("/v2/models/{segment}/versions/{version}")]
    {
        let ready = json!({"type": "object", "properties": {
            "name": {"type": "string"}, "ready": {"type": "boolean"},
        }});
        paths.insert(base.clone(), get("What it takes and answers", reference("metadata"), &[]));
        paths.insert(format!("{base}/ready"), get("Whether it is there", ready, &[]));
        paths.insert(format!("{base}/infer"), infer(name));
    }
    let status =
        json!({"type": "object", "properties": {"model_version_status": {"type": "array"}}});
    let metadata = json!({"type": "object", "properties": {"metadata": reference("metadata")}});
    let base = format!("/v1/models/{segment}");
    paths.insert(base.clone(), get("Its state", status, &[]));
    paths.insert(format!("{base}/metadata"), get("What it takes and answers", metadata, &[]));
    for path in [format!("{base}:predict"), format!("{base}/versions/{version}:predict")] {
        paths.insert(path, tensorflow(name));
    }
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

fn reference(name: &str) -> Value {
    // As a pointer into JSON has it, within an address.
    let name = encoded(&name.replace('~', "~0").replace('/', "~1"));
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A part of a path, in which whatever is no letter or digit may have another meaning.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(byte.into());
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

fn response(what: &str, kind: &str, schema: &Value) -> Value {
    json!({"description": what, "content": {kind: {"schema": schema}}})
}

/// A status, what it means, the kind of its body and the schema of that.
type Other = (&'static str, &'static str, &'static str, Value);

/// The responses with those that say why there is no answer.
fn with_failures(mut responses: Value, more: &[(&str, &str)]) -> Value {
    let usual = [
        ("401", "A token is needed"),
        ("403", "You may not ask"),
        ("404", "There is no such model"),
        ("429", "Too many requests are under way"),
    ];
    for (status, why) in usual.iter().chain(more) {
        responses[*status] = response(why, JSON, &reference("failure"));
    }
    responses
}

fn get(summary: &str, schema: Value, others: &[Other]) -> Value {
    let mut responses = with_failures(json!({"200": response("The answer", JSON, &schema)}), &[]);
    for (status, why, kind, schema) in others {
        responses[*status] = response(why, kind, schema);
    }
    json!({"get": {"summary": summary, "responses": responses}})
}

fn post(name: &str, how: &str, body: Value, answered: Value) -> Value {
    let more = [
        ("400", "What is wrong with the request"),
        ("408", "The body did not come in time"),
        ("413", "The request is too large"),
        ("415", "The body is not of a kind that is taken"),
        ("500", "The model failed"),
        ("504", "The answer took too long"),
    ];
    let history = json!([
        {"name": "history", "in": "query", "schema": {"enum": ["buffer", "request"]}},
        {"name": "history_rows", "in": "query", "schema": {"type": "integer", "minimum": 0}},
    ]);
    json!({"post": {
        "summary": format!("Ask {name} by {how}"),
        "parameters": history,
        "requestBody": {"required": true, "content": {JSON: {"schema": body}}},
        "responses": with_failures(json!({"200": answered}), &more),
    }})
}

fn invocations(name: &str, body: &str) -> Value {
    let one = json!({"anyOf": [reference(&format!("{name}.answer")), reference(&format!("{name}.plain"))]});
    let answers = json!({
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": one}},
        "required": ["predictions"],
    });
    let answered = response("The answers", JSON, &answers);
    post(name, "MLflow's scoring protocol", reference(body), answered)
}

fn infer(name: &str) -> Value {
    let answered = json!({"description": "The answers", "content": {
        JSON: {"schema": reference("infer.response")},
        "application/octet-stream": {"schema": {}},
    }});
    let mut path = post(name, "the Open Inference Protocol", reference("infer.request"), answered);
    // What is to say of a history its parameters say.
    path["post"]["parameters"] = json!([]);
    path
}

fn tensorflow(name: &str) -> Value {
    let rows = json!({"type": "array", "items": reference(&format!("{name}.row"))});
    let body = json!({
        "type": "object",
        "properties": {"instances": rows, "history": rows},
        "required": ["instances"],
        "additionalProperties": false,
    });
    let answers = json!({
        "type": "object",
        "properties": {"predictions": {"type": "array"}, "outputs": {}},
        "anyOf": [{"required": ["predictions"]}, {"required": ["outputs"]}],
    });
    post(name, "TensorFlow Serving's protocol", body, response("The answers", JSON, &answers))
}
