"""Sends the same requests to a stock `mlflow server` and to ours, and compares the answers.

Usage: differential.py OURS. The stock server runs in the current folder until the end. Ids, moments
and the order of things that have none are made equal first. Where we differ on purpose the request
says so, and why.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
MOMENTS = {"creation_time", "last_update_time", "utc_time_created"}


class Side:
    """A server, and what its ids are called here."""

    def __init__(self, url):
        self.url = url
        self.names = {}

    def ask(self, method, path, body, headers):
        path = self.filled(path)
        data = None
        if isinstance(body, bytes):
            data = body
        elif isinstance(body, str):
            data = self.filled(body).encode()
        elif body is not None:
            data = self.filled(json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def filled(self, text):
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    def plain(self, text):
        """The text with our own names for this side's ids, and sets in one order."""
        for name, value in self.names.items():
            if len(value) > 8:
                text = text.replace(value, "{" + name + "}")
        text = re.sub(r"Error: \(sqlite3.*", "", text, flags=re.S).rstrip()
        return re.sub(r"\{('[^{}:]*')\}", lambda m: "{" + ", ".join(sorted(m[1].split(", "))) + "}", text)


def normal(side, value, key=""):
    """The answer without what differs from one server to the next."""
    if isinstance(value, dict):
        return {name: normal(side, item, name) for name, item in value.items()}
    if isinstance(value, list):
        items = [normal(side, item, key) for item in value]
        unordered = key in {"tags", "params", "model_outputs", "model_inputs", "dataset_summaries", "latest_versions", "aliases"}
        if unordered or (key == "metrics" and not side.ordered):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    if key in MOMENTS:
        return "moment"
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, str) and key == "value" and value.startswith("[{"):
        return normal(side, json.loads(value))
    return side.plain(value) if isinstance(value, str) else value


class Beside:
    """Both servers, and what was found different."""

    def __init__(self, stock, ours):
        self.sides = [Side(stock), Side(ours)]
        self.count = 0
        self.different = []

    def __call__(self, method, path, body=None, save=None, on_purpose=None, ordered=False, headers=None):
        """Asks both. `save` names what is kept of the answer: (name, way to it)."""
        if headers is None:
            headers = {"Content-Type": "application/json"} if body is not None else {}
        found = []
        for side in self.sides:
            side.ordered = ordered
            status, raw, _ = side.ask(method, path, body, headers)
            try:
                answer = json.loads(raw)
            except ValueError:
                answer = None if raw[:9].lower() == b"<!doctype" else raw.decode(errors="replace")
            if save and status == 200:
                value = answer
                for step in save[1]:
                    value = value[step]
                side.names[save[0]] = value
            found.append((status, answer))
        shown = [(status, normal(side, answer)) for side, (status, answer) in zip(self.sides, found)]
        self.count += 1
        if on_purpose is None and not equal(*shown):
            self.different.append((method, path, body, *shown))
        if on_purpose is not None and equal(*shown):
            self.different.append((method, path, body, f"no longer different: {on_purpose}", shown))

    def post(self, path, body, **more):
        self("POST", ROOT + path, body, **more)

    def get(self, path, **more):
        self("GET", ROOT + path, **more)


def equal(stock, ours):
    if stock[1] is None:
        # A page of the web framework: its words are no contract, its status is.
        return stock[0] == ours[0]
    if isinstance(stock[1], dict) and "detail" in stock[1]:
        return stock[0] == ours[0] and stock[1]["detail"] == ours[1].get("message")
    return stock == ours


def difference(stock, ours, way="answer"):
    """Where two answers differ first, and how."""
    if isinstance(stock, dict) and isinstance(ours, dict):
        for name in sorted(stock.keys() | ours.keys()):
            if stock.get(name) != ours.get(name):
                return difference(stock.get(name), ours.get(name), f"{way}.{name}")
    if isinstance(stock, (list, tuple)) and isinstance(ours, (list, tuple)) and len(stock) == len(ours):
        for place, (left, right) in enumerate(zip(stock, ours)):
            if left != right:
                return difference(left, right, f"{way}[{place}]")
    return f"{way}\n  stock {str(stock)[:1500]}\n  ours  {str(ours)[:1500]}"


