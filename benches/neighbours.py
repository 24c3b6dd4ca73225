"""Neighbors, clusters and mixtures beside scikit-learn, taking turns in one run: seconds and ratios.

    cargo build --release -p gristmill-models --example neighbours_bench
    python3 benches/neighbours.py [NAME ...]
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import sklearn
from sklearn.cluster import DBSCAN, KMeans, MiniBatchKMeans
from sklearn.datasets import make_blobs, make_classification
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor

ROOT = Path(__file__).resolve().parent.parent
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
SHUTTLE = ROOT.parent / "shared/data/shuttle.csv"
TURNS = 3


def classes(rows, columns):
    x, y = make_classification(rows, columns, n_informative=columns // 2, n_classes=5, random_state=0)
    return numpy.column_stack([x, y])


def blobs(rows, columns, centers):
    return make_blobs(rows, columns, centers=centers, cluster_std=3.0, random_state=0)[0]


def shuttle():
    """The Statlog Shuttle sensors, standardised; 10 % of the rows where the data are not there."""
    if not SHUTTLE.exists():
        return classes(58_000, 9)
    lines = SHUTTLE.read_text().splitlines()[1:]
    cells = [line.split(",") for line in lines]
    names = sorted({row[-1] for row in cells})
    x = numpy.array([[float(v) for v in row[:-1]] for row in cells])
    y = numpy.array([names.index(row[-1]) for row in cells], dtype=float)
    return numpy.column_stack([(x - x.mean(0)) / x.std(0), y])


# Name: data, our estimator and settings, scikit-learn's.
CASES = {
    "k_nearest, shuttle 58,000 x 9": (
        shuttle, "k_nearest", {}, lambda: KNeighborsClassifier(n_jobs=-1)),
    "k_nearest, 20,000 x 50": (
        lambda: classes(20_000, 50), "k_nearest", {}, lambda: KNeighborsClassifier(n_jobs=-1)),
    "k_nearest, 20,000 x 300": (
        lambda: classes(20_000, 300), "k_nearest", {}, lambda: KNeighborsClassifier(n_jobs=-1)),
    "local_outlier_factor, shuttle": (
        lambda: shuttle()[:, :-1], "local_outlier_factor", {},
        lambda: LocalOutlierFactor(novelty=True, n_jobs=-1)),
    "k_means 8, 200,000 x 10": (
        lambda: blobs(200_000, 10, 12), "k_means", {"clusters": 8}, lambda: KMeans(8, random_state=0)),
    "k_means 100, 50,000 x 50": (
        lambda: blobs(50_000, 50, 120), "k_means", {"clusters": 100}, lambda: KMeans(100, random_state=0)),
    "k_means 20, 20,000 x 300": (
        lambda: classes(20_000, 300)[:, :-1], "k_means", {"clusters": 20}, lambda: KMeans(20, random_state=0)),
    "mini_batch_k_means 100, 200,000 x 50": (
        lambda: blobs(200_000, 50, 120), "mini_batch_k_means", {"clusters": 100},
        lambda: MiniBatchKMeans(100, random_state=0)),
    "dbscan, 50,000 x 3": (
        lambda: blobs(50_000, 3, 20), "dbscan", {"eps": 0.5, "min_samples": 10},
        lambda: DBSCAN(eps=0.5, min_samples=10, n_jobs=-1)),
    "gaussian_mixture full 8, 100,000 x 10": (
        lambda: blobs(100_000, 10, 12), "gaussian_mixture", {"components": 8},
        lambda: GaussianMixture(8, random_state=0)),
    "gaussian_mixture diagonal 8, 100,000 x 20": (
        lambda: blobs(100_000, 20, 12), "gaussian_mixture", {"components": 8, "covariance": "diagonal"},
        lambda: GaussianMixture(8, covariance_type="diag", random_state=0)),
}


def ours(name, settings, file, width):
    command = [BUILT / "examples/neighbours_bench", name, json.dumps(settings), file, str(width)]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    found = json.loads(output)
    return found["fit"], found["predict"], found


def theirs(model, rows):
    supervised = isinstance(model, KNeighborsClassifier)
    cut = len(rows) * 4 // 5
    x, y = (rows[:, :-1], rows[:, -1]) if supervised else (rows, None)
    start = time.perf_counter()
    model.fit(x[:cut], y[:cut] if supervised else None)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    if supervised:
        model.predict_proba(x[cut:])
    elif isinstance(model, LocalOutlierFactor):
        model.score_samples(x[cut:])
    elif isinstance(model, GaussianMixture):
        model.predict_proba(x[cut:])
    elif not isinstance(model, DBSCAN):
        model.predict(x[cut:])
    return fit, time.perf_counter() - start


def main():
    print(f"scikit-learn {sklearn.__version__}, {os.cpu_count()} cores, best of {TURNS} turns each")
    print(f"{'':<44}{'fit':>9}{'peer':>9}{'ratio':>7}{'answer':>9}{'peer':>9}{'ratio':>7}")
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for title, (data, name, settings, peer) in CASES.items():
            if wanted and not any(title.startswith(w) for w in wanted):
                continue
            rows = numpy.ascontiguousarray(data(), dtype="<f8")
            file = Path(folder) / "rows"
            rows.tofile(file)
            turns = [(ours(name, settings, file, rows.shape[1]), theirs(peer(), rows)) for _ in range(TURNS)]
            fit, answer = (min(turn[0][at] for turn in turns) for at in (0, 1))
            peer_fit, peer_answer = (min(turn[1][at] for turn in turns) for at in (0, 1))
            print(f"{title:<44}{fit:>9.3f}{peer_fit:>9.3f}{peer_fit / fit:>7.1f}"
                  f"{answer:>9.3f}{peer_answer:>9.3f}{peer_answer / answer:>7.1f}", flush=True)


if __name__ == "__main__":
    main()
