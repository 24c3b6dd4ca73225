"""Uses MLflow's own client of the registry against the server at the address given."""

import sys

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

url = sys.argv[1]
mlflow.set_tracking_uri(url)
mlflow.set_registry_uri(url)
client = MlflowClient()


def refused(act, code):
    try:
        act()
    except MlflowException as error:
        assert error.error_code == code, error
    else:
        raise AssertionError(f"{code} was expected")


model = client.create_registered_model("churn", tags={"team": "red"}, description="who leaves")
assert (model.name, model.tags, model.description) == ("churn", {"team": "red"}, "who leaves")
refused(lambda: client.create_registered_model("churn"), "RESOURCE_ALREADY_EXISTS")

with mlflow.start_run() as run:
    mlflow.log_dict({"a": 1}, "model/MLmodel.json")
source = f"{run.info.artifact_uri}/model"
first = client.create_model_version("churn", source, run.info.run_id, tags={"n": "1"}, description="one")
second = client.create_model_version("churn", "s3://bucket/2")
assert (first.version, second.version) == ("1", "2") or (first.version, second.version) == (1, 2)
assert first.run_id == run.info.run_id and first.source == source, first
assert client.get_model_version_download_uri("churn", "1") == source

client.set_registered_model_alias("churn", "champion", "1")
client.set_registered_model_alias("churn", "champion", "2")
held = client.get_model_version_by_alias("churn", "champion")
assert str(held.version) == "2" and held.aliases == ["champion"], held
assert client.get_registered_model("churn").aliases == {"champion": "2"}
client.delete_registered_model_alias("churn", "champion")
refused(lambda: client.get_model_version_by_alias("churn", "champion"), "INVALID_PARAMETER_VALUE")

staged = client.transition_model_version_stage("churn", "1", "Production")
assert staged.current_stage == "Production"
client.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
stages = {str(v.version): v.current_stage for v in client.get_latest_versions("churn")}
assert stages == {"1": "Archived", "2": "Production"}, stages

client.set_model_version_tag("churn", "1", "n", "one")
client.delete_model_version_tag("churn", "1", "n")
assert client.get_model_version("churn", "1").tags == {}
client.update_model_version("churn", "1", "anew")
assert client.get_model_version("churn", "1").description == "anew"
found = client.search_model_versions("name = 'churn'", order_by=["version_number ASC"])
assert [str(v.version) for v in found] == ["1", "2"]
found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
assert [str(v.version) for v in found] == ["1"]

for number in range(5):
    client.create_registered_model(f"page {number}")
page = client.search_registered_models("name LIKE 'page%'", max_results=3)
rest = client.search_registered_models("name LIKE 'page%'", max_results=3, page_token=page.token)
assert [m.name for m in page + rest] == [f"page {number}" for number in range(5)]
assert not rest.token

client.set_registered_model_tag("churn", "a", "1")
client.delete_registered_model_tag("churn", "team")
assert client.get_registered_model("churn").tags == {"a": "1"}
client.update_registered_model("churn", "anew")
client.rename_registered_model("churn", "leavers")
assert client.get_registered_model("leavers").description == "anew"
client.delete_model_version("leavers", "2")
refused(lambda: client.get_model_version("leavers", "2"), "RESOURCE_DOES_NOT_EXIST")
client.delete_registered_model("leavers")
refused(lambda: client.get_registered_model("leavers"), "RESOURCE_DOES_NOT_EXIST")

experiment = mlflow.create_experiment("logged models")
logged = client.create_logged_model(experiment, name="forest", tags={"a": "1"}, params={"trees": "100"})
assert str(logged.status) == "PENDING", logged
with mlflow.start_run(experiment_id=experiment) as run:
    mlflow.log_metric("auc", 0.9, model_id=logged.model_id)
logged = client.finalize_logged_model(logged.model_id, "READY")
assert str(logged.status) == "READY"
client.set_logged_model_tags(logged.model_id, {"b": "2"})
client.delete_logged_model_tag(logged.model_id, "a")
logged = client.get_logged_model(logged.model_id)
assert logged.tags == {"b": "2"} and logged.params == {"trees": "100"}, logged
assert [(m.key, m.value) for m in logged.metrics] == [("auc", 0.9)], logged.metrics
found = client.search_logged_models([experiment], filter_string="metrics.auc > 0.5")
assert [m.model_id for m in found] == [logged.model_id]
registered = mlflow.register_model(f"models:/{logged.model_id}", "from logged")
assert str(registered.version) == "1"
client.delete_logged_model(logged.model_id)
refused(lambda: client.get_logged_model(logged.model_id), "RESOURCE_DOES_NOT_EXIST")

hook = client.create_webhook("hook", "https://example.com/hook", ["model_version.created"], secret="sesame")
assert [w.name for w in client.list_webhooks()] == ["hook"]
changed = client.update_webhook(hook.webhook_id, status="DISABLED", description="builds")
assert str(changed.status) == "DISABLED" and changed.description == "builds"
refused(lambda: client.create_webhook("hook", "http://127.0.0.1/", ["prompt.created"]), "INVALID_PARAMETER_VALUE")
client.delete_webhook(hook.webhook_id)
refused(lambda: client.get_webhook(hook.webhook_id), "RESOURCE_DOES_NOT_EXIST")

mlflow.genai.register_prompt(name="greet", template="Hello {{name}}!", tags={"lang": "en"})
prompt = mlflow.genai.register_prompt(name="greet", template="Hi {{name}}!")
assert prompt.version == 2 and mlflow.genai.load_prompt("prompts:/greet/1").template == "Hello {{name}}!"
mlflow.genai.set_prompt_alias("greet", "live", 2)
assert mlflow.genai.load_prompt("prompts:/greet@live").version == 2
assert client.search_registered_models("name = 'greet'") == []
print("the registry's client works")