def experiments(ask):
    ask.post("/experiments/create", {"name": "e1", "tags": [{"key": "a", "value": "b"}]})
    ask.post("/experiments/create", {"name": "e1"})
    ask.post("/experiments/create", {"name": ""})
    ask.post("/experiments/create", {})
    ask.post("/experiments/create", {"name": 5})
    ask.post("/experiments/create", {"name": None})
    ask.post("/experiments/create", {"name": "x" * 501})
    ask.post("/experiments/create", {"name": "tags", "tags": "x"})
    ask.post("/experiments/create", {"name": "location", "artifact_location": "s3://bucket/path"})
    ask.post("/experiments/create", {"name": "fragment", "artifact_location": "s3://bucket/a#b"})
    ask.post("/experiments/create", {"name": "runs", "artifact_location": "runs:/1/a"})
    ask.post("/experiments/create", {"name": "größe 'x' \"y\" %_"})
    for ask_id in ["0", "1", "2", "77", "x", "", "-1"]:
        ask.get(f"/experiments/get?experiment_id={ask_id}")
    ask.get("/experiments/get")
    for name in ["Default", "e1", "nope", "gr%C3%B6%C3%9Fe+%27x%27+%22y%22+%25_"]:
        ask.get(f"/experiments/get-by-name?experiment_name={name}")
    ask.get("/experiments/get-by-name")
    ask.post("/experiments/update", {"experiment_id": "1", "new_name": "e1 renamed"})
    ask.post("/experiments/update", {"experiment_id": "1", "new_name": "e1 renamed"})
    ask.post("/experiments/update", {"experiment_id": "1"})
    ask.post("/experiments/update", {"experiment_id": "88", "new_name": "x"})
    ask.post("/experiments/update", {"experiment_id": "1", "new_name": "Default"},
             on_purpose="the stock server answers with the database's own words")
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "key": "k", "value": "v"})
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "key": "long", "value": "v" * 20000})
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "key": "long", "value": "v" * 20001})
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "key": "a$b", "value": "v"})
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "value": "v"})
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "77", "key": "k", "value": "v"})
    ask.post("/experiments/delete-experiment-tag", {"experiment_id": "1", "key": "long"})
    ask.post("/experiments/delete-experiment-tag", {"experiment_id": "1", "key": "zz"})
    ask.get("/experiments/get?experiment_id=1")
    ask.post("/experiments/delete", {"experiment_id": "1"})
    ask.post("/experiments/delete", {"experiment_id": "1"})
    ask.post("/experiments/delete", {"experiment_id": "77"})
    ask.post("/experiments/update", {"experiment_id": "1", "new_name": "q"},
             on_purpose="an error class of the stock server's own client")
    ask.post("/experiments/set-experiment-tag", {"experiment_id": "1", "key": "a", "value": "b"})
    ask.post("/experiments/delete-experiment-tag", {"experiment_id": "1", "key": "a"})
    ask.post("/experiments/create", {"name": "e1 renamed"})
    ask.post("/runs/create", {"experiment_id": "1"})
    ask.post("/experiments/search", {"max_results": 10, "view_type": "DELETED_ONLY"})
    ask.post("/experiments/restore", {"experiment_id": "1"})
    ask.post("/experiments/restore", {"experiment_id": "1"})


