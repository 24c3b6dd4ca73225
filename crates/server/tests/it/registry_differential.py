"""As differential.py, for models, versions, aliases, logged models and webhooks."""

import urllib.parse

import differential
from differential import ROOT, main

differential.MOMENTS |= {
    "creation_timestamp", "last_updated_timestamp", "creation_timestamp_ms", "last_updated_timestamp_ms",
}

OWN_WORDS = "the stock server answers with the database's own words"


def models(ask):
    ask.post("/registered-models/create", {"name": "m1", "description": "first", "tags": [{"key": "a", "value": "b"}]})
    ask.post("/registered-models/create", {"name": "m1"})
    for body in [
        {}, {"name": ""}, {"name": " "}, {"name": 5}, {"name": "a/b"}, {"name": "a:b"}, {"name": ".."}, {"name": "."},
        {"name": "tags", "tags": "x"}, {"name": "k", "tags": [{"key": "a$b", "value": "v"}]},
        {"name": "long", "tags": [{"key": "k" * 251, "value": "v"}]},
        {"name": "twice", "tags": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
        {"name": "größe 'x' %_"}, {"name": "plain"},
    ]:
        ask.post("/registered-models/create", body)
    for query in ["?name=m1", "?name=none", "", "?name=", "?name=a/b", "?name=gr%C3%B6%C3%9Fe+%27x%27+%25_", "?name=twice"]:
        ask.get("/registered-models/get" + query)
    for body in [{"name": "m1", "description": "anew"}, {"name": "none", "description": "x"}, {"description": "x"},
                 {"name": "m1", "description": 5}, {"name": "m1"}]:
        ask("PATCH", ROOT + "/registered-models/update", body)
    for body in [{"name": "plain", "new_name": "renamed"}, {"name": "none", "new_name": "x"}, {"name": "m1"},
                 {"name": "m1", "new_name": "a/b"}, {"name": "m1", "new_name": " "}, {"name": "m1", "new_name": "m1"}]:
        ask.post("/registered-models/rename", body)
    ask.post("/registered-models/rename", {"name": "m1", "new_name": "renamed"}, on_purpose=OWN_WORDS)
    for body in [{"name": "m1", "key": "k", "value": "v"}, {"name": "m1", "key": "empty"}, {"name": "m1", "value": "v"},
                 {"name": "none", "key": "k", "value": "v"}, {"name": "m1", "key": "a$b", "value": "v"},
                 {"name": "m1", "key": "../x", "value": "v"}, {"name": "m1", "key": "k", "value": 5},
                 {"name": "m1", "key": "k" * 251, "value": "v"}, {"name": "m1", "key": "long", "value": "v" * 100001}]:
        ask.post("/registered-models/set-tag", body)
    for body in [{"name": "m1", "key": "k"}, {"name": "m1", "key": "k"}, {"name": "none", "key": "k"}, {"name": "m1"}]:
        ask("DELETE", ROOT + "/registered-models/delete-tag", body)
    ask.get("/registered-models/get?name=m1")
    ask("DELETE", ROOT + "/registered-models/delete", {"name": "renamed"})
    ask("DELETE", ROOT + "/registered-models/delete", {"name": "renamed"})
    ask("DELETE", ROOT + "/registered-models/delete", {})


def versions(ask):
    ask.post("/runs/create", {"experiment_id": "0", "run_name": "maker"}, save=("run", ["run", "info", "run_id"]))
    ask.post("/runs/create", {"experiment_id": "0", "run_name": "other"}, save=("other", ["run", "info", "run_id"]))
    root = "mlflow-artifacts:/0/{run}/artifacts"
    first = {"name": "m1", "source": root + "/model", "run_id": "{run}", "description": "one",
             "run_link": "https://elsewhere", "tags": [{"key": "n", "value": "1"}]}
    ask.post("/model-versions/create", first)
    ask.post("/model-versions/create", {"name": "m1", "source": "s3://bucket/2"})
    ask.post("/model-versions/create", {"name": "m1", "source": "models:/m1/1"})
    ask.post("/model-versions/create", {"name": "m1", "source": "runs:/{run}/model", "run_id": "{run}"})
    for body in [
        {}, {"name": "m1"}, {"name": "m1", "source": ""}, {"name": "none", "source": "s3://b/1"},
        {"name": "m1", "source": 5}, {"name": "m1", "source": "/etc/passwd"}, {"name": "m1", "source": "file:///etc/passwd"},
        {"name": "m1", "source": "../x"},
        {"name": "m1", "source": root + "/model"}, {"name": "m1", "source": root + "/model", "run_id": "{other}"},
        {"name": "m1", "source": root + "2/model", "run_id": "{run}"}, {"name": "m1", "source": "runs:/{other}/a", "run_id": "{run}"},
        {"name": "m1", "source": "s3://bucket/a/../b"}, {"name": "m1", "source": "s3://bucket/%2e%2e/b"},
        {"name": "m1", "source": root + "/%252e%252e/b", "run_id": "{run}"}, {"name": "m1", "source": root + "/a%00", "run_id": "{run}"},
        {"name": "m1", "source": "models:/m-unknown"}, {"name": "m1", "source": "models://host/m1/1"},
        {"name": "m1", "source": "models:/m1/1", "run_id": "{other}"}, {"name": "m1", "source": "s3://b/1", "tags": [{"key": "a$b", "value": "v"}]},
        {"name": "m1", "source": "models:/none/1"}, {"name": "m1", "source": "models:/m1/99"},
    ]:
        ask.post("/model-versions/create", body)
    for source in ["http://169.254.169.254/x", "ftp://host/x", "mlflow-artifacts://host/x"]:
        ask.post("/model-versions/create", {"name": "m1", "source": source},
                 on_purpose="the stock server names a variable of its own that lets them in")
    ask.post("/model-versions/create", {"name": "m1", "source": "file:///etc/passwd", "run_id": "{run}"},
             on_purpose="the source is said as it was sent")
    ask.post("/registered-models/create", {"name": "odd run"})
    ask.post("/model-versions/create", {"name": "odd run", "source": "s3://b/1", "run_id": "no id"},
             on_purpose="a run's id is one, or there is none")
    ask("DELETE", ROOT + "/registered-models/delete", {"name": "odd run"})
    for query in ["?name=m1&version=1", "?name=m1&version=99", "?name=none&version=1", "?name=m1&version=x", "?name=m1",
                  "?version=1", "?name=m1&version=-1"]:
        ask.get("/model-versions/get" + query)
        ask.get("/model-versions/get-download-uri" + query) if query.count("=") == 2 else None
    for body in [{"name": "m1", "version": "1", "description": "anew"}, {"name": "m1", "version": "99", "description": "x"},
                 {"name": "m1"}, {"name": "m1", "version": 2, "description": "x"}]:
        ask("PATCH", ROOT + "/model-versions/update", body)
    for body in [{"name": "m1", "version": "1", "key": "k", "value": "v"}, {"name": "m1", "version": "1", "key": "k"},
                 {"name": "m1", "version": "99", "key": "k", "value": "v"}, {"name": "m1", "version": "1", "key": "a$b", "value": "v"},
                 {"name": "m1", "version": "1", "value": "v"}, {"name": "m1", "version": "x", "key": "k", "value": "v"}]:
        ask.post("/model-versions/set-tag", body)
    for body in [{"name": "m1", "version": "1", "key": "k"}, {"name": "m1", "version": "1", "key": "k"}, {"name": "m1", "version": "1"}]:
        ask("DELETE", ROOT + "/model-versions/delete-tag", body)


def stages_and_aliases(ask):
    for body in [
        {"name": "m1", "version": "1", "stage": "production"}, {"name": "m1", "version": "2", "stage": "Production", "archive_existing_versions": True},
        {"name": "m1", "version": "3", "stage": "Staging"}, {"name": "m1", "version": "3", "stage": "Moon"}, {"name": "m1", "version": "99", "stage": "None"},
        {"name": "m1", "version": "1"}, {"name": "m1", "version": "1", "stage": "Archived", "archive_existing_versions": "maybe"},
    ]:
        ask.post("/model-versions/transition-stage", body)
    ask.post("/model-versions/transition-stage",
             {"name": "m1", "version": "1", "stage": "None", "archive_existing_versions": True},
             on_purpose="what was sent makes no sense, which is no fault of the server's")
    for body in [{"name": "m1"}, {"name": "m1", "stages": ["Production"]}, {"name": "m1", "stages": ["Moon"]}, {"name": "none"}, {}]:
        ask.post("/registered-models/get-latest-versions", body)
    ask.get("/registered-models/get-latest-versions?name=m1&stages=Production&stages=Archived")
    for body in [
        {"name": "m1", "alias": "champion", "version": "1"}, {"name": "m1", "alias": "champion", "version": "2"},
        {"name": "m1", "alias": "old", "version": "1"}, {"name": "m1", "alias": "v1", "version": "1"},
        {"name": "m1", "alias": "Latest", "version": "1"}, {"name": "m1", "alias": "a b", "version": "1"},
        {"name": "m1", "alias": "x" * 256, "version": "1"}, {"name": "m1", "alias": "champion", "version": "99"},
        {"name": "none", "alias": "champion", "version": "1"}, {"name": "m1", "alias": "champion"}, {"name": "m1", "version": "1"},
        {"name": "m1", "alias": "champion", "version": "x"},
    ]:
        ask.post("/registered-models/alias", body)
    for query in ["?name=m1&alias=champion", "?name=m1&alias=none", "?name=none&alias=champion", "?name=m1&alias=latest", "?name=m1",
                  "?name=m1&alias=a%20b"]:
        ask.get("/registered-models/alias" + query)
    ask.get("/registered-models/get?name=m1")
    for body in [{"name": "m1", "alias": "old"}, {"name": "m1", "alias": "old"}, {"name": "none", "alias": "x"}, {"name": "m1"}]:
        ask("DELETE", ROOT + "/registered-models/alias", body)
    for body in [{"name": "m1", "version": "4"}, {"name": "m1", "version": "4"}, {"name": "m1", "version": "x"}, {"name": "m1"}]:
        ask("DELETE", ROOT + "/model-versions/delete", body)


def quoted(text):
    """The text as it stands in a query; names in braces stay, to be filled in."""
    return urllib.parse.quote(text, safe="{}")


def search(ask):
    for number in range(5):
        ask.post("/registered-models/create", {"name": f"find {number}", "tags": [{"key": "n", "value": str(number % 2)}]})
        ask.post("/model-versions/create", {"name": f"find {number}", "source": f"s3://bucket/{number}",
                                            "tags": [{"key": "n", "value": str(number % 2)}]})
    for text in ["name LIKE 'find%'", "name ILIKE 'FIND%'", "name = 'find 1'", "name != 'm1'", "name IN ('find 1', 'find 2')",
                 "name NOT IN ('find 1')", "tags.n = '1'", "tags.n != '1'", "tag.n LIKE '1%'", "name LIKE 'find%' AND tags.n = '0'",
                 "mood = 'x'", "name > 'a'", "name = 5", "tags.n IN ('1')", "metrics.a > 1", "bad", "name = 'a' OR name = 'b'"]:
        ask.get("/registered-models/search?filter=" + quoted(text))
    for order in ["name", "name DESC", "mood", "name x"]:
        purpose = "more can be sorted by than the stock server says" if order == "mood" else None
        ask.get("/registered-models/search?filter=" + quoted("name LIKE 'find%'") + "&order_by=" + quoted(order),
                on_purpose=purpose)
    for rest in ["max_results=2", "max_results=2&page_token=eyJvZmZzZXQiOiAyfQ==", "max_results=1001", "max_results=x", "page_token=zzz"]:
        ask.get("/registered-models/search?order_by=name&" + rest)
    for text in ["name = 'm1'", "name LIKE 'find%'", "run_id = '{run}'", "run_id IN ('{run}')", "source_path = 's3://bucket/1'",
                 "source_path LIKE 's3://bucket/%'", "version_number > 1", "version_number = '1'", "version_number > 'x'", "version_number = 1.5",
                 "tags.n = '1'", "tags.n != '1' AND name LIKE 'find%'", "mood = 'x'", "name > 'a'", "source_path IN ('a')", "bad"]:
        ask.get("/model-versions/search?order_by=name&order_by=version_number&filter=" + quoted(text))
    for order in ["name", "name DESC", "version_number", "mood", "name x"]:
        ask.get("/model-versions/search?filter=" + quoted("name LIKE 'find%'") + "&order_by=" + quoted(order))
    for rest in ["max_results=2", "max_results=0", "max_results=200001", "max_results=x", "page_token=zzz"]:
        ask.get("/model-versions/search?order_by=name&" + rest)


def logged_models(ask):
    made = ("model", ["model", "info", "model_id"])
    ask.post("/logged-models", {"experiment_id": "0", "name": "forest", "model_type": "tree", "source_run_id": "{run}",
                                "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "x"}]}, save=made)
    for body in [{}, {"experiment_id": "99"}, {"experiment_id": "0", "name": "a/b"}, {"experiment_id": "0", "name": 5},
                 {"experiment_id": "0", "name": "a.b"}]:
        ask.post("/logged-models", body)
    ask.get("/logged-models/{model}")
    ask.get("/logged-models/none")
    ask.post("/runs/log-metric", {"run_id": "{run}", "key": "auc", "value": 0.9, "timestamp": 5, "step": 1, "model_id": "{model}",
                                  "dataset_name": "test", "dataset_digest": "d1"})
    ask.post("/runs/log-metric", {"run_id": "{run}", "key": "loss", "value": 0.1, "timestamp": 6, "model_id": "{model}"})
    ask("PATCH", ROOT + "/logged-models/{model}", {"model_id": "{model}", "status": "LOGGED_MODEL_READY"})
    ask("PATCH", ROOT + "/logged-models/none", {"model_id": "none", "status": "LOGGED_MODEL_READY"})
    ask("PATCH", ROOT + "/logged-models/{model}/tags", {"tags": [{"key": "a", "value": "1"}, {"key": "t", "value": "y"}]})
    ask("DELETE", ROOT + "/logged-models/{model}/tags/a")
    ask("DELETE", ROOT + "/logged-models/{model}/tags/a")
    ask.post("/logged-models/{model}/params", {"model_id": "{model}", "params": [{"key": "q", "value": "2"}]})
    ask.get("/logged-models/{model}")
    ask.get("/logged-models/{model}/artifacts/directories")
    ask.get("/logged-models/{model}/artifacts/directories?artifact_directory_path=..%2F..")
    for more in [{}, {"filter": "metrics.auc > 0.5"}, {"filter": "metrics.auc > 0.95"}, {"filter": "params.p = '1'"},
                 {"filter": "tags.t = 'y'"}, {"filter": "name = 'forest'"}, {"filter": "source_run_id = '{run}'"},
                 {"filter": "model_type LIKE 'tr%'"}, {"filter": "name IN ('forest')"},
                 {"datasets": [{"dataset_name": "test"}]}, {"datasets": [{"dataset_name": "other"}]}, {"datasets": [{}]},
                 {"order_by": [{"field_name": "metrics.auc", "ascending": False}]}, {"order_by": [{"field_name": "name"}]},
                 {"filter": "metrics.auc > 0.5", "datasets": [{"dataset_name": "test", "dataset_digest": "d1"}]}]:
        purpose = None
        if more.get("datasets", [{}])[0].get("dataset_name") == "test" and "dataset_digest" not in more["datasets"][0]:
            purpose = "a dataset without a digest is that of any digest, as its documentation says"
        ask.post("/logged-models/search", {"experiment_ids": ["0"], **more}, on_purpose=purpose)
    ask.post("/logged-models/search", {})
    ask.post("/model-versions/create", {"name": "m1", "source": "models:/{model}", "model_id": "{model}"})
    ask.get("/model-versions/get-download-uri?name=m1&version=5")
    ask.get("/logged-models/{model}")
    ask("DELETE", ROOT + "/logged-models/{model}")
    ask.get("/logged-models/{model}")
    ask.get("/logged-models/{model}?allow_deleted=true")


def webhooks(ask):
    event = {"entity": "MODEL_VERSION", "action": "CREATED"}
    url = "https://8.8.8.8/hook"
    ask.post("/webhooks", {"name": "hook", "url": url, "events": [event], "secret": "sesame", "description": "d"},
             save=("hook", ["webhook", "webhook_id"]))
    for body in [{}, {"name": "x"}, {"name": "x", "url": url}, {"name": "-x", "url": url, "events": [event]},
                 {"name": "x", "url": "http://8.8.8.8", "events": [event]}, {"name": "x", "url": "file:///etc", "events": [event]},
                 {"name": "x", "url": "https://127.0.0.1/", "events": [event]}, {"name": "x", "url": "https://10.0.0.1/", "events": [event]},
                 {"name": "x", "url": " ", "events": [event]}]:
        ask.post("/webhooks", body)
    ask.get("/webhooks")
    ask.get("/webhooks?max_results=1001")
    ask.get("/webhooks/{hook}")
    ask.get("/webhooks/none")
    for body in [{"status": "DISABLED"}, {"name": "other", "description": ""}, {"events": [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]},
                 {"url": "https://127.0.0.1/"}, {"name": "-x"}, {}]:
        ask("PATCH", ROOT + "/webhooks/{hook}", body)
    ask("PATCH", ROOT + "/webhooks/none", {"name": "x"})
    ask("DELETE", ROOT + "/webhooks/{hook}")
    ask("DELETE", ROOT + "/webhooks/{hook}")


if __name__ == "__main__":
    main([models, versions, stages_and_aliases, search, logged_models, webhooks])
