"""A model that answers over HTTP, beside FastAPI with scikit-learn and with ONNX Runtime.

    cargo build --release
    python3 benches/serving.py [--seconds 8] [--only start single hundred rate]

The customers of examples/churn, learned by boosting of the same size on either side. The load comes from
`wrk` (a package of that name) on the same machine: 16 connections, each row another customer. At a fixed
rate a client of our own asks, since `wrk` only knows as fast as it can. All servers listen on 127.0.0.1
alone and are ended here. With --log-predictions the load comes thrice: with nothing that looks on, with drift
that is judged (as without the option), and with a log of all predictions beside it. The peers are installed once, at fixed versions, into --cache;
`GRISTMILL_SERVING_PEER` may name a python that has them.
"""
import argparse
import asyncio
import csv
import http.client
import json
import math
import os
import shutil
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
CUSTOMERS = ROOT / "examples/churn/customers.csv"
PINNED = ["fastapi==0.121.2", "uvicorn[standard]==0.38.0", "orjson==3.11.4", "scikit-learn==1.7.2", "pandas==2.3.3",
          "skl2onnx==1.19.1", "onnx==1.19.1", "onnxruntime==1.23.2", "numpy==1.26.4", "protobuf==4.25.8"]
NUMBERS = {"tenure": int, "monthly_charges": float, "total_charges": float}
PIPELINE = {
    "name": "churn", "seed": 1,
    "data": {"source": str(CUSTOMERS), "target": "churn", "positive": "Yes",
             "types": {"senior_citizen": "categorical"}, "split": {"test": 0.2, "stratify": True}},
    "features": [{"impute": {"columns": "numeric", "strategy": "median"}}],
    "model": {"gradient_boosting": {"trees": 150, "learning_rate": 0.05, "leaves": 12}},
    "evaluate": {"metrics": ["roc_auc"]}, "register": {"model": "churn"},
}


def customers():
    with open(CUSTOMERS) as file:
        for line in csv.DictReader(file):
            del line["churn"]
            yield {name: (NUMBERS[name](value) if value else None) if name in NUMBERS else value
                   for name, value in line.items()}


def answers(port, method, path, body=None):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status == 200, response.read()
    except (OSError, http.client.HTTPException):
        return False, b""


def per_second(port, path, bodies, seconds, folder):
    """Requests a second over 16 connections, and the 99th of 100 in milliseconds."""
    (folder / "bodies.txt").write_text("\n".join(bodies))
    script = folder / "load.lua"
    script.write_text(f"""
local bodies, n = {{}}, 0
for line in io.lines("{folder}/bodies.txt") do bodies[#bodies + 1] = line end
local requests = {{}}
init = function()
  for i, body in ipairs(bodies) do
    requests[i] = wrk.format("POST", "{path}", {{["Content-Type"] = "application/json"}}, body)
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end
done = function(summary, latency)
  io.write(string.format("\\nFOUND %d %d %f %f\\n", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    summary.duration / 1e6, latency:percentile(99) / 1e3))
end
""")
    told = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    requests, errors, took, p99 = told.split("FOUND ")[1].split()
    if int(errors):
        raise SystemExit(f"{errors} of {requests} requests failed at {path}")
    return int(requests) / float(took), float(p99)


