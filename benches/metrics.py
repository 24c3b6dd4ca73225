"""Compares metrics with scikit-learn on the same made-up answers, turn by turn.

    cargo build --release --workspace --examples
    python3 benches/metrics.py [ROWS]

Prints for each metric the best time of three of both, the ratio, and whether the values agree. Times
of scikit-learn are of the function that gives the same number; reading the data is in neither.
"""
import os
import subprocess
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
TARGET = os.environ.get("CARGO_TARGET_DIR", "target")


def unit(first):
    row = np.arange(first, first + ROWS, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = row * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(11)).astype(float) / 2.0**53


scores, noise = unit(1), unit(1 + (1 << 40))
truth = (noise < scores).astype(np.int64)
predicted = (scores > 0.5).astype(np.int64)
numbers = 1.0 + 9.0 * scores
answers = numbers * (0.5 + noise)
PEERS = {
    "roc_auc": lambda: m.roc_auc_score(truth, scores),
    "average_precision": lambda: m.average_precision_score(truth, scores),
    "accuracy": lambda: m.accuracy_score(truth, predicted),
    "balanced_accuracy": lambda: m.balanced_accuracy_score(truth, predicted),
    "f1": lambda: m.f1_score(truth, predicted),
    "precision_macro": lambda: m.precision_score(truth, predicted, average="macro"),
    "matthews_correlation": lambda: m.matthews_corrcoef(truth, predicted),
    "cohen_kappa": lambda: m.cohen_kappa_score(truth, predicted),
    "log_loss": lambda: m.log_loss(truth, scores),
    "brier": lambda: m.brier_score_loss(truth, scores),
    "rmse": lambda: m.root_mean_squared_error(numbers, answers),
    "mae": lambda: m.mean_absolute_error(numbers, answers),
    "r2": lambda: m.r2_score(numbers, answers),
    "explained_variance": lambda: m.explained_variance_score(numbers, answers),
    "mape": lambda: m.mean_absolute_percentage_error(numbers, answers),
    "max_error": lambda: m.max_error(numbers, answers),
    "median_absolute_error": lambda: m.median_absolute_error(numbers, answers),
    "pinball_90": lambda: m.mean_pinball_loss(numbers, answers, alpha=0.9),
    "mean_poisson_deviance": lambda: m.mean_poisson_deviance(numbers, answers),
}

best = {name: [float("inf"), float("inf"), None, None] for name in PEERS}
for turn in range(3):
    command = [f"{TARGET}/release/examples/metric_bench", str(ROWS)]
    for line in subprocess.check_output(command, text=True).splitlines():
        name, seconds, value = line.split()
        best[name][0] = min(best[name][0], float(seconds))
        best[name][2] = float(value)
    for name, peer in PEERS.items():
        start = time.perf_counter()
        best[name][3] = float(peer())
        best[name][1] = min(best[name][1], time.perf_counter() - start)

print(f"{ROWS} rows, scikit-learn {sklearn.__version__}, {os.cpu_count()} cores, best of three turns")
print(f"{'metric':24}{'ours, s':>10}{'peer, s':>10}{'ratio':>8}  same")
for name, (ours, peer, value, expected) in best.items():
    same = abs(value - expected) <= 1e-9 * max(1.0, abs(expected))
    print(f"{name:24}{ours:10.4f}{peer:10.3f}{peer / ours:8.1f}  {same}")
