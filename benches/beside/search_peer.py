"""What Optuna finds and takes: `search_peer.py branin|hartmann TRIALS SEEDS [sqlite]`, as JSON."""
import json
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

import optuna

HEIGHT = [1.0, 1.2, 3.0, 3.2]
WIDTH = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
         [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
PLACE = [[0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
         [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
         [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
         [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]]


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    bent = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
    return bent * bent + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(trial):
    x = [trial.suggest_float(f"x{at}", 0, 1) for at in range(6)]
    hills = zip(HEIGHT, WIDTH, PLACE)
    return -sum(h * math.exp(-sum(w * (a - p) ** 2 for a, w, p in zip(x, width, place)))
                for h, width, place in hills)


def search(function, trials, seed, storage):
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, storage=storage)
    study.optimize(function, n_trials=trials)
    return study.best_value


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name, trials, seeds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    function = {"branin": branin, "hartmann": hartmann}[name]
    with tempfile.TemporaryDirectory() as folder:
        kept = f"sqlite:///{Path(folder) / 'study.db'}" if "sqlite" in sys.argv else None
        start = time.perf_counter()
        found = [search(function, trials, seed, kept) for seed in range(seeds)]
        seconds = (time.perf_counter() - start) / (seeds * trials)
    print(json.dumps({"median": statistics.median(found), "seconds_a_trial": seconds}))