def experiment_search(ask):
    for view in ["ACTIVE_ONLY", "ALL", "DELETED_ONLY", "BAD"]:
        ask.post("/experiments/search", {"max_results": 10, "view_type": view, "order_by": ["name"]})
    for most in [0, -1, 50000, 50001, 2, "2"]:
        ask.post("/experiments/search", {"max_results": most, "order_by": ["name"]})
    ask.post("/experiments/search", {})
    ask.get("/experiments/search?max_results=2&order_by=name&order_by=experiment_id%20DESC")
    ask.post("/experiments/search", {"max_results": 1, "order_by": ["name"], "page_token": "eyJvZmZzZXQiOiAxfQ=="})
    for token in ["zzz", "e30=", "eA=="]:
        ask.post("/experiments/search", {"max_results": 1, "page_token": token})
    for text in [
        "name = 'e1 renamed'", "name != 'Default'", "name LIKE 'e%'", "name LIKE 'E%'", "name ILIKE 'E%'",
        "name ILIKE '%Ö%'", "experiment_id = '1'", "experiment_id IN ('0','1')", "experiment_id NOT IN ('0')",
        "experiment_id IN ('1','x')", "experiment_id > 1", "experiment_id > '1'", "creation_time > 5 AND name != 'Default'",
        "creation_time > 'x'", "creation_time > 1.5", "last_update_time > 5 AND name LIKE 'l%'", "tags.a = 'b'",
        "tags.k != 'x'", "tag.a IS NULL", "tags.a IS NOT NULL", "name IN ('a')", "metrics.a > 1", "foo = 'x'",
        "name > 'a'", "tags.a > 'b'", "bad", "attribute.name = 'e1 renamed'", "attributes.name = 'e1'",
        "name IS NULL", "name = 5", "name = x", "tags.a LIKE '%b%' AND name = 'e1 renamed'", "(", "",
    ]:
        ask.post("/experiments/search", {"filter": text, "max_results": 50, "order_by": ["name ASC"]})
    for order in ["name", "name desc", "experiment_id", "experiment_id DESC", "foo", "tags.a", "name x", "a b c", ""]:
        ask.post("/experiments/search", {"order_by": [order], "max_results": 50})


