"""What the flow engine costs a task, beside xargs, Dask, Prefect and Luigi.

    cargo build --release --workspace --all-targets
    python3 benches/flow.py [--turns 3] [--only NAME...] [--large GIGABYTES]

Every outcome of ours is durable; the peers keep nothing, but for Prefect. The peers are installed
once, at fixed versions, into an environment of their own under --cache; `GRISTMILL_FLOW_PEERS` may
name a python that has them. Of several turns the best counts, for each side.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from beside.environment import python_with

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "release/gristmill"
ENGINE = TARGET / "release/examples/flow_bench"
PINNED = ["prefect==3.9.1", "luigi==3.8.1", "dask==2026.8.0"]


def said(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def engine(shape, number):
    """Our engine in its own process, without the start of that."""
    return json.loads(said([ENGINE, shape, str(number)]))


def peer(python, name, number):
    with tempfile.TemporaryDirectory() as home:
        quiet = {**os.environ, "PREFECT_HOME": home, "PREFECT_LOGGING_LEVEL": "CRITICAL",
                 "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        script = [python, BENCHES / "beside/flow_peers.py", name, str(number)]
        return json.loads(said(script, env=quiet, stderr=subprocess.DEVNULL).splitlines()[-1])


def timed(command, **more):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    return time.perf_counter() - start


def workflow(folder, tasks):
    file = Path(folder) / "bench.yaml"
    file.write_text(json.dumps({"name": "bench", "tasks": tasks}))
    return [BINARY, "--home", Path(folder) / "home", "--quiet", "run", file]


def commands(number):
    """The whole process with so many commands, and xargs with the same."""
    with tempfile.TemporaryDirectory() as folder:
        many = {"many": {"run": "true", "foreach": list(range(number))}}
        ours = timed(workflow(folder, many))
    numbers = "\n".join(map(str, range(number)))
    theirs = timed(["xargs", "-P2", "-n1", "sh", "-c", "true"], text=True, input=numbers)
    return ours, theirs


def to_first_task():
    """From the start of the binary to the first command's own look at the clock."""
    with tempfile.TemporaryDirectory() as folder:
        run = workflow(folder, {"first": {"run": f"date +%s%N > {folder}/moment"}})
        start = time.time_ns()
        timed(run)
        return (int((Path(folder) / "moment").read_text()) - start) / 1e9


def unchanged():
    """The churn example when nothing changed, and a file of 1,000 commands that are all cached."""
    with tempfile.TemporaryDirectory() as folder:
        run = [BINARY, "--home", folder, "--quiet", "run", ROOT / "examples/churn/pipeline.yaml"]
        timed(run)
        churn = timed(run)
    with tempfile.TemporaryDirectory() as folder:
        many = {"many": {"run": "echo {{item}} > {{item}}.out", "foreach": list(range(1000)),
                         "outputs": ["{{item}}.out"]}}
        run = workflow(folder, many)
        timed(run)
        return churn, timed(run)


def large(gigabytes):
    """Sparse files of a gigabyte each as inputs: read once, then known by their looks."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(gigabytes):
            with open(Path(folder) / f"{i}.bin", "wb") as file:
                file.truncate(1 << 30)
        # A file that was written just now could still change within the clock's grain.
        time.sleep(3)
        run = workflow(folder, {"look": {"run": "echo seen > seen", "inputs": ["*.bin"], "outputs": ["seen"]}})
        return timed(run), timed(run)


def line(name, figure, note=""):
    print(f"{name:<46} {figure:>12}  {note}", flush=True)


def ratio(theirs, ours):
    return f"{theirs / ours:.1f}x"


def main():
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--turns", type=int, default=3)
    told.add_argument("--only", nargs="*", default=[], help="engine, commands, unchanged, peers, large")
    told.add_argument("--large", type=int, default=50, metavar="GIGABYTES")
    told.add_argument("--cache", type=Path, default=TARGET / "flow-peers")
    given = told.parse_args()
    best = lambda work: min((work() for _ in range(given.turns)), key=lambda found: found if
                            isinstance(found, float) else found[0] if isinstance(found, tuple)
                            else found["seconds"])
    wanted = lambda name: not given.only or name in given.only

    if wanted("engine"):
        many = best(lambda: engine("independent", 10_000))
        line("10,000 durable no-op tasks", f"{many['seconds']:.2f} s", "goal 3 s")
        chain = best(lambda: engine("chain", 1_000))
        line("a link of a chain of 1,000", f"{chain['seconds']:.3f} ms", "goal 0.5 ms and its commits")
        cached = best(lambda: engine("cached", 1_000))
        line("1,000 cached tasks of the engine", f"{cached['again_seconds']:.2f} s", "goal 2 s")
        huge = engine("independent", 100_000)
        line("100,000 tasks, most memory", f"{huge['most_memory_bytes'] / 1e6:.0f} MB",
             f"goal 300 MB; {huge['seconds']:.1f} s")
    if wanted("commands"):
        both = [commands(10_000) for _ in range(given.turns)]
        ours, theirs = min(o for o, _ in both), min(t for _, t in both)
        line("10,000 `run: true`", f"{ours:.2f} s", f"xargs -P2 {theirs:.2f} s: {ours / theirs:.2f} of it, goal 2")
        line("start of the binary to first command", f"{best(to_first_task) * 1e3:.0f} ms", "goal 50 ms")
    if wanted("unchanged"):
        churn, thousand = min(unchanged() for _ in range(given.turns))
        line("churn, nothing changed", f"{churn * 1e3:.0f} ms", "goal 150 ms")
        line("1,000 cached commands, whole process", f"{thousand:.2f} s", "goal 2 s")
    if wanted("peers"):
        python = python_with(PINNED, given.cache, "GRISTMILL_FLOW_PEERS")
        dask = best(lambda: peer(python, "dask", 10_000))
        many = best(lambda: engine("independent", 10_000))
        line("Dask's threads, 10,000 no-op tasks", f"{dask['seconds']:.2f} s",
             f"ours {many['seconds']:.2f} s: {ratio(dask['seconds'], many['seconds'])}")
        few = best(lambda: engine("independent", 200))
        empty = best(lambda: engine("independent", 0))
        prefect = peer(python, "prefect", 200)
        a_task = (prefect["seconds"] - prefect["empty_seconds"]) / 200
        our_task = max(few["seconds"] - empty["seconds"], 1e-9) / 200
        line("Prefect 3, a task of 200", f"{a_task * 1e3:.1f} ms",
             f"ours {our_task * 1e3:.3f} ms: {ratio(a_task, our_task)}, goal 50x")
        line("Prefect 3, an empty flow", f"{prefect['empty_seconds']:.2f} s",
             f"ours {empty['seconds'] * 1e3:.1f} ms: {ratio(prefect['empty_seconds'], empty['seconds'])}, goal 30x")
        line("Prefect 3, 200 tasks, all cached", f"{prefect['cached_seconds']:.2f} s")
        luigi = best(lambda: peer(python, "luigi", 200))
        a_task = (luigi["seconds"] - luigi["empty_seconds"]) / 200
        line("Luigi, a task of 200, keeping nothing", f"{a_task * 1e3:.2f} ms",
             f"ours {our_task * 1e3:.3f} ms: {ratio(a_task, our_task)}")
    if wanted("large"):
        free = shutil.disk_usage(tempfile.gettempdir()).free
        first, again = large(given.large)
        line(f"{given.large} GB of sparse files, first look", f"{first:.1f} s", f"{free / 1e9:.0f} GB free")
        line(f"{given.large} GB of sparse files, unchanged", f"{again * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
