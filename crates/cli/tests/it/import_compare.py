"""Asks two MLflow stores the same and names every difference: import_compare.py THEIRS OURS."""

import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType

theirs, ours = sys.argv[1:]


def files(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def fetched(uri):
    with tempfile.TemporaryDirectory() as folder:
        return files(mlflow.artifacts.download_artifacts(uri, dst_path=folder))


def listed(client, run, path=None):
    found = {}
    for entry in client.list_artifacts(run, path):
        found.update(listed(client, run, entry.path) if entry.is_dir else {entry.path: entry.file_size})
    return found


def number(value):
    return "nan" if value != value else value


def metric(value):
    return (value.step, value.timestamp, number(value.value))


def history(client, run, key):
    return sorted(repr(metric(value)) for value in client.get_metric_history(run, key))


def run_of(client, run):
    info, data = run.info, run.data
    return {
        "info": {
            name: getattr(info, name)
            for name in "run_name experiment_id user_id status start_time end_time lifecycle_stage".split()
        },
        "params": data.params,
        "tags": data.tags,
        "metrics": {key: number(value) for key, value in data.metrics.items()},
        "history": {key: history(client, info.run_id, key) for key in data.metrics},
        "datasets": [input.to_dictionary() for input in run.inputs.dataset_inputs],
        "models in": sorted(input.model_id for input in run.inputs.model_inputs),
        "models out": sorted((o.model_id, o.step) for o in (run.outputs.model_outputs if run.outputs else [])),
        "artifacts": listed(client, info.run_id),
        "bytes": fetched(f"runs:/{info.run_id}/") if listed(client, info.run_id) else {},
    }


def logged(client, model):
    found = {
        name: getattr(model, name)
        for name in "experiment_id name model_type source_run_id status_message tags params "
        "creation_timestamp last_updated_timestamp".split()
    }
    # What is empty is nothing in one answer and an empty text in the other.
    found = {key: value or None for key, value in found.items()}
    found["status"] = str(model.status)
    found["metrics"] = sorted(
        (m.key, metric(m), m.run_id, m.dataset_name, m.dataset_digest) for m in model.metrics or []
    )
    found["bytes"] = fetched(f"models:/{model.model_id}")
    return found


def version(found):
    shown = {
        name: getattr(found, name)
        for name in "version creation_timestamp last_updated_timestamp description current_stage "
        "run_id status tags".split()
    }
    shown["description"] = shown["description"] or ""
    shown["version"] = int(found.version)
    # A path of some machine is a place among the server's artifacts on the other side.
    inside = found.source.split("/artifacts/")[-1] if "/artifacts/" in found.source else found.source
    shown["source"] = inside
    shown["bytes"] = fetched(f"models:/{found.name}/{found.version}")
    return shown


def registered(client, model):
    versions = client.search_model_versions(f"name='{model.name}'")
    return {
        "description": model.description or "",
        "created": model.creation_timestamp,
        "updated": model.last_updated_timestamp,
        "tags": model.tags,
        "aliases": {a: int(v) for a, v in model.aliases.items()},
        "versions": {int(found.version): version(found) for found in versions},
        "by alias": {
            alias: int(client.get_model_version_by_alias(model.name, alias).version)
            for alias in model.aliases
        },
    }


def everything(uri):
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(uri, uri)
    experiments = client.search_experiments(view_type=ViewType.ALL)
    ids = [experiment.experiment_id for experiment in experiments]
    runs = client.search_runs(ids, run_view_type=ViewType.ALL, max_results=1000)
    return {
        "experiments": {
            e.experiment_id: (e.name, e.lifecycle_stage, e.creation_time, e.last_update_time, e.tags)
            for e in experiments
        },
        # A search leaves out which models a run used.
        "runs": {run.info.run_id: run_of(client, client.get_run(run.info.run_id)) for run in runs},
        "logged models": {
            model.model_id: logged(client, model) for model in client.search_logged_models(ids)
        },
        "models": {m.name: registered(client, m) for m in client.search_registered_models()},
    }


def differences(path, a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}, key=repr):
            if key not in a or key not in b:
                yield f"{path}/{key}: only {'here' if key in b else 'there'}"
            else:
                yield from differences(f"{path}/{key}", a[key], b[key])
    elif a != b:
        yield f"{path}: {repr(a)[:300]} there, {repr(b)[:300]} here"


there, here = everything(theirs), everything(ours)
if theirs.startswith("file:"):
    # The file store moves a deleted experiment and no longer finds the artifacts of its runs.
    for run in there["runs"]:
        if there["experiments"][there["runs"][run]["info"]["experiment_id"]][1] == "deleted":
            for key in ["artifacts", "bytes"]:
                assert not there["runs"][run][key]
                assert here["runs"][run][key]["a.txt"] in (10, b"still here")
                here["runs"][run][key] = {}
found = list(differences("", there, here))
for line in found:
    print(line)
assert not found, f"{len(found)} differences"
assert len(there["runs"]) == 7 and len(there["models"]) == 4, [len(there["runs"]), list(there["models"])]
loaded = mlflow.pyfunc.load_model("models:/line@live")
assert [round(value, 9) for value in loaded.predict([[5.0]])] == [11.0]
print(f"{len(there['runs'])} runs and {len(there['models'])} models are equal")