def runs(ask):
    made = ("run", ["run", "info", "run_id"])
    first = {
        "experiment_id": "0", "user_id": "ada", "start_time": 1700000000123, "run_name": "first",
        "tags": [{"key": "team", "value": "red"}, {"key": "mlflow.source.name", "value": "train.py"}],
    }
    ask.post("/runs/create", first, save=made)
    ask.post("/runs/create", {"experiment_id": "0", "tags": [{"key": "mlflow.runName", "value": "tagged"}]},
             save=("tagged", made[1]))
    for body in [
        {"experiment_id": "999"}, {"experiment_id": "abc"}, {"experiment_id": 0},
        {"experiment_id": "0", "start_time": "abc"}, {"experiment_id": "2", "start_time": True},
        {"experiment_id": "0", "run_name": 5}, {"experiment_id": "2", "tags": {"a": "b"}},
        {"experiment_id": "0", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
    ]:
        purpose = "a truth value is no moment" if body.get("start_time") is True else None
        if body.get("tags") == {"a": "b"}:
            purpose = "the stock server passes over what it cannot read"
        ask.post("/runs/create", body, on_purpose=purpose)
    for path in ["?run_id={run}", "?run_uuid={run}", "?run_id=zz", "", "?run_id="]:
        ask.get(f"/runs/get{path}")
    logging(ask)
    odd_values(ask)
    for body in [
        {"run_id": "{run}", "status": "FINISHED", "end_time": 1700000000999}, {"run_id": "{run}", "status": "BOGUS"},
        {"run_id": "{run}", "status": 4}, {"run_id": "{run}", "status": "KILLED"}, {"run_id": "{run}", "status": "SCHEDULED"},
        {"run_id": "{run}", "run_name": "renamed"}, {"run_id": "{run}", "run_name": ""}, {"run_id": "{run}"},
        {"run_uuid": "{run}", "status": "RUNNING"}, {"run_id": "zz"}, {},
        {"run_id": "{run}", "status": "FINISHED", "end_time": 1700000000999},
    ]:
        purpose = None
        if body.get("status") == "RUNNING":
            purpose = "a run that goes on has no end yet"
        ask.post("/runs/update", body, on_purpose=purpose)
    ask.get("/runs/get?run_id={run}")
    ask.post("/runs/delete", {"run_id": "{run}"})
    ask.post("/runs/delete", {"run_id": "{run}"})
    ask.get("/runs/get?run_id={run}")
    ask.post("/runs/log-metric", {"run_id": "{run}", "key": "late", "value": 1, "timestamp": 1})
    ask.post("/runs/log-batch", {"run_id": "{run}", "params": [{"key": "late", "value": "1"}]})
    ask.post("/runs/update", {"run_id": "{run}", "status": "FAILED"})
    ask.post("/runs/restore", {"run_id": "{run}"})
    ask.post("/runs/restore", {"run_id": "{run}"})
    ask.post("/runs/restore", {"run_id": "zz"})
    ask.post("/runs/delete", {})


def logging(ask):
    metric = {"run_id": "{run}", "key": "m", "value": 0.5, "timestamp": 100, "step": 1}
    ask.post("/runs/log-metric", metric)
    ask.post("/runs/log-metric", metric)
    for more in [
        {"value": 0.25, "step": 2, "timestamp": 90}, {"value": 3, "step": 2, "timestamp": "110"},
        {"key": "nan", "value": "NaN"}, {"key": "e", "value": 1e300}, {"key": "small", "value": 5e-324},
        {"key": "a/b c.d-e:f"}, {"key": "größe"}, {"key": "k" * 250}, {"step": None}, {"step": -5},
        {"value": None}, {"value": "x"}, {"value": ""}, {"timestamp": -1}, {"timestamp": None}, {"timestamp": "x"},
        {"key": "a$b"}, {"key": "../b"}, {"key": "a//b"}, {"key": "/a"}, {"key": "a/./b"}, {"key": "."},
        {"key": ""}, {"key": 5}, {"key": None}, {"key": "k" * 251}, {"run_id": "nope"}, {"run_id": ""}, {"run_id": 7},
    ]:
        ask.post("/runs/log-metric", {**metric, **more})
    for raw in ["{bad", "", "null", "[]", "5"]:
        purpose = "the stock server fails" if raw in ("[]", "5") else None
        ask("POST", ROOT + "/runs/log-metric", raw, on_purpose=purpose)
    ask("POST", ROOT + "/runs/log-metric", "{}", headers={"Content-Type": "text/plain"})
    ask("POST", ROOT + "/runs/log-metric", json.dumps(json.dumps({})))
    for body in [
        {"key": "p", "value": "1"}, {"key": "p", "value": "1"}, {"key": "p", "value": "2"}, {"key": "empty"},
        {"key": "blank", "value": ""}, {"key": "number", "value": 3}, {"value": "x"}, {"key": "a$b", "value": "x"},
        {"key": "long", "value": "ü" * 6001}, {"key": "text", "value": "it's \"so\" \\ \n 🦀"}, {"key": "k" * 251, "value": ""},
    ]:
        ask.post("/runs/log-parameter", {"run_id": "{run}", **body})
    for body in [
        {"key": "t", "value": "v"}, {"key": "t", "value": "w"}, {"key": "none"}, {"value": "v"}, {"key": "t", "value": 5},
        {"key": "long", "value": "x" * 8001}, {"key": "a$b", "value": ""}, {"key": "mlflow.runName", "value": "renamed by tag"},
    ]:
        ask.post("/runs/set-tag", {"run_id": "{run}", **body})
    ask.post("/runs/delete-tag", {"run_id": "{run}", "key": "long"})
    ask.post("/runs/delete-tag", {"run_id": "{run}", "key": "nothing"})
    ask.post("/runs/delete-tag", {"run_id": "{run}"})
    batches(ask)
    ask.get("/runs/get?run_id={run}")


def odd_values(ask):
    """What the stock server makes something else of. It all goes to a run of its own."""
    ask.post("/runs/create", {"experiment_id": "2"}, save=("odd", ["run", "info", "run_id"]),
             on_purpose="names that nobody chose")
    metric = {"run_id": "{odd}", "key": "inf", "value": "Infinity", "timestamp": 5}
    ask.post("/runs/log-metric", metric)
    ask.post("/runs/log-metric", {**metric, "value": "-Infinity", "step": 1})
    ask.get("/metrics/get-history?run_id={odd}&metric_key=inf", on_purpose="infinity is kept as it is")
    ask("POST", ROOT + "/runs/log-metric", '{"run_id": "{odd}", "key": "bare", "value": NaN, "timestamp": 5}')
    ask.get("/metrics/get-history?run_id={odd}&metric_key=bare", on_purpose="the stock server reads 0 at the moment 0")
    ask.post("/runs/log-metric", {**metric, "value": True}, on_purpose="the stock server reads 1")


def batches(ask):
    def batch(**more):
        ask.post("/runs/log-batch", {"run_id": "{run}", **more})

    one = {"key": "b", "value": 1.5, "timestamp": 1, "step": 0}
    batch(metrics=[one, {**one, "step": 1}], params=[{"key": "bp", "value": "x"}], tags=[{"key": "bt", "value": "y"}])
    batch(metrics=[{**one, "step": step} for step in range(1000)])
    batch(metrics=[{**one, "step": step} for step in range(1001)])
    batch(params=[{"key": f"many{n}", "value": ""} for n in range(101)])
    batch(tags=[{"key": f"many{n}", "value": ""} for n in range(101)])
    batch(metrics=[{**one, "step": step} for step in range(1000)], tags=[{"key": "over", "value": "y"}])
    batch(params=[{"key": "p", "value": "3"}])
    batch(params=[{"key": "q", "value": "3"}, {"key": "q", "value": "3"}])
    batch(params=[{"value": "3"}])
    batch(metrics=[{"key": "m", "value": 1}])
    batch(metrics=[{"key": "m", "timestamp": 1}])
    batch(metrics=[{"value": 1, "timestamp": 1}])
    batch(metrics=[one, {**one, "key": "a$b"}])
    batch(metrics=[one, {**one, "timestamp": -1}])
    batch(params=[{"key": "../x", "value": "1"}])
    batch(tags=[{"key": "", "value": "1"}])
    batch(metrics="x")
    batch(params=5)
    batch()
    ask.post("/runs/log-batch", {"run_id": "nope", "metrics": [one]})
    ask.post("/runs/log-batch", {"metrics": [one]})
    model = {"artifact_path": "m", "flavors": {"sklearn": {"a": 1}}, "utc_time_created": "x", "run_id": "r"}
    for body in ["{}", "{", json.dumps(model), json.dumps({**model, "model_uuid": "u"})]:
        ask.post("/runs/log-model", {"run_id": "{run}", "model_json": body})
    ask.post("/runs/log-model", {"run_id": "{run}"})


def inputs(ask):
    dataset = {"name": "iris", "digest": "d1", "source_type": "local", "source": "{}", "schema": "[]", "profile": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "train"}]
    ask.post("/runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": dataset, "tags": tags}]})
    ask.post("/runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": {**dataset, "schema": "x"}}]})
    ask.post("/runs/log-inputs", {"run_id": "{run}", "datasets": [{"dataset": {**dataset, "name": "other"}}]})
    ask.post("/runs/log-inputs", {"run_id": "{odd}", "models": [{"model_id": "m-1"}]})
    ask.post("/runs/log-inputs", {"run_id": "{tagged}", "datasets": [{"dataset": dataset}]})
    ask.post("/runs/log-inputs", {"run_id": "zz", "datasets": []})
    ask.post("/runs/log-inputs", {"datasets": []})
    ask.post("/runs/log-inputs", {"run_id": "{run}", "datasets": "x"})
    ask.post("/runs/outputs", {"run_id": "{run}", "models": [{"model_id": "m-2", "step": 3}]})
    ask.post("/runs/outputs", {"run_id": "{run}"})
    ask.get("/runs/get?run_id={run}")
    ask.get("/runs/get?run_id={tagged}")
    ajax = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    ask("POST", ajax, {"experiment_ids": ["0"]})
    ask("POST", ajax, {"experiment_ids": ["0", "1"]})
    ask("POST", ajax, {})
    ask("POST", ajax, {"experiment_ids": [str(n) for n in range(21)]})


