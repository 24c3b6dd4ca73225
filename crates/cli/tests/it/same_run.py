"""MLflow's client sees a run on a server as it sees it at home."""

import os
import sys

from mlflow import MlflowClient

SERVER, RUN, HOME = sys.argv[1:4]
client = MlflowClient(tracking_uri=SERVER, registry_uri=SERVER)
run = client.get_run(RUN)
assert run.info.status == "FINISHED"
assert run.data.tags["gristmill.sent.by"]
assert run.data.metrics["test.roc_auc"] > 0.5
assert [m.step for m in client.get_metric_history(RUN, "cv.roc_auc.fold")] == [0, 1, 2]
[used] = run.inputs.dataset_inputs
assert used.dataset.name == "customers.csv" and used.dataset.schema
names = {entry.path for entry in client.list_artifacts(RUN)}
assert {"pipeline.yaml", "evaluation.json", "report.html", "model", "logs"} <= names, names
[made] = run.outputs.model_outputs
assert client.get_logged_model(made.model_id).source_run_id == RUN
version = client.get_model_version_by_alias("churn", "champion")
assert (version.run_id, version.source) == (RUN, f"runs:/{RUN}/model")

at_home = set()
for folder, _, files in os.walk(os.path.join(HOME, "artifacts")):
    at_home |= {open(os.path.join(folder, name), "rb").read() for name in files}
package = client.download_artifacts(RUN, "model")
for folder, _, files in os.walk(package):
    for name in files:
        assert open(os.path.join(folder, name), "rb").read() in at_home, name
