"""Evidently's side of `drift.py`, and the rows of both.

    python drift_peer.py make FILE ROWS COLUMNS MOVED
    python drift_peer.py compare REFERENCE ROWS
"""
import json
import sys
import time

import numpy as np
import pandas as pd


def make(path, rows, columns, moved):
    """Of ten columns eight are drawn from a normal distribution, one counts, one names; every third moved."""
    random = np.random.default_rng(rows + moved)
    words = np.array([f"w{i}" for i in range(12)])
    made = {}
    for i in range(columns):
        shift = 0.5 if moved and i % 3 == 0 else 0.0
        kind = i % 10
        if kind == 9:
            made[f"c{i}"] = words[(random.beta(1.0 + shift, 1.0, rows) * 12).astype(int)]
        elif kind == 8:
            made[f"c{i}"] = random.poisson(20.0 * (1.0 + shift), rows)
        else:
            made[f"c{i}"] = random.normal(shift, 1.0, rows)
    made["y"] = np.where(random.random(rows) < 0.4, "yes", "no")
    pd.DataFrame(made).to_parquet(path)


def compare(reference, rows):
    from evidently import Report
    from evidently.presets import DataDriftPreset

    before = pd.read_parquet(reference).drop(columns="y")
    now = pd.read_parquet(rows).drop(columns="y")
    start = time.perf_counter()
    report = Report([DataDriftPreset(method="psi", threshold=0.2)])
    found = report.run(now, before).dict()
    seconds = time.perf_counter() - start
    share = next(m["value"]["share"] for m in found["metrics"] if "DriftedColumnsCount" in m["metric_name"])
    print(json.dumps({"seconds": seconds, "share": float(share)}))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], *map(int, sys.argv[3:6]))
    else:
        compare(sys.argv[2], sys.argv[3])