def histories(ask):
    def get(rest, ordered=True, **more):
        ask.get("/metrics/" + rest, ordered=ordered, **more)

    for rest in ["&metric_key=m", "&metric_key=none", "&metric_key=nan", "&metric_key=m&max_results=2",
                 "&metric_key=m&max_results=2&page_token=eyJvZmZzZXQiOiAyfQ==", "&metric_key=m&max_results=0",
                 "&metric_key=m&max_results=-1", "&metric_key=b", ""]:
        get("get-history?run_id={run}" + rest)
    get("get-history?run_id=zz&metric_key=m")
    get("get-history?metric_key=m")
    get("get-history?run_id={run}&metric_key=m&max_results=abc", on_purpose="the stock server passes over it")
    for rest in ["run_ids={run}&metric_key=m", "run_ids={run}&metric_key=b&max_results=7",
                 "run_ids={run}&metric_key=b&start_step=100&end_step=120&max_results=5", "run_ids={run}&metric_key=b&max_results=1",
                 "run_ids={run}&run_ids={tagged}&metric_key=m", "run_ids={run}&metric_key=b&max_results=0",
                 "run_ids={run}&metric_key=b&max_results=2501", "run_ids={run}&metric_key=b&start_step=5",
                 "run_ids={run}&metric_key=b&start_step=5&end_step=4", "metric_key=b", "run_ids={run}"]:
        get("get-history-bulk-interval?" + rest)
    for rest in ["run_id={run}&metric_key=m", "run_id={run}&run_id={tagged}&metric_key=b&max_results=5",
                 "metric_key=m", "run_id={run}", "run_id=zz&metric_key=m", "run_id={run}&metric_key=nan"]:
        ask("GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk?" + rest, ordered=True)


