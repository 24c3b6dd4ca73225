//! The schemas of bodies and answers.

use gristmill_core::{Field, PhysicalType};
use serde_json::{Map, Value, json};

use super::reference;
use crate::Served;

/// A row that the model takes.
pub(super) fn row(served: &Served) -> Value {
    let fields = served.schema().fields();
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.clone(), value(field))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|f| !f.nullable).map(|f| f.name.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn value(field: &Field) -> Value {
    if field.physical == PhysicalType::Binary {
        // The bytes of an image.
        let kind = if field.nullable { json!(["string", "null"]) } else { json!("string") };
        return json!({"type": kind, "contentEncoding": "base64"});
    }
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

/// What the model answers to a row where nothing else is asked for.
pub(super) fn plain(served: &Served) -> Value {
    match served.labels() {
        None => number(),
        Some(labels) => json!({"type": "string", "enum": labels.names()}),
    }
}

/// What the model answers to a row when probabilities or an explanation are asked for.
pub(super) fn answer(served: &Served) -> Value {
    let several = json!({"anyOf": [number(), {"type": "array", "items": number()}]});
    let mut properties = Map::new();
    properties.insert("prediction".into(), plain(served));
    for name in served.labels().iter().flat_map(|labels| labels.names()) {
        properties.insert(format!("probability_{name}"), number());
    }
    properties.insert("base".into(), several.clone());
    let columns = json!({"type": "object", "additionalProperties": several});
    properties.insert("contributions".into(), columns);
    json!({"type": "object", "properties": properties, "required": ["prediction"]})
}

/// A number, which may be none where a model has none to say.
fn number() -> Value {
    json!({"type": ["number", "null"], "format": "double"})
}

/// A body of MLflow's.
pub(super) fn invocation(row: &str) -> Value {
    let params = json!({"type": "object", "properties": {
        "probabilities": {"type": "boolean"},
        "explain": {"type": "boolean"},
        "history": {"enum": ["buffer", "request"]},
        "history_rows": {"type": "integer", "minimum": 0},
    }});
    let rows = json!({"type": "array", "items": reference(row)});
    let lists = json!({"type": "array", "items": {"type": "array"}});
    let columns = json!({"type": "object", "additionalProperties": {"type": "array"}});
    let split = json!({
        "type": "object",
        "properties": {"columns": {"type": "array", "items": {"type": "string"}}, "data": lists},
        "required": ["columns", "data"],
    });
    let shapes = ["dataframe_records", "dataframe_split", "instances", "inputs"];
    let one_of: Vec<Value> = shapes.iter().map(|shape| json!({"required": [shape]})).collect();
    json!({
        "type": "object",
        "properties": {
            "dataframe_records": rows,
            "dataframe_split": split,
            "instances": {"anyOf": [rows, lists]},
            "inputs": {"anyOf": [rows, lists, columns]},
            "history": rows,
            "params": params,
            "signature_name": {"type": "string"},
        },
        "oneOf": one_of,
        "additionalProperties": false,
    })
}

/// What is the same for all models.
pub(super) fn fixed() -> Map<String, Value> {
    let datatypes = [
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
        "FP32", "FP64", "BYTES",
    ];
    let tensor = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "datatype": {"enum": datatypes},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        "required": ["name", "shape", "datatype"],
    });
    let parameters = json!({"type": "object", "properties": {
        "explain": {"type": "boolean"},
        "history": {"enum": ["buffer", "request"]},
        "history_rows": {"type": "integer", "minimum": 0},
        "binary_data_output": {"type": "boolean"},
    }});
    let output = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
        "required": ["name"],
    });
    let request = json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": parameters,
            "inputs": {"type": "array", "items": reference("infer.tensor"), "minItems": 1},
            "outputs": {"type": "array", "items": output},
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
    let described = json!({"type": "array", "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "datatype": {"enum": datatypes},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
        },
        "required": ["name", "datatype", "shape"],
    }});
    let metadata = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "versions": {"type": "array", "items": {"type": "string"}},
            "platform": {"type": "string"},
            "inputs": described,
            "outputs": described,
        },
        "required": ["name", "versions", "platform", "inputs", "outputs"],
    });
    // Each protocol has its own key for the words.
    let failure = json!({
        "type": "object",
        "properties": {
            "error": {"type": "string"},
            "message": {"type": "string"},
            "error_code": {"type": "string"},
        },
        "anyOf": [{"required": ["error"]}, {"required": ["message"]}],
    });
    let all = [
        ("infer.tensor", tensor),
        ("infer.request", request),
        ("infer.response", response),
        ("metadata", metadata),
        ("failure", failure),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
