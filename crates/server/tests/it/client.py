"""What people do with MLflow's own client, against our server and without a change.

Usage: client.py OURS. It says what is wrong by an assertion.
"""

import math
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["MLFLOW_TRACKING_URI"] = sys.argv[1]
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"

import mlflow
import pandas
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException


def refused(code, call, *args, **more):
    try:
        call(*args, **more)
    except MlflowException as error:
        assert error.error_code == code, (error.error_code, str(error))
        return str(error)
    raise AssertionError(f"{call.__name__} was not refused")


def experiments():
    client = MlflowClient()
    made = client.create_experiment("client", tags={"team": "red"})
    assert mlflow.set_experiment("client").experiment_id == made
    found = client.get_experiment_by_name("client")
    assert (found.experiment_id, found.tags["team"], found.lifecycle_stage) == (made, "red", "active")
    assert found.artifact_location == f"mlflow-artifacts:/{made}"
    assert found.creation_time > 0
    client.set_experiment_tag(made, "note", "größe")
    client.delete_experiment_tag(made, "team")
    client.rename_experiment(made, "client renamed")
    assert client.get_experiment(made).tags == {"note": "größe"}
    client.rename_experiment(made, "client")
    refused("RESOURCE_ALREADY_EXISTS", client.create_experiment, "client")
    refused("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "4711")
    assert client.get_experiment_by_name("nothing") is None
    gone = client.create_experiment("gone")
    client.delete_experiment(gone)
    assert "gone" not in [e.name for e in client.search_experiments()]
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert [e.name for e in deleted] == ["gone"]
    client.restore_experiment(gone)
    found = client.search_experiments(filter_string="name ILIKE 'CLI%'", order_by=["name ASC"], max_results=1)
    assert [e.name for e in found] == ["client"]


def fluent():
    mlflow.set_experiment("client")
    with mlflow.start_run(run_name="fluent", tags={"a": "b"}, description="what it is for") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"trees": 100, "model": "forest"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"nan": float("nan"), "inf": float("inf"), "big": 1e300}, step=1)
        mlflow.set_tags({"x": "y", "größe": "ü"})
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": [1, 2]}, "config.json")
        mlflow.log_table({"q": ["a", "b"], "n": [1, 2]}, "table.json")
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_metric("loss", 0.5)
        try:
            mlflow.log_param("depth", 4)
            raise AssertionError("a param changed")
        except MlflowException as error:
            assert "Changing param values is not allowed" in str(error)
    client = MlflowClient()
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.info.end_time >= found.info.start_time > 0
    assert found.data.params == {"depth": "3", "trees": "100", "model": "forest"}
    assert found.data.metrics["loss"] == 0.2 and math.isnan(found.data.metrics["nan"])
    assert found.data.metrics["inf"] == math.inf and found.data.metrics["big"] == 1e300
    assert found.data.tags["mlflow.runName"] == found.info.run_name == "fluent"
    assert found.data.tags["mlflow.note.content"] == "what it is for" and found.data.tags["größe"] == "ü"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(s, 1 / (s + 1)) for s in range(5)]
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config.json") == {"a": [1, 2]}
    assert len(mlflow.load_table("table.json", run_ids=[run.info.run_id])) == 2
    parts = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert [part.info.run_id for part in parts] == [child.info.run_id]
    return run.info.run_id


def failing_run():
    try:
        with mlflow.start_run(run_name="failing") as run:
            raise ValueError("it was meant to")
    except ValueError:
        assert MlflowClient().get_run(run.info.run_id).info.status == "FAILED"


def client_calls(run_id):
    client = MlflowClient()
    run = client.create_run("0", start_time=1700000000123, tags={"k": "v"}, run_name="by hand")
    name = run.info.run_id
    assert run.info.start_time == 1700000000123 and run.info.status == "RUNNING"
    metrics = [Metric(f"m{n % 7}", n, 1700000000000 + n, n) for n in range(1000)]
    client.log_batch(name, metrics=metrics, params=[], tags=[])
    params = [Param(f"p{n}", str(n)) for n in range(100)]
    client.log_batch(name, params=params, tags=[RunTag(f"t{n}", "") for n in range(100)])
    client.set_terminated(name, "KILLED", end_time=1700000000999)
    found = client.get_run(name)
    assert (found.info.status, found.info.end_time) == ("KILLED", 1700000000999)
    assert len(found.data.params) == 100 and found.data.metrics["m6"] == 993
    client.update_run(name, status="FINISHED", name="renamed")
    assert client.get_run(name).info.run_name == "renamed"
    client.delete_tag(name, "k")
    refused("RESOURCE_DOES_NOT_EXIST", client.delete_tag, name, "k")
    client.delete_run(name)
    assert client.get_run(name).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", client.set_tag, name, "a", "b")
    client.restore_run(name)
    refused("RESOURCE_DOES_NOT_EXIST", client.get_run, "0" * 32)
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/up/deep")
        with open(f"{folder}/up/deep/a b.bin", "wb") as file:
            file.write(bytes(range(256)) * 40000)
        with open(f"{folder}/up/empty", "wb"):
            pass
        client.log_artifacts(run_id, f"{folder}/up", "files")
        listed = {f.path: f.file_size for f in client.list_artifacts(run_id, "files")}
        assert listed == {"files/deep": None, "files/empty": 0}, listed
        down = client.download_artifacts(run_id, "files", folder)
        assert os.path.getsize(f"{down}/deep/a b.bin") == 256 * 40000
    try:
        client.list_artifacts(run_id, "../..")
        raise AssertionError("a path led out of the artifacts")
    except OSError as error:
        assert "Invalid path" in str(error), error


