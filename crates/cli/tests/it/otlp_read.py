"""Reads what was sent to a collector with OpenTelemetry's own messages, and prints each span as a line."""

import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")


def by_protobuf(value):
    """OTLP writes ids as hex digits, where protobuf's own JSON has base64."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else by_protobuf(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [by_protobuf(item) for item in value]
    return value


for line in open(sys.argv[1]):
    request = json_format.ParseDict(by_protobuf(json.loads(line)), ExportTraceServiceRequest())
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
                print(span.name, span.trace_id.hex(), span.parent_span_id.hex() or "-")
