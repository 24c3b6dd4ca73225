//! Spans in the form in which OpenTelemetry's collectors take them: OTLP as JSON.
//!
//! Source: *OpenTelemetry Protocol Specification* 1.x, "JSON Protobuf Encoding": ids are hex, 64-bit numbers are
//! texts, keys are in lowerCamelCase.

use serde_json::{Value, json};

use super::trace::hex;

/// A part of the work on a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: String,
    pub kind: Kind,
    /// Microseconds since 1970.
    pub start: i64,
    pub end: i64,
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Whether it failed by our fault.
    pub failed: bool,
}

/// What sort of span it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Internal = 1,
    Server = 2,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Text(String),
    Whole(i64),
}

/// The body of a request that hands over these spans.
pub(crate) fn body(service: &str, spans: &[Span]) -> Value {
    let resource = [
        ("service.name", Attribute::Text(service.into())),
        ("service.version", Attribute::Text(env!("CARGO_PKG_VERSION").into())),
    ];
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&resource)},
        "scopeSpans": [{
            "scope": {"name": "gristmill", "version": env!("CARGO_PKG_VERSION")},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]})
}

fn span(span: &Span) -> Value {
    let nanos = |micros: i64| micros.saturating_mul(1_000).to_string();
    // 0 says nothing of it, 2 that it failed.
    let status = if span.failed { json!({"code": 2}) } else { json!({}) };
    let mut shown = json!({
        "traceId": hex(&span.trace),
        "spanId": hex(&span.id),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.start),
        "endTimeUnixNano": nanos(span.end),
        "attributes": attributes(&span.attributes),
        "status": status,
    });
    if let (Some(parent), Some(shown)) = (span.parent, shown.as_object_mut()) {
        shown.insert("parentSpanId".into(), hex(&parent).into());
    }
    shown
}

fn attributes(attributes: &[(&'static str, Attribute)]) -> Vec<Value> {
    let shown = attributes.iter().map(|(key, value)| {
        let value = match value {
            Attribute::Text(text) => json!({"stringValue": text}),
            Attribute::Whole(number) => json!({"intValue": number.to_string()}),
        };
        json!({"key": key, "value": value})
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand, after the example of the specification
    fn a_span_is_written_as_collectors_read_it() {
        let span = Span {
            trace: [0x5b; 16],
            id: [0xee; 8],
            parent: Some([1; 8]),
            name: "compute".into(),
            kind: Kind::Internal,
            start: 1_500_000,
            end: 1_500_250,
            attributes: vec![("gristmill.rows", Attribute::Whole(3))],
            failed: true,
        };
        let body = body("shop", std::slice::from_ref(&span));
        let sent = &body["resourceSpans"][0];
        let service = json!({"key": "service.name", "value": {"stringValue": "shop"}});
        assert_eq!(sent["resource"]["attributes"][0], service);
        let expected = json!({
            "traceId": "5b".repeat(16),
            "spanId": "ee".repeat(8),
            "parentSpanId": "01".repeat(8),
            "name": "compute",
            "kind": 1,
            "startTimeUnixNano": "1500000000",
            "endTimeUnixNano": "1500250000",
            "attributes": [{"key": "gristmill.rows", "value": {"intValue": "3"}}],
            "status": {"code": 2},
        });
        assert_eq!(sent["scopeSpans"][0]["spans"], json!([expected]));
        let root = super::span(&Span { parent: None, failed: false, ..span });
        assert_eq!((root.get("parentSpanId"), &root["status"]), (None, &json!({})));
    }
}
