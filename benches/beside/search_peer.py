"""What Optuna finds and takes, as JSON: `search_peer.py branin|hartmann|FILE TRIALS SEEDS [sqlite|halving]`.

FILE is a grid of losses as search_bench reads it. `sqlite` keeps every trial in a database; `halving`
prunes points by successive halving, from a ninth of the rows on, until they cost as much as TRIALS on
all rows: a rung costs what its rows cost, as for a model that learns from them anew.
"""
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
RUNGS = [1 / 9, 1 / 3, 1.0]


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    bent = y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6
    value = bent * bent + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    return lambda share: value + 20 * (1 - share) * math.sin(3 * x + y)


def hartmann(trial):
    x = [trial.suggest_float(f"x{at}", 0, 1) for at in range(6)]
    hills = zip(HEIGHT, WIDTH, PLACE)
    value = -sum(h * math.exp(-sum(w * (a - p) ** 2 for a, w, p in zip(x, width, place)))
                 for h, width, place in hills)
    return lambda share: value + 0.3 * (1 - share) * math.sin(20 * x[0] + 30 * x[1])


def grid(file):
    read = json.loads(Path(file).read_text())

    def loss(trial):
        place = 0
        for at, count in enumerate(read["axes"]):
            place = place * count + trial.suggest_int(f"x{at}", 0, count - 1)
        return lambda share: read["losses"][place]
    return loss


def search(function, trials, seed, storage):
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, storage=storage)
    study.optimize(lambda trial: function(trial)(1.0), n_trials=trials)
    return study.best_value


def halving(function, trials, seed):
    spent = 0.0

    def objective(trial):
        nonlocal spent
        loss = function(trial)
        for step, share in enumerate(RUNGS):
            spent += share
            # A step is a rung: 1, 3 and 9 ninths of the rows.
            trial.report(loss(share), 3 ** step)
            if share < 1 and trial.should_prune():
                raise optuna.TrialPruned()
        return loss(1.0)

    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3))
    while spent < trials:
        study.optimize(objective, n_trials=1)
    done = [t.value for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    return min(done)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name, trials, seeds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    function = {"branin": branin, "hartmann": hartmann}.get(name) or grid(name)
    with tempfile.TemporaryDirectory() as folder:
        kept = f"sqlite:///{Path(folder) / 'study.db'}" if "sqlite" in sys.argv else None
        start = time.perf_counter()
        if "halving" in sys.argv:
            found = [halving(function, trials, seed) for seed in range(seeds)]
        else:
            found = [search(function, trials, seed, kept) for seed in range(seeds)]
        seconds = (time.perf_counter() - start) / (seeds * trials)
    print(json.dumps({"median": statistics.median(found), "seconds_a_trial": seconds}))
