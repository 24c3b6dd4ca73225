"""The tracking server beside a stock `mlflow server`: the same requests by the same client, in one run.

    cargo build --release
    python3 benches/tracking.py [--seconds 10] [--runs 20000] [--only start log search clients]

Requests a second over 8 connections are counted by `wrk` (a package of that name). The search goes
through 20,000 runs with 8 million metric points on SQLite on either side: ours are sent through the API,
theirs are written into their database, which would take an hour otherwise. MLflow is installed once, at a
fixed version, into an environment of its own under --cache; `GRISTMILL_MLFLOW_PYTHON` may name a python that
has it. Both servers listen on 127.0.0.1 alone, keep to SQLite in a folder of their own, and are ended here.
"""
import argparse
import asyncio
import http.client
import json
import math
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from beside.environment import python_with
from beside.memory import held
from beside.server import free_port, serving

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "release/gristmill"
PINNED = ["mlflow==3.17.2"]
POINTS = 400
API = "/api/2.0/mlflow"


class Client:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, method, path, body=None):
        return json.loads(self.send(method, path, body) or b"{}")

    def send(self, method, path, body=None):
        """The bytes of an answer."""
        self.connection.request(method, API + path, json.dumps(body) if body is not None else None,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]}")
        return text

    def run(self, experiment="0"):
        made = self.ask("POST", "/runs/create", {"experiment_id": experiment, "start_time": 1})
        return made["run"]["info"]["run_id"]