async def at_rate(port, path, bodies, rate, seconds, connections=64):
    """Latencies in milliseconds when requests are due at fixed moments, whether others are answered or not."""
    due, taken = asyncio.Queue(), []

    async def work():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            moment, body = await due.get()
            if body is None:
                return
            writer.write(body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            assert head.startswith(b"HTTP/1.1 200"), head
            taken.append((time.perf_counter() - moment) * 1e3)

    requests = [(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n{body}").encode() for body in bodies]
    workers = [asyncio.create_task(work()) for _ in range(connections)]
    start = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = start + number / rate
        while (early := moment - time.perf_counter()) > 0:
            await asyncio.sleep(early if early > 0.001 else 0)
        due.put_nowait((moment, requests[number % len(requests)]))
    for _ in workers:
        due.put_nowait((0, None))
    await asyncio.gather(*workers)
    taken.sort()
    return statistics.median(taken), taken[math.ceil(0.99 * len(taken)) - 1]


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--seconds", type=int, default=8, help="for each kind of load")
    told.add_argument("--only", nargs="*", default=["start", "single", "hundred", "rate"],
                      choices=["start", "single", "hundred", "rate"])
    told.add_argument("--alone", action="store_true", help="without the peers")
    told.add_argument("--log-predictions", action="store_true", help="also without drift, and with a log of predictions")
    told.add_argument("--cache", type=Path, default=TARGET / "serving-peer")
    given = told.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        compare(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(given, folder):
    (folder / "churn.yaml").write_text(json.dumps(PIPELINE))
    home = folder / "home"
    subprocess.run([BINARY, "run", folder / "churn.yaml", "--home", home, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    rows = list(customers())[:500]
    singles = [json.dumps({"dataframe_records": [row]}) for row in rows]
    hundreds = [json.dumps({"dataframe_records": rows[at:at + 100]}) for at in range(0, 400, 100)]
    found = {"gristmill": asked([], home, singles, hundreds, given, folder)}
    if given.log_predictions:
        watched = found["gristmill"]
        alone = asked(["--drift-window", "0"], home, singles, hundreds, given, folder)
        logged = asked(["--log-predictions"], home, singles, hundreds, given, folder)
        for what, (rate, _) in alone.items():
            print(f"{what}: {rate:,.0f} requests a second with nobody who looks on, {watched[what][0]:,.0f} with drift judged "
                  f"({watched[what][0] / rate:.0%}), {logged[what][0]:,.0f} with a log too ({logged[what][0] / rate:.0%})",
                  flush=True)
    if not given.alone:
        python = python_with(PINNED, given.cache, "GRISTMILL_SERVING_PEER")
        subprocess.run([python, ROOT / "benches/beside/serving_peer.py", "train", CUSTOMERS, folder], check=True)
        singles = [json.dumps({"rows": [{**row, "total_charges": row["total_charges"] or 0.0}]}) for row in rows]
        hundreds = [json.dumps({"rows": [{**row, "total_charges": row["total_charges"] or 0.0} for row in rows[at:at + 100]]})
                    for at in range(0, 400, 100)]
        for kind, workers in [("sklearn", 1), ("onnx", 2)]:
            port = free_port()
            command = [python, "-m", "uvicorn", "beside.serving_peer:app", "--host", "127.0.0.1", "--port", str(port),
                       "--workers", str(workers), "--log-level", "error"]
            environment = {"PYTHONPATH": str(ROOT / "benches"), "SERVING_PEER": str(folder), "SERVING_KIND": kind}
            with serving(command, folder, lambda: answers(port, "POST", "/predict", singles[0])[0], environment) as (process, took):
                time.sleep(2)
                print(f"FastAPI with {kind}, {workers} workers: ready in {took:.1f} s, {held(process) / 1e6:.0f} MB",
                      flush=True)
                found[kind] = load(port, "/predict", singles, hundreds, given, folder)
    for what in found["gristmill"]:
        ours = found["gristmill"][what]
        line = f"{what}: {ours[0]:,.0f} requests a second (p99 {ours[1]:.2f} ms)"
        for peer in ("sklearn", "onnx"):
            if peer in found:
                line += f"; {peer} {found[peer][what][0]:,.0f}, {ours[0] / found[peer][what][0]:.1f}x"
        print(line, flush=True)


def asked(options, home, singles, hundreds, given, folder):
    port = free_port()
    command = [BINARY, "serve", "churn", "--port", str(port), "--home", home, "--quiet", *options]
    with serving(command, folder, lambda: answers(port, "GET", "/v2/health/ready")[0]) as (process, took):
        time.sleep(0.5)
        print(f"start to ready {took * 1e3:.0f} ms, {held(process) / 1e6:.0f} MB with one model", flush=True)
        found = load(port, "/invocations", singles, hundreds, given, folder)
        if "rate" in given.only:
            p50, p99 = asyncio.run(at_rate(port, "/invocations", singles, 5_000, given.seconds))
            print(f"at 5,000 requests a second: p50 {p50:.2f} ms, p99 {p99:.2f} ms", flush=True)
        print(f"{held(process) / 1e6:.0f} MB after the load", flush=True)
        if "--log-predictions" in options:
            told = answers(port, "GET", "/metrics")[1].decode().splitlines()
            counts = [line.removeprefix("gristmill_") for line in told if line.startswith("gristmill_prediction")]
            print("; ".join(counts), flush=True)
    return found


def load(port, path, singles, hundreds, given, folder):
    found = {}
    if "single" in given.only:
        found["one row"] = per_second(port, path, singles, given.seconds, folder)
    if "hundred" in given.only:
        found["100 rows"] = per_second(port, path, hundreds, given.seconds, folder)
    return found


if __name__ == "__main__":
    main()