def searches():
    experiment = MlflowClient().create_experiment("searched")
    for number in range(12):
        with mlflow.start_run(experiment_id=experiment, run_name=f"r{number:02}"):
            mlflow.log_param("kind", "even" if number % 2 == 0 else "odd")
            mlflow.log_metric("score", number / 10)
    found = mlflow.search_runs([experiment], "metrics.score >= 0.4 AND params.kind = 'even'", order_by=["metrics.score DESC"])
    assert list(found["metrics.score"]) == [1.0, 0.8, 0.6, 0.4], found
    assert set(found["status"]) == {"FINISHED"}
    client, token, seen = MlflowClient(), None, []
    while True:
        page = client.search_runs([experiment], order_by=["attributes.run_name"], max_results=5, page_token=token)
        seen += [run.info.run_name for run in page]
        token = page.token
        if not token:
            break
    assert seen == [f"r{number:02}" for number in range(12)]
    message = refused("INVALID_PARAMETER_VALUE", client.search_runs, [experiment], "metrics.score > 'x'")
    assert "Expected numeric value type for metric. Found 'x'" in message


def datasets():
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    dataset = mlflow.data.from_pandas(frame, name="letters", targets="b")
    with mlflow.start_run(run_name="with data") as run:
        mlflow.log_input(dataset, context="training", tags={"more": "1"})
    [used] = MlflowClient().get_run(run.info.run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("letters", dataset.digest)
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "training", "more": "1"}
    found = MlflowClient().search_runs([run.info.experiment_id], "datasets.name = 'letters'")
    assert [one.info.run_id for one in found] == [run.info.run_id]


def models():
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, labels = load_iris(return_X_y=True, as_frame=True)
    fitted = LogisticRegression(max_iter=500).fit(rows, labels)
    with mlflow.start_run(run_name="sklearn") as run:
        info = mlflow.sklearn.log_model(fitted, name="iris", input_example=rows.head(2))
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert (loaded.predict(rows) == fitted.predict(rows)).all()
    [output] = MlflowClient().get_run(run.info.run_id).outputs.model_outputs
    assert output.model_id == info.model_id

    class Doubling(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input * 2

    with mlflow.start_run(run_name="pyfunc"):
        info = mlflow.pyfunc.log_model(name="double", python_model=Doubling())
    frame = pandas.DataFrame({"a": [1, 2]})
    assert list(mlflow.pyfunc.load_model(info.model_uri).predict(frame)["a"]) == [2, 4]


def autologging():
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GridSearchCV

    rows, labels = make_classification(200, random_state=0)
    mlflow.sklearn.autolog(silent=True)
    with mlflow.start_run(run_name="autolog") as run:
        RandomForestClassifier(n_estimators=5, random_state=0).fit(rows, labels)
    found = MlflowClient().get_run(run.info.run_id)
    assert found.data.params["n_estimators"] == "5"
    assert found.data.metrics["training_accuracy_score"] > 0.9
    assert "estimator.html" in [f.path for f in MlflowClient().list_artifacts(run.info.run_id)]
    with mlflow.start_run(run_name="grid") as run:
        GridSearchCV(RandomForestClassifier(random_state=0), {"n_estimators": [2, 4]}, cv=2).fit(rows, labels)
    parts = MlflowClient().search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert len(parts) == 2
    mlflow.sklearn.autolog(disable=True)


def main():
    experiments()
    run_id = fluent()
    failing_run()
    client_calls(run_id)
    searches()
    datasets()
    models()
    autologging()
    print("the client found nothing amiss")


if __name__ == "__main__":
    main()
