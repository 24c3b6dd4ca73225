"""Asks a model over gRPC, with the headers that say who is to answer; prints the version that did."""

import json
import sys

import numpy
from tritonclient import grpc

asked = json.load(open(sys.argv[1]))
client = grpc.InferenceServerClient(asked["url"].removeprefix("http://"))
inputs = []
for tensor in asked["inputs"]:
    is_words = tensor["datatype"] == "BYTES"
    kind = numpy.object_ if is_words else numpy.float64
    values = numpy.array(tensor["data"], dtype=kind).reshape(tensor["shape"])
    inputs.append(grpc.InferInput(tensor["name"], tensor["shape"], tensor["datatype"]))
    inputs[-1].set_data_from_numpy(values)
for headers in asked["headers"]:
    answer = client.infer("churn", inputs, headers=headers)
    print(answer.get_response().model_version)
