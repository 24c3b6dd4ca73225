//! The routes of loops in the OpenAPI document, beside those of the models.

use serde_json::{Value, json};

use super::{MOST, USUAL};

/// Adds the routes to the document of the models, whose schema of a failure they share.
pub(super) fn add(document: &mut Value) {
    document["components"]["schemas"]["monitor"] = standing();
    document["paths"]["/api/v1/models/{name}/monitor"] = json!({
        "parameters": [name()],
        "get": {
            "summary": "Where the loop that watches a model stands, and what it found",
            "parameters": [
                {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0},
                    "description": "The findings behind this number; without it the last ones"},
                {"name": "limit", "in": "query",
                    "schema": {"type": "integer", "minimum": 0, "maximum": MOST, "default": USUAL}},
            ],
            "responses": responses("Where it stands", &json!({"$ref": "#/components/schemas/monitor"})),
        },
    });
    let done = object(&[("model", text()), ("version", whole()), ("declined", truth())]);
    document["paths"]["/api/v1/models/{name}/decline"] = json!({
        "parameters": [name()],
        "post": {
            "summary": "Decline a version that waits for approval",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {
                "type": "object",
                "properties": {"version": {"type": "integer", "minimum": 1}, "why": text()},
                "required": ["version"],
            }}}},
            "responses": responses("The loop goes on without it", &done),
        },
    });
}

fn name() -> Value {
    json!({"name": "name", "in": "path", "required": true, "schema": text()})
}

fn responses(what: &str, schema: &Value) -> Value {
    let mut responses = json!({
        "200": {"description": what, "content": {"application/json": {"schema": schema}}},
    });
    for (status, why) in [
        ("400", "What is wrong with the request"),
        ("401", "A token is needed"),
        ("403", "You may not do this"),
        ("404", "There is no such model or version"),
        ("429", "Too many requests"),
        ("500", "It cannot be said"),
    ] {
        let failure = json!({"$ref": "#/components/schemas/failure"});
        responses[status] =
            json!({"description": why, "content": {"application/json": {"schema": failure}}});
    }
    responses
}

/// Where a loop stands. Moments are microseconds since 1970.
fn standing() -> Value {
    let approval = object(&[("approve", text()), ("decline", text())]);
    let wrong = object(&[("occasion", text()), ("since", whole()), ("words", text())]);
    let phases =
        ["watching", "retraining", "comparing", "waiting_for_approval", "proving"].map(Value::from);
    let phases: Vec<Value> = phases.into_iter().chain([Value::Null]).collect();
    object(&[
        ("model", text()),
        ("pipeline", or_none(text())),
        ("alias", or_none(text())),
        ("champion", or_none(whole())),
        ("phase", json!({"enum": phases})),
        ("since", or_none(whole())),
        ("until", or_none(whole())),
        ("run", or_none(text())),
        ("version", or_none(whole())),
        ("previous", or_none(whole())),
        ("why", or_none(text())),
        ("approval", or_none(approval)),
        ("wrong", list(&wrong)),
        ("retraining", or_none(retraining())),
        ("stepped", or_none(whole())),
        ("findings", list(&finding())),
    ])
}

fn retraining() -> Value {
    object(&[
        ("on", list(&text())),
        ("from", whole()),
        ("rest", json!({"enum": ["cooldown", "budget", null]})),
        ("held_back", truth()),
        ("last_ended", or_none(whole())),
    ])
}

fn finding() -> Value {
    let number = || json!({"type": "number"});
    object(&[
        ("number", whole()),
        ("version", whole()),
        ("what", json!({"enum": ["drift", "performance", "estimate"]})),
        ("name", text()),
        ("value", or_none(number())),
        ("threshold", or_none(number())),
        ("alarm", truth()),
        ("rows", whole()),
        ("from", whole()),
        ("to", whole()),
        ("at", whole()),
        ("detail", json!({})),
    ])
}

/// An object that has all of these.
fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

fn or_none(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn whole() -> Value {
    json!({"type": "integer", "format": "int64"})
}

fn truth() -> Value {
    json!({"type": "boolean"})
}
