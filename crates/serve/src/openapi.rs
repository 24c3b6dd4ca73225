//! What models are asked and answer, as an OpenAPI document (version 3.1) with a typed schema for each.

use gristmill_core::{Field, PhysicalType};
use serde_json::{Map, Value, json};

use crate::Served;

/// The document of these models.
pub fn document<'a>(models: impl IntoIterator<Item = &'a Served>, version: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), fixed_schemas());
    for served in models {
        let name = served.name();
        let (row, answer) = (format!("{name}.row"), format!("{name}.answer"));
        schemas.insert(row.clone(), row_schema(served));
        schemas.insert(answer.clone(), answer_schema(served));
        paths.insert(format!("/models/{name}/invocations"), invocations(name, &row, &answer));
        paths.insert(format!("/v2/models/{name}/infer"), infer(name));
        paths.insert(format!("/v1/models/{name}:predict"), tensorflow(name, &row));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Models served by Gristmill", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// A row that the model takes.
fn row_schema(served: &Served) -> Value {
    let fields = served.schema().fields();
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.clone(), value_schema(field))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|f| !f.nullable).map(|f| f.name.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn value_schema(field: &Field) -> Value {
    let (kind, format) = match field.physical {
        PhysicalType::Boolean => ("boolean", None),
        PhysicalType::Int64 => ("integer", Some("int64")),
        PhysicalType::Float64 => ("number", Some("double")),
        PhysicalType::Date => ("string", Some("date")),
        // The time may be left out, so it is none of the formats.
        PhysicalType::Utf8 | PhysicalType::Timestamp | PhysicalType::Binary => ("string", None),
    };
    let kind = if field.nullable { json!([kind, "null"]) } else { json!(kind) };
    match format {
        Some(format) => json!({"type": kind, "format": format}),
        None => json!({"type": kind}),
    }
}

/// What the model answers to a row when probabilities are asked for.
fn answer_schema(served: &Served) -> Value {
    let number = json!({"type": "number", "format": "double"});
    let mut properties = Map::new();
    match served.labels() {
        None => drop(properties.insert("prediction".into(), number)),
        Some(labels) => {
            properties
                .insert("prediction".into(), json!({"type": "string", "enum": labels.names()}));
            for name in labels.names() {
                properties.insert(format!("probability_{name}"), number.clone());
            }
        }
    }
    json!({"type": "object", "properties": properties})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn post(name: &str, how: &str, body: Value, answer: Value) -> Value {
    let failure = |why: &str| json!({"description": why, "content": {"application/json": {"schema": {"type": "object"}}}});
    json!({"post": {
        "summary": format!("Ask {name} by {how}"),
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "The answers", "content": {"application/json": {"schema": answer}}},
            "400": failure("What is wrong with the request"),
            "404": failure("There is no such model"),
            "413": failure("The request is too large"),
            "429": failure("Too many requests are under way"),
        },
    }})
}

fn invocations(name: &str, row: &str, answer: &str) -> Value {
    let params = json!({"type": "object", "properties": {
        "probabilities": {"type": "boolean"}, "explain": {"type": "boolean"},
        "history": {"enum": ["buffer", "request"]}, "history_rows": {"type": "integer", "minimum": 0},
    }});
    let body = json!({
        "type": "object",
        "properties": {
            "dataframe_records": {"type": "array", "items": reference(row)},
            "history": {"type": "array", "items": reference(row)},
            "params": params,
        },
        "required": ["dataframe_records"],
    });
    let one = json!({"oneOf": [reference(answer), {"type": ["string", "number"]}]});
    let answers =
        json!({"type": "object", "properties": {"predictions": {"type": "array", "items": one}}});
    post(name, "MLflow's scoring protocol", body, answers)
}

fn infer(name: &str) -> Value {
    post(
        name,
        "the Open Inference Protocol",
        reference("infer.request"),
        reference("infer.response"),
    )
}

fn tensorflow(name: &str, row: &str) -> Value {
    let body = json!({
        "type": "object",
        "properties": {"instances": {"type": "array", "items": reference(row)}},
        "required": ["instances"],
    });
    let answers = json!({"type": "object", "properties": {"predictions": {"type": "array"}}});
    post(name, "TensorFlow Serving's protocol", body, answers)
}

/// What is the same for all models.
fn fixed_schemas() -> Map<String, Value> {
    let tensor = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"type": "string"},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype"],
    });
    let request = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": reference("infer.tensor")},
        },
        "required": ["inputs"],
    });
    let response = json!({
        "type": "object",
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": reference("infer.tensor")},
        },
        "required": ["model_name", "model_version", "outputs"],
    });
    let all = [("infer.tensor", tensor), ("infer.request", request), ("infer.response", response)];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