def is_healthy(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def ours(folder, port):
    return [BINARY, "up", "--port", str(port), "--home", folder / "home", "--quiet"]


def theirs(python):
    def command(folder, port):
        return [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
                "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
                "--artifacts-destination", str(folder / "artifacts")]
    return command


def per_second(port, path, body, seconds, folder):
    """Requests a second over 8 connections; `body` is Lua that makes one, `n` counting them."""
    script = folder / "load.lua"
    script.write_text(f"""
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, "{API}{path}", nil, {body})
end
done = function(summary)
  io.write(string.format("\\nFOUND %d %d %f\\n", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    summary.duration / 1e6))
end
""")
    told = subprocess.run(["wrk", "-t1", "-c8", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    requests, errors, took = told.split("FOUND ")[1].split()
    if int(errors):
        print(f"  {errors} of {requests} requests failed at {path}, which do not count", flush=True)
    return (int(requests) - int(errors)) / float(took)


def log_metric(run):
    return (f"string.format('{{\"run_id\": \"{run}\", \"key\": \"loss\", \"value\": %.6f, "
            "\"timestamp\": %d, \"step\": %d}', math.random(), 1700000000000 + n, n)")


def log_batch(run):
    return (f"(function() local m = {{}} for i = 1, 100 do m[i] = string.format('{{\"key\": \"m%d\", "
            "\"value\": %.6f, \"timestamp\": %d, \"step\": %d}', i, math.random(), 1700000000000 + n, n) end "
            f"return '{{\"run_id\": \"{run}\", \"metrics\": [' .. table.concat(m, ',') .. ']}}' end)()")


def logging(command, seconds):
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    try:
        with serving(command(folder, port), folder, lambda: is_healthy(port)):
            # A connection that rests is closed by either server after some seconds.
            one = per_second(port, "/runs/log-metric", log_metric(Client(port).run()), seconds, folder)
            many = per_second(port, "/runs/log-batch", log_batch(Client(port).run()), seconds, folder)
            return {"log-metric": one, "log-batch of 100": many}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def starting(command):
    folder = Path(tempfile.mkdtemp())
    seconds, memory = [], 0
    try:
        for _ in range(3):
            port = free_port()
            with serving(command(folder, port), folder, lambda: is_healthy(port)) as (process, took):
                seconds.append(took)
                time.sleep(1)
                memory = held(process)
        return min(seconds), memory
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def metrics_of(number):
    """400 points of 8 metrics, the same on either side."""
    chance = random.Random(number)
    return [(f"m{at % 8}", chance.random(), 1_700_000_000_000 + at, at // 8) for at in range(POINTS)]


def fill_ours(port, runs):
    client = Client(port)
    for number in range(runs):
        run = client.run()
        points = [{"key": k, "value": v, "timestamp": t, "step": s} for k, v, t, s in metrics_of(number)]
        client.ask("POST", "/runs/log-batch", {
            "run_id": run, "metrics": points, "tags": [{"key": "team", "value": f"t{number % 7}"}],
            "params": [{"key": "depth", "value": str(number % 10)}]})
    return run


def fill_theirs(folder, runs):
    database = sqlite3.connect(folder / "mlflow.db")
    columns = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
    for number in range(runs):
        run = f"{number:032x}"
        row = {"run_uuid": run, "name": f"run-{number}", "status": "FINISHED", "start_time": 1 + number,
               "end_time": 2 + number, "lifecycle_stage": "active", "experiment_id": 0, "user_id": "bench",
               "source_type": "LOCAL", "source_name": "", "entry_point_name": "", "source_version": "",
               "artifact_uri": f"mlflow-artifacts:/0/{run}/artifacts"}
        row = {name: value for name, value in row.items() if name in columns}
        database.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                         list(row.values()))
        points, last = metrics_of(number), {}
        database.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
                             "VALUES (?, ?, ?, ?, ?, 0)", [(k, v, t, run, s) for k, v, t, s in points])
        for key, value, at, step in points:
            last[key] = (value, at, step)
        database.executemany("INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
                             "VALUES (?, ?, ?, ?, 0, ?)", [(k, v, t, s, run) for k, (v, t, s) in last.items()])
        database.execute("INSERT INTO tags (key, value, run_uuid) VALUES ('team', ?, ?)", (f"t{number % 7}", run))
        database.execute("INSERT INTO params (key, value, run_uuid) VALUES ('depth', ?, ?)",
                         (str(number % 10), run))
    database.commit()
    database.close()
    return run


def timed(ask, name, least, times):
    """Until the last byte is here; what this program takes to read it is left out, on either side."""
    seconds = []
    for turn in range(times):
        start = time.perf_counter()
        text = ask(turn)
        seconds.append(time.perf_counter() - start)
        assert len(json.loads(text)[name]) >= least
    seconds.sort()
    return {"p50": statistics.median(seconds) * 1e3, "p95": seconds[math.ceil(0.95 * times) - 1] * 1e3}


def searching(command, fill, times):
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    try:
        with serving(command(folder, port), folder, lambda: is_healthy(port)) as (process, _):
            start = time.perf_counter()
            run = fill(folder, port)
            print(f"  filled in {time.perf_counter() - start:.0f} s, {held(process) / 1e6:.0f} MB", flush=True)
            client = Client(port)

            def search(turn):
                body = {"experiment_ids": ["0"], "max_results": 50,
                        "filter": f"metrics.m{turn % 8} < 0.05 and params.depth = '{turn % 10}' "
                                  f"and tags.team != 't{turn % 7}'",
                        "order_by": [f"metrics.m{(turn + 1) % 8} DESC"]}
                return client.send("POST", "/runs/search", body)

            def whole(turn):
                body = {"experiment_ids": ["0"], "max_results": 200, "order_by": ["attributes.start_time DESC"]}
                return client.send("POST", "/runs/search", body)

            long = client.run()
            for first in range(0, 5000, 1000):
                client.ask("POST", "/runs/log-batch", {"run_id": long, "metrics": [
                    {"key": "loss", "value": 0.5, "timestamp": 1, "step": s} for s in range(first, first + 1000)]})

            def history(turn):
                return client.send("GET", f"/metrics/get-history?run_id={long}&metric_key=loss&max_results=5000")

            return {"search of all runs": timed(search, "runs", 1, times),
                    "200 whole runs": timed(whole, "runs", 200, times),
                    "history of 5,000": timed(history, "metrics", 5000, times)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Writer:
    """One of many clients that log a metric again and again, and remember which values were taken."""

    def __init__(self, port, run):
        self.port, self.run, self.step = port, run, 0
        self.taken, self.seconds, self.lost = [], [], 0
        self.reader = self.writer = None

    async def log(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps({"run_id": self.run, "key": "loss", "value": self.step / 7, "timestamp": 1,
                           "step": self.step})
        start = time.perf_counter()
        self.writer.write(f"POST {API}/runs/log-metric HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        answer = await self.reader.readexactly(length)
        if " 200 " not in head.split("\r\n")[0]:
            raise SystemExit(f"{head}{answer.decode()}")
        self.seconds.append(time.perf_counter() - start)
        self.taken.append(self.step)

    async def work(self, until, pause):
        await asyncio.sleep(random.random() * pause)
        while time.perf_counter() < until:
            due = time.perf_counter() + pause
            try:
                await self.log()
            except (OSError, asyncio.IncompleteReadError):
                # The server is gone: whether this value was kept nobody can know.
                self.lost, self.writer = self.lost + 1, None
            self.step += 1
            await asyncio.sleep(max(0, due - time.perf_counter()))


def kept(client, run):
    """The steps of which the server has a value, all pages together."""
    steps, token = set(), ""
    while True:
        page = client.ask("GET", f"/metrics/get-history?run_id={run}&metric_key=loss&max_results=25000{token}")
        steps.update(metric["step"] for metric in page.get("metrics", []))
        if not page.get("next_page_token"):
            return steps
        token = f"&page_token={page['next_page_token']}"


def many_clients(command, minutes, clients, each_second):
    """Clients that write all the time, and a server that is killed halfway and started again."""
    folder, port = Path(tempfile.mkdtemp()), free_port()
    memory = []

    async def load(start):
        client = Client(port)
        writers = [Writer(port, client.run()) for _ in range(clients)]
        until = time.perf_counter() + minutes * 60
        half = time.perf_counter() + minutes * 30
        tasks = [asyncio.create_task(writer.work(until, 1 / each_second)) for writer in writers]
        process, killed = start(), False
        while time.perf_counter() < until:
            await asyncio.sleep(1)
            if not killed and time.perf_counter() > half:
                process.kill()
                process.wait()
                process, killed = start(), True
            memory.append((killed, held(process.pid)))
        await asyncio.gather(*tasks)
        return writers, process

    process = None

    def start():
        nonlocal process
        if process is None or process.poll() is not None:
            process = subprocess.Popen(command(folder, port), start_new_session=True)
        while not is_healthy(port):
            time.sleep(0.002)
        return process

    try:
        start()
        writers, process = asyncio.run(load(start))
        client = Client(port)
        missing = sum(len(set(writer.taken) - kept(client, writer.run)) for writer in writers)
        seconds = sorted(took for writer in writers for took in writer.seconds)
        after = [held for killed, held in memory if killed]
        return {"taken": len(seconds), "unanswered": sum(writer.lost for writer in writers), "missing": missing,
                "p50": statistics.median(seconds) * 1e3, "p99": seconds[math.ceil(0.99 * len(seconds)) - 1] * 1e3,
                "memory": [after[len(after) * part // 4 - (part == 4)] / 1e6 for part in (1, 2, 3, 4)]}
    finally:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--seconds", type=int, default=10, help="for each kind of request")
    told.add_argument("--runs", type=int, default=20_000, help="among which is searched, of 400 values each")
    told.add_argument("--times", type=int, default=60, help="for each search")
    told.add_argument("--only", nargs="*", default=["start", "log", "search", "clients"],
                      choices=["start", "log", "search", "clients"])
    told.add_argument("--minutes", type=float, default=5, help="for the many clients")
    told.add_argument("--cache", type=Path, default=TARGET)
    given = told.parse_args()
    if "clients" in given.only:
        found = many_clients(ours, given.minutes, clients=100, each_second=10)
        print(f"100 clients, {given.minutes:g} minutes, killed in the middle: {found['taken']} values taken, "
              f"{found['missing']} of them missing, {found['unanswered']} without an answer; p50 {found['p50']:.1f} ms, "
              f"p99 {found['p99']:.1f} ms; memory since the kill, by quarters: "
              + ", ".join(f"{size:.0f}" for size in found["memory"]) + " MB", flush=True)
    if given.only == ["clients"]:
        return
    python = python_with(PINNED, given.cache / "mlflow-peer", "GRISTMILL_MLFLOW_PYTHON")
    peer = theirs(python)
    if "start" in given.only:
        (we, our_memory), (they, their_memory) = starting(ours), starting(peer)
        print(f"start to first healthy answer: {we * 1e3:.0f} ms, mlflow {they:.1f} s; "
              f"idle memory {our_memory / 1e6:.0f} MB, {their_memory / 1e6:.0f} MB", flush=True)
    if "log" in given.only:
        we, they = logging(ours, given.seconds), logging(peer, given.seconds)
        for what, rate in we.items():
            print(f"{what}, requests a second over 8 connections: {rate:.0f}, mlflow {they[what]:.0f}, "
                  f"{rate / they[what]:.0f}x", flush=True)
    if "search" in given.only:
        we = searching(ours, lambda folder, port: fill_ours(port, given.runs), given.times)
        they = searching(peer, lambda folder, port: fill_theirs(folder, given.runs), given.times)
        for what, found in we.items():
            for point, took in found.items():
                print(f"{what}, {point}: {took:.1f} ms, mlflow {they[what][point]:.1f} ms, "
                      f"{they[what][point] / took:.0f}x", flush=True)


if __name__ == "__main__":
    main()
