"""Answers of a whole fitted pipeline of ours against scikit-learn: impute, scale, one-hot and 100
boosted trees of 31 leaves, learned from the same rows. Prints microseconds for one row and seconds
for a million.

    cargo build --release -p gristmill-features --example pipeline_bench
    python3 benches/predict.py [ROWS] [--threads 2] [--rounds 3]

Needs numpy, pandas, scikit-learn. Tools take turns; each figure is the best of its runs. Words
reach scikit-learn as plain objects, one-hot columns dense, as its boosting wants them.
"""
import argparse
import json
import os
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
NUMBERS, CATEGORIES, TRAIN, SINGLE = 8, 6, 50_000, 200


def columns(rows):
    """Numbers of which one in twenty is missing, codes of 3 to 8 categories, and a class."""
    import numpy as np

    random = np.random.default_rng(7)
    numbers = random.normal(size=(NUMBERS, rows)) * np.arange(1, NUMBERS + 1)[:, None]
    codes = np.array([random.integers(0, 3 + at, rows) for at in range(CATEGORIES)])
    score = numbers[0] + 0.3 * numbers[1] * (codes[0] == 1) + 0.5 * (codes[3] % 3) - 0.2 * codes[5]
    label = (score + random.logistic(size=rows) > 0.5).astype(float)
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    return numbers, codes, label


def frame(numbers, codes):
    import numpy as np
    import pandas as pd

    words = np.array([f"category {at}" for at in range(3 + CATEGORIES)], dtype=object)
    table = {f"number_{at}": column for at, column in enumerate(numbers)}
    return pd.DataFrame(table | {f"words_{at}": words[column] for at, column in enumerate(codes)})


def peer(table, label):
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    words = [name for name in table if name.startswith("words")]
    numbers = [name for name in table if name.startswith("number")]
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("words", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), words),
    ])
    boosting = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, early_stopping=False)
    return make_pipeline(prepare, boosting).fit(table[:TRAIN], label[:TRAIN])


def time_peer(fitted, table, label):
    from sklearn.metrics import roc_auc_score

    single = [table[at:at + 1] for at in range(SINGLE)]
    start = time.perf_counter()
    for row in single:
        fitted.predict_proba(row)
    microseconds = (time.perf_counter() - start) / SINGLE * 1e6
    start = time.perf_counter()
    chances = fitted.predict_proba(table)[:, 1]
    seconds = time.perf_counter() - start
    return {"row_microseconds": microseconds, "seconds": seconds, "auc": roc_auc_score(label, chances)}


def time_ours(values, threads):
    answer = subprocess.run(
        [BUILT / "examples/pipeline_bench", str(NUMBERS), str(CATEGORIES), str(TRAIN)],
        check=True, input=values, stdout=subprocess.PIPE,
        env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
    return json.loads(answer.stdout)


def show(name, found, ours):
    print(f"{name:<28}", end="")
    for key, unit in [("row_microseconds", "us"), ("seconds", "s")]:
        print(f"{found[key]:>12.2f} {unit}{found[key] / ours[key]:>8.1f} x", end="")
    print(f"{found['auc']:>10.5f}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("rows", nargs="?", type=int, default=1_000_000)
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    # Read by OpenMP when scikit-learn is first imported.
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    numbers, codes, label = columns(given.rows)
    values = b"".join([numbers.tobytes(), codes.astype(float).tobytes(), label.tobytes()])
    table = frame(numbers, codes)
    fitted = peer(table, label)
    runs = {"gristmill": [], "scikit-learn": []}
    for _ in range(given.rounds):
        runs["gristmill"].append(time_ours(values, given.threads))
        runs["scikit-learn"].append(time_peer(fitted, table, label))
    best = {name: {key: min(run[key] for run in found) for key in found[0]}
            for name, found in runs.items()}
    print(f"{given.rows} rows x {NUMBERS + CATEGORIES} columns, {given.threads} threads")
    print(f"{'':<28}{'one row':>15}{'':>10}{'all rows':>14}{'':>10}{'AUC':>10}")
    for name, found in best.items():
        show(name, found, best["gristmill"])


if __name__ == "__main__":
    main()
