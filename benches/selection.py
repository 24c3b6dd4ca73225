"""`model: select` beside scikit-learn's GridSearchCV, and a durable search beside Optuna's.

    cargo build --release --workspace --all-targets
    python3 benches/selection.py [--turns 3]

The same grids on the telco data of examples/churn: ten logistic regressions and nine boosters, five
folds each, the same preparation before them. Ours is the whole process, every trial written down;
theirs is timed from `fit` on, without Python's imports, on all cores. Memory is the most that all
processes of a side had at one time, by their proportional set size. The peers are installed once, at
fixed versions, into environments of their own under --cache; `GRISTMILL_PEERS` and
`GRISTMILL_SEARCH_PEER` may name pythons that have them. Of several turns the best counts, for each side.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from beside.environment import python_with
from beside.memory import held

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "release/gristmill"
STUDY = TARGET / "release/examples/study_bench"
CSV = ROOT / "examples/churn/customers.csv"
LEARN = ["scikit-learn==1.9.1", "lightgbm==4.7.0", "xgboost==3.2.0", "pandas==3.1.1", "pyarrow==26.0.1",
         "numpy==2.4.6", "scipy==1.17.1"]
OPTUNA = ["optuna==5.0.0"]
CANDIDATES = {
    "linear": {"logistic_regression":
               {"c": {"choice": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]}}},
    "boosting": {"gradient_boosting":
                 {"trees": 100, "learning_rate": {"choice": [0.03, 0.1, 0.3]},
                  "leaves": {"choice": [7, 15, 31]}}},
}


def pipeline(name):
    return {
        "name": f"select-{name}", "seed": 42,
        "data": {"source": str(CSV), "target": "churn", "positive": "Yes",
                 "types": {"senior_citizen": "categorical"},
                 "split": {"test": 0.2, "stratify": True}},
        "features": [{"impute": {"columns": "numeric", "strategy": "median"}},
                     {"standardize": {"columns": "numeric"}},
                     {"one_hot": {"columns": "categorical", "drop": "if_binary"}}],
        "model": {"select": {"candidates": [CANDIDATES[name]], "search": "grid", "metric": "roc_auc"}},
        "evaluate": {"metrics": ["roc_auc"], "explain": {"rows": 0}},
    }


def watched(command):
    """What it printed, its seconds, and the most memory that it and its children had."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        most, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                most[0] = max(most[0], held(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        ended.set()
        watcher.join()
        out.seek(0)
        if code != 0:
            sys.exit(f"{command} ended with {code}\n{out.read()}")
        return json.loads(out.read()), seconds, most[0]


def ours(name):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "select.yaml"
        file.write_text(json.dumps(pipeline(name)))
        command = [BINARY, "--home", Path(folder) / "home", "--quiet", "--json", "run", file]
        report, seconds, memory = watched(command)
        trials = json.loads(subprocess.run(
            [BINARY, "--home", Path(folder) / "home", "--json", "runs", "show", "latest", "--trials", "100"],
            check=True, stdout=subprocess.PIPE).stdout)["trials"]
    cv = max(trial["scores"]["roc_auc"]["mean"] for trial in trials)
    return {"seconds": seconds, "memory": memory, "cv": cv, "test": report["metrics"]["test"]["roc_auc"]}


def theirs(python, name):
    report, _, memory = watched([python, BENCHES / "beside/selection_peer.py", CSV, name])
    return {"seconds": report["search"], "memory": memory, "cv": report["cv"], "test": report["test"]}


def best(turns):
    """The quickest turn, with the least memory of all."""
    quickest = min(turns, key=lambda turn: turn["seconds"])
    return {**quickest, "memory": min(turn["memory"] for turn in turns)}


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--turns", type=int, default=3)
    told.add_argument("--cache", type=Path, default=TARGET)
    given = told.parse_args()
    learn = python_with(LEARN, given.cache / "peers", "GRISTMILL_PEERS")
    for name, fits in [("linear", 50), ("boosting", 45)]:
        turns = [(ours(name), theirs(learn, name)) for _ in range(given.turns)]
        we, they = best([turn[0] for turn in turns]), best([turn[1] for turn in turns])
        print(f"{name}, {fits} fits: {we['seconds']:.2f} s, GridSearchCV {they['seconds']:.2f} s, "
              f"{they['seconds'] / we['seconds']:.1f}x; memory {we['memory'] / 1e6:.0f} MB, "
              f"{they['memory'] / 1e6:.0f} MB; cross-validated AUC {we['cv']:.4f}, {they['cv']:.4f}; "
              f"test {we['test']:.4f}, {they['test']:.4f}")
    optuna = python_with(OPTUNA, given.cache / "search-peer", "GRISTMILL_SEARCH_PEER")
    for trials in [100, 1000]:
        said = lambda command: json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE,
                                                         stderr=subprocess.DEVNULL).stdout)
        we = min((said([STUDY, str(trials)]) for _ in range(given.turns)), key=lambda t: t["seconds"])
        line = f"{trials} durable trials of six parameters: {we['seconds']:.2f} s"
        if trials == 100:
            they = said([optuna, BENCHES / "beside/search_peer.py", "hartmann", "100", "1", "sqlite"])
            took = they["seconds_a_trial"] * trials
            line += f", Optuna with SQLite {took:.2f} s, {took / we['seconds']:.0f}x"
        print(line)


if __name__ == "__main__":
    main()
