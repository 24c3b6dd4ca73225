"""`model: auto` beside the best single family searched as long, on rows that neither has seen.

    cargo build --release
    python3 benches/auto.py --data FOLDER --minutes 1 --seeds 1 2 3

Each family of `auto` is searched alone (`model: select`, over the ranges that `auto` has for it, on
the preparation that suits it) for as many minutes as `auto` has for everything. Of these searches the
one with the best mean over its folds is the peer, as whoever had tried them all would choose. Each seed sets other
rows aside to test on; what is told is the mean over the seeds, since the score of one small set of
test rows says little: on `ames` it differs by 0.05 of R2 from seed to seed. FOLDER holds the data sets as
csv files; those that are not there are left out. Nothing but the binary is needed.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / "release/gristmill"

TREES = {
    "gradient_boosting": {
        "trees": {"log_int": [30, 800]}, "learning_rate": {"log_uniform": [0.01, 0.3]},
        "leaves": {"log_int": [4, 128]}, "min_leaf_rows": {"log_int": [2, 100]},
        "subsample": {"uniform": [0.5, 1.0]}, "max_features": {"uniform": [0.2, 1.0]},
        "l2": {"log_uniform": [0.001, 30.0]},
    },
    "random_forest": {
        "trees": 200, "min_samples_leaf": {"log_int": [1, 50]}, "max_features": {"uniform": [0.1, 1.0]},
    },
    "extra_trees": {
        "trees": 200, "min_samples_leaf": {"log_int": [1, 50]}, "max_features": {"uniform": [0.1, 1.0]},
    },
}
SUMS = {
    "classes": {"logistic_regression": {"c": {"log_uniform": [0.001, 100.0]}}},
    "numbers": {"ridge": {"alpha": {"log_uniform": [0.01, 1000.0]}}},
}
SCALED = [{"impute": {"columns": "numeric", "strategy": "median"}}, {"standardize": {"columns": "numeric"}},
          {"one_hot": {"columns": "categorical", "min_frequency": 5}}]
DIRECTIONS = [{"tfidf": {"columns": "text", "max_features": 2000, "min_frequency": 3}},
              {"truncated_svd": {"columns": ["text_*"], "components": 50, "prefix": "text_svd"}}]
WORDS = [{"tfidf": {"columns": "text", "ngrams": {"choice": [[1, 2], [1, 1]]},
                    "term_frequency": {"choice": ["sublinear", "count"]}}}]
MOMENT = ["date_time", ["year", "month", "day", "weekday", "hour"]]

# Name: file, metric, what it predicts, the `data` section.
SETS = {
    "telco": ("telco.csv", "roc_auc", "classes", {
        "target": "churn", "positive": "Yes", "split": {"test": 0.2, "stratify": True}}),
    "online_retail": ("online_retail.csv", "roc_auc", "classes", {
        "target": "churn", "positive": "yes", "split": {"test": 0.2, "stratify": True}}),
    "ames": ("ames.csv", "r2", "numbers", {
        "target": {"column": "price", "transform": "log"}, "drop": ["Order", "PID"], "split": {"test": 0.2}}),
    "shuttle": ("shuttle.csv", "log_loss", "classes", {
        "target": "Class", "split": {"test": 0.2, "stratify": True}}),
    "metro_traffic": ("metro_traffic.csv", "r2", "numbers", {
        "target": "traffic_volume", "split": {"test": 0.2, "time": "date_time"}}),
    "movie_snippets": ("movie_snippets.csv", "roc_auc", "classes", {
        "target": "label", "positive": "positive", "drop": ["score"], "split": {"test": 0.2, "stratify": True}}),
    "nycflights": ("nycflights13.parquet", "roc_auc", "classes", {
        "sql": "SELECT month, day, sched_dep_time, sched_arr_time, carrier, origin, dest, distance, hour, minute, "
               "CASE WHEN arr_delay > 15 THEN 'late' ELSE 'fine' END AS late FROM source "
               "WHERE arr_delay IS NOT NULL AND (day * 7919 + sched_dep_time * 31 + flight) % 8 = 0",
        "target": "late", "positive": "late", "split": {"test": 0.2, "stratify": True}}),
}
GREATER = {"roc_auc": True, "r2": True, "log_loss": False}
# What each family needs where columns are texts or moments.
NEEDS = {"movie_snippets": (DIRECTIONS, WORDS)}
NEEDS["metro_traffic"] = tuple(
    [{"datetime": {"columns": MOMENT[:1], "parts": MOMENT[1], **more}}] + rest for more, rest in
    [({}, []), ({"cyclic": ["month", "weekday", "hour"]}, SCALED)])


def run(file, folder, given):
    """The report of a run, and how long it took."""
    path = folder / "p.yaml"
    path.write_text(json.dumps(file))
    begun = time.monotonic()
    threads = ["--threads", str(given.threads)] if given.threads else []
    told = subprocess.run([given.binary, "run", path, "--json", "--new", "--home", folder / "home", *threads],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if told.returncode:
        raise SystemExit(f"{file['name']}: {told.stderr[-2000:]}")
    return json.loads(told.stdout), time.monotonic() - begun


def searched(report, metric):
    """The mean over the folds that the search chose by, as its run words it."""
    said = report["found"]
    return float(said.split(f"{metric} ")[1].split()[0])


def compare(name, data, seed, given):
    file, metric, kind, section = SETS[name]
    section = {"source": str(data / file), **section}
    trees, sums = NEEDS.get(name, ([], SCALED))
    base = {"name": name, "seed": seed, "data": section, "evaluate": {"metrics": [metric]}}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        models = {**{model: (trees, s) for model, s in TREES.items()},
                  **{model: (sums, s) for model, s in SUMS[kind].items()}}
        alone = {}
        for model, (features, settings) in models.items():
            select = {"candidates": [{model: settings}], "metric": metric, "minutes": given.minutes,
                      "search": {"tpe": {"trials": 1000}}}
            report, seconds = run({**base, "features": features, "model": {"select": select}}, folder, given)
            alone[model] = (searched(report, metric), report["metrics"]["test"][metric], seconds)
        auto = {"minutes": given.minutes, "metric": metric}
        report, seconds = run({**base, "model": {"auto": auto}}, folder, given)
    turn = 1 if GREATER[metric] else -1
    peer = max(alone, key=lambda model: turn * alone[model][0])
    test = report["metrics"]["test"][metric]
    return {"data": name, "metric": metric, "auto": test, "found": report["found"], "seconds": seconds,
            "peer": peer, "peer_test": alone[peer][1], "ahead": turn * (test - alone[peer][1]),
            "families": {model: test for model, (_, test, _) in alone.items()}}


def main():
    told = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    told.add_argument("--data", type=Path, required=True, help="the folder with the data sets")
    told.add_argument("--binary", type=Path, default=BINARY)
    told.add_argument("--minutes", type=float, default=1.0, help="for each search")
    told.add_argument("--threads", type=int, default=0, help="for each run; all cores without it")
    told.add_argument("--seeds", type=int, nargs="+", default=[1], help="one comparison for each")
    told.add_argument("--only", nargs="*", default=[], choices=list(SETS), help="these data sets alone")
    given = told.parse_args()
    rows = []
    for name in given.only or SETS:
        data = given.data.resolve()
        if not (data / SETS[name][0]).is_file():
            print(f"{name}: {SETS[name][0]} is not in {given.data}")
            continue
        for seed in given.seeds:
            row = compare(name, data, seed, given)
            rows.append(row)
            print(f"{row['data']}, seed {seed}: auto took {row['seconds']:.0f} s and found {row['found']}; "
                  f"{row['auto']:.4f} on test rows, {row['peer']} alone {row['peer_test']:.4f}", flush=True)
            print("  each alone: "
                  + ", ".join(f"{model} {test:.4f}" for model, test in row["families"].items()), flush=True)
    print("\n| data | metric | auto | best family alone | its score | auto is ahead by |\n|---|---|---|---|---|---|")
    for name in dict.fromkeys(row["data"] for row in rows):
        of = [row for row in rows if row["data"] == name]
        auto, peer, ahead = (statistics.mean(row[key] for row in of) for key in ("auto", "peer_test", "ahead"))
        peers = ", ".join(dict.fromkeys(row["peer"] for row in of))
        print(f"| {name} | {of[0]['metric']} | {auto:.4f} | {peers} | {peer:.4f} | {ahead:+.4f} |")


if __name__ == "__main__":
    main()
