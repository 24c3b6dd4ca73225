"""What searches find and cost, beside Optuna: on test functions and on data sets.

    cargo build --release --workspace --all-targets
    python3 benches/search.py

Branin's and Hartmann's functions by TPE and by successive halving, and TPE on the settings of a booster
for the data of examples/churn and examples/prices. There every point of a grid is scored once by our own
cross-validation, and both sides search that table, so that they differ in nothing but where they look.
Medians over the seeds. Optuna is installed once, at a fixed version, into an environment of its own
under --cache; `GRISTMILL_SEARCH_PEER` may name a python that has it. Neither side keeps anything here;
selection.py measures durable trials.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from beside.environment import python_with

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
OURS = TARGET / "release/examples/search_bench"
BINARY = TARGET / "release/gristmill"
PINNED = ["optuna==5.0.0"]
AXES = {
    "learning_rate": [0.01, 0.02, 0.04, 0.08, 0.15, 0.3],
    "leaves": [3, 5, 9, 17, 31],
    "min_leaf_rows": [2, 6, 20, 60],
    "max_features": [0.2, 0.4, 0.7, 1.0],
    "l2": [0.01, 1.0, 30.0],
}
DATA = {
    "churn": ("roc_auc", {"source": str(ROOT / "examples/churn/customers.csv"), "target": "churn",
                          "positive": "Yes", "split": {"test": 0.2, "stratify": True}}),
    "prices": ("r2", {"source": str(ROOT / "examples/prices/houses.csv"),
                      "target": {"column": "price", "transform": "log"}, "drop": ["Order", "PID"],
                      "split": {"test": 0.2}}),
}


def said(command):
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(told.stdout)


def table(name, folder):
    """The loss of every point of the grid, as our cross-validation gives it."""
    metric, data = DATA[name]
    settings = {axis: {"choice": values} for axis, values in AXES.items()}
    select = {"candidates": [{"gradient_boosting": {"trees": 100, **settings}}], "search": "grid",
              "metric": metric, "cross_validate": {"folds": 3}, "prune": "never"}
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps({"name": name, "data": data, "model": {"select": select},
                                "evaluate": {"metrics": [metric], "explain": {"rows": 0}}}))
    home = ["--home", folder / f"{name}-home", "--json"]
    subprocess.run([BINARY, *home, "run", file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    trials = said([BINARY, *home, "runs", "show", "latest", "--trials", "100000"])["trials"]
    losses = {}
    for trial in trials:
        settings = (trial["params"][f"model.gradient_boosting.{axis}"] for axis in AXES)
        losses[tuple(map(float, settings))] = -trial["scores"][metric]["mean"]
    points = [()]
    for values in AXES.values():
        points = [(*point, float(value)) for point in points for value in values]
    found = folder / f"{name}.json"
    found.write_text(json.dumps({"axes": [len(values) for values in AXES.values()],
                                 "losses": [losses[point] for point in points]}))
    return found


def beside(python, name, function, trials, seeds):
    ours = said([OURS, function, str(trials), str(seeds)])["found"]
    peer = said([python, BENCHES / "beside/search_peer.py", function, str(trials), str(seeds)])
    print(f"{name}, least of {trials} trials, median of {seeds}: tpe {ours['tpe']['median']:.4f}, "
          f"random {ours['random']['median']:.4f}, Optuna {peer['median']:.4f}", flush=True)
    return ours, peer


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--seeds", type=int, default=20)
    told.add_argument("--functions", nargs="*", default=["branin", "hartmann"], help="the test functions")
    told.add_argument("--cache", type=Path, default=ROOT / "target/search-peer")
    given = told.parse_args()
    python = python_with(PINNED, given.cache, "GRISTMILL_SEARCH_PEER")
    for name in given.functions:
        ours, peer = beside(python, name, name, 100, given.seeds)
        times = peer["seconds_a_trial"] / ours["tpe"]["seconds_a_trial"]
        print(f"{name}, a trial of 100: {ours['tpe']['seconds_a_trial'] * 1e3:.2f} ms, "
              f"Optuna in memory {peer['seconds_a_trial'] * 1e3:.2f} ms, {times:.0f}x")
        halved = said([python, BENCHES / "beside/search_peer.py", name, "100", str(given.seeds), "halving"])
        print(f"{name}, least by successive halving at the cost of 100 trials: "
              f"{ours['halving']['median']:.4f} (cost {ours['halving']['cost']:.0f}), "
              f"Optuna {halved['median']:.4f}")
    ours = said([OURS, "hartmann", "1000", "1"])["found"]["tpe"]["seconds_a_trial"]
    print(f"1,000 trials of six parameters: {ours * 1e3:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for name in DATA:
            beside(python, name, table(name, Path(folder)), 50, given.seeds)


if __name__ == "__main__":
    main()
