"""Transforms beside those of scikit-learn, in turns on the same numbers: milliseconds and the ratio.

    cargo build --release -p gristmill-features --example transform_bench
    python3 benches/transforms.py [ROWS] [NAME...]
"""
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn import preprocessing as p
from sklearn.decomposition import PCA

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
BENCH = BUILT / "examples/transform_bench"
COLUMNS, ROUNDS, REPEATS = 20, 3, 3

# name: what must be reached, settings of ours, the peer
BENCHES = {
    "standardize": (3, "{}", p.StandardScaler),
    "min_max": (3, "{}", p.MinMaxScaler),
    "max_abs": (3, "{}", p.MaxAbsScaler),
    "robust": (3, "{}", p.RobustScaler),
    "normalize": (3, "{}", p.Normalizer),
    "quantile": (3, "{}", lambda: p.QuantileTransformer(subsample=None)),
    "power": (3, "{}", p.PowerTransformer),
    "bin": (3, '{"output": "ordinal"}', lambda: p.KBinsDiscretizer(5, encode="ordinal", subsample=None)),
    "polynomial": (3, "{}", lambda: p.PolynomialFeatures(2, include_bias=False)),
    "spline": (3, "{}", p.SplineTransformer),
    "one_hot": (3, "{}", lambda: p.OneHotEncoder(sparse_output=False, dtype=np.float64)),
    "ordinal": (3, "{}", p.OrdinalEncoder),
    "pca": (1.5, '{"components": 5}', lambda: PCA(5)),
}


def numbers(rows, name):
    """Our bytes, column after column, and the peer's table."""
    random = np.random.default_rng(42)
    if name in ("one_hot", "ordinal"):
        codes = random.integers(0, 10, (rows, COLUMNS))
        words = np.array([f"category {i}" for i in range(10)], dtype=object)
        return codes.astype(float).T.tobytes(), words[codes]
    mixed = random.normal(size=(rows, COLUMNS)) @ random.normal(size=(COLUMNS, COLUMNS))
    values = np.sign(mixed) * np.abs(mixed) ** 1.5
    return np.ascontiguousarray(values.T).tobytes(), values


def peer(make, table):
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        make().fit_transform(table)
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def ours(name, settings, rows, path):
    command = [BENCH, name, settings, str(rows), str(COLUMNS), str(REPEATS)]
    with open(path, "rb") as values:
        return float(subprocess.run(command, stdin=values, capture_output=True, check=True).stdout)


def main(rows, names):
    print(f"{rows} x {COLUMNS}, {os.cpu_count()} cores, best of {ROUNDS} turns of {REPEATS}; milliseconds")
    print(f"{'':<14}{'scikit-learn':>14}{'gristmill':>12}{'ratio':>9}{'wanted':>9}")
    for name in names:
        wanted, settings, make = BENCHES[name]
        with tempfile.NamedTemporaryFile() as file:
            values, table = numbers(rows, name)
            file.write(values)
            file.flush()
            turns = [(peer(make, table), ours(name, settings, rows, file.name)) for _ in range(ROUNDS)]
        theirs, mine = (min(t[at] for t in turns) for at in (0, 1))
        print(f"{name:<14}{theirs:>14.1f}{mine:>12.1f}{theirs / mine:>8.1f}x{wanted:>8}x", flush=True)


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    main(rows, sys.argv[2:] or list(BENCHES))
