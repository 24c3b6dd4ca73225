"""Loads a pipeline by the SDK of Kubeflow Pipelines and prints what its containers would call.

The SDK's own local runner takes components of Python functions only, and a container has no
Kubernetes here; so the placeholders are filled in as the backend does, and the calls are made by
whoever reads this.
"""

import json
import re
import sys

import yaml
from google.protobuf import json_format
from kfp import components
from kfp.pipeline_spec import pipeline_spec_pb2

path = sys.argv[1]
loaded = components.load_component_from_file(path)
assert set(loaded.component_spec.inputs) == {"file", "home"}, loaded.component_spec.inputs
documents = list(yaml.safe_load_all(open(path)))
spec = json_format.ParseDict(documents[0], pipeline_spec_pb2.PipelineSpec())
if len(documents) > 1:
    json_format.ParseDict(documents[1], pipeline_spec_pb2.PlatformSpec())

defaults = {
    name: value.default_value.string_value
    for name, value in spec.root.input_definitions.parameters.items()
}
containers, needs, retries = [], {}, {}


def ordered(tasks):
    done, left = [], dict(tasks)
    while left:
        ready = sorted(n for n, t in left.items() if set(t.dependent_tasks) <= set(done))
        assert ready, f"a circle in {sorted(left)}"
        done.append(ready[0])
        del left[ready[0]]
    return done


def value(binding, given):
    if binding.component_input_parameter:
        return given[binding.component_input_parameter]
    text = binding.runtime_value.constant.string_value
    return text.replace("{{$.pipeline_job_uuid}}", "b7c1a5d0-0000-4000-8000-000000000001")


def walk(dag, given):
    for name in ordered(dag.tasks):
        task = dag.tasks[name]
        needs[name] = sorted(task.dependent_tasks)
        retries[name] = task.retry_policy.max_retry_count
        component = spec.components[task.component_ref.name]
        inputs = {key: value(bound, given) for key, bound in task.inputs.parameters.items()}
        assert set(inputs) == set(component.input_definitions.parameters), name
        if component.WhichOneof("implementation") == "dag":
            walk(component.dag, inputs)
            continue
        executors = spec.deployment_spec["executors"]
        container = executors[component.executor_label]["container"]
        fill = lambda word: re.sub(
            r"\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}", lambda m: inputs[m[1]], word
        )
        call = [fill(word) for word in [*container["command"], *container["args"]]]
        containers.append({"name": name, "call": call})


walk(spec.root.dag, defaults)
print(json.dumps({"containers": containers, "needs": needs, "retries": retries}))