FILTERS = [
    "metrics.m > 1", "metrics.m >= 3 AND params.p = '1'", "metrics.nan > 0", "metrics.nan != 0", "metrics.m != 3",
    "metrics.`a/b c.d-e:f` = 0.5", "metrics.\"a/b c.d-e:f\" = 0.5", "params.p LIKE '1%'", "params.text ILIKE '%SO%'",
    "params.blank = ''", "params.none IS NULL", "params.p IS NOT NULL", "params.p is not null and tags.t = 'w'",
    "tags.t != 'x'", "tags.mlflow.source.name = 'train.py'", "tags.mlflow.runName = 'tagged'", "tag.team ILIKE 'R%'",
    "attributes.status = 'FINISHED'", "status = 'RUNNING'", "status != 'RUNNING'", "attr.run_name = 'tagged'",
    "run_name LIKE 'tag%'", "`run name` = 'tagged'", "start_time > 5", "created = 1700000000123", "start_time > 1.5",
    "end_time < 1700000001000", "user_id = 'ada'", "run_id IN ('{run}')", "run_id NOT IN ('{run}')",
    "run_id = '{run}'", "artifact_uri LIKE 'mlflow-artifacts:/0/%'", "datasets.name = 'iris'",
    "dataset.name IN ('other', 'x')", "dataset.digest = 'd1' AND dataset.context = 'train'", "dataset.context != 'x'",
    "metrics.m > -1e3", "metrics.m>=.5", "params.a != \"q\" and metrics.m<1", "`metrics`.m > 1", "params.'p' = '1'",
    "metrics.m", "metrics.m > 'x'", "params.p = 1", "foo.a = 1", "attributes.foo = 'x'", "params.p > 'x'",
    "params.p = 'b' OR params.c='d'", "params.p = foo", "a; b", "metrics.a > 1; metrics.b > 2", "metrics.a IS NULL",
    "run_id IN ()", "run_id IN (1)", "status IN ('a')", "start_time > 'x'", "dataset.foo = 'x'", "((", "=", "params.p == '1'",
    "params.p <> '1'", "params.a LIKE 5", "   ", "metrics.a > inf", "lifecycle_stage = 'active'", "experiment_id='0'",
    "metrics.a-b > 1", "Metrics.a > 1", "params.a/b = 'x'", "params.p = '1' AND", "metrics.m > 1 AND NOT params.b = 'x'",
    "not params.b = 'x'", "params.a = null", "params.a NOT LIKE 'x'", "params.a in ('x')", "1 = 1", "'a' = 'a'",
    "metrics.a = 1 -- c", "metrics.m IN (1)", "tags.t IN ('w')", "dataset.name > 'x'", "user_id > 'x'", "metrics.m LIKE 1",
    "start_time LIKE 1", "tags.t > 'x'", "AND",
]
ORDERS = [
    "metrics.m", "metrics.m DESC", "metrics.nan", "params.p", "params.p DESC", "tags.team", "start_time", "start_time DESC",
    "end_time", "end_time DESC", "status", "run_name", "user_id", "attributes.start_time asc", "created", "metrics.`a/b c.d-e:f` ASC",
    "`metrics.m` desc", "foo", "attributes.foo", "params.a sideways", "a b c", "", "Start_time", "dataset.name", "metrics.a, params.b",
]


