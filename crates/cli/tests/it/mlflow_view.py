"""What MLflow's client sees of the runs of pipelines: each thing by its name."""

import json
import sys

import mlflow
from mlflow import MlflowClient

ADDRESS, RUN, SEARCH, COMMIT, VERSION, DATA = sys.argv[1:7]
client = MlflowClient(tracking_uri=ADDRESS, registry_uri=ADDRESS)
mlflow.set_tracking_uri(ADDRESS)


def check(what, seen):
    assert seen, f"{what}: {seen!r}"
    print(what)


run = client.get_run(RUN)
tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
artifacts = {entry.path: entry for entry in client.list_artifacts(RUN)}


def text(path):
    return open(client.download_artifacts(RUN, path), encoding="utf-8").read()


check("status", run.info.status == "FINISHED")
check("pipeline file", "name: churn" in text("pipeline.yaml"))
check("source name", tags["mlflow.source.name"] == "pipeline.yaml")
check("source type", tags["mlflow.source.type"] == "LOCAL")
check("user", tags["mlflow.user"] == run.info.user_id == "ada")
check("commit", tags["mlflow.source.git.commit"] == COMMIT)
check("branch", tags["mlflow.source.git.branch"] == "main")
check("dirty", tags["gristmill.git.dirty"] == "false")

[used] = run.inputs.dataset_inputs
check("dataset name", used.dataset.name == "customers.csv")
check("dataset digest", tags["gristmill.data.hash"].startswith(used.dataset.digest))
columns = {c["name"]: c["type"] for c in json.loads(used.dataset.schema)["mlflow_colspec"]}
check("dataset schema", columns["tenure"] == "long" and columns["churn"] == "string")
check("dataset rows", json.loads(used.dataset.profile)["num_rows"] == 7043)
check("dataset context", {t.key: t.value for t in used.tags} == {"mlflow.data.context": "training"})
check("dataset source", mlflow.data.get_source(used).uri.endswith(DATA))

check("params", params["model.logistic_regression.c"] == "1.0" and params["seed"] == "42")
check("metrics", all(f"{part}.roc_auc" in metrics for part in ["train", "test"]))
folds = client.get_metric_history(RUN, "cv.roc_auc.fold")
check("folds", [m.step for m in folds] == [0, 1, 2, 3, 4])
mean = sum(m.value for m in folds) / 5
check("mean of folds", abs(mean - metrics["cv.roc_auc.mean"]) < 1e-12)

check("engine", tags["gristmill.engine.version"] == VERSION)
for key in ["os", "cpu", "threads", "features", "host"]:
    check(f"environment: {key}", f"gristmill.environment.{key}" in tags)
check("report", "<html" in text("report.html"))
check("log", text("logs/say.1.log") == "said aloud\n")

[made] = run.outputs.model_outputs
logged = client.get_logged_model(made.model_id)
check("logged model", (logged.source_run_id, str(logged.status), logged.name) == (RUN, "READY", "churn"))
[version] = client.search_model_versions("name = 'churn'")
check("version", (version.run_id, version.source) == (RUN, f"runs:/{RUN}/model"))
check("alias", client.get_model_version_by_alias("churn", "champion").version == version.version)
packed = {entry.path for entry in client.list_artifacts(RUN, "model")}
check("package", {"model/MLmodel", "model/model.json"} <= packed)
root = logged.artifact_location
listed = {e.path for e in client.list_logged_model_artifacts(made.model_id)}
check("files of the logged model", {"MLmodel", "model.json"} <= listed)
place = mlflow.artifacts.download_artifacts(artifact_uri=f"{root}/model.json")
check("bytes of the logged model", open(place, "rb").read() == open(
    client.download_artifacts(RUN, "model/model.json"), "rb").read())

searching = client.get_run(SEARCH)
experiment = searching.info.experiment_id
trials = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{SEARCH}'")
check("trials", len(trials) == 4 and all(t.data.params for t in trials))
for trial in trials:
    history = client.get_metric_history(trial.info.run_id, "cv.roc_auc.fold")
    check("folds of a trial", [m.step for m in history] == [0, 1, 2])
losses = client.get_metric_history(SEARCH, "rounds.test.log_loss")
check("rounds", len(losses) > 5 and [m.step for m in losses] == sorted({m.step for m in losses}))
