"""Makes an MLflow store by its own client: import_make.py URI FOLDER."""

import os
import sys
import warnings

warnings.filterwarnings("ignore")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)

uri, folder = sys.argv[1:]
os.chdir(folder)
mlflow.set_tracking_uri(uri)
mlflow.set_registry_uri(uri)
client = MlflowClient(uri, uri)
AT = 1_700_000_000_000


def experiments():
    used = client.create_experiment("house prices / Häuser", tags={"team": "red", "größe": "1"})
    gone = client.create_experiment("gone")
    client.set_experiment_tag("0", "of", "default")
    return used, gone


def full_run(experiment):
    run = client.create_run(experiment, run_name="first 🦀", tags={"k": "v\nw"}).info.run_id
    for key, value in [("lr", "0.1"), ("opt/name", "adam"), ("empty", ""), ("long", "ü" * 5000)]:
        client.log_param(run, key, value)
    client.set_tag(run, "mlflow.note.content", "# note\n\nwith lines\n")
    client.set_tag(run, "long", "x" * 7000)
    loss = [Metric("loss", 1 / (step + 1), AT + step, step) for step in range(2500)]
    for start in range(0, len(loss), 500):
        client.log_batch(run, metrics=loss[start : start + 500])
    odd = [("nan", float("nan")), ("inf", float("inf")), ("minus/inf", float("-inf")), ("z", 0.0)]
    for key, value in odd:
        client.log_metric(run, key, value, timestamp=AT, step=-3)
    # Equal steps and moments: the greatest value is the latest.
    for value in [3.0, 5.0, 4.0]:
        client.log_metric(run, "tied", value, timestamp=AT, step=7)
    client.log_metric(run, "back", 2.0, timestamp=AT + 5, step=9)
    client.log_metric(run, "back", 1.0, timestamp=AT + 9, step=1)
    client.log_text(run, "hello", "notes/deep/er/a b.txt")
    client.log_text(run, "", "empty.txt")
    with open("bytes.bin", "wb") as file:
        file.write(bytes(range(256)) * 3000)
    client.log_artifact(run, "bytes.bin", "model")
    data = Dataset("d1", "12345e67", "local", '{"uri": "x"}', '{"s": "' + "c" * 200 + '"}', '{"p": 2}')
    client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
    return run


def logged_model(experiment, run):
    model = client.create_logged_model(
        experiment, name="lm", source_run_id=run, tags={"t": "1"}, params={"p": "1"}, model_type="clf"
    ).model_id
    with open("weights.bin", "wb") as file:
        file.write(b"weights" * 1000)
    os.makedirs("files/inner", exist_ok=True)
    os.replace("weights.bin", "files/inner/weights.bin")
    client.log_model_artifacts(model, "files")
    client.log_metric(run, "auc", 0.9, step=1, timestamp=AT, model_id=model)
    client.finalize_logged_model(model, "READY")
    client.log_outputs(run, [LoggedModelOutput(model, 3)])
    return model


def more_runs(experiment, gone, run, model):
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run}, run_name="child").info.run_id
    client.log_inputs(child, models=[LoggedModelInput(model)])
    grandchild = client.create_run(experiment, tags={"mlflow.parentRunId": child}).info.run_id
    client.set_terminated(grandchild, "FAILED")
    client.set_terminated(child, "KILLED")
    client.delete_run(client.create_run(experiment, run_name="deleted").info.run_id)
    left = client.create_run(gone, run_name="in gone").info.run_id
    client.log_text(left, "still here", "a.txt")
    client.delete_experiment(gone)
    client.create_run("0", run_name="at work")
    client.set_terminated(run, end_time=AT + 99_000)


def registry(run, model):
    root = client.get_run(run).info.artifact_uri
    client.create_registered_model("churn", tags={"a": "b"}, description="what it\nis for: 'x'")
    client.create_model_version("churn", root + "/model", run_id=run, tags={"x": "y"}, description="first")
    client.create_model_version("churn", f"models:/{model}", model_id=model, run_id=run)
    client.create_model_version("churn", root + "/model", run_id=run)
    client.create_model_version("churn", root + "/model", run_id=run)
    client.delete_model_version("churn", "4")
    client.delete_model_version("churn", "2")
    client.set_registered_model_alias("churn", "champion", "3")
    client.set_registered_model_alias("churn", "Best_one", "1")
    client.transition_model_version_stage("churn", "1", "Archived")
    client.transition_model_version_stage("churn", "3", "Production")
    client.create_registered_model("empty")
    client.create_registered_model("of logged")
    client.create_model_version("of logged", f"models:/{model}", model_id=model, run_id=run)


def trained(experiment):
    """A model as people make them."""
    from sklearn.linear_model import LinearRegression

    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name="trained"):
        fitted = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
        mlflow.sklearn.log_model(
            fitted, name="line", registered_model_name="line", pip_requirements=["scikit-learn"]
        )
    client.set_registered_model_alias("line", "live", "1")


used, gone = experiments()
run = full_run(used)
model = logged_model(used, run)
more_runs(used, gone, run, model)
registry(run, model)
trained(used)