def run_search(ask):
    def search(**more):
        purpose = more.pop("on_purpose", None)
        ask.post("/runs/search", {"experiment_ids": ["0"], **more}, on_purpose=purpose)

    for number in range(3):
        ask.post("/runs/create", {"experiment_id": "0", "start_time": 10 + number, "run_name": f"r{number}"},
                 save=(f"r{number}", ["run", "info", "run_id"]))
        ask.post("/runs/log-metric", {"run_id": "{r%d}" % number, "key": "m", "value": number, "timestamp": 1})
    for text in FILTERS:
        search(filter=text)
    for order in ORDERS:
        search(order_by=[order])
    search(order_by=["metrics.m", "metrics.m"], on_purpose="the stock server calls it its own error")
    search(order_by=["tags.team DESC", "metrics.m ASC"], max_results=2)
    search(max_results=2, order_by=["start_time"], page_token="eyJvZmZzZXQiOiAyfQ==")
    for more in [{"max_results": 50001}, {"max_results": 0}, {"max_results": 50000}, {"run_view_type": "BAD"},
                 {"run_view_type": "DELETED_ONLY"}, {"run_view_type": "ALL"}, {"page_token": "zzz"},
                 {"experiment_ids": []}, {"experiment_ids": "0"}, {"experiment_ids": ["x"]}, {"experiment_ids": ["99"]},
                 {"order_by": "x"}, {"filter": 5}]:
        search(**more)


def artifacts(ask):
    root = FILES + "/0/{run}/artifacts/"
    plain = {"Content-Type": "application/octet-stream"}
    ask("PUT", root + "d/a.txt", b"hello", headers=plain, on_purpose="an empty object is JSON, nothing is not")
    for path in ["d/b.html", "top.json", "d/e/deep"]:
        ask("PUT", root + path, b"x", headers=plain, on_purpose="an empty object is JSON, nothing is not")
    for path in ["d/a.txt", "d", "d/none.txt", "d/e/deep"]:
        ask("GET", root + path)
    for path in ["", "/d", "/none", "/d/a.txt"]:
        ask("GET", FILES + "?path=0/{run}/artifacts" + path)
    for path in ["", "&path=d", "&path=d/e", "&path=d/a.txt", "&path=none", "&path=../x", "&path=/etc", "&path=d%2F..%2F.."]:
        ask.get("/artifacts/list?run_id={run}" + path)
    ask.get("/artifacts/list?run_id=zz")
    ask.get("/artifacts/list")
    for path in ["d/a.txt", "d", "none", "..%2F..", "%2Fetc%2Fpasswd"]:
        ask("GET", "/get-artifact?run_uuid={run}&path=" + path)
    ask("GET", "/get-artifact?run_uuid={run}")
    ask("GET", "/get-artifact?run_id=zz&path=a")
    ask("DELETE", root + "d/a.txt")
    ask("DELETE", root + "d/none")
    ask("DELETE", root + "d")
    ask.get("/artifacts/list?run_id={run}")
    for path in ["%2e%2e/a", "..%2f..%2fa", "a/%252e%252e/b"]:
        ask("PUT", root + path, b"x", headers=plain)
        ask("GET", root + path)
    mpu = "/api/2.0/mlflow-artifacts/mpu/"
    here = "a stock server with a local store takes no parts"
    ask("POST", mpu + "create/0/x", {"path": "a", "num_parts": 2}, on_purpose=here)
    parts = [{"part_number": 1, "etag": "x"}]
    ask("POST", mpu + "complete/0/x", {"path": "a", "upload_id": "u", "parts": parts}, on_purpose=here)
    ask("POST", mpu + "abort/0/x", {"path": "a", "upload_id": "u"}, on_purpose=here)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def stock_server():
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", "sqlite:///stock.db", "--artifacts-destination", "./stock-artifacts"]
    with open("stock.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(url + "/health")
            return server, url
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the stock server did not start: " + open("stock.log").read())


def main(parts):
    if os.environ.get("GRISTMILL_STOCK_URL"):
        server, stock = None, os.environ["GRISTMILL_STOCK_URL"]
    else:
        server, stock = stock_server()
    try:
        ask = Beside(stock, sys.argv[1])
        for part in parts:
            part(ask)
    finally:
        if server is not None:
            os.killpg(server.pid, 15)
            server.wait()
    for method, path, body, stock_says, ours_says in ask.different:
        print(f"{method} {path} {str(body)[:300]}: {difference(stock_says, ours_says)}")
    print(f"{ask.count} requests, {len(ask.different)} answered differently")
    sys.exit(1 if ask.different else 0)


if __name__ == "__main__":
    main([experiments, experiment_search, runs, inputs, histories, run_search, artifacts])
